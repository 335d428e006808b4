"""The panel of the trigger: its form, what it asks, and what it received last."""

from typing import Any

import reflex as rx

from flowforge.components import (
    app_panel,
    condition_form,
    controls,
    display,
    elements,
    question_form,
    run_form,
    schema_form,
    trigger_samples,
    watched_zaps,
)
from flowforge.state.builder import TRIGGER, Builder
from flowforge.state.rewriting import Rewriting
from flowforge.state.trigger import Trigger


def panel() -> rx.Component:
    kind = Builder.trigger_kind
    return rx.fragment(
        rx.match(
            kind,
            ("webhook", _webhook()),
            ("form", _page()),
            ("manual", _manual()),
            ("schedule", _times()),
            ("app", app_panel.app()),
            ("error", watched_zaps.zaps()),
            ("", rx.el.p("Choose what starts this zap.", class_name="muted")),
            rx.fragment(),
        ),
        rx.cond(kind != "", _form()),
    )


def dialogs() -> rx.Component:
    return rx.fragment(run_form.dialog(), trigger_samples.dialog())


def _form() -> rx.Component:
    kind = Builder.trigger_kind
    return rx.el.div(
        rx.cond(Builder.form.error != "", controls.wrong(Builder.form.error, "form-error")),
        rx.cond(kind == "webhook", trigger_samples.samples(), schema_form.fields()),
        rx.cond(
            (kind == "form") | (kind == "manual"),
            question_form.questions(),
        ),
        rx.cond(
            kind == "webhook",
            rx.el.details(
                rx.el.summary(
                    controls.icon("shield-check", 15),
                    "Who may send, and what",
                    rx.el.span(class_name="spacer"),
                    rx.el.span(controls.icon("chevron-right", 15), class_name="chev"),
                    data_testid="trigger-settings",
                ),
                rx.el.div(
                    schema_form.fields(),
                    condition_form.conditions("Only what fits starts a run:"),
                    class_name="panel-fields",
                ),
                class_name="settings",
                open=True,
            ),
        ),
        rx.cond(kind == "app", condition_form.conditions("Only what fits starts a run:")),
        rx.cond(kind == "webhook", rx.fragment(), trigger_samples.samples()),
        rx.el.div(
            controls.button(
                controls.icon("braces", 15),
                "Edit as JSON",
                kind="small quiet",
                testid="trigger-json",
                on_click=Rewriting.open(TRIGGER),
            ),
            class_name="row",
        ),
        class_name="panel-fields",
        custom_attrs={"data-autosave": ""},
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
            display.command(_curl(Builder.webhook_url), "curl"),
            class_name="field",
        ),
    )


def _curl(url: Any) -> Any:
    return (
        f"curl -X POST '{url}' \\\n  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"name": "Ada", "email": "ada@example.com"}\''
    )


def _page() -> rx.Component:
    is_live = Builder.enabled & (Builder.live_version > 0)
    return rx.el.div(
        rx.el.span("Page", class_name="field-label"),
        display.address(Builder.page_url, "page-url", "Copy the address of the page"),
        rx.el.span(
            rx.cond(
                is_live,
                rx.fragment(
                    "Anybody with this address can fill it in. ",
                    elements.anchor("Open it", href=Builder.page_url, testid="open-page"),
                ),
                "It opens once the zap is published and on.",
            ),
            class_name="hint",
        ),
        class_name="field",
    )


def _manual() -> rx.Component:
    return rx.el.div(
        rx.el.p("Each press starts one run of the live version.", class_name="muted"),
        controls.button(
            controls.icon("play"),
            "Run now",
            kind="primary wide",
            testid="run-now",
            disabled=Builder.live_version == 0,
            title=rx.cond(Builder.live_version == 0, "Publish the zap first", "Start a run"),
            on_click=Trigger.run_now,
        ),
        class_name="stack",
    )


def _times() -> rx.Component:
    """What the schedule comes to."""
    return rx.cond(
        Builder.form.sentence != "",
        rx.el.div(
            rx.el.strong(Builder.form.sentence, data_testid="schedule-sentence"),
            rx.el.ol(
                rx.foreach(
                    Builder.form.next_times,
                    lambda at: rx.el.li(at.name, " ", elements.when(at.value)),
                ),
                class_name="next-times",
                aria_label="The next times",
                data_testid="next-times",
            ),
            class_name="times-box",
            role="status",
        ),
    )
