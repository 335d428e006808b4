"""The form of the chosen step, drawn from what its action declares.

Inputs keep their own text while a person types (they are uncontrolled): each change goes to the
draft after a short pause, and at once when the field is left. ``Builder.version`` in their keys
draws them anew when something else has changed the draft.
"""

from typing import Any

import reflex as rx

from flowforge.components import (
    branch_form,
    choice_controls,
    code_editor,
    condition_form,
    controls,
    field_parts,
    file_control,
    list_controls,
    plain_controls,
    step_settings,
)
from flowforge.state.builder import Builder
from flowforge.state.filling import Filling


def form() -> rx.Component:
    """All inputs of the step, then what holds for every step."""
    return rx.el.div(
        rx.cond(
            Builder.form.error != "",
            controls.wrong(Builder.form.error, "form-error"),
        ),
        rx.cond(
            Builder.shows_gaps & (Builder.form.gap != ""),
            controls.wrong(Builder.form.gap, "form-gap"),
        ),
        fields(),
        rx.cond(
            (Builder.form.kind == "router") | (Builder.form.kind == "parallel"),
            branch_form.branches(),
            rx.cond(Builder.form.has_conditions, condition_form.conditions(_lead())),
        ),
        rx.cond(Builder.form.kind == "stop", rx.el.p(_STOP, class_name="muted")),
        rx.foreach(Builder.strangers, _stranger),
        step_settings.settings(),
        class_name="panel-fields",
        # flowforge.js: "Saving…" begins with the first keystroke.
        custom_attrs={"data-autosave": ""},
    )


def fields() -> rx.Component:
    """The controls alone."""
    return rx.foreach(Builder.fields, _field)


_STOP = "The run ends here, as succeeded. Steps below are not reached."


def _lead() -> Any:
    return rx.match(
        Builder.form.kind,
        ("loop", "Another round begins as long as…"),
        ("break", "The loop is left if… Without a condition: always."),
        "The run goes on only if…",
    )


def _field(field: Any) -> rx.Component:
    return rx.match(
        field.widget,
        ("hint", plain_controls.hint(field)),
        _control(field),
    )


def _control(field: Any) -> rx.Component:
    error = rx.cond(
        Builder.refused_in == field.name,
        Builder.refusal,
        rx.cond(field.is_gap & ~Builder.shows_gaps, "", field.error),
    )
    return rx.el.div(
        field_parts.head(field),
        rx.match(
            field.widget,
            ("textarea", plain_controls.area(field, "input")),
            ("json", plain_controls.area(field, "input code")),
            ("code", code_editor.code(field)),
            (
                "select",
                rx.cond(field.asks != "", choice_controls.one(field), plain_controls.select(field)),
            ),
            ("multiselect", choice_controls.several(field)),
            ("keyvalue", list_controls.pairs(field)),
            ("list", list_controls.texts(field)),
            ("rows", list_controls.rows(field)),
            ("checkbox", plain_controls.checkbox(field)),
            ("datetime", plain_controls.moment(field)),
            ("secret", plain_controls.secret(field)),
            ("number", plain_controls.text(field, input_mode="decimal")),
            ("huge", plain_controls.huge(field)),
            ("dynamic", rx.fragment()),
            ("file", file_control.control(field, several=False)),
            ("files", file_control.control(field, several=True)),
            plain_controls.text(field),
        ),
        field_parts.finding(field),
        field_parts.foot(field, error),
        class_name=rx.cond(error != "", "field is-wrong", "field"),
        key=f"{Builder.form.card}-{field.name}-{field.widget}-{Builder.version}",
        data_testid=f"field-{field.name}",
    )


def _stranger(name: rx.Var[str]) -> rx.Component:
    """An input that the action does not know: shown, because it keeps the zap from going live."""
    return rx.el.div(
        rx.el.span("Unknown input ", rx.el.code(name), class_name="truncate"),
        rx.el.span(class_name="spacer"),
        controls.button(
            "Remove",
            kind="small",
            testid=f"drop-input-{name}",
            on_click=Filling.drop_input(Builder.form.card, name),
        ),
        class_name="notice warn",
    )
