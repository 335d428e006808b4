"""How much ran and how well: by day of somebody's calendar, by zap, by status.

Promise: every number of runs is the one that the run list finds under the same filter; how many runs
there are makes little difference, for days that are over are read from their tallies. Lengths of
time are right to 2 %.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine import schedule
from flowforge.errors import Invalid
from flowforge.models import Zap
from flowforge.services import figures, local_days, run_filters, tallied, tallies, tallying
from flowforge.services.access import Actor, Permission, require
from flowforge.services.local_days import LocalDays
from flowforge.services.run_filters import RunFilter
from flowforge.services.tallied import Sum, Sums

MOST_DAYS = 90
MOST_ZAPS = 50
HALF, NEARLY_ALL = 0.5, 0.95


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class UsageDay(_View):
    """A day of the calendar: runs with ``since <= created_at < until``."""

    day: dt.date
    since: dt.datetime
    until: dt.datetime
    total: int
    by_status: dict[str, int]


class UsageZap(_View):
    """A zap that ran, also one that was deleted. ``by_day``: its runs on each of the days."""

    zap_id: str
    name: str
    total: int
    by_status: dict[str, int]
    success_rate: float | None
    p50_ms: int | None
    p95_ms: int | None
    by_day: list[int]


class UsageView(_View):
    """``success_rate``: share of succeeded among the runs that have ended, None where none has;
    ``p50_ms`` and ``p95_ms``: how long those took, right to 2 %. ``zaps``: those with the most runs,
    at most 50; ``zap_count`` is how many there are.
    """

    time_zone: str
    since: dt.datetime
    until: dt.datetime
    total: int
    by_status: dict[str, int]
    success_rate: float | None
    p50_ms: int | None
    p95_ms: int | None
    days: list[UsageDay]
    zaps: list[UsageZap]
    zap_count: int


async def of_project(
    session: AsyncSession,
    actor: Actor,
    *,
    days: int = 30,
    time_zone: str = "UTC",
    zap_id: str | None = None,
    now: dt.datetime,
) -> UsageView:
    """The figures of the last days, today among them, of all zaps or of one.

    Raises: Invalid for a zone or a number of days that is none; NotFound for a zap that is not the
    project's.
    """
    require(actor, Permission.READ)
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"days must be between 1 and {MOST_DAYS}", code="bad_days")
    await run_filters.require_zap(session, actor, RunFilter(zap_id=zap_id))
    calendar = local_days.last_days(days, _zone(time_zone), now)
    sums = await tallied.read(session, actor.project_id, calendar, zap_id)
    busiest = sums.busiest()
    shown = busiest[:MOST_ZAPS]
    await tallied.add_durations(session, sums, actor.project_id, [tallying.WHOLE, *shown])
    whole = sums.by_zap[zap_id] if zap_id else sums.whole
    statuses = whole.statuses()
    return UsageView(
        time_zone=time_zone,
        since=calendar.since,
        until=calendar.until,
        total=sum(statuses.values()),
        by_status=statuses,
        success_rate=rate(statuses),
        p50_ms=tallies.percentile(whole.durations, HALF),
        p95_ms=tallies.percentile(whole.durations, NEARLY_ALL),
        days=[_day(calendar, place, whole) for place in range(days)],
        zaps=await _zaps(session, sums, shown, days),
        zap_count=len(busiest),
    )


def rate(by_status: Mapping[str, int]) -> float | None:
    """The share of succeeded among what has ended."""
    ended = sum(by_status[status] for status in figures.ENDED)
    return by_status["succeeded"] / ended if ended else None


def _zone(name: str) -> ZoneInfo:
    try:
        return schedule.zone(name)
    except ValueError as problem:
        raise Invalid(f"time_zone: {problem}", code="bad_time_zone") from problem


def _day(calendar: LocalDays, place: int, whole: Sum) -> UsageDay:
    statuses = whole.statuses(place)
    return UsageDay(
        day=calendar.days[place],
        since=calendar.begins[place],
        until=calendar.begins[place + 1],
        total=sum(statuses.values()),
        by_status=statuses,
    )


async def _zaps(
    session: AsyncSession, sums: Sums, zap_ids: Sequence[str], days: int
) -> list[UsageZap]:
    rows = await session.execute(select(col(Zap.id), col(Zap.name)).where(col(Zap.id).in_(zap_ids)))
    names = {zap_id: name for zap_id, name in rows.all()}  # noqa: C416 - rows are not pairs
    return [_zap(zap_id, names.get(zap_id, ""), sums.by_zap[zap_id], days) for zap_id in zap_ids]


def _zap(zap_id: str, name: str, found: Sum, days: int) -> UsageZap:
    statuses = found.statuses()
    return UsageZap(
        zap_id=zap_id,
        name=name,
        total=sum(statuses.values()),
        by_status=statuses,
        success_rate=rate(statuses),
        p50_ms=tallies.percentile(found.durations, HALF),
        p95_ms=tallies.percentile(found.durations, NEARLY_ALL),
        by_day=[sum(found.days[place].values()) for place in range(days)],
    )
