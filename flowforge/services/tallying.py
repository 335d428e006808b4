"""Counting runs of a part of time, and keeping what was counted: at most once per day and change.

Promise: whatever becomes of runs afterwards, who reads a tally can tell that it holds no longer, so
nothing that ends or retries a run has to know of tallies; and nothing here locks a run.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    case,
    cast,
    delete,
    extract,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.db import utc_now
from flowforge.models import Run, Tally, TallyMark
from flowforge.services import figures, run_filters, tallies
from flowforge.services.local_days import midnight
from flowforge.services.run_filters import RunFilter

# More that have not ended are not named: then the day is counted by whoever asks.
MOST_PENDING = 500
# An id and the time of its row are read one after the other, and stored within this time.
SETTLED = dt.timedelta(minutes=10)
_DAY = dt.timedelta(days=1)
_LIVE = tuple(status for status in figures.STATUSES if status not in figures.ENDED)
WHOLE = ""
_MARK = 1


@dataclass(frozen=True)
class Counted:
    """``ends``: (zap id, quarter hour, status, how many); ``durations``: (zap id, length, how many)."""

    ends: Sequence[tuple[str, int, str, int]]
    durations: Sequence[tuple[str, int, int]]


async def count(
    session: AsyncSession,
    project_id: str,
    since: dt.datetime,
    until: dt.datetime,
    zap_id: str | None = None,
) -> Counted:
    """The runs of a project, or of one zap of it, that began then: read one by one."""
    meant = _meant(project_id, since, until, zap_id)
    slot = _slot_of(session, Run.created_at)
    ends = await session.execute(
        select(col(Run.zap_id), slot, col(Run.status), func.count())
        .where(*meant)
        .group_by(col(Run.zap_id), slot, col(Run.status))
    )
    place = _place_of(session)
    durations = await session.execute(
        select(col(Run.zap_id), place, func.count())
        .where(*meant, col(Run.finished_at).is_not(None))
        .group_by(col(Run.zap_id), place)
    )
    return Counted(
        [(zap, int(at), status, number) for zap, at, status, number in ends.all()],
        [(zap, int(length), number) for zap, length, number in durations.all()],
    )


async def begun_since(
    session: AsyncSession,
    zap_ids: Sequence[str],
    mark: dt.datetime | None,
    since: Mapping[str, dt.datetime],
) -> dict[str, int]:
    """How many runs of each zap began after ``mark``, and not before the zap's own moment."""
    slot = _slot_of(session, Run.created_at)
    meant = [col(Run.zap_id).in_(zap_ids), col(Run.environment) == "production"]
    if mark is not None:
        meant += [
            col(Run.id) >= figures.first_id_after(mark - SETTLED),
            col(Run.created_at) >= mark,
        ]
    rows = await session.execute(
        select(col(Run.zap_id), slot, func.count()).where(*meant).group_by(col(Run.zap_id), slot)
    )
    found: dict[str, int] = {}
    for zap_id, at, number in rows.all():
        if zap_id not in since or int(at) >= tallies.slot_of(since[zap_id]):
            found[zap_id] = found.get(zap_id, 0) + number
    return found


async def retries_by_slot(
    session: AsyncSession, project_id: str, since: dt.datetime, until: dt.datetime
) -> dict[int, int]:
    """How often runs that began then were run again, by quarter hour; only where any was."""
    slot = _slot_of(session, Run.created_at)
    rows = await session.execute(
        select(slot, func.sum(col(Run.retries)))
        .where(
            col(Run.project_id) == project_id,
            col(Run.retries) > text("0"),  # as the index says it
            col(Run.environment) == "production",
            col(Run.id) >= figures.first_id_after(since - SETTLED),
            col(Run.id) < figures.first_id_after(until + SETTLED),
            col(Run.created_at) >= since,
            col(Run.created_at) < until,
        )
        .group_by(slot)
    )
    return {int(at): int(number) for at, number in rows.all()}


async def mark(session: AsyncSession) -> dt.datetime | None:
    """Up to when everything is in a tally; None as long as nothing is."""
    found: dt.datetime | None = await session.scalar(
        select(col(TallyMark.through_at)).where(col(TallyMark.id) == _MARK)
    )
    return found


