"""A schedule in words: "At 09:00 on weekdays, Europe/Berlin"."""

from collections.abc import Collection, Sequence

from flowforge.engine import cron as crons
from flowforge.engine.cron import Cron
from flowforge.engine.triggers import ScheduleSettings

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_WORKING_DAYS = frozenset({1, 2, 3, 4, 5})
_WEEKEND = frozenset({0, 6})
_MOST_TIMES = 6
_HOURS = 24
_LONGEST_MONTH = 31
_SHORTEST_SPAN = 3


def sentence(settings: ScheduleSettings) -> str:
    """What the settings mean, without a full stop; empty where they say nothing yet."""
    if settings.every_seconds is not None:
        return _every(settings.every_seconds)
    if not settings.cron:
        return ""
    cron = crons.parse(settings.cron)
    days = _days(cron) or ("every day" if _has_few_times(cron) else "")
    parts = [_times(cron), days, _months(cron)]
    return f"{' '.join(part for part in parts if part)}, {settings.timezone}"


def span(seconds: int) -> str:
    """A length of time in its largest whole unit: 90 seconds, 1 hour."""
    number, unit = _largest(seconds)
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _every(seconds: int) -> str:
    number, unit = _largest(seconds)
    return f"Every {unit}" if number == 1 else f"Every {number} {unit}s"


def _largest(seconds: int) -> tuple[int, str]:
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return seconds // size, unit


def _has_few_times(cron: Cron) -> bool:
    return len(cron.hours) < _HOURS and len(cron.marks) <= _MOST_TIMES


def _times(cron: Cron) -> str:
    if _has_few_times(cron):
        return f"At {_listed([f'{mark // 60:02}:{mark % 60:02}' for mark in cron.marks])}"
    minutes, hours = sorted(cron.minutes), sorted(cron.hours)
    during = "" if len(hours) == _HOURS else _during(hours)
    step = _step(minutes, 60)
    if step is not None:
        often = "Every minute" if step == 1 else f"Every {step} minutes"
        return f"{often} {during}".strip()
    past = "on the hour" if minutes == [0] else f"at {_listed(minutes)} minutes past"
    past = "at 1 minute past" if minutes == [1] else past
    step = _step(hours, _HOURS)
    if step is not None:
        return f"Every hour {past}" if step == 1 else f"Every {step} hours {past}"
    return f"Every hour {past}, {during}"


def _during(hours: Sequence[int]) -> str:
    if _is_span(hours):
        return f"from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return f"in the hours {_listed(hours)}"


def _days(cron: Cron) -> str:
    days = sorted(cron.days)
    of = "day" if len(days) == 1 else "days"
    month = "" if len(days) == _LONGEST_MONTH else f"on {of} {_listed(days)} of the month"
    week = _week(cron.weekdays)
    if cron.either_day:
        return f"{month} or {week}"
    if month and week:
        return f"{month} if that is {week}"
    return month or week


def _week(weekdays: frozenset[int]) -> str:
    if len(weekdays) == len(_WEEKDAYS):
        return ""
    if weekdays == _WORKING_DAYS:
        return "on weekdays"
    if weekdays == _WEEKEND:
        return "on weekends"
    # Monday first, as a week is read.
    days = sorted((day + 6) % 7 for day in weekdays)
    names = [_WEEKDAYS[(day + 1) % 7] for day in days]
    if _is_span(days):
        return f"from {names[0]} to {names[-1]}"
    return f"on {_listed(names)}"


def _months(cron: Cron) -> str:
    months = sorted(cron.months)
    if len(months) == len(_MONTHS):
        return ""
    names = [_MONTHS[month - 1] for month in months]
    return f"from {names[0]} to {names[-1]}" if _is_span(months) else f"in {_listed(names)}"


def _step(numbers: Sequence[int], whole: int) -> int | None:
    """What lies between each two of them, if they go round the clock in equal steps."""
    if len(numbers) == 1:
        return None
    step = numbers[1] - numbers[0]
    goes_round = whole % step == 0 and list(numbers) == list(range(0, whole, step))
    return step if goes_round else None


def _is_span(numbers: Sequence[int]) -> bool:
    return len(numbers) >= _SHORTEST_SPAN and numbers[-1] - numbers[0] == len(numbers) - 1


def _listed(items: Collection[object]) -> str:
    *most, last = map(str, items)
    return f"{', '.join(most)} and {last}" if most else last
