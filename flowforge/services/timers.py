"""Timers: what of a zap is due next, and who has it in hand.

Promises: a timer belongs to its zap, so publishing again moves nothing that did not change; it has
one holder at a time, and whoever took it with a higher fence, or armed it anew, is the one; what is
switched off is never due. The clock of leases is the database's.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Table, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine import schedule
from flowforge.engine.triggers import ScheduleSettings, settings_of
from flowforge.infra import documents
from flowforge.infra.bulk import Bulk, bulk, moment
from flowforge.infra.db import Database, db_now, utc_now
from flowforge.models import Timer, Zap
from flowforge.services import poll_inputs

Settings = Mapping[str, Any]

_TIMER: Table = Timer.__table__  # type: ignore[attr-defined]
_DONE_COLUMNS = ("due_at", "lease_until", "cursor", "failures", "error", "last_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that was claimed. ``now`` is the database's clock at that moment; ``alarmed_at`` is
    set while somebody was told that it fails.
    """

    id: str
    zap_id: str
    kind: str
    project_id: str
    settings: dict[str, Any]
    cursor: Any
    failures: int
    error: str | None
    last_at: dt.datetime | None
    due_at: dt.datetime
    fence: int
    now: dt.datetime
    alarmed_at: dt.datetime | None = None


class Done(NamedTuple):
    """What a look at a timer led to. ``due_at``: when it is due again; None: never."""

    timer: Due
    due_at: dt.datetime | None
    cursor: Any = None
    failures: int = 0
    error: str | None = None


class Kind(NamedTuple):
    """What arming must know of a kind of timer.

    ``first``: when it is due first with these settings. ``goes_on``: whether the time that was
    planned with other settings holds; ``keeps_cursor``: whether its position does.
    """

    first: Callable[[Settings, dt.datetime], dt.datetime | None]
    goes_on: Callable[[Settings, Settings], bool]
    keeps_cursor: Callable[[Settings, Settings], bool]


def _same(*names: str) -> Callable[[Settings, Settings], bool]:
    return lambda one, other: all(one.get(name) == other.get(name) for name in names)


def _rhythm(settings: Settings) -> tuple[Any, ...]:
    read = ScheduleSettings.model_validate(settings)
    return read.cron, read.every_seconds, read.timezone


def _first_time(settings: Settings, now: dt.datetime) -> dt.datetime | None:
    rhythm = schedule.read(ScheduleSettings.model_validate(settings))
    return schedule.following(rhythm, now.replace(microsecond=0))


# By kind of trigger, which is the kind of its timer as well; others need none of these.
KINDS: dict[str, Kind] = {
    "schedule": Kind(
        first=_first_time,
        goes_on=lambda one, other: _rhythm(one) == _rhythm(other),
        keeps_cursor=lambda *_: True,
    ),
    "poll": Kind(
        first=lambda _, now: now,
        goes_on=_same("trigger", "inputs", "connection", "every_seconds"),
        keeps_cursor=lambda one, other: poll_inputs.place(one) == poll_inputs.place(other),
    ),
}


async def arm(session: AsyncSession, zap: Zap) -> None:
    """Make the timers of ``zap`` (locked by the caller) fit what it is now.

    Whoever has one in hand has it no longer: what it wrote so far holds, and nothing after.
    """
    found = await session.scalars(
        select(Timer)
        .where(col(Timer.zap_id) == zap.id, col(Timer.kind).in_(KINDS))
        .with_for_update()
    )
    timers = {timer.kind: timer for timer in found}
    trigger = zap.trigger or {}
    kind = trigger.get("kind") if zap.deleted_at is None else None
    gone = [timer.id for timer in timers.values() if timer.kind != kind]
    if gone:
        await session.execute(delete(Timer).where(col(Timer.id).in_(gone)))
    if kind not in KINDS or (kind not in timers and not zap.enabled):
        return
    settings = settings_of(trigger)
    now = utc_now()
    timer = timers.get(kind)
    if timer is None:
        timer = Timer(zap_id=zap.id, kind=kind, project_id=zap.project_id, settings=settings)
    if zap.enabled:
        _point(timer, KINDS[kind], settings, now)
    else:
        timer.due_at = None
    timer.lease_until = None
    timer.fence += 1
    timer.updated_at = now
    session.add(timer)
    await session.flush()


