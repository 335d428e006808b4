"""The last days as somebody's calendar has them, as moments of UTC. Pure.

A day is from its midnight to the next one, where the clocks change 23 or 25 hours, and where there is
no midnight from the first moment there is.
"""

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flowforge.services import tallies

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class LocalDays:
    """``days`` one after the other; ``begins`` has where each begins, and where the last one ends."""

    days: tuple[dt.date, ...]
    begins: tuple[dt.datetime, ...]

    @property
    def since(self) -> dt.datetime:
        return self.begins[0]

    @property
    def until(self) -> dt.datetime:
        return self.begins[-1]

    def place(self, moment: dt.datetime) -> int | None:
        """Which of the days it lies in."""
        if not self.since <= moment < self.until:
            return None
        return bisect_right(self.begins, moment) - 1

    def pieces(self, utc_day: dt.date) -> tuple[tuple[int, int], ...]:
        """What of a day of UTC, all of which is meant, belongs to which day: so many quarter hours
        from its begin on, and the place of the day they end in.
        """
        begin = midnight(utc_day)
        cuts = [each for each in self.begins if begin < each < begin + _DAY]
        found = []
        for cut in (*cuts, begin + _DAY):
            place = self.place(cut - tallies.SLOT)
            found.append(((cut - begin) // tallies.SLOT, -1 if place is None else place))
        return tuple(found)


def last_days(count: int, zone: ZoneInfo, now: dt.datetime) -> LocalDays:
    """The day that it is, and those before: ``count`` together."""
    today = now.astimezone(zone).date()
    days = tuple(today - _DAY * back for back in range(count - 1, -1, -1))
    return LocalDays(days, tuple(begin_of(day, zone) for day in (*days, today + _DAY)))


def begin_of(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first moment of the day, in UTC."""
    # Of a midnight that there is twice, the first; one that is skipped comes out as the moment of
    # the change, for both sides of which the wall clock's difference is the one before it.
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
