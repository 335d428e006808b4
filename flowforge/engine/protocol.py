"""The words that the engine and its shell exchange: outcomes in, commands out, state between.

How a run is told, in short: the shell sends an outcome, carries out the commands that come back,
and writes both down in one transaction. ``folding.fold`` turns what was written into the same
state again, on any machine.

An *attempt row* is what the shell stores for one try of one path. Rows are opened by ``Perform``
(once its wait is over), ``Open``, ``Sleep``, ``Ask`` and ``CallZap``, and ended by the outcome of
a ``Perform`` (the shell knows it) or by ``Close``; ``Record`` writes one that begins and ends at
once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Path = str
"""The address of a step inside a run: its id, behind the rounds of the loops around it, counted
from 1: ``each[2]/inner[1]/send``. Routers and parallel blocks add nothing: ids are unique."""

RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled", "timed_out"]
FinalStatus = Literal["succeeded", "failed", "cancelled", "timed_out"]
AttemptStatus = Literal["running", "succeeded", "failed", "unknown", "skipped"]
EndedStatus = Literal["succeeded", "failed", "unknown", "skipped"]


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """Why something failed: a code for machines, a message for people."""

    code: str
    message: str

    def as_output(self) -> dict[str, Any]:
        """What later steps see of a step that failed while the run went on."""
        return {"error": {"code": self.code, "message": self.message}}


# The error of a row whose wait was given up because what it belonged to had ended.
DROPPED = "given_up"


@dataclass(frozen=True, slots=True)
class Stored:
    """A value too large to hold, kept under ``key`` by the shell. ``size`` in bytes of JSON."""

    key: str
    size: int


# ---- outcomes: what happened -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The run begins.

    ``payload`` is the root ``trigger`` of expressions ({method, headers, query, body, raw_body}),
    ``run`` is the root ``run`` ({id, zap_id, version, started_at}). Both are read, never changed.
    ``inputs`` replaces the ``inputs`` (or ``input``) of the steps it names by path: what a person
    edited before running again; these are not rendered.
    """

    payload: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[Path, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Succeeded:
    """An attempt that was performed succeeded. ``output`` may be ``Stored``."""

    path: Path
    output: Any = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt did not succeed, or the shell could not carry out a command for ``path``.

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
class Woke:
    """The time of ``path`` has come: its retry is due, its delay or rest over, or nobody answered
    in time.
    """

    path: Path


@dataclass(frozen=True, slots=True)
class Decided:
    """People decided about the approval at ``path``; ``output`` is its output."""

    path: Path
    approved: bool
    output: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """The run that ``path`` waits for has ended. ``output`` is the output of the zap step."""

    path: Path
    status: FinalStatus
    output: Any = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What ``Load`` asked for: the values by the ``key`` under which they are stored."""

    path: Path
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person ended the run."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The run took longer than it may."""

    error: ErrorInfo


Outcome = Started | Succeeded | Failed | Woke | Decided | ChildEnded | Loaded | Cancelled | TimedOut


# ---- commands: what to do ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Perform:
    """Make attempt ``number`` (1-based) of an action or code step.

    With ``wait_seconds`` (the shell adds jitter) it is a promise: no row is opened, ``Woke`` is
    due after the wait, and gives the same command without one. Answered by Succeeded or Failed.
    """

    path: Path
    step_id: str
    number: int = 1
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """Write down what the engine decided itself: nothing is to be performed."""

    path: Path
    step_id: str
    kind: str
    status: Literal["succeeded", "failed", "skipped"]
    output: Any = None
    error: ErrorInfo | None = None
    number: int = 1


@dataclass(frozen=True, slots=True)
class Open:
    """Open a row for a loop or parallel block that begins now; ``Close`` will end it.

    ``input`` is what it goes over ({"items": […]}, {"count": n} or {}), ``output`` what is known
    already ({"count": n}) so that nobody has to load the items to count them. Of a loop that is
    opened again ``input`` may be ``Stored``: the new row names what the old one named.
    """

    path: Path
    step_id: str
    kind: str
    input: Any = None
    output: Any = None
    number: int = 1


@dataclass(frozen=True, slots=True)
class Close:
    """End the open row of ``path``."""

    path: Path
    status: EndedStatus
    output: Any = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Open a row for the delay at ``path``; ``Woke`` is due after ``seconds``, or at ``until`` (ISO
    8601 with zone); exactly one of them is set. What is past is due at once.
    """

    path: Path
    step_id: str
    seconds: float | None = None
    until: str | None = None
    number: int = 1


@dataclass(frozen=True, slots=True)
class Ask:
    """Open a row for the approval at ``path`` and ask. Answered by Decided, by Woke after
    ``timeout_seconds``, or by Failed where it cannot be asked.
    """

    path: Path
    step_id: str
    question: str
    approvers: tuple[str, ...] = ()
    required: int = 1
    veto: bool = True
    timeout_seconds: float | None = None
    number: int = 1


@dataclass(frozen=True, slots=True)
class CallZap:
    """Open a row for the zap step at ``path`` and start a run of ``zap_id``.

    With ``wait`` answered by ChildEnded; otherwise by Succeeded as soon as it is started. Failed
    where that zap cannot be started.
    """

    path: Path
    step_id: str
    zap_id: str
    input: Any
    wait: bool
    number: int = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer whoever waits for this run; comes at most once in a run, after its ``Record``."""

    path: Path
    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Load:
    """What the engine must look at to decide about ``path`` is stored: answered by Loaded, or by
    Failed, before anything else is told to the run. Until then its walk halts. Writes nothing.
    """

    path: Path
    values: tuple[Stored, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """The loop at ``path`` has begun enough rounds for one go: write down what there is. ``Woke`` is
    due at once, before anything else is told to the run. Writes nothing.
    """

    path: Path


@dataclass(frozen=True, slots=True)
class Finish:
    """The run has ended; always the last command."""

    status: FinalStatus
    error: ErrorInfo | None = None


Command = Perform | Record | Open | Close | Sleep | Ask | CallZap | Reply | Load | Rest | Finish


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """What the shell stored of one attempt; see ``folding.fold``.

    ``seq`` is the place of its end among all ends of the run (the shell counts them up as it
    writes them; None while it is ``running``): outcomes are folded in that order. ``input`` is
    needed of loops and delays only. ``output`` may be ``Stored``, but not that of routers and
    approvals: they are what was decided. ``promised``: another attempt was promised, by the policy
    or by a person (the row has its due time).
    """

    path: Path
    number: int
    status: AttemptStatus
    input: Any = None
    output: Any = None
    error: ErrorInfo | None = None
    promised: bool = False
    seq: int | None = None