async def due_kinds(session: AsyncSession, kinds: Sequence[str], most: int = 1000) -> set[str]:
    """Of which of ``kinds`` something is due: looked at without taking a lock."""
    if not kinds:
        return set()
    due = (
        select(col(Timer.kind))
        .where(
            col(Timer.due_at) <= db_now(),
            (col(Timer.lease_until).is_(None)) | (col(Timer.lease_until) <= db_now()),
            col(Timer.kind).in_(kinds),
        )
        .order_by(col(Timer.due_at))
        .limit(most)
        .subquery()
    )
    return set(await session.scalars(select(due.c.kind).distinct()))


async def claim(database: Database, kind: str, lease_seconds: float, limit: int) -> list[Due]:
    """Lease up to ``limit`` due timers of a kind, those due longest first.

    One statement; two that claim at once each see different rows.
    """
    async with bulk(database) as tx:
        rows = await tx.fetch(
            f"UPDATE timer SET lease_until = {tx.seconds_from_now('lease')}, fence = fence + 1 "  # noqa: S608 - our own constants
            "WHERE id IN ("
            f"SELECT id FROM timer WHERE due_at <= {tx.now} AND kind = :kind "
            f"AND (lease_until IS NULL OR lease_until <= {tx.now}) "
            f"ORDER BY due_at, id LIMIT :limit {tx.skip_locked}) "
            "RETURNING id, zap_id, kind, project_id, settings, cursor, failures, error, last_at, "
            f"due_at, fence, alarmed_at, {tx.now} AS now",
            kind=kind,
            lease=lease_seconds,
            limit=limit,
        )
    # RETURNING has no order of its own.
    return sorted((_due(row) for row in rows), key=lambda due: (due.due_at, due.id))


async def still_ours(tx: Bulk, timers: Sequence[Due]) -> list[Due]:
    """Those that nobody else has taken or armed meanwhile; theirs and their zaps' rows are kept
    from others until the end of the transaction. A zap that is being changed is passed over.
    """
    # Zaps first, as who arms does: two that lock in one order cannot wait for each other.
    zaps = await tx.select(
        f"SELECT id FROM zap WHERE id IN :ids {tx.share_unlocked}",  # noqa: S608 - our own constants
        sorted({timer.zap_id for timer in timers}),
    )
    free = {row["id"] for row in zaps}
    mine = [timer for timer in timers if timer.zap_id in free]
    if not mine:
        return []
    rows = await tx.select(
        "SELECT id, fence FROM timer WHERE due_at IS NOT NULL AND id IN :ids ORDER BY id",
        [timer.id for timer in mine],
        lock=True,
    )
    fences = {row["id"]: row["fence"] for row in rows}
    return [timer for timer in mine if fences.get(timer.id) == timer.fence]


async def finish(tx: Bulk, done: Sequence[Done]) -> None:
    """Give timers back that are ``still_ours`` in this transaction."""
    now = utc_now()
    rows = [
        (
            one.timer.id,
            one.due_at,
            None,
            None if one.cursor is None else documents.dump(one.cursor),
            one.failures,
            one.error,
            one.timer.now,
            now,
        )
        for one in done
    ]
    await tx.update(_TIMER, "id", _DONE_COLUMNS, rows)


async def let_go(database: Database, timers: Sequence[Due]) -> None:
    """Give timers back as they are; whoever comes next tries again."""
    async with bulk(database) as tx:
        for timer in timers:
            await tx.fetch(
                "UPDATE timer SET lease_until = NULL WHERE id = :id AND fence = :fence "
                "RETURNING id",
                id=timer.id,
                fence=timer.fence,
            )


def _point(timer: Timer, kind: Kind, settings: dict[str, Any], now: dt.datetime) -> None:
    """Plan the next time, unless the one that is planned still holds."""
    before = timer.settings
    if timer.due_at is None or not kind.goes_on(before, settings):
        timer.due_at = kind.first(settings, now)
        timer.armed_at = now
        timer.failures, timer.error = 0, None
    if not kind.keeps_cursor(before, settings):
        timer.cursor = None
    timer.settings = settings
    timer.alarm_after_seconds = settings.get("alarm_after_seconds")


def _due(row: Any) -> Due:
    return Due(
        id=row["id"],
        zap_id=row["zap_id"],
        kind=row["kind"],
        project_id=row["project_id"],
        settings=documents.parse(row["settings"]),
        cursor=None if row["cursor"] is None else documents.parse(row["cursor"]),
        failures=row["failures"],
        error=row["error"],
        last_at=None if row["last_at"] is None else moment(row["last_at"]),
        due_at=moment(row["due_at"]),
        fence=row["fence"],
        now=moment(row["now"]),
        alarmed_at=None if row["alarmed_at"] is None else moment(row["alarmed_at"]),
    )
