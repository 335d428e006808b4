"""How zaps did of late: runs that succeeded and that did not, day by day, and what went wrong last.

Promise: one statement, however many zaps and runs there are.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.models import Run
from flowforge.services.figures import first_id_after

DAYS = 7
_BAD = ("failed", "timed_out")


@dataclass(frozen=True)
class Day:
    """Runs that began within these 24 hours and have ended so."""

    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Health:
    """``days``: the last seven, the one that ends now last. ``error``: what the newest run that
    failed in them says of itself, ``error_run_id`` is that run; both empty where none did.
    """

    days: tuple[Day, ...] = (Day(),) * DAYS
    error: str = ""
    error_run_id: str = ""


NONE = Health()


async def of_zaps(
    session: AsyncSession, zap_ids: Sequence[str], now: dt.datetime
) -> dict[str, Health]:
    """Of each of these zaps that a run of ended so lately. The caller owns the zaps."""
    begins = [first_id_after(now - dt.timedelta(days=DAYS - day)) for day in range(DAYS)]
    place = case(
        *((col(Run.id) >= begins[day], day) for day in range(DAYS - 1, 0, -1)), else_=0
    ).label("place")
    is_bad = col(Run.status).in_(_BAD)
    counted = (
        select(
            col(Run.zap_id),
            place,
            func.sum(case((is_bad, 0), else_=1)).label("good"),
            func.sum(case((is_bad, 1), else_=0)).label("bad"),
            func.max(case((is_bad, col(Run.id)))).label("last"),
        )
        .where(
            col(Run.zap_id).in_(zap_ids),
            col(Run.id) >= begins[0],
            col(Run.environment) == "production",
            col(Run.status).in_(("succeeded", *_BAD)),
        )
        .group_by(col(Run.zap_id), place)
        .subquery()
    )
    rows = await session.execute(
        select(
            counted.c.zap_id,
            counted.c.place,
            counted.c.good,
            counted.c.bad,
            counted.c.last,
            col(Run.error),
        )
        .outerjoin(Run, col(Run.id) == counted.c.last)
        .order_by(counted.c.zap_id, counted.c.place)
    )
    found: dict[str, Health] = {}
    for zap_id, day, good, bad, last, error in rows.all():
        before = found.get(zap_id, NONE)
        days = (*before.days[:day], Day(int(good), int(bad)), *before.days[day + 1 :])
        if last:
            found[zap_id] = Health(days, str((error or {}).get("message", "")), last)
        else:
            found[zap_id] = Health(days, before.error, before.error_run_id)
    return found
