"""Below a step's form: try it now with real values, and see what comes of it."""

import reflex as rx

from flowforge.components import controls, display, value_tree
from flowforge.state.builder import Builder
from flowforge.state.trial import CONFIRM, Trial


def trial() -> rx.Component:
    result = Trial.result
    return rx.el.section(
        controls.button(
            controls.icon("play", 15),
            rx.cond(
                Trial.is_working,
                "Working…",
                rx.cond(Builder.form.kind == "code", "Run this code", "Test this step"),
            ),
            testid="test-step",
            disabled=Trial.is_working,
            title="Do this step once, with the last request and what the steps before gave",
            on_click=Trial.try_step(Builder.form.card, False),
        ),
        rx.cond(result.card == Builder.form.card, _result()),
        _confirmation(),
        class_name="trial",
        aria_label="Test of this step",
    )


def _result() -> rx.Component:
    result = Trial.result
    return rx.el.div(
        rx.el.div(
            display.status(result.status, "trial-status"),
            rx.el.span(result.duration, class_name="muted small num"),
            class_name="row gap-3",
        ),
        rx.cond(result.note, rx.el.p(rx.el.bdi(result.note), class_name="muted small")),
        rx.cond(
            result.error,
            display.notice(
                rx.el.bdi(result.error),
                display.advice(result.advice),
                kind="bad",
                glyph="circle-alert",
                data_testid="trial-error",
            ),
        ),
        rx.cond(result.input.is_there, value_tree.value("It got", result.input, "trial-input")),
        rx.cond(
            result.output.is_there,
            value_tree.value("It gave", result.output, "trial-output", root=f"steps.{result.card}"),
        ),
        rx.cond(
            result.logs,
            rx.el.section(
                rx.el.header(rx.el.span("Printed")),
                rx.el.pre(
                    rx.el.bdi(result.logs),
                    tab_index=0,
                    role="region",
                    aria_label="What the code printed",
                ),
                class_name="json-box printed",
                data_testid="trial-logs",
            ),
        ),
        class_name="stack",
        role="status",
        data_testid="trial-result",
    )


def _confirmation() -> rx.Component:
    return controls.dialog(
        CONFIRM,
        "Do this for real?",
        rx.el.p(Trial.asks),
        controls.dialog_end(
            CONFIRM,
            controls.button(
                "Do it",
                kind="danger",
                testid="confirm-trial-yes",
                on_click=[
                    controls.close_dialog(CONFIRM),
                    Trial.try_step(Builder.form.card, True),
                ],
            ),
        ),
    )
