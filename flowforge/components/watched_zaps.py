"""Which zaps' failures fire this one: ticked by name, or all."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.state.trigger import Trigger
from flowforge.state.watching import Line, Watching


def zaps() -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend("Of which zaps", class_name="field-label"),
        rx.cond(Watching.chosen > 0, _some(), _all()),
        rx.cond(Watching.is_many, _search()),
        rx.cond(
            Watching.lines,
            rx.el.ul(
                rx.foreach(Watching.lines, _line),
                class_name="watched",
                data_testid="watched-zaps",
            ),
            rx.el.p(
                rx.cond(
                    Watching.sought,
                    "No other zap has this in its name.",
                    "There is no other zap in this project yet.",
                ),
                class_name="muted small",
                data_testid="watched-none",
            ),
        ),
        rx.cond(
            Watching.has_more,
            rx.el.p("There are more. Search by name to find them.", class_name="hint"),
        ),
        class_name="field",
    )


def _all() -> rx.Component:
    return rx.el.p(
        "None is chosen: a failed run of any other zap of the project starts this one.",
        class_name="hint",
        role="status",
        data_testid="watched-all",
    )


def _some() -> rx.Component:
    return rx.el.div(
        rx.el.span(
            rx.cond(
                Watching.chosen == 1,
                "Failed runs of one zap start this one.",
                f"Failed runs of {Watching.chosen} zaps start this one.",
            ),
            class_name="hint",
            role="status",
            data_testid="watched-some",
        ),
        rx.el.span(class_name="spacer"),
        controls.button(
            "Watch all", kind="small quiet", testid="watch-all", on_click=Trigger.watch_all
        ),
        class_name="row",
    )


def _search() -> rx.Component:
    return rx.el.div(
        controls.icon("search"),
        rx.el.input(
            type="search",
            class_name="input",
            placeholder="Search by name",
            aria_label="Search zaps by name",
            default_value=Watching.sought,
            on_change=Watching.search.debounce(250),
            auto_complete="off",
            data_testid="search-watched",
        ),
        class_name="search",
    )


def _line(one: rx.vars.ObjectVar[Line]) -> rx.Component:
    return rx.el.li(
        rx.el.label(
            rx.el.input(
                type="checkbox",
                checked=one.is_chosen,
                on_change=lambda is_chosen: Trigger.watch(one.id, is_chosen),
                data_testid="watch-zap",
            ),
            rx.cond(one.is_gone, _gone(one), rx.el.bdi(one.name, class_name="wrap")),
            class_name="check",
        ),
        key=one.id,
    )


def _gone(one: Any) -> rx.Component:
    return rx.el.span(
        "A zap that is gone ", rx.el.code(one.name, class_name="small muted"), class_name="wrap"
    )
