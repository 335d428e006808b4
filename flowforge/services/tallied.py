"""Reading counts of runs for days of somebody's calendar: from tallies as far as these hold, and from
the runs themselves for the rest: the last half hour, and days that have changed since.
"""

import copy
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import LargeBinary, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.models import Run, Tally
from flowforge.services import figures, tallies, tallying
from flowforge.services.attempts import milliseconds
from flowforge.services.local_days import LocalDays, midnight
from flowforge.services.tallying import WHOLE

_DAY = dt.timedelta(days=1)
_AT_ONCE = 500
Range = tuple[dt.datetime, dt.datetime]


@dataclass
class Sum:
    """``days``: runs by status, of each day by its place; ``durations``: how many took how long."""

    days: defaultdict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    durations: dict[int, int] = field(default_factory=dict)

    def add(self, place: int, status: str, number: int) -> None:
        day = self.days[place]
        day[status] = day.get(status, 0) + number

    def took(self, length: int, number: int) -> None:
        self.durations[length] = self.durations.get(length, 0) + number

    def statuses(self, place: int | None = None) -> dict[str, int]:
        """Of one day, or of all: every status, also those that no run is in."""
        found = dict.fromkeys(figures.STATUSES, 0)
        for at, day in self.days.items():
            if place is None or at == place:
                for status, number in day.items():
                    found[status] += number
        return found

    def total(self, place: int | None = None) -> int:
        return sum(self.statuses(place).values())


@dataclass
class Sums:
    """Of each zap, and (``WHOLE``) of all together."""

    by_zap: defaultdict[str, Sum] = field(default_factory=lambda: defaultdict(Sum))
    # The days of UTC whose tallies were read, for what is read later of some zaps only.
    tallied: list[str] = field(default_factory=list)

    def add(self, zap_id: str, place: int, status: str, number: int) -> None:
        for owner in (zap_id, WHOLE):
            self.by_zap[owner].add(place, status, number)

    def took(self, zap_id: str, length: int, number: int) -> None:
        for owner in (zap_id, WHOLE):
            self.by_zap[owner].took(length, number)

    @property
    def whole(self) -> Sum:
        return self.by_zap[WHOLE]

    def busiest(self) -> list[str]:
        """The ids of the zaps, those with the most runs first."""
        totals = {zap_id: each.total() for zap_id, each in self.by_zap.items() if zap_id != WHOLE}
        return sorted((each for each in totals if totals[each]), key=lambda each: -totals[each])


@dataclass(frozen=True)
class _Part:
    """``days`` of UTC whose tallies hold, ``pending`` the runs that they do not know the end of, and
    the ranges that must be read run by run.
    """

    days: list[dt.date]
    pending: list[str]
    ranges: list[Range]


async def read(
    session: AsyncSession, project_id: str, calendar: LocalDays, zap_id: str | None = None
) -> Sums:
    """How the runs of these days ended, so far; of one zap or of all. The caller owns the project."""
    part = await _divided(session, project_id, calendar)
    sums = Sums(tallied=[day.isoformat() for day in part.days])
    meant = [col(Tally.project_id) == project_id]
    if zap_id is not None:
        meant.append(col(Tally.zap_id) == zap_id)
    await _add_tallies(session, sums, calendar, part.days, meant)
    if zap_id is not None:
        sums.by_zap[WHOLE] = copy.deepcopy(sums.by_zap[zap_id])
    for first in range(0, len(part.pending), _AT_ONCE):
        await _add_pending(session, sums, calendar, part.pending[first : first + _AT_ONCE], zap_id)
    for since, until in part.ranges:
        found = await tallying.count(session, project_id, since, until, zap_id)
        for owner, slot, status, number in found.ends:
            place = calendar.place(tallies.begin_of(slot))
            if place is not None:
                sums.add(owner, place, status, number)
        for owner, length, number in found.durations:
            sums.took(owner, length, number)
    return sums


async def add_durations(
    session: AsyncSession, sums: Sums, project_id: str, zap_ids: Sequence[str]
) -> None:
    """How long the runs of these zaps took, or of all together (``WHOLE``), out of their tallies."""
    rows = await session.execute(
        select(col(Tally.zap_id), col(Tally.durations)).where(
            col(Tally.project_id) == project_id,
            col(Tally.day).in_(sums.tallied),
            col(Tally.zap_id).in_(zap_ids),
        )
    )
    parts: defaultdict[str, list[Mapping[str, int]]] = defaultdict(list)
    for zap_id, durations in rows.all():
        parts[zap_id].append(durations)
    for zap_id, mine in parts.items():
        for length, number in tallies.merged(mine).items():
            sums.by_zap[zap_id].took(length, number)


