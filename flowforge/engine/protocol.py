"""The words that the engine and its shell exchange: outcomes in, commands out, state between."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from flowforge.engine.definition import Step

Path = str
"""The address of a step inside a run. Outside containers it is the id of the step."""

RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled", "timed_out"]
FinalStatus = Literal["succeeded", "failed", "cancelled", "timed_out"]
AttemptStatus = Literal["running", "succeeded", "failed", "unknown", "skipped"]


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """Why something failed: a code for machines, a message for people."""

    code: str
    message: str

    def as_output(self) -> dict[str, Any]:
        """What later steps see of a step that failed while the run went on."""
        return {"error": {"code": self.code, "message": self.message}}


@dataclass(frozen=True, slots=True)
class Started:
    """The run begins.

    ``payload`` is the root ``trigger`` of expressions ({method, headers, query, body, raw_body}),
    ``run`` is the root ``run`` ({id, zap_id, version, started_at}). Both are read, never changed.
    """

    payload: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Succeeded:
    path: Path
    output: Any = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt did not succeed.

    ``retryable``: another attempt may help and does no harm. ``retry_after``: the provider asked
    for that many seconds of patience. ``unknown``: nobody knows whether the effect took place; it
    is tried again only if ``retryable`` says so.
    """

    path: Path
    error: ErrorInfo
    retryable: bool
    retry_after: float | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person ended the run."""


Outcome = Started | Succeeded | Failed | Cancelled


@dataclass(frozen=True, slots=True)
class Perform:
    """Make attempt ``number`` (1-based) of a step, after ``wait_seconds`` (the shell adds jitter)."""

    path: Path
    step_id: str
    number: int = 1
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """Write down, as attempt 1, what the engine decided itself: nothing is to be performed."""

    path: Path
    step_id: str
    kind: str
    status: Literal["succeeded", "failed", "skipped"]
    output: Any = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The run has ended."""

    status: FinalStatus
    error: ErrorInfo | None = None


Command = Perform | Record | Finish


class Outputs(Mapping[Path, Any]):
    """What the finished steps gave: an append-only map that never changes for its holder.

    All versions of one run share one dict and differ in how much of it they see, so an append is
    O(1). Appending to an old version copies what that version sees.
    """

    __slots__ = ("_entries", "_size")

    def __init__(self, entries: dict[Path, tuple[int, Any]] | None = None, size: int = 0) -> None:
        self._entries: dict[Path, tuple[int, Any]] = {} if entries is None else entries
        self._size = size

    def adding(self, path: Path, value: Any) -> "Outputs":
        """A version that also holds ``value`` under ``path``, which must be new to this one."""
        if path in self:
            raise ValueError(f"{path} has an output already")
        entries = self._entries
        if len(entries) != self._size:
            entries = dict(islice(entries.items(), self._size))
        entries[path] = (self._size, value)
        return Outputs(entries, self._size + 1)

    def __getitem__(self, path: Path) -> Any:
        index, value = self._entries[path]
        if index >= self._size:
            raise KeyError(path)
        return value

    def __contains__(self, path: object) -> bool:
        entry = self._entries.get(path)  # type: ignore[call-overload]
        return entry is not None and entry[0] < self._size

    def __iter__(self) -> Iterator[Path]:
        return islice(iter(self._entries), self._size)

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"Outputs({dict(self)!r})"


@dataclass(frozen=True, slots=True)
class State:
    """All that the engine knows of a run. ``fold`` rebuilds it from the recorded attempts.

    ``attempts`` maps each path that an outcome is owed for to the number of its attempt; its keys
    are ``waiting``, a set, because branches will wait side by side. ``finished`` is None while the
    run lives.
    """

    started: bool = False
    finished: FinalStatus | None = None
    attempts: Mapping[Path, int] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=Outputs)
    payload: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)

    @property
    def waiting(self) -> frozenset[Path]:
        """The paths that an outcome is owed for."""
        return frozenset(self.attempts)


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """What the shell stored of one attempt; see ``advance.fold``.

    ``retryable`` is whether another attempt was promised (the row has its due time);
    ``retry_after`` reproduces the promised wait where it matters.
    """

    path: Path
    number: int
    status: AttemptStatus
    output: Any = None
    error: ErrorInfo | None = None
    retryable: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A definition made ready for ``advance``: compile once per version, keep, share."""

    steps: tuple[Step, ...]
    position: Mapping[Path, int]
