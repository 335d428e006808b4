"""How much ran and how well: of the last days, in the time zone of whoever looks.

Promise: the address names what is shown, zone included, so that it shows the same to others.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import reflex as rx

from flowforge.engine import schedule
from flowforge.errors import FlowForgeError, NotFound, Unauthenticated
from flowforge.infra.db import utc_now
from flowforge.services import run_filters, usage
from flowforge.services.access import Permission
from flowforge.services.usage import UsageView
from flowforge.state import doors, live, shown, usage_chart
from flowforge.state.usage_chart import Bar, Chart, Totals, ZapRow

RANGES = (7, 30, 90)
USUAL = 30
COLUMNS = ("name", "runs", "failed", "rate", "p50", "p95")
# Figures of weeks: nobody needs them anew with each run.
GAP_SECONDS = 10.0
_LONGEST = 100
_THEIR_ZONE = "Intl.DateTimeFormat().resolvedOptions().timeZone"


@dataclass(frozen=True)
class Option:
    """A zap that can be chosen."""

    value: str
    words: str


class Usage(rx.State):
    """``stage``: loading, ready, failed or missing. ``left_out``: how many zaps the table is without,
    in words.
    """

    stage: str = "loading"
    days: int = USUAL
    zone: str = "UTC"
    zap_id: str = ""
    zap_options: list[Option] = []  # noqa: RUF012 - Reflex copies defaults
    totals: Totals = Totals()
    bars: list[Bar] = []  # noqa: RUF012
    chart: Chart = Chart()
    zaps: list[ZapRow] = []  # noqa: RUF012
    left_out: str = ""
    has_runs: bool = False
    sort: str = "runs"
    descending: bool = True

    @doors.reads()
    async def begin(self, caller: doors.Caller) -> Any:
        """As the address says; a zone that it does not name, the browser does."""
        asked = _asked(self)
        if asked.get("zap", "") != self.zap_id:
            self.stage = "loading"
        self.zap_id = asked.get("zap", "")
        self.days = _days(asked.get("days", ""))
        if zone := _zone(asked.get("tz", "")):
            return Usage.follow(zone)
        return rx.call_script(_THEIR_ZONE, callback=Usage.follow)

    @doors.follows
    async def follow(self, zone: str) -> Any:
        """Show the figures, and go on for as long as this page is open."""
        async with self:
            self.zone = _zone(zone) or "UTC"
            cookies = self.router.headers.cookie
        try:
            async with doors.opened(cookies, Permission.READ) as caller:
                topic = f"project:{caller.actor.project_id}"
                names = await run_filters.zap_names(caller.session, caller.actor)
        except Unauthenticated:
            return  # Session.require has sent them to the sign-in page
        except FlowForgeError:
            async with self:
                self.stage = "failed"
            return
        async with self:
            self.zap_options = [Option(each, shown.line(name)) for each, name in names]
        async for _ in live.looks(self, topic, gap=GAP_SECONDS):
            if not await _look(self, cookies):
                return

    @doors.reads()
    async def choose_days(self, caller: doors.Caller, days: int) -> Any:
        return rx.redirect(usage_chart.address(_days(str(days)), self.zap_id, self.zone))

    @doors.reads()
    async def choose_zap(self, caller: doors.Caller, zap_id: str) -> Any:
        return rx.redirect(usage_chart.address(self.days, zap_id[:_LONGEST], self.zone))

    @doors.reads()
    async def sort_by(self, caller: doors.Caller, column: str) -> None:
        """By that column; once more turns it round."""
        if column not in COLUMNS:
            return
        self.descending = not self.descending if column == self.sort else column != "name"
        self.sort = column
        self.zaps = usage_chart.sorted_rows(self.zaps, column, descending=self.descending)


async def _look(state: Usage, cookies: str) -> bool:
    """Read and show. False where looking again is of no use."""
    async with state:
        days, zone, zap_id = state.days, state.zone, state.zap_id
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            view = await usage.of_project(
                caller.session,
                caller.actor,
                days=days,
                time_zone=zone,
                zap_id=zap_id or None,
                now=utc_now(),
            )
    except (NotFound, Unauthenticated):
        async with state:
            state.stage = "missing"
        return False
    except FlowForgeError:
        async with state:
            # What is shown already stays: the next look is in a few seconds.
            state.stage = "ready" if state.stage == "ready" else "failed"
        return True
    async with state:
        # Somebody chose something else meanwhile: that has a look of its own.
        if (state.days, state.zone, state.zap_id) == (days, zone, zap_id):
            _take(state, view)
    return True


def _take(state: Usage, view: UsageView) -> None:
    totals = usage_chart.totals_of(view, state.zap_id)
    bars = usage_chart.bars_of(view, state.zap_id)
    # An assignment is sent to the browser, also one of the same value.
    if state.totals != totals:
        state.totals = totals
    if state.bars != bars:
        state.bars, state.chart = bars, usage_chart.chart_of(view)
    zaps = usage_chart.sorted_rows(
        usage_chart.rows_of(view), state.sort, descending=state.descending
    )
    if state.zaps != zaps:
        state.zaps = zaps
    left = view.zap_count - len(view.zaps)
    state.left_out = f"{left:,} more zaps with fewer runs" if left else ""
    state.has_runs = view.total > 0
    state.stage = "ready"


def _asked(state: Usage) -> dict[str, str]:
    asked = parse_qs(state.router.url.query or "")
    return {name: values[0][:_LONGEST] for name, values in asked.items()}


def _days(text: str) -> int:
    return int(text) if text in {str(each) for each in RANGES} else USUAL


def _zone(name: str) -> str:
    try:
        return schedule.zone(str(name)[:_LONGEST]).key
    except ValueError:
        return ""
