"""Usage as drawings and words: bars by day, a line of bars by zap, and where each number leads. Pure.

A drawing is as many units wide as there are days and ``HEIGHT`` high; the page stretches it. What
is there can be seen, however little it is.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowforge.services.usage import UsageDay, UsageView, UsageZap
from flowforge.state import run_choices, shown
from flowforge.state.run_choices import FILTERS, IN_PROGRESS, Choices

HEIGHT = 100
UNIT = 10
_GAP = 2.0
_LEAST = 1.5
FAILED, SUCCEEDED, CANCELLED = "failed,timed_out", "succeeded", "cancelled"
# From the foot of a bar to its top.
STACK = (FAILED, CANCELLED, SUCCEEDED, IN_PROGRESS)


@dataclass(frozen=True)
class Figure:
    """A number of runs, and the run list that finds them."""

    words: str = "0"
    path: str = ""


@dataclass(frozen=True)
class Bar:
    """One day. ``words`` says all of it."""

    day: str
    label: str
    words: str
    total: Figure
    succeeded: Figure
    failed: Figure
    cancelled: Figure
    going: Figure


@dataclass(frozen=True)
class ZapRow:
    """One zap. ``order`` has what it is sorted by, column by column."""

    id: str
    name: str
    path: str
    total: Figure
    failed: Figure
    rate: str
    p50: str
    p95: str
    trend: str
    trend_words: str
    order: dict[str, float]


@dataclass(frozen=True)
class Chart:
    """Paths of SVG, by the group of statuses; ``most`` is what the top of the drawing stands for."""

    failed: str = ""
    cancelled: str = ""
    succeeded: str = ""
    going: str = ""
    most: str = ""
    width: int = UNIT


@dataclass(frozen=True)
class Totals:
    total: Figure = Figure()
    succeeded: Figure = Figure()
    failed: Figure = Figure()
    cancelled: Figure = Figure()
    going: Figure = Figure()
    rate: str = "—"
    p50: str = "—"
    p95: str = "—"


def totals_of(view: UsageView, zap_id: str) -> Totals:
    first, last = view.days[0].day, view.days[-1].day
    return Totals(
        **_figures(view.by_status, zap_id, first, last, view.time_zone),
        rate=percent(view.success_rate),
        p50=shown.duration(view.p50_ms) or "—",
        p95=shown.duration(view.p95_ms) or "—",
    )


def bars_of(view: UsageView, zap_id: str) -> list[Bar]:
    return [_bar(day, zap_id, view.time_zone) for day in view.days]


def chart_of(view: UsageView) -> Chart:
    most = max((day.total for day in view.days), default=0)
    paths = dict.fromkeys(STACK, "")
    for place, day in enumerate(view.days):
        for group, drawn in _stacked(_by_group(day.by_status), most, place).items():
            paths[group] += drawn
    return Chart(
        failed=paths[FAILED],
        cancelled=paths[CANCELLED],
        succeeded=paths[SUCCEEDED],
        going=paths[IN_PROGRESS],
        most=f"{most:,}",
        width=UNIT * len(view.days),
    )


def rows_of(view: UsageView) -> list[ZapRow]:
    return [_row(zap, view) for zap in view.zaps]


def percent(share: float | None) -> str:
    """A share in words that never promises too much: 100 % is all of them."""
    if share is None:
        return "—"
    tenths = int(share * 1000)
    return f"{tenths / 10:g} %"


def _row(zap: UsageZap, view: UsageView) -> ZapRow:
    first, last = view.days[0].day, view.days[-1].day
    figures = _figures(zap.by_status, zap.zap_id, first, last, view.time_zone)
    most = max(zap.by_day, default=0)
    return ZapRow(
        id=zap.zap_id,
        name=shown.line(zap.name),
        path=address(len(view.days), zap.zap_id, view.time_zone),
        total=figures["total"],
        failed=figures["failed"],
        rate=percent(zap.success_rate),
        p50=shown.duration(zap.p50_ms) or "—",
        p95=shown.duration(zap.p95_ms) or "—",
        trend="".join(
            _piece(place, 0.0, _height(number, most)) for place, number in enumerate(zap.by_day)
        ),
        trend_words=f"At most {most:,} a day, {zap.by_day[-1]:,} today",
        order={
            "runs": zap.total,
            "failed": zap.by_status["failed"] + zap.by_status["timed_out"],
            "rate": -1.0 if zap.success_rate is None else zap.success_rate,
            "p50": -1 if zap.p50_ms is None else zap.p50_ms,
            "p95": -1 if zap.p95_ms is None else zap.p95_ms,
        },
    )


def address(days: int, zap_id: str, zone: str) -> str:
    """Where the figures can be found again."""
    query = run_choices.query_of({"days": str(days), "zap": zap_id, "tz": zone})
    return f"/usage?{query}"


def _bar(day: UsageDay, zap_id: str, zone: str) -> Bar:
    figures = _figures(day.by_status, zap_id, day.day, day.day, zone)
    label = f"{day.day:%a} {day.day.day} {day.day:%b}"
    said = [
        f"{number:,} {FILTERS[group].lower()}"
        for group, number in _by_group(day.by_status).items()
        if number
    ]
    runs = "1 run" if day.total == 1 else f"{day.total:,} runs" if day.total else "no runs"
    words = f"{label}: {runs}{', ' if said else ''}{', '.join(said)}"
    return Bar(day=day.day.isoformat(), label=label, words=words, **figures)


def _figures(
    by_status: Mapping[str, int], zap_id: str, first: dt.date, last: dt.date, zone: str
) -> dict[str, Figure]:
    numbers = _by_group(by_status)
    path = f"/zaps/{zap_id}/runs" if zap_id else "/runs"

    def figure(number: int, *groups: str) -> Figure:
        chosen = Choices(groups, first.isoformat(), last.isoformat(), zone=zone)
        return Figure(f"{number:,}", run_choices.address(path, chosen))

    return {
        "total": figure(sum(by_status.values())),
        "succeeded": figure(numbers[SUCCEEDED], SUCCEEDED),
        "failed": figure(numbers[FAILED], FAILED),
        "cancelled": figure(numbers[CANCELLED], CANCELLED),
        "going": figure(numbers[IN_PROGRESS], IN_PROGRESS),
    }


def _by_group(by_status: Mapping[str, int]) -> dict[str, int]:
    return {group: sum(by_status.get(status, 0) for status in group.split(",")) for group in STACK}


def _stacked(numbers: Mapping[str, int], most: int, place: int) -> dict[str, str]:
    """The parts of one day's bar, from its foot up."""
    heights = {group: _height(numbers[group], most) for group in STACK}
    # Small parts that are made to be seen must not push the top out of the drawing.
    largest = max(heights, key=heights.__getitem__)
    heights[largest] -= max(0.0, sum(heights.values()) - HEIGHT)
    found, foot = {}, 0.0
    for group in STACK:
        found[group] = _piece(place, foot, heights[group])
        foot += heights[group]
    return found


def _height(number: int, most: int) -> float:
    return max(_LEAST, HEIGHT * number / most) if number else 0.0


def _piece(place: int, foot: float, height: float) -> str:
    if not height:
        return ""
    left, top = place * UNIT + _GAP / 2, HEIGHT - foot - height
    return f"M{left:g} {top:.2f}h{UNIT - _GAP:g}v{height:.2f}h-{UNIT - _GAP:g}z"


def sorted_rows(rows: Sequence[ZapRow], column: str, *, descending: bool) -> list[ZapRow]:
    """By that column; those that are equal by name."""
    named = sorted(rows, key=lambda row: row.name.lower(), reverse=descending and column == "name")
    if column == "name":
        return named
    return sorted(named, key=lambda row: row.order[column], reverse=descending)
