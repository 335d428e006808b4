"""Polls: looking somewhere, now and then, and firing for everything new.

Promises: position, events, runs and the ledger's row are one transaction, so that nothing is lost
and nothing fires twice wherever a process dies; the first look fires nothing; a failing poll is
visible, comes ever less often and is told of once, as is its recovery; publishing again keeps the
position unless it is about another place.
"""

import datetime as dt
import random
import time
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Table

from flowforge.actions.sdk import Item, Poll
from flowforge.engine.triggers import PollSettings
from flowforge.infra.bulk import Bulk, bulk
from flowforge.infra.db import Database, new_id
from flowforge.infra.failpoints import reach
from flowforge.infra.signals import Signals
from flowforge.models import Slot, Timer
from flowforge.services import leases, notices, poll_inputs, timers
from flowforge.services.firing import Fired, Happening, fire
from flowforge.services.looking import Failure, Looker
from flowforge.services.timers import Done, Due

LONGEST_BACKOFF_SECONDS = 3600.0
MOST_SLOTS = 200
# One failure is a hiccup of the other side; so many in a row are news.
TOLD_AFTER = 3
SHORTEST_PAUSE_SECONDS = 1.0

_SLOT: Table = Slot.__table__  # type: ignore[attr-defined]
_TIMER: Table = Timer.__table__  # type: ignore[attr-defined]
_COLUMNS = (
    "id",
    "project_id",
    "zap_id",
    "kind",
    "planned_at",
    "status",
    "reason",
    "found",
    "fired_at",
    "took_ms",
)
_FIRST_LOOK = "The first look: what is there already starts no runs."


class Polls:
    """Deals with due polls on behalf of one worker process."""

    def __init__(self, database: Database, signals: Signals, looker: Looker) -> None:
        self._database = database
        self._signals = signals
        self._looker = looker

    async def take_turns(self, due: Sequence[Due]) -> None:
        """Look for each, outside of any transaction, and store what it brought."""
        for timer in due:
            await self._take_turn(timer)

    async def _take_turn(self, timer: Due) -> None:
        begun = time.monotonic()
        outcome = await self._look(timer)
        took_ms = round((time.monotonic() - begun) * 1000)
        reach("poll.before_store")
        async with bulk(self._database) as tx:
            is_ours = bool(await timers.still_ours(tx, [timer]))
            fired = await fire(tx, _happenings(timer, outcome) if is_ours else [])
            if is_ours:
                done = _done(timer, outcome)
                await _write_slot(tx, timer, outcome, _started(fired), took_ms)
                await timers.finish(tx, [done])
                await _tell(tx, done)
            reach("poll.before_commit")
        reach("poll.after_commit")
        await fired.after(self._database, self._signals)
        if is_ours:
            self._signals.send({f"zap:{timer.zap_id}"}, wake=False)
        else:
            # The zap was changed meanwhile; what was found then is found again.
            await timers.let_go(self._database, [timer])

    async def _look(self, timer: Due) -> Poll | Failure:
        try:
            settings = PollSettings.model_validate(timer.settings)
        except ValidationError:
            return Failure("The settings cannot be read. Publish the zap again.")
        return await self._looker.look(settings, timer.zap_id, timer.cursor)


def backoff_seconds(every_seconds: float, failures: int, spread: float = 1.0) -> float:
    """Seconds until the poll after failure number ``failures`` in a row (1-based).

    The interval times 2, 4, 8 … up to an hour (or the interval, if that is longer), times
    ``spread``. Of 300: 600, 1200, 2400, 3600, 3600.
    """
    most = max(LONGEST_BACKOFF_SECONDS, every_seconds)
    return min(every_seconds * 2.0 ** min(failures, 32), most) * spread


def _happenings(timer: Due, outcome: Poll | Failure) -> list[Happening]:
    if isinstance(outcome, Failure) or timer.cursor is None:
        return []
    place = poll_inputs.place(timer.settings)
    return [_happening(timer, place, item) for item in outcome.found]


def _happening(timer: Due, place: str, item: Item) -> Happening:
    key = f"{place}:{item.key}"
    return Happening(timer.zap_id, "poll", item.data, key, priority=leases.PATIENT)


def _started(fired: Fired) -> int:
    return sum(receipt.verdict != "duplicate" for receipt in fired)


def _done(timer: Due, outcome: Poll | Failure) -> Done:
    every = float(timer.settings.get("every_seconds") or 300)
    if isinstance(outcome, Failure):
        failures = timer.failures + 1
        seconds = backoff_seconds(every, failures, random.uniform(0.8, 1.2))  # noqa: S311 - spread, not a secret
        if outcome.retry_after is not None:
            seconds = max(seconds, outcome.retry_after.total_seconds())
        due_at = timer.now + dt.timedelta(seconds=seconds)
        return Done(timer, due_at, timer.cursor, failures, outcome.reason)
    pause = SHORTEST_PAUSE_SECONDS if outcome.more and timer.cursor is not None else every
    return Done(timer, timer.now + dt.timedelta(seconds=pause), outcome.cursor)


async def _tell(tx: Bulk, done: Done) -> None:
    """That it has begun to fail, or works again: once each, however long either lasts."""
    timer = done.timer
    if timer.alarmed_at is None and done.failures >= TOLD_AFTER:
        kind, alarmed_at = "zap.poll_failed", timer.now
    elif timer.alarmed_at is not None and not done.failures:
        kind, alarmed_at = "zap.poll_recovered", None
    else:
        return
    await tx.update(_TIMER, "id", ("alarmed_at",), [(timer.id, alarmed_at)])
    poll = {
        "trigger": timer.settings.get("trigger"),
        "failures": done.failures,
        "error": done.error,
        "next_at": done.due_at.isoformat() if done.due_at else None,
    }
    await notices.note_poll(tx, timer.zap_id, kind, poll)


async def _write_slot(
    tx: Bulk, timer: Due, outcome: Poll | Failure, started: int, took_ms: int
) -> None:
    """A row for the turn. Turns in a row that brought nothing share one: from ``planned_at`` of the
    first to ``fired_at`` of the last.
    """
    status, reason = _said(timer, outcome)
    if status == "ran" and reason is None and not started:
        again = await tx.fetch(
            "UPDATE slot SET fired_at = :now, took_ms = :took_ms WHERE id = ("
            "SELECT id FROM slot WHERE zap_id = :zap_id ORDER BY id DESC LIMIT 1) "
            "AND kind = 'poll' AND status = 'ran' AND found = 0 AND reason IS NULL RETURNING id",
            now=timer.now,
            took_ms=took_ms,
            zap_id=timer.zap_id,
        )
        if again:
            return
    key = (new_id(), timer.project_id, timer.zap_id, timer.kind, timer.due_at)
    row: tuple[Any, ...] = (*key, status, reason, started, timer.now, took_ms)
    await tx.insert_new(_SLOT, _COLUMNS, [row], "uq_slot_planned_at")
    await tx.fetch(
        "DELETE FROM slot WHERE zap_id = :zap_id AND kind = 'poll' AND id <= ("
        "SELECT id FROM slot WHERE zap_id = :zap_id AND kind = 'poll' "
        "ORDER BY id DESC LIMIT 1 OFFSET :most) RETURNING id",
        zap_id=timer.zap_id,
        most=MOST_SLOTS,
    )


def _said(timer: Due, outcome: Poll | Failure) -> tuple[str, str | None]:
    if isinstance(outcome, Failure):
        return "failed", outcome.reason
    return "ran", outcome.note or (_FIRST_LOOK if timer.cursor is None else None)
