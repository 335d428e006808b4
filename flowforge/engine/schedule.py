"""When a schedule fires: the moments of a cron expression in a time zone, or of an interval.

Moments are in UTC and strictly ascending. Where the clocks of a zone are changed (as Vixie cron has
it, with the field of hours deciding):

* A fixed hour that is left out (02:30 on the night when 02:00 becomes 03:00) fires once, at the
  first moment after the gap, however many of its times are in it. One that comes twice fires the
  first time only.
* Where the hours begin with ``*`` it fires as the clock on the wall shows: what is left out is left
  out, and what comes twice fires twice.

An interval knows no clock on the wall: so many seconds after the time before, whatever it shows.
"""

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from flowforge.engine import cron as crons
from flowforge.engine.cron import Cron
from flowforge.engine.triggers import ScheduleSettings

# 29 February on a given day of the week may be 40 years away.
HORIZON_DAYS = 41 * 366
_DAY = dt.timedelta(days=1)
_MINUTE = dt.timedelta(minutes=1)
_SECOND = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A cron expression on the wall of some place."""

    cron: Cron
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Interval:
    """Every so often, counted from the time before."""

    every: dt.timedelta


Rhythm = Calendar | Interval


class Overdue(NamedTuple):
    """Where a schedule stands at some moment: ``last`` was due last, ``missed`` (newest first) and
    ``more`` even earlier ones before it; ``next_at`` is the first one to come, None for never.
    """

    last: dt.datetime
    missed: Sequence[dt.datetime]
    more: int
    next_at: dt.datetime | None


def problems(settings: ScheduleSettings) -> Iterator[tuple[str, str]]:
    """What keeps a schedule from being published: ``(field, sentence)`` each."""
    if settings.every_seconds is None and not settings.cron:
        yield "cron", "Say when it fires: a cron expression, or an interval."
    try:
        zone(settings.timezone)
    except ValueError as problem:
        yield "timezone", f"{problem}."


def read(settings: ScheduleSettings) -> Rhythm:
    """The rhythm that settings (``cron`` or ``every_seconds``, ``timezone``) say.

    Raises: ValueError with a sentence for its reader.
    """
    if settings.every_seconds is not None:
        return Interval(dt.timedelta(seconds=settings.every_seconds))
    return Calendar(crons.parse(settings.cron), zone(settings.timezone))


def zone(name: str) -> ZoneInfo:
    """Raises: ValueError for a name that the time zone database does not have."""
    if name not in _zones():
        raise ValueError(f"'{name}' is no time zone; use a name such as Europe/Berlin or UTC")
    return ZoneInfo(name)


def next_times(rhythm: Rhythm, after: dt.datetime, number: int) -> list[dt.datetime]:
    """The next so many moments after that one; fewer where there are no more in 40 years."""
    return list(islice(times(rhythm, after), number))


def following(rhythm: Rhythm, after: dt.datetime) -> dt.datetime | None:
    """The first moment after that one."""
    return next(times(rhythm, after), None)


def times(rhythm: Rhythm, after: dt.datetime) -> Iterator[dt.datetime]:
    """All moments after that one, ascending, within the horizon."""
    after = after.astimezone(dt.UTC)
    if isinstance(rhythm, Interval):
        while True:
            after += rhythm.every
            yield after
    begin = after + dt.timedelta.resolution
    for _ in range(HORIZON_DAYS):
        end = _midnight(begin) + _DAY
        yield from _moments(rhythm, begin, end)
        begin = _next_day(rhythm.cron, end)


def overdue(rhythm: Rhythm, planned_at: dt.datetime, now: dt.datetime, most: int) -> Overdue:
    """What became due from ``planned_at`` (which did, whatever the rhythm says by now) up to
    ``now``; at most ``most`` of what was missed is told one by one.
    """
    planned_at, now = planned_at.astimezone(dt.UTC), now.astimezone(dt.UTC)
    if isinstance(rhythm, Interval):
        before = max((now - planned_at) // rhythm.every, 0)
        last = planned_at + before * rhythm.every
        told = min(before, most)
        missed = [last - number * rhythm.every for number in range(1, told + 1)]
        return Overdue(last, missed, before - told, last + rhythm.every)
    due = _backwards(rhythm, now, planned_at)
    newest = [*islice(due, most + 1)]
    if len(newest) <= most:
        last, *missed = [*newest, planned_at]
        return Overdue(last, missed, 0, following(rhythm, now))
    more = _count(rhythm, planned_at, newest[-1]) + 1
    return Overdue(newest[0], newest[1:], more, following(rhythm, now))


def _next_day(cron: Cron, day: dt.datetime) -> dt.datetime:
    """``day``, or a later one before which there is nothing: months that are not wanted at all."""
    if not cron.months.isdisjoint({near.month for near in (day - _DAY, day, day + _DAY)}):
        return day
    next_month = (day.replace(day=1) + 32 * _DAY).replace(day=1)
    return max(day, next_month - _DAY)


def _backwards(calendar: Calendar, start: dt.datetime, stop: dt.datetime) -> Iterator[dt.datetime]:
    """From ``start`` on, which may be the first, down to and without ``stop``."""
    begin, end = stop + dt.timedelta.resolution, start + dt.timedelta.resolution
    while begin < end:
        day = max(_midnight(end - dt.timedelta.resolution), begin)
        yield from _moments(calendar, day, end, backwards=True)
        end = day


def _count(calendar: Calendar, after: dt.datetime, before: dt.datetime) -> int:
    """How many moments are between the two, neither of them counted."""
    number, begin = 0, after + dt.timedelta.resolution
    while begin < before:
        end = min(_midnight(begin) + _DAY, before)
        if _shifts(calendar.zone, begin - _DAY, end):
            number += len(_where_changed(calendar, begin, end))
        else:
            offset = _offset(calendar.zone, begin)
            spans = _spans(calendar.cron, begin + offset, end + offset)
            number += sum(last - first for _, first, last in spans)
        begin = end
    return number


def _moments(
    calendar: Calendar, begin: dt.datetime, end: dt.datetime, *, backwards: bool = False
) -> Iterator[dt.datetime]:
    """Those from ``begin`` on and before ``end``, a day of UTC or less; ascending, or backwards."""
    # No zone is further than a day from UTC.
    if not any(calendar.cron.is_on(begin.date() + near * _DAY) for near in (-1, 0, 1)):
        return
    if _shifts(calendar.zone, begin - _DAY, end):
        found = _where_changed(calendar, begin, end)
        yield from reversed(found) if backwards else found
        return
    # One by one: of an every-minute schedule hardly more than the first is ever asked for.
    offset = _offset(calendar.zone, begin)
    spans = _spans(calendar.cron, begin + offset, end + offset)
    for midnight, first, last in reversed([*spans]) if backwards else spans:
        marks = calendar.cron.marks[first:last]
        for mark in reversed(marks) if backwards else marks:
            yield midnight + mark * _MINUTE - offset


def _where_changed(calendar: Calendar, begin: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
    """The same where clocks are changed, or were a day ago."""
    shifts = _shifts(calendar.zone, begin - _DAY, end)
    inside = [shift.at for shift in shifts if begin < shift.at]
    found: set[dt.datetime] = set()
    for start, stop in zip([begin, *inside], [*inside, end], strict=True):
        found |= _shown(calendar, start, stop)
    if not calendar.cron.wild_hours:
        for shift in shifts:
            # Shown for the second time; nothing where the clock goes forward.
            again = shift.at + (shift.before - shift.after)
            found = {moment for moment in found if not shift.at <= moment < again}
            if shift.at >= begin and _is_in(calendar.cron, shift):
                found.add(shift.at)
    return sorted(found)


def _shown(calendar: Calendar, start: dt.datetime, stop: dt.datetime) -> set[dt.datetime]:
    """When the clock on the wall shows what is wanted, while nobody touches it."""
    offset = _offset(calendar.zone, start)
    marks = calendar.cron.marks
    return {
        midnight + mark * _MINUTE - offset
        for midnight, first, last in _spans(calendar.cron, start + offset, stop + offset)
        for mark in marks[first:last]
    }


def _spans(
    cron: Cron, start: dt.datetime, stop: dt.datetime
) -> Iterator[tuple[dt.datetime, int, int]]:
    """Midnight of each day, and which of the marks of that day are from ``start`` to ``stop``."""
    midnight = _midnight(start)
    while midnight < stop:
        if cron.is_on(midnight.date()):
            first = bisect_left(cron.marks, (start - midnight) / _MINUTE)
            last = bisect_left(cron.marks, (stop - midnight) / _MINUTE)
            yield midnight, first, last
        midnight += _DAY


class _Shift(NamedTuple):
    """The clocks of a zone are changed, by ``after - before``."""

    at: dt.datetime
    before: dt.timedelta
    after: dt.timedelta


def _is_in(cron: Cron, shift: _Shift) -> bool:
    """Whether a time is wanted that the clock leaves out."""
    spans = _spans(cron, shift.at + shift.before, shift.at + shift.after)
    return any(first < last for _, first, last in spans)


def _shifts(zone: ZoneInfo, begin: dt.datetime, end: dt.datetime) -> list[_Shift]:
    """Those from ``begin`` on and before ``end``: hours apart at least, and none undone in between."""
    found = []
    before, last = begin - _SECOND, end - _SECOND
    while (old := _offset(zone, before)) != _offset(zone, last):
        low, high = 0, (last - before) // _SECOND
        while high - low > 1:
            middle = (low + high) // 2
            if _offset(zone, before + middle * _SECOND) == old:
                low = middle
            else:
                high = middle
        before += high * _SECOND
        found.append(_Shift(before, old, _offset(zone, before)))
    return found


def _midnight(moment: dt.datetime) -> dt.datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _offset(zone: ZoneInfo, moment: dt.datetime) -> dt.timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 - every zone of the database has one
    return offset


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
