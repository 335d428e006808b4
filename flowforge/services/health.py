"""How zaps did of late: runs that succeeded and that did not, day by day, and what went wrong last.

Promise: a fixed number of statements, however many zaps and runs there are; none reads a week's runs.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.models import Run, Zap
from flowforge.services import tallied, tallies
from flowforge.services.figures import first_id_after
from flowforge.services.local_days import LocalDays

DAYS = 7
_DAY = dt.timedelta(days=1)
_BAD = ("failed", "timed_out")


@dataclass(frozen=True)
class Day:
    """Runs that began within these 24 hours and have ended so."""

    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Health:
    """``days``: the last seven, the one that ends now (to the quarter hour) last. ``error``: what the
    newest run that failed in them says of itself, ``error_run_id`` is that run; both empty where none
    did.
    """

    days: tuple[Day, ...] = (Day(),) * DAYS
    error: str = ""
    error_run_id: str = ""


NONE = Health()


async def of_zaps(
    session: AsyncSession, project_id: str, zap_ids: Sequence[str], now: dt.datetime
) -> dict[str, Health]:
    """Of each of these zaps that a run of ended so lately. The caller owns the project."""
    until = tallies.begin_of(tallies.slot_of(now) + 1)
    begins = tuple(until - _DAY * back for back in range(DAYS, -1, -1))
    week = LocalDays(tuple(each.date() for each in begins[:-1]), begins)
    sums = await tallied.read(session, project_id, week)
    found = {}
    for zap_id in zap_ids:
        days = tuple(_day(sums.by_zap[zap_id].statuses(place)) for place in range(DAYS))
        if any(day != Day() for day in days):
            found[zap_id] = days
    failed = [zap_id for zap_id, days in found.items() if any(day.failed for day in days)]
    errors = await _errors(session, failed, week.since)
    return {zap_id: Health(days, *errors.get(zap_id, ("", ""))) for zap_id, days in found.items()}


def _day(statuses: dict[str, int]) -> Day:
    return Day(statuses["succeeded"], sum(statuses[status] for status in _BAD))


async def _errors(
    session: AsyncSession, zap_ids: Sequence[str], since: dt.datetime
) -> dict[str, tuple[str, str]]:
    """What the newest failed run of each says, and its id: one look into the index per zap."""
    if not zap_ids:
        return {}
    newest = [
        select(func.max(col(Run.id)))
        .where(
            col(Run.zap_id) == col(Zap.id),
            col(Run.status) == status,
            col(Run.id) >= first_id_after(since),
            col(Run.environment) == "production",
        )
        .scalar_subquery()
        for status in _BAD
    ]
    found = await session.execute(select(*newest).where(col(Zap.id).in_(zap_ids)))
    ids = [max(filter(None, row)) for row in found.all() if any(row)]
    rows = await session.execute(
        select(col(Run.zap_id), col(Run.id), col(Run.error)).where(col(Run.id).in_(ids))
    )
    return {
        zap_id: (str((error or {}).get("message", "")), run_id)
        for zap_id, run_id, error in rows.all()
    }