async def _divided(session: AsyncSession, project_id: str, calendar: LocalDays) -> _Part:
    first, last = calendar.since.date(), (calendar.until - tallies.SLOT).date()
    heads = await _heads(session, project_id, first, last)
    mark = await tallying.mark(session)
    retried = await tallying.retries_by_slot(
        session, project_id, midnight(first), midnight(last) + _DAY
    )
    days, pending, ranges = [], [], []
    for number in range((last - first).days + 1):
        day = first + _DAY * number
        begin, end = midnight(day), midnight(day) + _DAY
        head = heads.get(day.isoformat())
        known = max((each for each in (mark, head and head.through_at) if each), default=begin)
        known = min(max(known, begin), end)
        if begin < calendar.since or (head and not _holds(head, retried, begin)):
            # Of the first day not all is meant; or what was counted holds no longer.
            known = begin
        elif head:
            days.append(day)
            pending += head.pending
        if known < end:
            ranges.append((max(known, calendar.since), min(end, calendar.until)))
    return _Part(days, pending, list(_joined(ranges)))


def _holds(head: Any, retried: Mapping[int, int], begin: dt.datetime) -> bool:
    if head.pending is None:
        return False
    return bool(tallying.sum_between(retried, begin, head.through_at) == head.retries)


async def _heads(
    session: AsyncSession, project_id: str, first: dt.date, last: dt.date
) -> dict[str, Any]:
    """The project's own tallies, by day."""
    rows = await session.execute(
        select(col(Tally.day), col(Tally.through_at), col(Tally.retries), col(Tally.pending)).where(
            col(Tally.project_id) == project_id,
            col(Tally.day).between(first.isoformat(), last.isoformat()),
            col(Tally.zap_id) == WHOLE,
        )
    )
    return {row.day: row for row in rows.all()}


def _joined(ranges: Sequence[Range]) -> Iterator[Range]:
    """Those that touch made into one."""
    current: Range | None = None
    for since, until in ranges:
        if since >= until:
            continue
        if current and current[1] == since:
            current = (current[0], until)
            continue
        if current:
            yield current
        current = (since, until)
    if current:
        yield current


async def _add_tallies(
    session: AsyncSession,
    sums: Sums,
    calendar: LocalDays,
    days: Sequence[dt.date],
    meant: Sequence[Any],
) -> None:
    alike: defaultdict[tuple[int, ...], list[dt.date]] = defaultdict(list)
    for day in days:
        alike[tuple(slots for slots, _ in calendar.pieces(day))].append(day)
    for slots, some in alike.items():
        places = {day.isoformat(): [place for _, place in calendar.pieces(day)] for day in some}
        # Only the few bytes that the sums of these parts of the day are in.
        sought = [_record(each) for each in slots]
        rows = await session.execute(
            select(col(Tally.zap_id), col(Tally.day), *sought).where(
                *meant, col(Tally.day).in_(list(places))
            )
        )
        for owner, day_text, *records in rows.all():
            _add_pieces(sums.by_zap[owner], places[day_text], records)


def _record(slots: int) -> Any:
    packed = type_coerce(col(Tally.slots), LargeBinary)
    return func.substr(
        packed, tallies.place_in(slots), tallies.RECORD_BYTES, type_=LargeBinary
    ).label(f"first_{slots}")


def _add_pieces(to: Sum, places: Sequence[int], records: Sequence[bytes]) -> None:
    before = tallies.NOTHING
    for place, record in zip(places, records, strict=True):
        upto = tallies.read(record)
        if place >= 0:
            for status, number in zip(tallies.ENDED, tallies.less(upto, before), strict=True):
                if number:
                    to.add(place, status, number)
        before = upto


async def _add_pending(
    session: AsyncSession,
    sums: Sums,
    calendar: LocalDays,
    ids: Sequence[str],
    zap_id: str | None,
) -> None:
    query = select(
        col(Run.zap_id),
        col(Run.status),
        col(Run.created_at),
        col(Run.started_at),
        col(Run.finished_at),
    ).where(col(Run.id).in_(ids))
    if zap_id is not None:
        query = query.where(col(Run.zap_id) == zap_id)
    rows = await session.execute(query)
    for owner, status, created_at, started_at, finished_at in rows.all():
        place = calendar.place(created_at)
        if place is not None:
            sums.add(owner, place, status, 1)
        length = milliseconds(started_at or created_at, finished_at)
        if length is not None:
            sums.took(owner, tallies.rounded(length), 1)
