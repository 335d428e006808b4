"""Figures of many zaps at once: what a page of zaps says of their runs.

Promise: a fixed number of queries, none of which reads all runs of a zap.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.db import utc_now
from flowforge.models import Run, Tally, Zap
from flowforge.services import tallied, tallies, tallying, usage
from flowforge.services.local_days import LocalDays

WINDOW = dt.timedelta(days=7)
# Tests of drafts are shown where somebody asks for them, and counted nowhere.
_IS_REAL = col(Run.environment) == "production"


@dataclass(frozen=True)
class RunFigures:
    """``success_rate``: share of succeeded among the runs that ended, of those begun in the last
    7 days (to the quarter hour); None where none ended.
    """

    total: int = 0
    success_rate: float | None = None
    last_id: str | None = None
    last_status: str | None = None
    last_at: dt.datetime | None = None


NONE = RunFigures()


async def of_zaps(
    session: AsyncSession, project_id: str, zap_ids: Sequence[str]
) -> dict[str, RunFigures]:
    """Figures of each of these zaps of a project that ever ran. The caller owns the project."""
    last = await _last(session, zap_ids)
    if not last:
        return {}
    totals = await _totals(session, list(last))
    now = utc_now()
    since = tallies.begin_of(tallies.slot_of(now - WINDOW))
    until = tallies.begin_of(tallies.slot_of(now) + 1)
    week = LocalDays((since.date(),), (since, until))
    sums = await tallied.read(session, project_id, week)
    return {
        zap_id: RunFigures(
            totals.get(zap_id, 0),
            usage.rate(sums.by_zap[zap_id].statuses()),
            *row,
        )
        for zap_id, row in last.items()
    }


async def _last(
    session: AsyncSession, zap_ids: Sequence[str]
) -> dict[str, tuple[str, str, dt.datetime]]:
    """The newest run of each: one look into the index per zap."""
    newest = (
        select(col(Run.id))
        .where(col(Run.zap_id) == col(Zap.id), _IS_REAL)
        .order_by(col(Run.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    ids = select(newest).where(col(Zap.id).in_(zap_ids))
    rows = await session.execute(
        select(col(Run.zap_id), col(Run.id), col(Run.status), col(Run.created_at)).where(
            col(Run.id).in_(ids)
        )
    )
    return {zap_id: (run_id, status, at) for zap_id, run_id, status, at in rows.all()}


async def _totals(session: AsyncSession, zap_ids: Sequence[str]) -> dict[str, int]:
    """How many runs each ever had: a day's number never changes."""
    mark = await tallying.mark(session)
    kept = await session.execute(
        select(col(Tally.zap_id), func.sum(col(Tally.total)), func.max(col(Tally.through_at)))
        .where(col(Tally.zap_id).in_(zap_ids))
        .group_by(col(Tally.zap_id))
    )
    found: dict[str, int] = {}
    since: dict[str, dt.datetime] = {}
    for zap_id, number, through_at in kept.all():
        found[zap_id] = int(number)
        since[zap_id] = max(through_at, mark) if mark else through_at
    for zap_id, number in (await tallying.begun_since(session, zap_ids, mark, since)).items():
        found[zap_id] = found.get(zap_id, 0) + number
    return found
