"""Attempts as a page shows them: what one try got and gave, and what all tries of a path amount to.

Promise: a page carries a bounded amount of text, however many attempts there are and however large
their values; the rest is fetched when somebody asks for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flowforge.services import advice, blame
from flowforge.services.attempts import AttemptView, Part
from flowforge.state import shown
from flowforge.state.shown import Shown

PENDING, NOT_RUN, RETRYING, WAITING = "pending", "not_run", "retrying", "waiting"
# The code of the error of a block in which a step failed.
INSIDE = blame.CODE.replace("_", " ")
# Kinds whose open row is no work: it waits for a time, for people or for another run.
_WAITS = frozenset({"delay", "approval", "zap"})
# What all values of a page may have together; those behind it are shown when asked for.
MOST_TEXT = 400_000


@dataclass(frozen=True)
class Try:
    """One attempt. ``root``: what expressions call its output; ``retry_at`` is set while the next
    one is still to come.
    """

    id: str
    number: int
    status: str
    started_at: str
    duration: str
    is_going: bool
    input: Shown
    output: Shown
    root: str
    error: str
    advice: str
    code: str
    logs: str
    retry_at: str
    is_last: bool
    is_open: bool


@dataclass(frozen=True)
class Gist:
    """What the tries of one path amount to. ``since`` is set while one is at work: when it began.
    ``until``: when it goes on, of one that waits for a time.
    """

    status: str
    tries: str = ""
    duration: str = ""
    at: str = ""
    since: str = ""
    retry_at: str = ""
    until: str = ""
    error: str = ""


class Room:
    """How much text there is still room for on the page of a run."""

    def __init__(self, run_id: str, characters: int = MOST_TEXT) -> None:
        self._url = f"/api/v1/runs/{run_id}/attempts"
        self._left = characters

    def value(self, attempt: AttemptView, part: Part) -> Shown:
        """Its input or output as text, or as a promise where it is large or the page is full."""
        reference = attempt.input_ref if part == "input" else attempt.output_ref
        if reference is not None:
            return shown.elsewhere(reference.size, reference.url)
        value = attempt.input if part == "input" else attempt.output
        most = shown.BEGINNING if self._left > 0 else 0
        made = shown.shown(value, most, f"{self._url}/{attempt.id}/{part}")
        self._left -= len(made.text)
        return made


def gist(attempts: Sequence[AttemptView], *, has_ended: bool) -> Gist:
    if not attempts:
        return Gist(NOT_RUN if has_ended else PENDING)
    last = attempts[-1]
    retry_at = "" if has_ended else shown.moment(last.retry_at)
    waits = last.status == "running" and last.kind in _WAITS
    is_going = last.status == "running" and not waits
    status = RETRYING if retry_at else WAITING if waits else last.status
    return Gist(
        status=status,
        tries=shown.counted(len(attempts), "attempt") if len(attempts) > 1 else "",
        duration="" if is_going or waits or retry_at else shown.duration(_total(attempts)),
        at=shown.moment(last.started_at),
        since=shown.moment(last.started_at) if is_going else "",
        retry_at=retry_at,
        until=shown.moment(last.wake_at) if waits else "",
        error=shown.message(last.error),
    )


def tries(attempts: Sequence[AttemptView], room: Room, *, has_ended: bool) -> list[Try]:
    """The newest first: it is the one that counts."""
    last = attempts[-1] if attempts else None
    return [_try(one, room, is_last=one is last, has_ended=has_ended) for one in reversed(attempts)]


def _try(attempt: AttemptView, room: Room, *, is_last: bool, has_ended: bool) -> Try:
    code = str((attempt.error or {}).get("code", ""))
    waits = attempt.status == "running" and attempt.kind in _WAITS
    return Try(
        id=attempt.id,
        number=attempt.number,
        status=WAITING if waits else attempt.status,
        started_at=shown.moment(attempt.started_at),
        duration=shown.duration(attempt.duration_ms),
        is_going=attempt.status == "running" and not waits,
        input=room.value(attempt, "input"),
        output=room.value(attempt, "output"),
        root=f"steps.{attempt.step_id}",
        error=shown.message(attempt.error),
        advice=advice.what_to_do(attempt.error),
        code=code.replace("_", " "),
        logs=shown.line((attempt.logs or "")[: shown.BEGINNING]),
        retry_at=shown.moment(attempt.retry_at) if is_last and not has_ended else "",
        is_last=is_last,
        # A question stands above it, in words.
        is_open=is_last and attempt.kind != "approval",
    )


def _total(attempts: Sequence[AttemptView]) -> int | None:
    """From the first attempt's begin to the last one's end: waiting for retries is time, too."""
    ended = attempts[-1].finished_at
    if ended is None:
        return None
    return max(0, round((ended - attempts[0].started_at).total_seconds() * 1000))
