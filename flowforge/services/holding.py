"""Runs in the hands of a worker, and what their attempts come to."""

import asyncio
import datetime as dt
import random
import time
from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Any

from flowforge.engine.plan import Plan, prefix_of, rounds_around
from flowforge.engine.protocol import (
    AttemptStatus,
    CallZap,
    ErrorInfo,
    Failed,
    Load,
    Path,
    Perform,
    Succeeded,
)
from flowforge.engine.state import State
from flowforge.errors import Malformed
from flowforge.services.values import NOTHING, Packed, ValueTooLarge, kept, pack
from flowforge.services.writes import RunKey

# A run is ended after so long, whatever it waits for.
LONGEST_RUN = dt.timedelta(days=30)
# An answer that was in time is committed by then.
ANSWERS_ON_THEIR_WAY = dt.timedelta(seconds=5)


class Clock:
    """The database's time, as far as it was told; our own clock may be wrong, but it is steady."""

    def __init__(self, now: dt.datetime) -> None:
        self._told = now
        self._at = time.monotonic()

    @property
    def now(self) -> dt.datetime:
        return self._told + dt.timedelta(seconds=time.monotonic() - self._at)

    def reaches(self, moment: dt.datetime) -> float:
        """When it will be that moment, by ``time.monotonic``."""
        return self._at + (moment - self._told).total_seconds()

    def after(self, seconds: float) -> dt.datetime:
        return self.now + dt.timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Row:
    """An attempt that is open: its id, and its step's kind."""

    attempt_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A called run has ended with a reply that is stored, and must be read first."""

    path: Path
    run_id: str
    stored: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What an attempt came to. ``inputs`` are as the action got them, secrets taken out; ``logs``
    is what code printed.
    """

    outcome: Succeeded | Failed
    inputs: Packed
    output: Packed
    seconds: float
    logs: str | None = None

    @property
    def status(self) -> AttemptStatus:
        """The status that the attempt is recorded with."""
        if isinstance(self.outcome, Succeeded):
            return "succeeded"
        return "unknown" if self.outcome.unknown else "failed"


