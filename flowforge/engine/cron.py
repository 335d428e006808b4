"""Cron expressions: five fields (minute, hour, day of month, month, day of week), read strictly.

Promise: whatever ``parse`` returns comes some day; all else is refused with a sentence that names
the field. Numbers, names (``JAN``, ``MON``), ``*``, lists, ranges and steps are known, and
``@hourly``, ``@daily``, ``@weekly``, ``@monthly``, ``@yearly``.
"""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MOST_DIGITS = 4


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    # 7 is Sunday as well.
    _Field("day of week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True)
class Cron:
    """When it fires, on the clock of its wall. Days of the week count from Sunday, 0.

    ``either_day``: day of month and day of week are both restricted, and one of them is enough.
    ``wild_hours``: the field of hours begins with ``*``.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    wild_hours: bool

    def is_on(self, day: dt.date) -> bool:
        """Whether it fires on that day at all."""
        if day.month not in self.months:
            return False
        in_month = day.day in self.days
        in_week = day.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.either_day else in_month and in_week

    @cached_property
    def marks(self) -> tuple[int, ...]:
        """The minutes of a day at which it fires, counted from midnight."""
        return tuple(sorted(60 * hour + minute for hour in self.hours for minute in self.minutes))


@lru_cache(maxsize=4096)
def parse(text: str) -> Cron:
    """Raises: ValueError with a sentence for its reader."""
    parts = _parts(text)
    minutes, hours, days, months, weekdays = (
        _read(part, field) for part, field in zip(parts, _FIELDS, strict=True)
    )
    cron = Cron(
        minutes,
        hours,
        days,
        months,
        frozenset(day % 7 for day in weekdays),
        either_day=not parts[2].startswith("*") and not parts[4].startswith("*"),
        wild_hours=parts[1].startswith("*"),
    )
    if not cron.either_day and all(min(days) > _LONGEST_MONTHS[month - 1] for month in months):
        raise ValueError(f"'{text}' never comes: no such month has a day {min(days)}")
    return cron


def _parts(text: str) -> list[str]:
    cleaned = text.strip().lower()
    if cleaned.startswith("@"):
        if cleaned not in _SHORT:
            known = ", ".join(_SHORT)
            raise ValueError(
                f"'{text.strip()}' is not known; use {known}, five fields, or every_seconds"
            )
        cleaned = _SHORT[cleaned]
    parts = cleaned.split()
    if len(parts) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        raise ValueError(f"a cron expression has five fields ({names}); this one has {len(parts)}")
    return parts


def _read(text: str, field: _Field) -> frozenset[int]:
    found: set[int] = set()
    for item in text.split(","):
        found |= _read_item(item, field)
    return frozenset(found)


def _read_item(item: str, field: _Field) -> set[int]:
    span, has_step, step_text = item.partition("/")
    first, is_range, last = span.partition("-")
    if first == "*" and not is_range:
        # Sunday once: */2 would meet it twice.
        low, high = field.low, field.high - (field.names is _WEEKDAYS)
    else:
        low = _number(first, field)
        high = _number(last, field) if is_range else field.high if has_step else low
    if low > high:
        raise ValueError(f"{field.name}: '{span}' ends before it begins")
    if not has_step:
        return set(range(low, high + 1))
    step = _digits(step_text)
    if not step:
        raise ValueError(f"{field.name}: the step in '{item}' must be a number from 1 on")
    if step > field.high:
        raise ValueError(f"{field.name}: a step of {step} in '{item}' is larger than {field.high}")
    return set(range(low, high + 1, step))


def _number(text: str, field: _Field) -> int:
    if text in field.names:
        return field.names.index(text) + (field.names is _MONTHS)
    number = _digits(text)
    if number is None:
        names = f" or a name such as {field.names[1].upper()}" if field.names else ""
        raise ValueError(f"{field.name}: '{text}' is not a number{names}")
    if not field.low <= number <= field.high:
        raise ValueError(f"{field.name}: {number} is not between {field.low} and {field.high}")
    return number


def _digits(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None
