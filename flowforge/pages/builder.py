"""The builder: a zap's trigger and steps in a column, the form of the chosen one beside it.

The bar always says what is saved, what is live, and what keeps the draft from going live.
"""

from typing import Any

import reflex as rx

from flowforge.components import (
    builder_cards,
    controls,
    data_picker,
    display,
    elements,
    schema_form,
    shell,
    step_picker,
)
from flowforge.state.builder import TRIGGER, Builder

PATH = "/zaps/[zap_id]"
TITLE = "Builder"
PROBLEMS = "problem-list"


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
        _bar(),
        rx.cond(Builder.save_state == "stale", _stale()),
        rx.el.div(
            rx.el.section(builder_cards.column(), class_name="canvas", aria_label="Steps"),
            rx.el.aside(
                rx.cond(Builder.chosen == TRIGGER, _trigger_panel(), _step_panel()),
                class_name=rx.cond(Builder.is_panel_open, "panel is-open", "panel"),
                aria_label="The chosen step",
                data_testid="panel",
            ),
            class_name="builder",
        ),
        step_picker.dialog(),
        builder_cards.removal(),
        class_name="bench",
    )


# ---- the bar -------------------------------------------------------------------------------------


def _bar() -> rx.Component:
    return rx.el.div(
        rx.el.h1(Builder.name, class_name="sr-only"),
        controls.link(
            rx.el.span("Back to My Zaps", class_name="sr-only"),
            controls.icon("arrow-left", 18),
            href="/dashboard",
            testid="back",
            look="btn quiet icon",
        ),
        rx.el.div(
            rx.el.input(
                class_name="title",
                default_value=Builder.name,
                key=f"name-{Builder.zap}-{Builder.version}",
                aria_label="Name of the zap",
                max_length=200,
                spell_check=False,
                on_blur=Builder.rename,
                data_testid="zap-name",
            ),
            _draft_line(),
            class_name="bar-words",
            custom_attrs={"data-autosave": ""},
        ),
        rx.el.span(class_name="spacer"),
        rx.el.label(
            rx.el.span(rx.cond(Builder.enabled, "On", "Off"), data_testid="switch-word"),
            controls.switch(
                Builder.enabled,
                rx.cond(
                    Builder.live_version == 0,
                    "Publish the zap first",
                    rx.cond(Builder.enabled, "Switch the zap off", "Switch the zap on"),
                ),
                testid="zap-switch",
                disabled=Builder.live_version == 0,
                on_change=Builder.switch,
            ),
            class_name="on-off",
        ),
        controls.link_button(
            controls.icon("history"),
            rx.el.span("Runs", class_name="only-wide-word"),
            href=f"/zaps/{Builder.zap}/runs",
            testid="to-runs",
        ),
        rx.el.button(
            controls.icon("rocket"),
            "Publish",
            type="button",
            class_name=rx.cond(Builder.has_changes, "btn primary", "btn"),
            disabled=Builder.has_empty,
            title=rx.cond(
                Builder.has_empty,
                "Every card needs an action first",
                rx.cond(
                    Builder.has_changes,
                    "Make this draft the live version",
                    "The draft is live as it is",
                ),
            ),
            on_click=Builder.publish,
            data_testid="publish",
        ),
        class_name="builder-bar",
        data_testid="publish-bar",
    )


def _draft_line() -> rx.Component:
    return rx.el.div(
        elements.saved(Builder.saves, Builder.save_state),
        _dot(),
        rx.el.span(
            rx.cond(
                Builder.has_changes,
                rx.cond(Builder.live_version == 0, "Draft", "Draft: unpublished changes"),
                "Draft: no changes",
            ),
            data_testid="draft-state",
        ),
        _dot(),
        rx.cond(
            Builder.live_version == 0,
            rx.el.span("never published", data_testid="live-version"),
            rx.el.span(f"live: v{Builder.live_version}", data_testid="live-version"),
        ),
        rx.cond(Builder.problem_count > 0, rx.fragment(_dot(), _problems())),
        class_name="draft-line",
    )


def _dot() -> rx.Component:
    return rx.el.span("·", class_name="sep", aria_hidden="true")


def _problems() -> rx.Component:
    count = Builder.problem_count
    words = rx.cond(count == 1, "1 to finish", f"{count} to finish")
    return controls.menu(
        PROBLEMS,
        rx.fragment(
            controls.icon("triangle-alert", 13),
            rx.el.span(words),
        ),
        rx.el.div("Before this can go live", class_name="menu-title"),
        rx.foreach(Builder.problems, _problem),
        label=f"{words}: what keeps this draft from going live",
        look="problems-opener",
        testid="problems",
    )