@dataclass(frozen=True)
class Day:
    """A day of a project up to ``through_at``, as it is to be kept. ``known_at``: when the tally that
    it takes the place of was counted, None where there was none.
    """

    project_id: str
    day: dt.date
    through_at: dt.datetime
    rows: list[dict[str, Any]]
    known_at: dt.datetime | None


async def counted_day(
    session: AsyncSession, project_id: str, day: dt.date, through_at: dt.datetime
) -> Day:
    """Count a day of a project, in a transaction that sees one moment (``see_one_moment``)."""
    begin = midnight(day)
    known_at = await session.scalar(
        select(col(Tally.counted_at)).where(*_key(project_id, day), col(Tally.zap_id) == WHOLE)
    )
    found = await count(session, project_id, begin, through_at)
    retried = await retries_by_slot(session, project_id, begin, through_at)
    pending = await session.scalars(
        select(col(Run.id))
        .where(*_meant(project_id, begin, through_at, None, _LIVE))
        .limit(MOST_PENDING + 1)
    )
    rows = _rows(found, tallies.slot_of(begin))
    now = utc_now()
    same = {
        "project_id": project_id,
        "day": day.isoformat(),
        "through_at": through_at,
        "counted_at": now,
        "retries": 0,
        "pending": None,
    }
    rows = [same | row for row in rows]
    for row in rows:
        if row["zap_id"] == WHOLE:
            row["retries"] = sum(retried.values())
            ids = list(pending)
            row["pending"] = ids if len(ids) <= MOST_PENDING else None
    return Day(project_id, day, through_at, rows, known_at)


async def keep(session: AsyncSession, day: Day) -> bool:
    """Store it in place of what was there; False where somebody else has meanwhile."""
    await _locked_mark(session)
    known_at = await session.scalar(
        select(col(Tally.counted_at)).where(
            *_key(day.project_id, day.day), col(Tally.zap_id) == WHOLE
        )
    )
    if known_at != day.known_at:
        return False
    await session.execute(delete(Tally).where(*_key(day.project_id, day.day)))
    if day.rows:
        await session.execute(insert(Tally), day.rows)
    return True


async def move_mark(session: AsyncSession, before: dt.datetime | None, after: dt.datetime) -> None:
    """From now on everything up to ``after`` is in a tally, unless somebody was faster."""
    row = await _locked_mark(session)
    if row.through_at == before:
        row.through_at = after
        session.add(row)


