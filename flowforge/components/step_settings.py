"""What every step may be told besides its inputs: its name, its patience, what a failure means."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.state.builder import Builder


def settings() -> rx.Component:
    is_action = Builder.form.kind == "action"
    return rx.el.details(
        rx.el.summary(
            controls.icon("settings-2", 15),
            "Name and retries",
            rx.el.span(class_name="spacer"),
            rx.el.span(controls.icon("chevron-right", 15), class_name="chev"),
            data_testid="step-settings",
        ),
        rx.el.div(
            _option(
                "Name of this step",
                "name",
                Builder.form.name,
                placeholder=Builder.form.title,
            ),
            rx.cond(
                is_action,
                rx.fragment(
                    rx.el.div(
                        _option("Attempts", "attempts", Builder.form.attempts, type="number"),
                        _option(
                            "Seconds per attempt",
                            "timeout_seconds",
                            Builder.form.timeout,
                            type="number",
                        ),
                        class_name="two",
                    ),
                    rx.el.div(
                        rx.el.label("If it fails for good", html_for="option-on_error"),
                        rx.el.select(
                            rx.el.option("Stop the run as failed", value="stop"),
                            rx.el.option("Go on with the next step", value="continue"),
                            id="option-on_error",
                            class_name="input",
                            default_value=Builder.form.on_error,
                            on_change=lambda text: Builder.set_option(
                                Builder.form.card, "on_error", text
                            ),
                            data_testid="option-on_error",
                        ),
                        class_name="field",
                    ),
                    rx.el.p(
                        "Attempts wait 2 s, 4 s, 8 s … up to an hour. Later steps call this one ",
                        rx.el.code(f"steps.{Builder.form.card}"),
                        ".",
                        class_name="hint",
                    ),
                ),
            ),
            class_name="stack",
        ),
        class_name="settings",
        key=f"settings-{Builder.form.card}-{Builder.version}",
    )


def _option(label: str, option: str, value: Any, **props: Any) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=f"option-{option}"),
        rx.el.input(
            id=f"option-{option}",
            class_name="input",
            default_value=value,
            on_blur=lambda text: Builder.set_option(Builder.form.card, option, text),
            data_testid=f"option-{option}",
            **props,
        ),
        class_name="field",
    )
