"""Controls for one value: texts, numbers, choices among a few, moments, secrets."""

from typing import Any

import reflex as rx

from flowforge.components import controls, elements
from flowforge.components.field_parts import common, id_of, save
from flowforge.components.saving import saves
from flowforge.state.builder import Builder
from flowforge.state.choosing import Choosing
from flowforge.state.filling import Filling


def text(field: Any, **props: Any) -> rx.Component:
    return rx.el.input(
        type="text",
        class_name="input",
        default_value=field.value,
        placeholder=field.placeholder,
        spell_check=False,
        custom_attrs={"data-takes-data": ""},
        **common(field),
        **saves(save(field)),
        **props,
    )


def area(field: Any, look: str, **props: Any) -> rx.Component:
    props.setdefault("rows", "4")
    return rx.el.textarea(
        class_name=look,
        default_value=field.value,
        placeholder=field.placeholder,
        custom_attrs={"data-takes-data": ""},
        **common(field),
        **saves(save(field)),
        **props,
    )


def select(field: Any) -> rx.Component:
    return rx.el.select(
        rx.foreach(field.options, lambda one: rx.el.option(one.label, value=one.value)),
        class_name="input",
        default_value=field.value,
        on_change=save(field),
        **common(field),
    )


def checkbox(field: Any) -> rx.Component:
    return rx.el.label(
        controls.switch(
            field.value == "true",
            field.label,
            testid=f"input-{field.name}",
            id=id_of(field),
            on_change=lambda is_on: Filling.check(Builder.form.card, field.name, is_on),
        ),
        rx.cond(field.value == "true", "Yes", "No"),
        class_name="row switch-row",
    )


def moment(field: Any) -> rx.Component:
    """By the clock of this browser; the words below tell the zone."""

    def pick(picked: Any) -> Any:
        east: rx.Var[int] = rx.Var(
            f"-(new Date({picked!s}).getTimezoneOffset() || 0)", _var_type=int
        )
        return Filling.fill_moment(Builder.form.card, field.name, picked, east)

    return rx.el.input(
        type="datetime-local",
        class_name="input",
        default_value=field.value,
        on_change=pick,
        **common(field),
    )


def secret(field: Any) -> rx.Component:
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
            **common(field) | {"auto_complete": "new-password"},
            **saves(lambda typed: Filling.fill_secret(Builder.form.card, field.name, typed)),
        ),
        rx.el.div(
            rx.cond(
                field.is_set,
                controls.icon_button(
                    "trash-2",
                    "Remove the stored value",
                    kind="quiet small",
                    testid=f"forget-{field.name}",
                    on_click=Filling.drop_input(Builder.form.card, field.name),
                ),
                controls.icon_button(
                    "eye",
                    "Show or hide what you type",
                    kind="quiet small",
                    testid=f"reveal-{field.name}",
                    custom_attrs={"data-reveals": id_of(field)},
                ),
            ),
            class_name="end",
        ),
        class_name="with-end",
    )


def huge(field: Any) -> rx.Component:
    """The beginning of a value that would make every keystroke slow."""
    return rx.el.div(
        rx.el.pre(rx.el.bdi(field.value), class_name="huge", tab_index=0, id=id_of(field)),
        rx.el.div(
            rx.el.span(f"{field.size}, of which this is the beginning.", class_name="hint"),
            rx.el.span(class_name="spacer"),
            controls.button(
                "Edit all of it",
                kind="small",
                testid=f"whole-{field.name}",
                on_click=Choosing.show_whole(Builder.form.card, field.name),
            ),
            class_name="row wrap",
        ),
        class_name="stack tight",
    )


def hint(field: Any) -> rx.Component:
    """Something told between the controls."""
    glyph = rx.match(
        field.look,
        ("warning", controls.icon("triangle-alert")),
        ("tip", controls.icon("lightbulb")),
        ("info", controls.icon("info")),
        rx.fragment(),
    )
    look = rx.match(
        field.look,
        ("warning", "notice warn"),
        ("tip", "notice ok"),
        ("info", "notice"),
        "plain-hint",
    )
    return rx.el.div(
        glyph,
        rx.el.div(
            rx.foreach(
                field.blocks,
                lambda block: rx.el.p(
                    rx.foreach(block.spans, _span),
                    class_name=rx.cond(block.is_item, "item", ""),
                ),
            ),
            class_name="stack tight",
        ),
        class_name=look,
        data_testid=field.name,
    )


def _span(span: Any) -> rx.Component:
    return rx.match(
        span.look,
        ("strong", rx.el.strong(span.text)),
        ("em", rx.el.em(span.text)),
        ("code", rx.el.code(span.text, class_name="wrap")),
        (
            "link",
            elements.anchor(
                span.text,
                href=span.href,
                testid="hint-link",
                look="link",
                custom_attrs={"target": "_blank", "rel": "noopener noreferrer"},
            ),
        ),
        rx.el.span(span.text),
    )
