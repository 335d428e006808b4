"""The dialog with a zap's versions: what each changed, and how to go back to one."""

from typing import Any

import reflex as rx

from flowforge.components import controls, elements
from flowforge.state.history import DIALOG, MOST_VERSIONS, History, Numbered


def dialog() -> rx.Component:
    return controls.dialog(
        DIALOG,
        "Versions",
        rx.cond(
            History.versions,
            rx.el.ol(rx.foreach(History.versions, _version), class_name="versions"),
            rx.el.p("Nothing was published yet.", class_name="muted", data_testid="no-versions"),
        ),
        rx.cond(
            History.has_more,
            rx.el.p(f"These are the newest {MOST_VERSIONS}.", class_name="muted small"),
        ),
        controls.dialog_end(DIALOG),
        class_name="wide",
    )


def _version(version: rx.vars.ObjectVar[Numbered]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.strong(f"Version {version.number}"),
            rx.cond(version.is_live, rx.el.span("live", class_name="tag")),
            rx.el.span(elements.when(version.at), class_name="muted"),
            rx.el.span(class_name="spacer"),
            controls.button(
                "Compare",
                kind="small quiet",
                testid=f"compare-{version.number}",
                title="What the draft has changed since",
                aria_label=f"Compare version {version.number} with the draft",
                on_click=History.compare(version.number),
            ),
            controls.button(
                "Restore",
                kind="small",
                testid=f"restore-{version.number}",
                title="Copy it into the draft",
                aria_label=f"Restore version {version.number} to the draft",
                on_click=History.restore(version.number),
            ),
            class_name="row gap-3 wrap",
        ),
        rx.cond(History.of == version.number, _changes()),
        key=version.number,
        data_testid=f"version-{version.number}",
    )


def _changes() -> rx.Component:
    return rx.el.div(
        rx.cond(
            History.changes,
            rx.fragment(
                rx.el.p("Since then the draft has changed:", class_name="muted small"),
                rx.el.ul(rx.foreach(History.changes, _change)),
            ),
            rx.el.p("The draft is the same.", class_name="muted small"),
        ),
        rx.cond(
            History.left_off > 0,
            rx.el.p(f"… and {History.left_off} changes more.", class_name="muted small"),
        ),
        class_name="changes",
        role="status",
        data_testid="changes",
    )


def _change(change: Any) -> rx.Component:
    return rx.el.li(rx.el.bdi(change))
