"""The usage page's drawings: nothing that is there is too small to be seen, nothing leaves the box."""

import datetime as dt
import re

import pytest

from flowforge.services import figures
from flowforge.services.usage import UsageDay, UsageView, UsageZap
from flowforge.state import run_choices, usage_chart

FIRST = dt.datetime(2026, 11, 19, 23, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def _statuses(**some: int) -> dict[str, int]:
    return dict.fromkeys(figures.STATUSES, 0) | some


def _view(*days: dict[str, int]) -> UsageView:
    by_day = [
        UsageDay(
            day=(FIRST + DAY * (place + 1)).date(),
            since=FIRST + DAY * place,
            until=FIRST + DAY * (place + 1),
            total=sum(statuses.values()),
            by_status=statuses,
        )
        for place, statuses in enumerate(days)
    ]
    whole = {status: sum(each[status] for each in days) for status in figures.STATUSES}
    zap = UsageZap(
        zap_id="z", name="A\u202eb", total=sum(whole.values()), by_status=whole, success_rate=0.9999,
        p50_ms=1200, p95_ms=None, by_day=[day.total for day in by_day],
    )  # fmt: skip
    return UsageView(
        time_zone="Europe/Berlin", since=FIRST, until=FIRST + DAY * len(days),
        total=sum(whole.values()), by_status=whole, success_rate=None, p50_ms=None, p95_ms=None,
        days=by_day, zaps=[zap], zap_count=1,
    )  # fmt: skip


def _heights(path: str) -> list[float]:
    return [float(found) for found in re.findall(r"v([\d.]+)", path)]


def test_bars_are_stacked_within_the_box_and_small_parts_are_seen() -> None:
    chart = usage_chart.chart_of(
        _view(_statuses(succeeded=1_000_000, failed=1, cancelled=1, queued=1), _statuses(failed=7))
    )
    parts = (chart.failed, chart.cancelled, chart.succeeded, chart.going)
    first = [_heights(path)[0] for path in parts]
    assert min(first) > 1
    assert sum(first) == pytest.approx(usage_chart.HEIGHT)
    tops = [float(top) for path in parts for top in re.findall(r"M[\d.]+ (-?[\d.]+)", path)]
    assert min(tops) >= 0
    assert chart.most == "1,000,003"
    assert len(_heights(chart.failed)) == 2


def test_days_without_runs_draw_nothing() -> None:
    chart = usage_chart.chart_of(_view(_statuses(), _statuses()))
    assert (chart.failed, chart.succeeded, chart.most) == ("", "", "0")


def test_each_figure_leads_to_the_list_that_finds_it() -> None:
    view = _view(_statuses(failed=3, timed_out=1, running=1))
    (bar,) = usage_chart.bars_of(view, "z")
    path, _, query = bar.failed.path.partition("?")
    assert (path, bar.failed.words) == ("/zaps/z/runs", "4")
    wanted = run_choices.filter_of(run_choices.of_query(query), "z")
    assert (wanted.status, wanted.zap_id) == ("failed,timed_out", "z")
    assert (wanted.since, wanted.until) == (view.days[0].since, view.days[0].until)
    assert bar.words == "Fri 20 Nov: 5 runs, 4 failed, 1 in progress"
    totals = usage_chart.totals_of(view, "")
    assert totals.total.path == "/runs?from=2026-11-20&to=2026-11-20&tz=Europe/Berlin"


def test_a_share_never_promises_too_much() -> None:
    assert [usage_chart.percent(each) for each in (None, 0.0, 0.9999, 1.0, 0.5)] == [
        "—", "0 %", "99.9 %", "100 %", "50 %",
    ]  # fmt: skip


def test_a_name_rearranges_nothing() -> None:
    (row,) = usage_chart.rows_of(_view(_statuses(failed=1)))
    assert row.name == "A\\u202eb"
