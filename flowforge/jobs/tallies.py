"""Keeping tallies of runs up to date: the next part of time, then what has changed.

A chore of the sweep. Each day is counted in a transaction that only reads, and stored in a short one,
so that nobody who takes in or settles runs waits for it.
"""

import datetime as dt
import time

from flowforge.infra.db import Database, utc_now
from flowforge.services import tallies, tallying, usage
from flowforge.services.local_days import midnight

# What is left after this long waits for the next sweep: other chores do, too.
MOST_SECONDS = 20.0
MOST_CHANGED = 20
_DAY = dt.timedelta(days=1)


async def keep_tallies(database: Database, now: dt.datetime | None = None) -> None:
    """Count on to the quarter hour that is over for long enough, and count changed days again."""
    now = now or utc_now()
    until = time.monotonic() + MOST_SECONDS
    end = tallies.begin_of(tallies.slot_of(now - tallying.SETTLED))
    while time.monotonic() < until and await _go_on(database, end):
        pass
    # What nobody looks at is not counted again.
    since = (now - _DAY * (usage.MOST_DAYS + 1)).date()
    async with database.reading() as session:
        changed = await tallying.changed_days(session, since, MOST_CHANGED)
        changed += await tallying.ended_days(session, since, MOST_CHANGED)
    for project_id, day, through_at in changed:
        if time.monotonic() < until:
            await _count(database, project_id, day, through_at)


async def _go_on(database: Database, end: dt.datetime) -> bool:
    """Count the next part of a day that has not been; False where there is none."""
    async with database.reading() as session:
        await tallying.see_one_moment(session)
        before = await tallying.mark(session)
        begin = before or await tallying.begin_of_time(session) or end
        day = begin.date()
        after = min(midnight(day) + _DAY, end)
        if before is not None and after <= before:
            return False
        projects = await tallying.projects_with_runs(session, begin, after)
    for project_id in projects:
        if not await _count(database, project_id, day, after):
            return False  # somebody else is at it
    async with database.transaction() as session:
        await tallying.move_mark(session, before, after)
    return True


async def _count(
    database: Database, project_id: str, day: dt.date, through_at: dt.datetime
) -> bool:
    async with database.reading() as session:
        await tallying.see_one_moment(session)
        counted = await tallying.counted_day(session, project_id, day, through_at)
    async with database.transaction() as session:
        return await tallying.keep(session, counted)
