"""Where the time of a run went, leg by leg: queued, at work, waiting. Pure.

Promise: only what is on record. ``queued`` is from the moment at which something was due to the one
at which a worker had it; ``waiting`` is for a time, for people, for another run or before another
try; ``within`` is how long a block was open, in which the legs of its steps lie.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from flowforge.services.attempts import AttemptView

Kind = Literal["queued", "working", "waiting", "within"]
# Kinds of steps whose open attempt is no work.
_WAITS = frozenset({"delay", "approval", "zap"})
_BLOCKS = frozenset({"loop", "parallel"})


@dataclass(frozen=True)
class Leg:
    """``attempt``: the number of the attempt that it belongs to; 0 before the first."""

    kind: Kind
    begin: dt.datetime
    end: dt.datetime
    attempt: int = 0

    @property
    def milliseconds(self) -> int:
        return max(0, round((self.end - self.begin).total_seconds() * 1000))


def of_run(
    created_at: dt.datetime,
    started_at: dt.datetime | None,
    finished_at: dt.datetime | None,
    now: dt.datetime,
) -> list[Leg]:
    """The run as a whole: how long it was in the queue before anything began, and the rest."""
    if started_at is None:
        return _kept([Leg("queued", created_at, finished_at or now)])
    return _kept(
        [Leg("queued", created_at, started_at), Leg("within", started_at, finished_at or now)]
    )


def of_path(attempts: Sequence[AttemptView], now: dt.datetime, *, has_ended: bool) -> list[Leg]:
    """The attempts of one path, in the order they began. ``now`` is the end of what goes on."""
    found: list[Leg] = []
    for place, attempt in enumerate(attempts):
        following = attempts[place + 1] if place + 1 < len(attempts) else None
        found += _of_attempt(attempt, now)
        if attempt.retry_at is None or attempt.finished_at is None:
            continue
        if following is not None:
            due = min(max(attempt.retry_at, attempt.finished_at), following.started_at)
            found.append(Leg("waiting", attempt.finished_at, due, following.number))
            found.append(Leg("queued", due, following.started_at, following.number))
        elif not has_ended:
            due = min(attempt.retry_at, now)
            found.append(Leg("waiting", attempt.finished_at, due, attempt.number + 1))
            found.append(Leg("queued", due, now, attempt.number + 1))
    return _kept(found)


def _of_attempt(attempt: AttemptView, now: dt.datetime) -> list[Leg]:
    begin, number = attempt.started_at, attempt.number
    end = max(begin, attempt.finished_at or now)
    if attempt.kind in _BLOCKS:
        return [Leg("within", begin, end, number)]
    if attempt.kind not in _WAITS:
        return [Leg("working", begin, end, number)]
    if attempt.kind == "delay" and attempt.wake_at is not None:
        woken = min(max(attempt.wake_at, begin), end)
        return [Leg("waiting", begin, woken, number), Leg("queued", woken, end, number)]
    return [Leg("waiting", begin, end, number)]


def _kept(legs: Iterable[Leg]) -> list[Leg]:
    """Without those that took no time, but for work: that was done, however quickly."""
    return [leg for leg in legs if leg.kind == "working" or leg.end > leg.begin]


def covered(legs: Iterable[Leg], kind: Kind) -> int:
    """How many ms there was any leg of this kind; what went on side by side counts once."""
    total, upto = 0.0, None
    for leg in sorted((each for each in legs if each.kind == kind), key=lambda each: each.begin):
        begin = leg.begin if upto is None else max(upto, leg.begin)
        if leg.end > begin:
            total += (leg.end - begin).total_seconds()
        upto = leg.end if upto is None else max(upto, leg.end)
    return round(total * 1000)