def _problem(problem: Any) -> rx.Component:
    return rx.el.button(
        controls.icon("circle-alert", 15),
        rx.el.span(
            rx.el.strong(problem.where),
            rx.el.span(problem.message),
        ),
        type="button",
        class_name="problem menu-item",
        custom_attrs={"popoverTarget": PROBLEMS, "popoverTargetAction": "hide"},
        on_click=rx.cond(
            problem.card == "",
            Builder.open_picker(0, ""),
            Builder.choose_problem(problem.card, problem.field),
        ),
        data_testid="problem",
    )


def _stale() -> rx.Component:
    return rx.el.div(
        display.notice(
            rx.el.div(
                "This zap was changed somewhere else, so your last change was not saved.",
                controls.button(
                    "Reload the draft", kind="small", testid="reload", on_click=Builder.open
                ),
                class_name="row wrap gap-3",
            ),
            kind="warn",
            glyph="triangle-alert",
            role="alert",
            data_testid="stale",
        ),
        class_name="stale",
    )


# ---- the panel -----------------------------------------------------------------------------------


def _head(*words: Any, change: Any, testid: str) -> rx.Component:
    return rx.el.header(
        builder_cards.card_icon(Builder.form.kind, Builder.form.icon),
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
            change=Builder.open_picker(0, TRIGGER),
            testid="change-trigger",
        ),
        rx.el.div(
            rx.match(
                Builder.trigger_kind,
                ("webhook", _webhook()),
                ("manual", _manual()),
                rx.el.p("Choose what starts this zap.", class_name="muted"),
            ),
            class_name="panel-body",
        ),
    )


def _webhook() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            rx.el.span("Webhook URL", class_name="field-label"),
            display.address(Builder.webhook_url, "webhook-url"),
            rx.el.span(
                "The same URL now and when the zap is live. Treat it like a password.",
                class_name="hint",
            ),
            class_name="field",
        ),
        rx.el.div(
            rx.el.span("Try it", class_name="field-label"),
            display.command(Builder.curl, "curl"),
            class_name="field",
        ),
        rx.el.div(
            rx.el.span("Last request", class_name="field-label"),
            rx.cond(Builder.received.id == "", _listening(), _received()),
            class_name="field",
        ),
    )


def _listening() -> rx.Component:
    return rx.el.div(
        rx.el.span("Listening for the first request…", class_name="listening"),
        rx.el.p("Run the line above in a terminal: it appears here by itself.", class_name="hint"),
        class_name="waiting-box",
        role="status",
        data_testid="listening",
    )


def _received() -> rx.Component:
    return rx.el.div(
        rx.el.header(
            rx.el.span(class_name="live-dot", aria_hidden="true"),
            rx.el.strong(Builder.received.method),
            elements.when(Builder.received.at),
            rx.el.span(Builder.received.size, class_name="size"),
            rx.el.span(class_name="spacer"),
            rx.cond(
                Builder.received.run_id != "",
                controls.link(
                    "See the run", href=f"/runs/{Builder.received.run_id}", testid="received-run"
                ),
                rx.el.span(
                    rx.cond(Builder.received.verdict == "held", "kept", Builder.received.verdict),
                    class_name="tag",
                    title=Builder.received.reason,
                ),
            ),
        ),
        elements.json(Builder.received.body, "Body of the last request"),
        rx.cond(
            Builder.received.run_id == "",
            rx.el.footer(
                rx.cond(
                    Builder.received.reason != "",
                    Builder.received.reason,
                    "It started no run.",
                ),
                " Its values are ready to insert.",
            ),
        ),
        class_name="json-box received",
        key=Builder.received.id,
        data_testid="received",
    )


def _manual() -> rx.Component:
    return rx.fragment(
        rx.el.p("Each press starts one run of the live version.", class_name="muted"),
        controls.button(
            controls.icon("play"),
            "Run now",
            kind="primary wide",
            testid="run-now",
            disabled=Builder.live_version == 0,
            title=rx.cond(Builder.live_version == 0, "Publish the zap first", "Start a run"),
            on_click=Builder.run_now,
        ),
    )


def _step_panel() -> rx.Component:
    return rx.fragment(
        _head(
            rx.el.h2(Builder.form.title, data_testid="panel-title"),
            rx.el.p(Builder.form.summary, class_name="muted small"),
            change=Builder.open_picker(0, Builder.form.card),
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
