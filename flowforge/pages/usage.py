"""The usage page: how much ran and how well, by day and by zap; each number leads to its runs."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, shell
from flowforge.state.usage import RANGES, Option, Usage
from flowforge.state.usage_chart import HEIGHT, UNIT, Bar, ZapRow

PATH = "/usage"
TITLE = "Usage"
FAILED = "Failed to load the figures"
_TITLES = {
    "name": "Zap",
    "runs": "Runs",
    "failed": "Failed",
    "rate": "Succeeded",
    "p50": "Half within",
    "p95": "95 % within",
}
_LEGEND = (
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
    ("going", "In progress"),
)


def page() -> rx.Component:
    return shell.page(
        shell.heading(TITLE, "How much your zaps ran, and how well."),
        rx.cond(Usage.stage != "missing", _tools()),
        rx.el.div(
            rx.match(
                Usage.stage,
                ("loading", rx.el.div(display.skeletons(6), class_name="card")),
                (
                    "failed",
                    rx.el.div(
                        display.failed(FAILED, Usage.begin, "usage-failed"), class_name="card"
                    ),
                ),
                ("missing", rx.el.div(_missing(), class_name="card")),
                rx.cond(Usage.has_runs, _figures(), rx.el.div(_nothing(), class_name="card")),
            ),
            data_testid="usage",
            data_stage=Usage.stage,
        ),
        here=PATH,
    )


def _tools() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            *(
                rx.el.button(
                    f"{days} days",
                    type="button",
                    aria_pressed=rx.cond(Usage.days == days, "true", "false"),
                    on_click=Usage.choose_days(days),
                    data_testid=f"usage-{days}",
                )
                for days in RANGES
            ),
            class_name="filters",
            role="group",
            aria_label="How far back",
        ),
        rx.el.select(
            rx.el.option("All zaps", value=""),
            rx.foreach(Usage.zap_options, _option),
            value=Usage.zap_id,
            aria_label="Zap",
            class_name="input run-choice",
            on_change=Usage.choose_zap,
            data_testid="usage-zap",
        ),
        rx.el.span(
            "Days of ", rx.el.bdi(Usage.zone, data_testid="usage-zone"), class_name="muted small"
        ),
        class_name="run-tools",
    )


def _option(option: rx.vars.ObjectVar[Option]) -> rx.Component:
    return rx.el.option(option.words, value=option.value)


def _figures() -> rx.Component:
    return rx.el.div(
        _totals(),
        _by_day(),
        _by_zap(),
        rx.el.p(
            "A run belongs to the day on which it came. Every number of runs is exact and leads to "
            "those runs; lengths of time are right to 2 % and include waiting. Tests of "
            "drafts are not counted.",
            class_name="muted small usage-note",
        ),
        class_name="usage-parts",
    )


def _totals() -> rx.Component:
    totals: Any = Usage.totals
    return rx.el.dl(
        _total("Runs", _number(totals.total, "total")),
        _total("Succeeded", rx.el.span(totals.rate, data_testid="usage-rate")),
        _total("Half within", rx.el.span(totals.p50, data_testid="usage-p50")),
        _total("95 % within", rx.el.span(totals.p95, data_testid="usage-p95")),
        *(_total(words, _number(totals[name], name), name) for name, words in _LEGEND),
        class_name="card usage-totals",
        data_testid="usage-totals",
    )


def _total(title: str, value: Any, kind: str = "") -> rx.Component:
    return rx.el.div(rx.el.dt(title), rx.el.dd(value), class_name=f"of-{kind}" if kind else "")


def _number(figure: Any, name: str) -> rx.Component:
    return controls.link(figure.words, href=figure.path, testid=f"usage-{name}", look="num")


def _by_day() -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.h2("By day"),
            rx.el.ul(
                *(rx.el.li(words, class_name=f"of-{name}") for name, words in _LEGEND),
                class_name="usage-legend",
            ),
        ),
        _chart(),
        rx.el.details(
            rx.el.summary("The same as a table", data_testid="usage-days-open"),
            rx.el.div(_days(), class_name="table-wrap"),
        ),
        class_name="card usage-card",
        aria_label="Runs by day",
    )


def _chart() -> rx.Component:
    """A drawing, and over it a link for each day."""
    chart: Any = Usage.chart
    return rx.el.div(
        rx.el.span(chart.most, class_name="usage-most num", aria_hidden="true"),
        rx.el.svg(
            *(rx.el.svg.path(d=chart[name], class_name=f"of-{name}") for name, _ in _LEGEND),
            view_box=f"0 0 {chart.width} {HEIGHT}",
            preserve_aspect_ratio="none",
            aria_hidden="true",
        ),
        rx.el.ol(rx.foreach(Usage.bars, _bar), data_testid="usage-chart"),
        class_name="usage-chart",
    )


def _bar(bar: rx.vars.ObjectVar[Bar]) -> rx.Component:
    return rx.el.li(
        controls.link(
            rx.el.span(bar.label, aria_hidden="true"),
            href=bar.total.path,
            testid="usage-bar",
            title=bar.words,
            aria_label=bar.words,
            data_day=bar.day,
        ),
        key=bar.day,
    )


def _days() -> rx.Component:
    titles = ("Day", "Runs", *(words for _, words in _LEGEND))
    return rx.el.table(
        rx.el.thead(rx.el.tr(*(rx.el.th(title, scope="col") for title in titles))),
        rx.el.tbody(
            rx.foreach(
                Usage.bars,
                lambda bar: rx.el.tr(
                    rx.el.th(bar.label, scope="row"),
                    rx.el.td(_number(bar.total, "day-total")),
                    *(rx.el.td(_number(bar[name], f"day-{name}")) for name, _ in _LEGEND),
                    key=bar.day,
                    data_day=bar.day,
                ),
            )
        ),
        data_testid="usage-days",
    )


def _by_zap() -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2("By zap")),
        rx.el.div(
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(*map(_title, _TITLES), rx.el.th("Day by day", scope="col")),
                ),
                rx.el.tbody(rx.foreach(Usage.zaps, _zap)),
                data_testid="usage-zaps",
            ),
            class_name="table-wrap",
        ),
        rx.cond(
            Usage.left_out,
            rx.el.p(Usage.left_out, class_name="muted small", data_testid="usage-left-out"),
        ),
        class_name="card usage-card",
        aria_label="Runs by zap",
    )


def _title(column: str) -> rx.Component:
    way = rx.cond(Usage.descending, "descending", "ascending")
    return rx.el.th(
        rx.el.button(
            _TITLES[column],
            type="button",
            on_click=Usage.sort_by(column),
            data_testid=f"usage-sort-{column}",
        ),
        scope="col",
        aria_sort=rx.cond(Usage.sort == column, way, "none"),
    )


def _zap(zap: rx.vars.ObjectVar[ZapRow]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(
            controls.link(
                rx.el.bdi(rx.cond(zap.name, zap.name, "Unnamed")),
                href=zap.path,
                testid="usage-zap-link",
                look="truncate",
            ),
            scope="row",
            title=zap.name,
        ),
        rx.el.td(_number(zap.total, "zap-total")),
        rx.el.td(_number(zap.failed, "zap-failed")),
        rx.el.td(zap.rate, class_name="num"),
        rx.el.td(zap.p50, class_name="num nowrap"),
        rx.el.td(zap.p95, class_name="num nowrap"),
        rx.el.td(
            rx.el.svg(
                rx.el.svg.path(d=zap.trend),
                view_box=f"0 0 {Usage.days * UNIT} {HEIGHT}",
                preserve_aspect_ratio="none",
                role="img",
                aria_label=zap.trend_words,
                class_name="usage-trend",
            )
        ),
        key=zap.id,
        data_testid="usage-row",
        data_zap=zap.id,
    )


def _nothing() -> rx.Component:
    return display.empty(
        "chart-column",
        "Nothing ran in these days",
        "As soon as a trigger of yours fires, its runs are counted here.",
        controls.link_button(
            "Go to My Zaps", href="/dashboard", testid="usage-to-zaps", kind="primary"
        ),
        testid="usage-empty",
    )


def _missing() -> rx.Component:
    return display.empty(
        "search-x",
        "Zap not found",
        "It does not exist, or it belongs to somebody else.",
        controls.link_button("Usage of all zaps", href=PATH, testid="usage-to-all"),
        testid="usage-missing",
    )
