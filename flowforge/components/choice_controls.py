"""Controls for what is chosen from a list: one of what a service has, or several."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.components.field_parts import id_of
from flowforge.state.builder import Builder
from flowforge.state.choosing import Choosing
from flowforge.state.filling import Filling

_PAUSE_MS = 300


def one(field: Any) -> rx.Component:
    """A button with what is chosen; the list opens below it, in the form itself."""
    return rx.el.details(
        rx.el.summary(
            rx.cond(
                field.chosen != "",
                rx.el.bdi(field.chosen, class_name="truncate"),
                rx.el.span("Choose…", class_name="muted"),
            ),
            rx.el.span(controls.icon("chevron-down", 15), class_name="chev"),
            class_name="input choice-face",
            id=id_of(field),
            aria_label=f"{field.label}: {field.chosen}",
            data_testid=f"input-{field.name}",
        ),
        rx.el.div(
            _search(field),
            rx.el.div(
                rx.foreach(field.options, lambda option: _pick(field, option)),
                class_name="choice-options",
                custom_attrs={"data-arrows": ""},
            ),
            _nothing(field),
            class_name="choice-list",
        ),
        class_name="choice",
        custom_attrs={"data-choice": ""},
    )


def several(field: Any) -> rx.Component:
    return rx.el.div(
        _search(field),
        rx.foreach(field.options, lambda option: _tick(field, option)),
        _nothing(field),
        class_name="ticks",
        id=id_of(field),
        role="group",
        aria_label=field.label,
        data_testid=f"input-{field.name}",
    )


def _search(field: Any) -> rx.Component:
    return rx.cond(
        field.searches,
        rx.el.div(
            controls.icon("search"),
            rx.el.input(
                type="search",
                class_name="input",
                placeholder="Search…",
                aria_label=f"Search: {field.label}",
                auto_complete="off",
                data_testid=f"search-{field.name}",
                on_change=lambda text: Choosing.look(
                    Builder.form.card, field.name, field.asks, text
                ).debounce(_PAUSE_MS),
            ),
            class_name="search",
        ),
    )


def _pick(field: Any, option: Any) -> rx.Component:
    return rx.el.button(
        rx.el.bdi(option.label, class_name="wrap"),
        rx.cond(option.is_on, controls.icon("check", 15)),
        type="button",
        class_name="choice-option",
        aria_pressed=rx.cond(option.is_on, "true", "false"),
        data_testid=f"pick-{field.name}",
        custom_attrs={"data-shuts": ""},
        on_click=Filling.fill(Builder.form.card, field.name, option.value),
        key=option.value,
    )


def _tick(field: Any, option: Any) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            checked=option.is_on,
            on_change=lambda is_on: Filling.choose(
                Builder.form.card, field.name, option.value, is_on
            ),
            data_testid=f"tick-{field.name}-{option.value}",
        ),
        rx.el.bdi(option.label, class_name="wrap"),
        class_name="check",
        key=option.value,
    )


def _nothing(field: Any) -> rx.Component:
    return rx.fragment(
        rx.cond(
            (field.stage == "ready") & ~field.options.bool(),
            rx.el.p("Nothing fits.", class_name="muted small", data_testid=f"none-{field.name}"),
        ),
        rx.cond(
            field.has_more,
            rx.el.p("There are more. Type to find them.", class_name="hint"),
        ),
    )
