"""The builder: a zap's trigger and steps in a column, the form of the chosen one beside it.

The bar always says what is saved, what is live, and what keeps the draft from going live.
"""

from typing import Any

import reflex as rx

from flowforge.components import (
    bench,
    builder_bar,
    builder_cards,
    controls,
    data_picker,
    display,
    draft_changes,
    file_control,
    hints,
    liquid_fields,
    schema_form,
    shell,
    step_icons,
    step_json,
    step_picker,
    step_trial,
    together,
    trigger_panel,
    versions,
)
from flowforge.components.appears import appears
from flowforge.state.arranging import Arranging
from flowforge.state.builder import TRIGGER, Builder
from flowforge.state.readiness import Readiness

PATH = "/zaps/[zap_id]"
TITLE = "Builder"


def page() -> rx.Component:
    return shell.page(
        rx.match(
            Builder.stage,
            ("ready", _bench()),
            ("missing", _missing()),
            _loading(),
        ),
        wide=True,
        here="/dashboard",
    )


def _bench() -> rx.Component:
    return rx.el.div(
        # Not between two gestures of somebody quick.
        appears(Builder.shows, Readiness.look.debounce(150)),
        builder_bar.bar(),
        together.banner(),
        together.news(),
        rx.el.div(
            rx.el.section(
                bench.views(builder_cards.column()), class_name="canvas", aria_label="Steps"
            ),
            rx.el.aside(
                rx.cond(Builder.chosen == TRIGGER, _trigger_panel(), _step_panel()),
                class_name=rx.cond(Builder.is_panel_open, "panel is-open", "panel"),
                aria_label="The chosen step",
                data_testid="panel",
            ),
            class_name="builder",
        ),
        step_picker.dialog(),
        step_json.dialog(),
        builder_cards.dialogs(),
        trigger_panel.dialogs(),
        liquid_fields.liquid(),
        file_control.answer(),
        versions.dialog(),
        draft_changes.dialog(),
        together.dialog(),
        hints.sheet(),
        class_name="bench",
    )


# ---- the panel -----------------------------------------------------------------------------------


def _head(*words: Any, change: Any, testid: str) -> rx.Component:
    return rx.el.header(
        step_icons.card_icon(Builder.form.kind, Builder.form.icon),
        rx.el.div(*words, class_name="panel-words"),
        rx.el.span(class_name="spacer"),
        controls.button("Change", kind="small", testid=testid, on_click=change),
        controls.icon_button(
            "x", "Close", kind="quiet close-panel", testid="close-panel",
            on_click=Builder.close_panel,
        ),
        class_name="panel-head",
    )  # fmt: skip


def _trigger_panel() -> rx.Component:
    return rx.fragment(
        _head(
            rx.el.h2(Builder.form.title, data_testid="panel-title"),
            rx.el.p(Builder.form.summary, class_name="muted small"),
            change=Arranging.open_picker(0, TRIGGER, "", 0),
            testid="change-trigger",
        ),
        rx.el.div(trigger_panel.panel(), class_name="panel-body"),
    )


def _step_panel() -> rx.Component:
    return rx.fragment(
        _head(
            rx.el.h2(Builder.form.title, data_testid="panel-title"),
            rx.el.p(Builder.form.summary, class_name="muted small"),
            change=Arranging.open_picker(0, Builder.form.card, "", 0),
            testid="change-action",
        ),
        rx.el.div(
            rx.cond(
                Builder.form.is_skipped,
                display.notice(
                    "This step is skipped: runs pass over it.", glyph="skip-forward",
                    data_testid="skipped",
                ),
            ),
            schema_form.form(),
            step_trial.trial(),
            class_name="panel-body",
        ),
        data_picker.drawer(),
    )  # fmt: skip


# ---- before there is anything ----------------------------------------------------------------------


def _loading() -> rx.Component:
    return rx.el.div(
        rx.el.section(
            rx.el.div(display.skeletons(3, "74px"), class_name="steps"), class_name="canvas"
        ),
        rx.el.aside(display.skeletons(5), class_name="panel"),
        class_name="builder",
    )


def _missing() -> rx.Component:
    return rx.el.div(
        display.empty(
            "ghost",
            "This zap is not here",
            "It was deleted, or it belongs to somebody else.",
            controls.link_button(
                "Back to My Zaps", href="/dashboard", testid="missing-back", kind="primary"
            ),
            testid="missing",
            is_page=True,
        ),
        class_name="page",
    )