async def see_one_moment(session: AsyncSession) -> None:
    """Have all statements of this new transaction read the same state, as they do on SQLite."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def begin_of_time(session: AsyncSession) -> dt.datetime | None:
    """The day of UTC on which the oldest run began."""
    first: dt.datetime | None = await session.scalar(
        select(col(Run.created_at)).order_by(col(Run.id)).limit(1)
    )
    return midnight((first - SETTLED).date()) if first else None


async def projects_with_runs(
    session: AsyncSession, since: dt.datetime, until: dt.datetime
) -> list[str]:
    rows = await session.scalars(
        select(col(Run.project_id))
        .where(
            col(Run.id) >= figures.first_id_after(since - SETTLED),
            col(Run.id) < figures.first_id_after(until + SETTLED),
        )
        .distinct()
    )
    return list(rows)


async def changed_days(
    session: AsyncSession, since: dt.date, most: int
) -> list[tuple[str, dt.date, dt.datetime]]:
    """Tallies since that day which hold no longer: project, day, and how far they go."""
    heads = await session.execute(
        select(col(Tally.project_id), col(Tally.day), col(Tally.through_at), col(Tally.retries))
        .where(col(Tally.zap_id) == WHOLE, col(Tally.day) >= since.isoformat())
        .order_by(col(Tally.project_id), col(Tally.day))
    )
    found: list[tuple[str, dt.date, dt.datetime]] = []
    retried: dict[str, dict[int, int]] = {}
    for project_id, day_text, through_at, retries in heads.all():
        if project_id not in retried:
            retried[project_id] = await retries_by_slot(
                session, project_id, midnight(since), utc_now()
            )
        day = dt.date.fromisoformat(day_text)
        if retries != sum_between(retried[project_id], midnight(day), through_at):
            found.append((project_id, day, through_at))
        if len(found) >= most:
            break
    return found


async def ended_days(
    session: AsyncSession, since: dt.date, most: int
) -> list[tuple[str, dt.date, dt.datetime]]:
    """Tallies since that day in which runs are named that have ended, or too many were to be named."""
    heads = await session.execute(
        select(col(Tally.project_id), col(Tally.day), col(Tally.through_at), col(Tally.pending))
        .where(
            col(Tally.zap_id) == WHOLE,
            col(Tally.day) >= since.isoformat(),
            col(Tally.pending).is_(None) | (func.length(col(Tally.pending)) > len("[]")),
        )
        .order_by(col(Tally.counted_at))
        .limit(most)
    )
    found = []
    for project_id, day_text, through_at, pending in heads.all():
        ended = pending is None or await session.scalar(
            select(col(Run.id))
            .where(col(Run.id).in_(pending), col(Run.status).in_(figures.ENDED))
            .limit(1)
        )
        if ended:
            found.append((project_id, dt.date.fromisoformat(day_text), through_at))
    return found


def sum_between(by_slot: Mapping[int, int], since: dt.datetime, until: dt.datetime) -> int:
    first, last = tallies.slot_of(since), tallies.slot_of(until)
    return sum(number for slot, number in by_slot.items() if first <= slot < last)


def _meant(
    project_id: str,
    since: dt.datetime,
    until: dt.datetime,
    zap_id: str | None,
    statuses: Sequence[str] = figures.STATUSES,
) -> list[Any]:
    """As the run list means it; each status a range of the index."""
    wanted = RunFilter(zap_id=zap_id, since=since, until=until)
    return [*run_filters.conditions(project_id, wanted), col(Run.status).in_(statuses)]


def _key(project_id: str, day: dt.date) -> list[Any]:
    return [col(Tally.project_id) == project_id, col(Tally.day) == day.isoformat()]


async def _locked_mark(session: AsyncSession) -> TallyMark:
    """Whoever holds it writes tallies; on SQLite whoever writes holds it anyway."""
    await session.execute(
        text("INSERT INTO tally_mark (id) VALUES (:id) ON CONFLICT DO NOTHING"), {"id": _MARK}
    )
    query = select(TallyMark).where(col(TallyMark.id) == _MARK).with_for_update()
    row: TallyMark = (await session.scalars(query)).one()
    return row


def _rows(found: Counted, first_slot: int) -> list[dict[str, Any]]:
    """A row for each zap, and the project's own where there is any."""
    ends: defaultdict[str, defaultdict[int, dict[str, int]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    totals: defaultdict[str, int] = defaultdict(int)
    durations: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for zap_id, slot, status, number in found.ends:
        for owner in (zap_id, WHOLE):
            at = ends[owner][slot - first_slot]
            at[status] = at.get(status, 0) + number
            totals[owner] += number
    for zap_id, length, number in found.durations:
        for owner in (zap_id, WHOLE):
            durations[owner][length] += number
    return [
        {
            "zap_id": owner,
            "total": totals[owner],
            "slots": tallies.packed(ends[owner]),
            "durations": {str(length): number for length, number in durations[owner].items()},
        }
        for owner in ends
    ]


def _slot_of(session: AsyncSession, column: Any) -> Any:
    """SQL of ``tallies.slot_of``; not rounded, as both databases would on their own."""
    if session.get_bind().dialect.name == "sqlite":
        seconds = cast(func.strftime("%s", func.substr(column, 1, 19)), Integer)
        return seconds.op("/")(text(str(tallies.SLOT_SECONDS)))
    return cast(
        func.floor(extract("epoch", column).op("/")(text(str(tallies.SLOT_SECONDS)))), BigInteger
    )


def _place_of(session: AsyncSession) -> Any:
    """SQL of ``tallies.rounded`` of how long a run took."""
    begun: Any = func.coalesce(col(Run.started_at), col(Run.created_at))
    if session.get_bind().dialect.name == "sqlite":
        days = func.julianday(col(Run.finished_at)) - func.julianday(begun)
        took = cast(func.round(days * text("86400000.0")), Integer)
    else:
        seconds = extract("epoch", col(Run.finished_at)) - extract("epoch", begun)
        took = cast(func.round(seconds * literal_column("1000")), BigInteger)
    steps = [(took < text("0"), text("0")), (took < text(str(tallies.FINE)), took)]
    for scale in tallies.SCALES:
        whole = took.op("/")(text(str(scale))).op("*")(text(str(scale)))
        steps.append((took < text(str(tallies.FINE * scale)), whole))
    return case(*steps, else_=text(str(tallies.FINE * tallies.SCALES[-1])))
