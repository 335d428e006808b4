"""Where the time of a run went: a bar for each leg of each step, and the same in words."""

from typing import Any

import reflex as rx

from flowforge.components import elements
from flowforge.components.run_timeline import PLACES
from flowforge.state.gantt import MOST_ROWS, Bar, Row, Tick
from flowforge.state.run import Run

_LEGEND = (
    ("queued", "In the queue"),
    ("working", "At work"),
    ("waiting", "Waiting"),
    ("within", "Open"),
)


def legs() -> rx.Component:
    gantt = Run.gantt
    return rx.el.details(
        rx.el.summary(
            rx.el.strong("Timeline"),
            rx.el.span(gantt.sum_up, class_name="muted small", data_testid="legs-sum"),
            data_testid="legs-open",
        ),
        rx.el.ul(
            *(rx.el.li(words, class_name=kind) for kind, words in _LEGEND), class_name="legs-key"
        ),
        rx.el.div(
            rx.el.div(rx.foreach(gantt.ticks, _tick), class_name="legs-axis", aria_hidden="true"),
            rx.el.ol(rx.foreach(gantt.rows, _row), data_testid="legs"),
            class_name="legs-chart",
        ),
        rx.cond(
            gantt.is_cut,
            rx.el.p(
                f"These are the first {MOST_ROWS} lines of a long run. Fold rounds below to see others.",
                class_name="muted small",
            ),
        ),
        class_name="card run-legs",
        data_testid="run-legs",
    )


def _tick(tick: rx.vars.ObjectVar[Tick]) -> rx.Component:
    return rx.el.span(tick.words, style={"left": tick.left})


def _row(row: rx.vars.ObjectVar[Row]) -> rx.Component:
    return rx.el.li(
        rx.el.div(_name(row), class_name="legs-name", style={"--depth": row.depth}),
        rx.el.div(
            rx.foreach(row.bars, _bar),
            role="img",
            aria_label=row.words,
            tab_index=0,
            class_name="legs-track",
            data_testid="legs-track",
        ),
        rx.el.span(row.took, class_name="num muted small nowrap"),
        key=row.key,
        data_testid="legs-row",
        data_path=row.place,
    )


def _name(row: Any) -> rx.Component:
    """The way to the step below."""
    words = rx.fragment(
        rx.cond(row.number, rx.el.span(f"{row.number}. ", class_name="muted num")),
        rx.el.bdi(row.name),
    )
    return rx.cond(
        row.number,
        elements.anchor(words, href=f"#{PLACES}{row.place}", testid="legs-step", look="truncate"),
        rx.el.span(words, class_name="truncate"),
    )


def _bar(bar: rx.vars.ObjectVar[Bar]) -> rx.Component:
    return rx.el.span(
        class_name=f"leg {bar.kind}",
        style={"left": bar.left, "width": bar.width},
        title=bar.words,
        data_leg=bar.kind,
    )
