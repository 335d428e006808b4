"""Data to insert: real values of the trigger and of earlier steps, one click each."""

from typing import Any

import reflex as rx
from reflex_base.constants.compiler import MemoizationDisposition, MemoizationMode
from reflex_components_core.el.elements.base import BaseHTML

from flowforge.components import controls, display
from flowforge.state.builder import Builder
from flowforge.state.trial import Trial

SEARCH = "data-search"


class _Data(BaseHTML):
    """A tree of values that are inserted by a click; see assets/values.js."""

    tag = "ff-data"
    _memoization_mode = MemoizationMode(disposition=MemoizationDisposition.NEVER)

    lines: rx.Var[str]
    label: rx.Var[str]


def drawer() -> rx.Component:
    """Below the form, in reach of every field; what is clicked goes to where the cursor was."""
    return rx.cond(
        Builder.groups,
        rx.el.details(
            rx.el.summary(
                controls.icon("braces", 16),
                rx.el.span("Data to insert"),
                rx.el.span("click a value to put it where the cursor is", class_name="hint"),
                rx.el.span(class_name="spacer"),
                rx.el.span(controls.icon("chevron-up", 16), class_name="chev-up"),
                data_testid="data-toggle",
            ),
            rx.el.div(
                rx.el.input(
                    type="search",
                    class_name="input",
                    placeholder="Search names and values…",
                    aria_label="Search the data",
                    id=SEARCH,
                    data_testid=SEARCH,
                    custom_attrs={"data-narrows": "data-tree"},
                ),
                class_name=rx.cond(Builder.has_much_data, "data-search", "data-search sr-only"),
            ),
            rx.el.div(
                rx.foreach(Builder.groups, _group),
                rx.el.p("Nothing here has these words.", class_name="data-note data-none"),
                id="data-tree",
                class_name="data-tree",
                data_testid="data-tree",
            ),
            open=True,
            class_name="drawer",
            data_testid="data-picker",
        ),
    )


def _group(group: Any) -> rx.Component:
    return rx.el.details(
        rx.el.summary(
            rx.cond(group.icon != "", display.tile(group.icon, "small")),
            rx.el.bdi(group.title, class_name="truncate"),
            rx.el.span(controls.icon("chevron-right", 14), class_name="chev"),
            class_name="data-group",
        ),
        rx.cond(group.note != "", rx.el.p(group.note, class_name="data-note")),
        rx.cond(
            group.untested != "",
            rx.el.div(
                controls.button(
                    controls.icon("play", 13),
                    rx.cond(Trial.is_working, "Working…", "Test this step first"),
                    kind="small",
                    testid=f"test-{group.untested}",
                    disabled=Trial.is_working,
                    on_click=Trial.try_source(group.untested),
                ),
                class_name="data-note",
            ),
        ),
        _Data.create(lines=group.lines.to_string(), label=group.title),
        open=group.is_open,
        # Each has a tree of its own, with what was opened in it.
        key=f"{Builder.form.card}-{group.title}",
    )
