"""The form of the chosen step, drawn from what its action declares.

Inputs keep their own text while a person types (they are uncontrolled): each change goes to the
draft after a short pause, and at once when the field is left. ``Builder.version`` in their keys
draws them anew when something else has changed the draft.
"""

from collections.abc import Callable
from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.state.builder import OPERATORS, Builder

PAUSE_MS = 450

Change = Callable[[Any], Any]


def form() -> rx.Component:
    """All inputs of the step, then what holds for every step."""
    return rx.el.div(
        rx.cond(
            Builder.form.error != "",
            controls.wrong(Builder.form.error, "form-error"),
        ),
        rx.foreach(Builder.fields, _field),
        rx.cond(Builder.form.kind == "filter", _filter()),
        rx.cond(Builder.form.kind == "stop", rx.el.p(_STOP, class_name="muted")),
        rx.foreach(Builder.strangers, _stranger),
        _settings(),
        class_name="panel-fields",
        # flowforge.js: "Saving…" begins with the first keystroke.
        custom_attrs={"data-autosave": ""},
    )


_STOP = "The run ends here, as succeeded. Steps below are not reached."


def saves(save: Change) -> dict[str, Any]:
    """The two events of an input that is saved while a person types.

    Leaving a field does not wait: the pause of the next field would swallow this one's change.
    """
    return {"on_change": lambda text: save(text).debounce(PAUSE_MS), "on_blur": save}


def _field(field: Any) -> rx.Component:
    error = rx.cond(
        Builder.duplicate_in == field.name,
        "Another line has this name already.",
        rx.cond(field.is_gap & ~Builder.shows_gaps, "", field.error),
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


def _area(field: Any, look: str) -> rx.Component:
    return rx.el.textarea(
        class_name=look,
        default_value=field.value,
        placeholder=field.placeholder,
        rows="4",
        custom_attrs={"data-takes-data": ""},
        **_common(field),
        **saves(_save(field)),
    )


def _select(field: Any) -> rx.Component:
    return rx.el.select(
        rx.foreach(field.options, lambda option: rx.el.option(option, value=option)),
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
                    on_click=Builder.forget_secret(Builder.form.card, field.name),
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


# ---- filter ------------------------------------------------------------------------------------


def _filter() -> rx.Component:
    return rx.el.div(
        rx.el.p("The run goes on only if…", class_name="lead"),
        rx.foreach(Builder.conditions, _condition),
        rx.el.div(
            rx.cond(
                Builder.condition_count > 0,
                controls.button(
                    controls.icon("plus", 14),
                    "And",
                    kind="small",
                    testid="add-and",
                    on_click=Builder.add_condition(Builder.form.card, Builder.last_group),
                ),
            ),
            controls.button(
                controls.icon("plus", 14),
                rx.cond(Builder.condition_count > 0, "Or", "Condition"),
                kind="small",
                testid="add-or",
                on_click=Builder.add_condition(Builder.form.card, Builder.last_group + 1),
            ),
            class_name="row",
        ),
        class_name="stack conditions",
    )


def _condition(line: Any) -> rx.Component:
    def save(part: str) -> Change:
        return lambda text: Builder.fill_condition(
            Builder.form.card, line.group, line.place, part, text
        )

    at = f"{line.group}-{line.place}"
    error = rx.cond(Builder.shows_gaps, line.error, "")
    return rx.el.div(
        rx.cond(line.opens_group, rx.el.span("or", class_name="or")),
        rx.el.div(
            rx.el.input(
                type="text",
                class_name="input",
                default_value=line.left,
                placeholder="{{ trigger.body.kind }}",
                aria_label="What to look at",
                custom_attrs={"data-takes-data": ""},
                data_testid=f"left-{at}",
                **saves(save("left")),
            ),
            rx.el.div(
                rx.el.select(
                    *(rx.el.option(words, value=op) for op, words in OPERATORS),
                    class_name="input",
                    default_value=line.op,
                    aria_label="How to compare",
                    on_change=save("op"),
                    data_testid=f"op-{at}",
                ),
                controls.icon_button(
                    "x",
                    "Remove this condition",
                    kind="quiet small",
                    testid=f"drop-condition-{at}",
                    on_click=Builder.remove_condition(Builder.form.card, line.group, line.place),
                ),
                class_name="row",
            ),
            rx.cond(
                line.is_unary,
                rx.fragment(),
                rx.el.input(
                    type="text",
                    class_name="input",
                    default_value=line.right,
                    placeholder="Compare with…",
                    aria_label="Compare with",
                    custom_attrs={"data-takes-data": ""},
                    data_testid=f"right-{at}",
                    **saves(save("right")),
                ),
            ),
            rx.cond(error != "", controls.wrong(error, f"error-condition-{at}")),
            class_name=rx.cond(error != "", "condition field is-wrong", "condition field"),
        ),
        key=f"{Builder.form.card}-{at}-{Builder.version}",
    )


# ---- for every step ------------------------------------------------------------------------------


def _settings() -> rx.Component:
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