@dataclass(slots=True)
class Held:
    """A run that this process holds.

    ``rows`` are its open attempts by path, ``children`` the runs that it waits for; ``wakes`` when
    retries, delays and questions are due. What is to be performed is ``owed`` until its row is
    opened, then ``todo``, then ``performing``; ``most_at_once`` of the latter two. ``deferred`` needs
    a look elsewhere first. ``seq`` counts the ends of attempts, ``news`` what had happened to the
    run when somebody last looked; ``heard`` is set when more has. ``status`` is that of its row.
    """

    key: RunKey
    plan: Plan
    state: State
    clock: Clock
    began_at: dt.datetime
    deadline_at: dt.datetime
    status: str
    environment: str = "production"
    depth: int = 0
    priority: int = 2
    gate: str | None = None
    project_gate: str | None = None
    most_active_seconds: float = inf
    most_at_once: int = 50
    active_seconds: float = 0.0
    seq: int = 0
    news: int = 0
    crashes: int = 0
    since: float = field(default_factory=time.monotonic)
    ends_at: float = field(init=False)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    rows: dict[Path, Row] = field(default_factory=dict)
    children: dict[str, Path] = field(default_factory=dict)
    wakes: dict[Path, dt.datetime] = field(default_factory=dict)
    owed: deque[Perform] = field(default_factory=deque)
    todo: list[Perform] = field(default_factory=list)
    performing: set[Path] = field(default_factory=set)
    deferred: deque[Load | CallZap | Reported] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.ends_at = self.clock.reaches(self.deadline_at)

    @property
    def now(self) -> dt.datetime:
        """The database's time."""
        return self.clock.now

    @property
    def has_ended(self) -> bool:
        return self.state.finished is not None

    @property
    def is_busy(self) -> bool:
        """Whether there is anything to be done now."""
        return bool(self.todo or self.performing)

    @property
    def gates(self) -> tuple[str, ...]:
        """What the run leaves when it ends."""
        return tuple(gate for gate in (self.gate, self.project_gate) if gate is not None)

    @property
    def seconds_left(self) -> float:
        """How long a step may work now."""
        until_deadline = self.ends_at - time.monotonic()
        return max(min(self.most_active_seconds - self.active_seconds, until_deadline), 0.001)

    def out_of_time(self) -> ErrorInfo | None:
        """Why the run has to end now; None: it may go on."""
        if time.monotonic() >= self.ends_at:
            seconds = self.plan.limits.deadline_seconds or LONGEST_RUN.total_seconds()
            said = f"The run did not come to its end within {seconds:g} seconds."
            return ErrorInfo("deadline", said)
        if self.active_seconds >= self.most_active_seconds:
            said = f"The run worked longer than {self.most_active_seconds:g} seconds."
            return ErrorInfo("run_timeout", said)
        return None

    def is_ending(self, path: Path) -> bool:
        """Whether what ``path`` belongs to, or the run, is being given up."""
        endings = self.state.endings
        return bool(endings) and any(
            scope in endings for scope in (*rounds_around(prefix_of(path)), "")
        )

    def forget_given_up(self) -> None:
        """The engine gives up retries without a word: there is no row to be ended."""
        if not self.wakes:
            return
        waits = self.state.waits
        for path in [path for path in self.wakes if path not in waits]:
            del self.wakes[path]

    def due_waits(self) -> list[Path]:
        """What is to be woken now, in the order of its times; but no questions: whether they were
        answered in time is asked elsewhere.
        """
        if not self.wakes:
            return []
        now = self.now
        due = sorted(
            (due_at, path)
            for path, due_at in self.wakes.items()
            if due_at <= now and not self._is_question(path)
        )
        return [path for _, path in due]

    def due_questions(self, patience: dt.timedelta = dt.timedelta()) -> list[Path]:
        """Questions that were not answered in time, and ``patience`` on top of it."""
        if not self.wakes:
            return []
        before = self.now - patience
        return [p for p, at in self.wakes.items() if self._is_question(p) and at <= before]

    def next_wake(self) -> dt.datetime | None:
        """When there is something to be woken while the run is held."""
        moments = (
            at + ANSWERS_ON_THEIR_WAY if self._is_question(path) else at
            for path, at in self.wakes.items()
        )
        return min(moments, default=None)

    def _is_question(self, path: Path) -> bool:
        row = self.rows.get(path)
        return row is not None and row.kind == "approval"

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq


def done(
    outcome: Succeeded | Failed, inputs: Packed, seconds: float, logs: str | None = None
) -> Done:
    """An outcome with its output packed; one that cannot be kept is a failure."""
    if isinstance(outcome, Failed):
        return Done(outcome, inputs, NOTHING, seconds, logs)
    output, problem = packed(outcome.output, "output")
    if problem is not None:
        failed = Failed(outcome.path, problem, retryable=False)
        return Done(failed, inputs, NOTHING, seconds, logs)
    succeeded = Succeeded(outcome.path, kept(outcome.output, output))
    return Done(succeeded, inputs, output, seconds, logs)


def packed(value: Any, what: str = "value") -> tuple[Packed, ErrorInfo | None]:
    """``value`` as a row holds it, or why none can."""
    try:
        return pack(value, what), None
    except ValueTooLarge as problem:
        return NOTHING, ErrorInfo("value_too_large", str(problem))
    except (Malformed, TypeError, ValueError, RecursionError) as problem:
        return NOTHING, ErrorInfo("not_json", f"The {what} has no form as JSON: {problem}")


def jittered(seconds: float) -> float:
    """Half of the policy's wait surely, the other half by chance: many runs that failed together
    do not come back together.
    """
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - spread, not a secret
