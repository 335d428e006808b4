"""The dialog with a zap's versions: who made each and why, any two side by side, the way back to one."""

from typing import Any

import reflex as rx

from flowforge.components import controls, draft_changes, elements
from flowforge.components.canvas import canvas
from flowforge.state.builder import Builder
from flowforge.state.history import DIALOG, DRAFT, History, Numbered

_LONGEST_NOTE = 500
_WORDS = {"added": "New", "changed": "Changed", "moved": "Moved", "removed": "Removed"}
_PLACES = "version-step-"


def dialog() -> rx.Component:
    return controls.dialog(
        DIALOG,
        "Versions",
        rx.cond(History.after == "", _list(), _side_by_side()),
        class_name="wide versions-dialog",
        on_close=History.to_list,
    )


# ---- the list ------------------------------------------------------------------------------------


def _list() -> rx.Component:
    return rx.fragment(
        rx.cond(
            (History.green > 0) & (Builder.has_changes),
            controls.button(
                f"What changed since the last run that succeeded (version {History.green})",
                kind="small",
                testid="since-green",
                on_click=History.compare(f"{History.green}", DRAFT),
            ),
            rx.fragment(),
        ),
        rx.cond(
            History.versions,
            rx.el.ol(
                rx.foreach(History.versions, _version),
                rx.cond(
                    History.has_more,
                    rx.el.li(
                        controls.button(
                            "Older ones", testid="older-versions", on_click=History.older
                        )
                    ),
                    rx.fragment(),
                ),
                class_name="versions",
            ),
            rx.el.p("Nothing was published yet.", class_name="muted", data_testid="no-versions"),
        ),
        rx.el.div(
            controls.button(
                "Close", testid="versions-close", on_click=controls.close_dialog(DIALOG)
            ),
            class_name="dialog-end",
        ),
    )


def _version(version: rx.vars.ObjectVar[Numbered]) -> rx.Component:
    number = f"{version.number}"
    return rx.el.li(
        rx.el.div(
            rx.el.strong(f"Version {version.number}"),
            rx.cond(version.is_live, rx.el.span("live", class_name="tag")),
            rx.el.span(elements.when(version.at), " by ", version.by, class_name="muted small"),
            rx.el.span(class_name="spacer"),
            controls.icon_button(
                "pencil",
                f"Write a note on version {version.number}",
                kind="quiet small",
                testid=f"write-note-{version.number}",
                on_click=History.write_note(version.number),
            ),
            controls.button(
                "Look",
                kind="small quiet",
                testid=f"look-{version.number}",
                aria_label=f"Look at version {version.number}",
                on_click=History.compare(number, number),
            ),
            controls.button(
                "Compare",
                kind="small quiet",
                testid=f"compare-{version.number}",
                title="What the draft has changed since",
                aria_label=f"Compare version {version.number} with the draft",
                on_click=History.compare(number, DRAFT),
            ),
            _restore(version.number, "small"),
            class_name="row gap-3 wrap",
        ),
        rx.cond(
            History.noting == version.number,
            _note_form(version),
            rx.el.div(
                rx.cond(
                    version.note != "",
                    rx.el.span(rx.el.bdi(version.note), data_testid=f"note-{version.number}"),
                    rx.fragment(),
                ),
                rx.el.span(version.ran, class_name="muted small"),
                class_name="version-note",
            ),
        ),
        rx.cond(History.asks_for == version.number, _question(version.number), rx.fragment()),
        key=number,
        data_testid=f"version-{version.number}",
    )


def _note_form(version: Any) -> rx.Component:
    return rx.el.form(
        rx.el.input(
            name="note",
            class_name="input",
            default_value=version.note,
            max_length=_LONGEST_NOTE,
            auto_focus=True,
            auto_complete="off",
            aria_label=f"Note on version {version.number}",
            data_testid="version-note",
        ),
        controls.button("Keep", type="submit", kind="small", testid="keep-note"),
        controls.button(
            "Cancel", kind="small quiet", testid="drop-note", on_click=History.write_note(0)
        ),
        on_submit=History.annotate,
        class_name="row gap-3",
    )


def _restore(number: Any, kind: str = "") -> rx.Component:
    return controls.button(
        "Restore",
        kind=kind,
        testid=f"restore-{number}",
        title="Copy it into the draft",
        aria_label=f"Restore version {number} to the draft",
        on_click=History.restore(number),
    )


def _question(number: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(
            "The draft has changes that were never published. They go; undo brings them back.",
            role="alert",
        ),
        controls.button(
            "Restore all the same",
            kind="small danger",
            testid=f"restore-yes-{number}",
            on_click=History.restore(number),
        ),
        controls.button(
            "Keep the draft", kind="small quiet", testid="restore-no", on_click=History.ask(0)
        ),
        class_name="row wrap gap-3 small restore-question",
    )


# ---- two of them ---------------------------------------------------------------------------------


def _side_by_side() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            controls.button(
                controls.icon("arrow-left", 15),
                "All versions",
                kind="small quiet",
                testid="all-versions",
                on_click=History.to_list,
            ),
            rx.el.span(class_name="spacer"),
            _choice(
                "From",
                History.before,
                "from",
                lambda chosen: History.compare(chosen, History.after),
            ),
            _choice(
                "to", History.after, "to", lambda chosen: History.compare(History.before, chosen)
            ),
            class_name="row gap-3 wrap",
        ),
        rx.el.div(
            rx.el.div(
                canvas(
                    History.drawing,
                    History.marks,
                    words=_WORDS,
                    ends={},
                    places=_PLACES,
                    label="The version on a canvas",
                    key=History.drawing.of,
                ),
                class_name="version-canvas",
            ),
            rx.cond(
                History.lines,
                draft_changes.table(History.lines),
                rx.cond(
                    History.before == History.after,
                    rx.fragment(),
                    rx.el.p("Both are the same.", class_name="muted", data_testid="same"),
                ),
            ),
            draft_changes.left_off(History.left_off),
            class_name="version-both",
            data_testid="changes",
        ),
    )


def _choice(label: str, value: Any, testid: str, change: Any) -> rx.Component:
    return rx.el.label(
        rx.el.span(label, class_name="muted small"),
        rx.el.select(
            rx.el.option("Draft", value=DRAFT),
            rx.foreach(
                History.versions,
                lambda one: rx.el.option(f"Version {one.number}", value=f"{one.number}"),
            ),
            value=value,
            on_change=change,
            class_name="input small",
            data_testid=f"compare-{testid}",
        ),
        class_name="row gap-2",
    )
