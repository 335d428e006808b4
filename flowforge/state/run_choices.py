"""What a person chose in the run list, and the address that says it: a list can be sent to somebody.

Pure. Days are days of UTC or of the zone that the address names, so that it finds the same runs
wherever it is opened.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo

from flowforge.engine import schedule
from flowforge.services import local_days
from flowforge.services.run_filters import RunFilter

LONGEST_SEARCH = 200
LONGEST_STEP = 100
LONGEST_ZONE = 100
IN_PROGRESS = "queued,running,waiting"
FILTERS = {
    IN_PROGRESS: "In progress",
    "succeeded": "Succeeded",
    "failed,timed_out": "Failed",
    "cancelled": "Cancelled",
}
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Choices:
    """``groups``: keys of ``FILTERS``, none for all; ``first`` and ``last`` are days (2026-11-21), both
    of them meant; ``step``: the id of a step that runs failed at.
    """

    groups: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    step: str = ""
    sought: str = ""
    tests: bool = False
    zone: str = ""


def chosen(groups: Iterable[str], **more: str | bool) -> Choices:
    """Choices of which nothing is left that cannot be one."""
    known = set(groups)
    text = {name: str(more.get(name) or "").strip() for name in ("first", "last", "step", "sought")}
    first, last = (text[each] if _day(text[each]) else "" for each in ("first", "last"))
    return Choices(
        groups=tuple(group for group in FILTERS if group in known),
        first=first,
        last=last,
        step=text["step"][:LONGEST_STEP],
        sought=text["sought"][:LONGEST_SEARCH],
        tests=bool(more.get("tests")),
        # Without a day it says nothing.
        zone=_known_zone(str(more.get("zone") or "")) if first or last else "",
    )


def of_query(query: str) -> Choices:
    """What an address says; what it cannot mean is left out."""
    asked = parse_qs(query)

    def of(name: str) -> str:
        return asked.get(name, [""])[0]

    statuses = {each.strip() for each in of("status").split(",")}
    return chosen(
        (group for group in FILTERS if statuses & set(group.split(","))),
        first=of("from"),
        last=of("to"),
        step=of("step"),
        sought=of("q"),
        tests=of("environment") == "test",
        zone=of("tz"),
    )


def address(path: str, choices: Choices) -> str:
    """Where the list can be found again."""
    named = {
        "status": ",".join(choices.groups),
        "from": choices.first,
        "to": choices.last,
        "tz": "" if choices.zone == "UTC" else choices.zone,
        "step": choices.step,
        "q": choices.sought,
        "environment": "test" if choices.tests else "",
    }
    query = query_of(named)
    return f"{path}{'?' + query if query else ''}"


def query_of(named: Mapping[str, str]) -> str:
    """What of it says anything, as the end of an address."""
    return urlencode({name: value for name, value in named.items() if value}, safe=",/")


def filter_of(choices: Choices, zap_id: str) -> RunFilter:
    """Which runs are meant; ``zap_id`` is empty for those of all zaps."""
    first, last = _day(choices.first), _day(choices.last)
    zone = ZoneInfo(choices.zone or "UTC")
    return RunFilter(
        zap_id=zap_id or None,
        status=",".join(choices.groups) or None,
        since=local_days.begin_of(first, zone) if first else None,
        until=local_days.begin_of(last + _DAY, zone) if last else None,
        failed_step=choices.step or None,
        q=choices.sought or None,
        environment="test" if choices.tests else "production",
    )


def counts_of(by_status: Mapping[str, int], most: int) -> dict[str, str]:
    """For each of ``FILTERS`` how many runs there are, in words: 12, or 10,000+."""
    found = {}
    for group in FILTERS:
        numbers = [by_status.get(status, 0) for status in group.split(",")]
        found[group] = f"{sum(numbers):,}{'+' if max(numbers) >= most else ''}"
    return found


def _known_zone(name: str) -> str:
    """``name``, or nothing where it is no zone, or UTC."""
    try:
        known = schedule.zone(name[:LONGEST_ZONE]).key
    except ValueError:
        return ""
    return "" if known == "UTC" else known


def _day(text: str) -> dt.date | None:
    """None for what is no day, or one that has none beside it."""
    try:
        day = dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        return None
    return day if dt.MINYEAR < day.year < dt.MAXYEAR else None
