"""What every step may be told besides its inputs: its name, a note, its patience, what a failure
means.
"""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.components.saving import saves
from flowforge.state.builder import Builder
from flowforge.state.filling import Filling


def settings() -> rx.Component:
    form, policy = Builder.form, Builder.form.policy
    return rx.fragment(
        rx.cond(policy.has_on_error, _failures(policy)),
        _group(
            "Name and note",
            "settings-2",
            "step-settings",
            _option("Name of this step", "name", form.name, placeholder=form.title),
            _note(form.note),
            rx.el.p(
                "Later steps call it ",
                rx.el.code(f"steps.{form.card}"),
                ".",
                class_name="hint",
            ),
        ),
    )


def _failures(policy: Any) -> rx.Component:
    return _group(
        "When it fails",
        "rotate-ccw",
        "failure-settings",
        rx.cond(
            policy.has_retry,
            rx.fragment(
                rx.el.div(
                    _number("Attempts", "attempts", policy.attempts),
                    _number("Seconds per attempt", "timeout_seconds", policy.timeout),
                    _number("First wait, in seconds", "first_wait", policy.first_wait),
                    _number("Each wait times", "factor", policy.factor),
                    _number("Longest wait, in seconds", "longest_wait", policy.longest_wait),
                    class_name="two",
                ),
                rx.el.p(policy.words, class_name="said", data_testid="retry-words", role="status"),
            ),
        ),
        rx.el.div(
            rx.el.label("If it fails for good", html_for="option-on_error"),
            rx.el.select(
                rx.el.option("Stop the run as failed", value="stop"),
                rx.el.option("Go on with the next step", value="continue"),
                id="option-on_error",
                class_name="input",
                default_value=policy.on_error,
                on_change=lambda text: Filling.set_option(Builder.form.card, "on_error", text),
                data_testid="option-on_error",
            ),
            class_name="field",
        ),
    )


def _group(title: str, glyph: str, testid: str, *content: Any) -> rx.Component:
    return rx.el.details(
        rx.el.summary(
            controls.icon(glyph, 15),
            title,
            rx.el.span(class_name="spacer"),
            rx.el.span(controls.icon("chevron-right", 15), class_name="chev"),
            data_testid=testid,
        ),
        rx.el.div(*content, class_name="stack"),
        class_name="settings",
        key=f"{testid}-{Builder.form.card}",
    )


def _number(label: str, option: str, value: Any) -> rx.Component:
    return _option(label, option, value, input_mode="decimal")


def _option(label: str, option: str, value: Any, **props: Any) -> rx.Component:
    return _wrapped(
        label,
        option,
        rx.el.input(
            type="text",
            class_name="input",
            default_value=value,
            auto_complete="off",
            **_common(option),
            **props,
        ),
    )


def _note(value: Any) -> rx.Component:
    return _wrapped(
        "Note",
        "note",
        rx.el.textarea(
            class_name="input",
            default_value=value,
            rows="3",
            max_length=2_000,
            placeholder="For whoever reads this zap: why it is here, whom to ask…",
            **_common("note"),
        ),
    )


def _common(option: str) -> dict[str, Any]:
    return {
        "id": f"option-{option}",
        "data_testid": f"option-{option}",
        **saves(lambda text: Filling.set_option(Builder.form.card, option, text)),
    }


def _wrapped(label: str, option: str, control: rx.Component) -> rx.Component:
    where = f"option-{option}"
    is_wrong = Builder.refused_in == where
    return rx.el.div(
        rx.el.label(label, html_for=where),
        control,
        rx.cond(is_wrong, controls.wrong(Builder.refusal, f"error-{where}")),
        class_name=rx.cond(is_wrong, "field is-wrong", "field"),
        key=f"{where}-{Builder.form.card}-{Builder.version}",
    )
