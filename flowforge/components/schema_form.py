"""The form of the chosen step, drawn from what its action declares.

Inputs keep their own text while a person types (they are uncontrolled): each change goes to the
draft after a short pause, and at once when the field is left. ``Builder.version`` in their keys
draws them anew when something else has changed the draft.
"""

from typing import Any

import reflex as rx

from flowforge.components import condition_form, controls, step_settings
from flowforge.components.saving import Change, saves
from flowforge.state.builder import Builder
from flowforge.state.rewriting import Rewriting


def form() -> rx.Component:
    """All inputs of the step, then what holds for every step."""
    return rx.el.div(
        rx.cond(
            Builder.form.error != "",
            controls.wrong(Builder.form.error, "form-error"),
        ),
        fields(),
        rx.cond(Builder.form.kind == "filter", condition_form.conditions()),
        rx.cond(_is_more_than_fields(), _as_json()),
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
# What of these kinds no form asks for yet.
_NOT_ONLY_FIELDS = {
    "router": "When each branch is taken",
    "loop": "A condition to go on as long as it holds",
    "parallel": "Which branches wait for others",
    "break": "When the loop is left",
}


def _is_more_than_fields() -> Any:
    return rx.Var.create(list(_NOT_ONLY_FIELDS)).contains(Builder.form.kind)


def _as_json() -> rx.Component:
    """Of conditions beside those of a filter there is no form yet."""
    return rx.el.div(
        rx.el.p(
            rx.match(Builder.form.kind, *_NOT_ONLY_FIELDS.items(), "Some of it"),
            " is edited as JSON for now.",
            class_name="muted",
        ),
        controls.button(
            controls.icon("braces"),
            "Edit as JSON",
            testid="edit-json",
            on_click=Rewriting.open(Builder.form.card),
        ),
        class_name="stack",
    )


def _field(field: Any) -> rx.Component:
    error = rx.cond(
        Builder.duplicate_in == field.name,
        "Another line has this name already.",
        rx.cond(
            Builder.refused_in == field.name,
            Builder.refusal,
            rx.cond(field.is_gap & ~Builder.shows_gaps, "", field.error),
        ),
    )
    return rx.el.div(
        rx.el.label(
            field.label,
            rx.cond(
                field.is_required,
                rx.el.span("*", class_name="needed", title="Required"),
                rx.el.span("optional", class_name="optional"),
            ),
            html_for=_id(field),
        ),
        rx.match(
            field.widget,
            ("textarea", _area(field, "input")),
            ("json", _area(field, "input code")),
            ("code", _area(field, "input code", rows="10", spell_check=False)),
            ("select", _select(field)),
            ("keyvalue", _pairs(field)),
            ("checkbox", _checkbox(field)),
            ("secret", _secret(field)),
            ("number", _text(field, input_mode="decimal")),
            _text(field),
        ),
        rx.cond(
            error != "",
            controls.wrong(error, f"error-{field.name}"),
            rx.cond(field.hint != "", rx.el.span(field.hint, class_name="hint")),
        ),
        class_name=rx.cond(error != "", "field is-wrong", "field"),
        key=f"{Builder.form.card}-{field.name}-{Builder.version}",
        data_testid=f"field-{field.name}",
    )


def _id(field: Any) -> Any:
    return f"in-{field.name}"


def _common(field: Any) -> dict[str, Any]:
    return {
        "id": _id(field),
        "data_testid": f"input-{field.name}",
        "aria_required": rx.cond(field.is_required, "true", "false"),
        "auto_complete": "off",
    }


def _save(field: Any) -> Change:
    return lambda text: Builder.fill(Builder.form.card, field.name, text)


def _text(field: Any, **props: Any) -> rx.Component:
    return rx.el.input(
        type="text",
        class_name="input",
        default_value=field.value,
        placeholder=field.placeholder,
        spell_check=False,
        custom_attrs={"data-takes-data": ""},
        **_common(field),
        **saves(_save(field)),
        **props,
    )


def _area(field: Any, look: str, **props: Any) -> rx.Component:
    props.setdefault("rows", "4")
    return rx.el.textarea(
        class_name=look,
        default_value=field.value,
        placeholder=field.placeholder,
        custom_attrs={"data-takes-data": ""},
        **_common(field),
        **saves(_save(field)),
        **props,
    )


def _select(field: Any) -> rx.Component:
    return rx.el.select(
        rx.foreach(field.options, lambda option: rx.el.option(option.value, value=option.name)),
        class_name="input",
        default_value=field.value,
        on_change=_save(field),
        **_common(field),
    )


def _checkbox(field: Any) -> rx.Component:
    return rx.el.select(
        rx.el.option("Yes", value="true"),
        rx.el.option("No", value="false"),
        class_name="input",
        default_value=field.value,
        on_change=_save(field),
        **_common(field),
    )


def _secret(field: Any) -> rx.Component:
    """What is stored is never sent back: only that there is something."""
    return rx.el.div(
        rx.el.input(
            type="password",
            class_name="input",
            default_value=field.value,
            placeholder=rx.cond(
                field.is_set, "Stored and hidden. Type to replace it.", field.placeholder
            ),
            custom_attrs={"data-takes-data": "", "data-1p-ignore": ""},
            **_common(field) | {"auto_complete": "new-password"},
            **saves(lambda text: Builder.fill_secret(Builder.form.card, field.name, text)),
        ),
        rx.el.div(
            rx.cond(
                field.is_set,
                controls.icon_button(
                    "trash-2",
                    "Remove the stored value",
                    kind="quiet small",
                    testid=f"forget-{field.name}",
                    on_click=Builder.drop_input(Builder.form.card, field.name),
                ),
                controls.icon_button(
                    "eye",
                    "Show or hide what you type",
                    kind="quiet small",
                    testid=f"reveal-{field.name}",
                    # The id is from the registry, never from a payload.
                    on_click=rx.call_script(f"flowforge.reveal('in-{field.name}')"),
                ),
            ),
            class_name="end",
        ),
        class_name="with-end",
    )


def _pairs(field: Any) -> rx.Component:
    """Names and values, and always one empty line to go on with."""
    return rx.el.div(
        rx.foreach(
            field.pairs, lambda pair, place: _pair(field, pair.name, pair.value, place, pair)
        ),
        _pair(field, "", "", field.pairs.length(), None),
        class_name="pairs",
        id=_id(field),
    )


def _pair(field: Any, name: Any, value: Any, place: Any, stored: Any) -> rx.Component:
    def save(part: str) -> Change:
        return lambda text: Builder.fill_pair(Builder.form.card, field.name, place, part, text)

    remove: rx.Component = rx.el.span(class_name="pair-end")
    if stored is not None:
        remove = controls.icon_button(
            "x",
            "Remove this line",
            kind="quiet small",
            testid=f"drop-{field.name}-{place}",
            on_click=Builder.drop_pair(Builder.form.card, field.name, place),
        )
    return rx.el.div(
        rx.el.input(
            type="text",
            class_name="input",
            default_value=name,
            placeholder="Name" if stored is not None else "Add a name…",
            aria_label="Name",
            auto_complete="off",
            data_testid=f"name-{field.name}-{place}",
            **saves(save("name")),
        ),
        rx.el.input(
            type="text",
            class_name="input",
            default_value=value,
            placeholder="Value",
            aria_label="Value",
            auto_complete="off",
            custom_attrs={"data-takes-data": ""},
            data_testid=f"value-{field.name}-{place}",
            **saves(save("value")),
        ),
        remove,
        class_name="pair",
        key=f"pair-{place}",
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
            on_click=Builder.drop_input(Builder.form.card, name),
        ),
        class_name="notice warn",
    )
