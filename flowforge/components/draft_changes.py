"""What the draft has that the live version has not: the count in the bar, and the list behind it."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.state.builder import Builder
from flowforge.state.changes import DIALOG, Changes
from flowforge.state.readiness import Readiness

_WORDS = {"added": "Added", "removed": "Removed", "moved": "Moved", "changed": "Changed"}


def opener() -> rx.Component:
    count = Readiness.change_count
    words = rx.cond(count == 1, "1 change", f"{count} changes")
    return rx.el.button(
        "Draft: ",
        words,
        type="button",
        class_name="counted",
        aria_haspopup="dialog",
        title="What publishing would change",
        on_click=Changes.open,
        data_testid="draft-state",
    )


def dialog() -> rx.Component:
    return controls.dialog(
        DIALOG,
        f"What the draft changes since version {Builder.live_version}",
        rx.cond(
            Changes.lines,
            table(Changes.lines, goes=True),
            rx.el.p("The draft is what is live.", class_name="muted", data_testid="no-changes"),
        ),
        left_off(Changes.left_off),
        rx.cond(Changes.is_asking, _question(), _end()),
        class_name="wide",
    )


def table(lines: Any, *, goes: bool = False) -> rx.Component:
    """The lines, before and after side by side. ``goes``: each leads to its step."""
    return rx.el.ul(
        rx.foreach(lines, lambda line: _line(line, goes=goes)), class_name="change-lines"
    )


def left_off(count: Any) -> rx.Component:
    return rx.cond(
        count > 0, rx.el.p(f"… and {count} more.", class_name="muted small"), rx.fragment()
    )


def _line(line: Any, *, goes: bool) -> rx.Component:
    where = rx.el.bdi(line.where)
    place = (
        rx.cond(
            line.card == "",
            rx.el.strong(where),
            rx.el.button(
                where,
                type="button",
                class_name="to-step",
                title="Go there",
                on_click=Changes.go(line.card, line.field),
                data_testid="change-to-step",
            ),
        )
        if goes
        else rx.el.strong(where)
    )
    return rx.el.li(
        rx.el.div(
            place,
            rx.el.span(
                rx.match(line.kind, *_WORDS.items(), ""), class_name=f"change-kind {line.kind}"
            ),
            class_name="change-head",
        ),
        rx.cond(
            line.is_hidden,
            rx.el.p("A secret: its value is not shown.", class_name="muted small"),
            rx.el.div(
                _side(line.before, "before", "Before"),
                _side(line.after, "after", "After"),
                class_name=f"change-sides {line.kind}",
            ),
        ),
        data_testid="change",
    )


def _side(text: Any, look: str, label: str) -> rx.Component:
    return rx.el.div(
        rx.el.span(label, class_name="sr-only"),
        rx.cond(
            text == "",
            rx.el.span("(nothing)", class_name="muted"),
            rx.el.bdi(text),
        ),
        class_name=f"change-side {look}",
    )


def _question() -> rx.Component:
    return rx.el.div(
        rx.el.p(
            "All of these changes go; undo brings them back.",
            class_name="small",
            role="alert",
        ),
        rx.el.span(class_name="spacer"),
        controls.button(
            "Keep them", kind="quiet", testid="discard-keep", on_click=Changes.ask(False)
        ),
        controls.button(
            "Discard all", kind="danger", testid="discard-yes", on_click=Changes.discard
        ),
        class_name="dialog-end",
    )


def _end() -> rx.Component:
    return rx.el.div(
        controls.button(
            "Discard all changes…",
            kind="quiet",
            testid="discard",
            disabled=Readiness.change_count == 0,
            on_click=Changes.ask(True),
        ),
        rx.el.span(class_name="spacer"),
        controls.button("Close", testid="changes-close", on_click=controls.close_dialog(DIALOG)),
        class_name="dialog-end",
    )
