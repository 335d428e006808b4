"""Slots: the times of a schedule, and what became of each.

Promises: a time fires at most once, however many schedulers there are and whatever their clocks do,
because its slot is unique; slot, event, run and the next time are one transaction; a time at which
nobody was there is a row as well, with the reason.
"""

import asyncio
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from pydantic import ValidationError
from sqlalchemy import Table

from flowforge.engine import schedule
from flowforge.engine.schedule import Overdue
from flowforge.engine.triggers import ScheduleSettings
from flowforge.infra.bulk import Bulk, bulk
from flowforge.infra.db import Database, new_id, utc_now
from flowforge.infra.failpoints import reach
from flowforge.infra.signals import Signals
from flowforge.infra.statements import Change
from flowforge.models import Slot
from flowforge.services import leases, timers
from flowforge.services.firing import Fired, Happening, fire
from flowforge.services.timers import Done, Due

log = structlog.get_logger()

MOST_MISSED_ROWS = 100
KEPT_DAYS = 90
MOST_REMOVED = 10_000
# So late it is still in time: a worker that was restarted is no time at which nobody was there.
IN_TIME_SECONDS = 60.0
# How long a schedule rests that cannot be worked out.
DAMAGED_SECONDS = 3600.0

_SLOT: Table = Slot.__table__  # type: ignore[attr-defined]
_COLUMNS = ("id", "project_id", "zap_id", "kind", "planned_at", "status", "reason", "fired_at")
_FIRED = Change(_SLOT, "id", ("status", "reason", "run_id", "found"))
_MISSED = "No worker was there at that time."
_NOT_CAUGHT_UP = "No worker was there at that time, and what was missed is not made up for."


class _Row(NamedTuple):
    """A slot to be. ``fires``: it starts a run."""

    id: str
    timer: Due
    planned_at: dt.datetime
    status: str
    reason: str | None = None
    fires: bool = False

    @property
    def values(self) -> tuple[Any, ...]:
        timer = self.timer
        fired_at = timer.now if self.fires else None
        key = (self.id, timer.project_id, timer.zap_id, timer.kind, self.planned_at)
        return (*key, self.status, self.reason, fired_at)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a timer's turn comes to."""

    timer: Due
    rows: Sequence[_Row]
    done: Done


class Scheduler:
    """Deals with due schedules on behalf of one worker process."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._database = database
        self._signals = signals

    async def fire(self, due: Sequence[Due]) -> None:
        """Write the slots of all that is due, start their runs and plan the next times."""
        # In a thread: after a long absence there may be much to count.
        plans = await asyncio.to_thread(lambda: [_plan(timer) for timer in due])
        async with bulk(self._database) as tx:
            ours = {timer.id for timer in await timers.still_ours(tx, due)}
            held = [plan for plan in plans if plan.timer.id in ours]
            fired = await _fire(tx, held)
            await timers.finish(tx, [plan.done for plan in held])
            reach("schedule.before_commit")
        await fired.after(self._database, self._signals)
        if len(held) < len(plans):
            # Their zaps are being changed: whatever comes of that, they are looked at again.
            await timers.let_go(
                self._database, [plan.timer for plan in plans if plan.timer.id not in ours]
            )


async def remove_old(database: Database) -> None:
    """Forget slots after ``KEPT_DAYS``, some at a time."""
    oldest = utc_now() - dt.timedelta(days=KEPT_DAYS)
    # Ids begin with the moment of their making, in milliseconds.
    begin = f"{int(oldest.timestamp() * 1000):012x}"
    async with bulk(database) as tx:
        rows = await tx.fetch(
            "SELECT id FROM slot WHERE id < :begin ORDER BY id LIMIT :most",
            begin=f"{begin[:8]}-{begin[8:]}",
            most=MOST_REMOVED,
        )
        await tx.delete(_SLOT, "id", [row["id"] for row in rows])


async def _fire(tx: Bulk, plans: Sequence[_Plan]) -> Fired:
    # One order for all: two schedulers that insert the same slots must not wait for each other.
    rows = sorted(
        (row for plan in plans for row in plan.rows),
        key=lambda row: (row.timer.zap_id, row.planned_at),
    )
    fresh = await tx.insert_new(_SLOT, _COLUMNS, [row.values for row in rows], "uq_slot_planned_at")
    firing = [row for row in rows if row.fires and row.id in fresh]
    fired = await fire(tx, [_happening(row) for row in firing])
    changes = []
    for row, receipt in zip(firing, fired, strict=True):
        if receipt.verdict == "accepted":
            changes.append((row.id, "ran", row.reason, receipt.run_id, 1))
        else:
            reason = receipt.reason or "The zap is gone."
            changes.append((row.id, "skipped", reason, None, 0))
    await tx.write([(_FIRED, changes)])
    return fired


def _happening(row: _Row) -> Happening:
    timer = row.timer
    zone = str(timer.settings.get("timezone") or "UTC")
    body = {
        "planned_at": row.planned_at.astimezone(schedule.zone(zone)).isoformat(),
        "fired_at": timer.now.astimezone(schedule.zone(zone)).isoformat(),
        "timezone": zone,
        "late_seconds": round((timer.now - row.planned_at).total_seconds(), 3),
    }
    return Happening(timer.zap_id, "schedule", body, priority=leases.PATIENT)


def _plan(timer: Due) -> _Plan:
    try:
        settings = ScheduleSettings.model_validate(timer.settings)
        rhythm = schedule.read(settings)
    except (ValidationError, ValueError) as problem:
        # Published by another release, or where other time zones were known.
        log.warning("a schedule cannot be worked out", zap_id=timer.zap_id, reason=str(problem))
        again = timer.now + dt.timedelta(seconds=DAMAGED_SECONDS)
        return _Plan(timer, [], Done(timer, again, failures=timer.failures + 1, error=str(problem)))
    overdue = schedule.overdue(rhythm, timer.due_at, timer.now, MOST_MISSED_ROWS)
    rows = [*_missed(timer, overdue), _last(timer, settings, overdue)]
    return _Plan(timer, rows, Done(timer, overdue.next_at, cursor=timer.cursor))


def _missed(timer: Due, overdue: Overdue) -> Iterator[_Row]:
    """Ascending, as their ids."""
    if overdue.more:
        many = f"{overdue.more:,} times from this one on, until the next one listed."
        reason = f"{_MISSED} {many}" if overdue.more > 1 else _MISSED
        yield _Row(new_id(), timer, timer.due_at, "missed", reason)
    for planned_at in reversed(overdue.missed):
        yield _Row(new_id(), timer, planned_at, "missed", _MISSED)


def _last(timer: Due, settings: ScheduleSettings, overdue: Overdue) -> _Row:
    late = (timer.now - overdue.last).total_seconds()
    if late <= IN_TIME_SECONDS:
        return _Row(new_id(), timer, overdue.last, "ran", fires=True)
    if settings.missed == "skip":
        return _Row(new_id(), timer, overdue.last, "missed", _NOT_CAUGHT_UP)
    reason = "No worker was there at that time: made up for afterwards."
    return _Row(new_id(), timer, overdue.last, "ran", reason, fires=True)
