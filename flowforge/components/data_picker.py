"""Data to insert: real values of the trigger and of earlier steps, one click each."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display
from flowforge.state.builder import Builder

SEARCH = "data-search"


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
                    placeholder="Search the data…",
                    aria_label="Search the data",
                    id=SEARCH,
                    data_testid=SEARCH,
                    custom_attrs={"data-narrows": "data-tree"},
                ),
                class_name=rx.cond(Builder.has_much_data, "data-search", "data-search sr-only"),
            ),
            rx.el.div(
                rx.foreach(Builder.groups, _group),
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
            rx.el.span(group.title, class_name="truncate"),
            rx.el.span(controls.icon("chevron-right", 14), class_name="chev"),
            class_name="data-group",
        ),
        rx.cond(group.note != "", rx.el.p(group.note, class_name="data-note")),
        rx.foreach(group.lines, _line),
        open=group.is_open,
    )


def _line(line: Any) -> rx.Component:
    return rx.el.button(
        rx.el.span(line.label, class_name="key truncate", style={"paddingLeft": _indent(line)}),
        rx.el.span(
            line.value, class_name=rx.cond(line.is_branch, "value truncate of", "value truncate")
        ),
        type="button",
        class_name="data-item",
        title=line.expression,
        custom_attrs={"data-inserts": line.expression},
        data_testid=f"insert-{line.expression}",
    )


def _indent(line: Any) -> Any:
    return f"{line.depth * 13}px"
