"""The dialog that asks what a step should do, or what starts the zap."""

import json
from typing import Any

import reflex as rx

from flowforge.components import controls, step_icons
from flowforge.state.arranging import PICKER, Arranging
from flowforge.state.builder import TRIGGER, Builder


def dialog() -> rx.Component:
    """Type a few letters, press Enter: the first that fits is taken."""
    return controls.dialog(
        PICKER,
        rx.cond(
            Arranging.picker_for == TRIGGER, "What starts this zap?", "What should happen next?"
        ),
        rx.cond(Arranging.picker_for == TRIGGER, rx.fragment(), _search()),
        rx.el.div(
            rx.foreach(Arranging.choices, _choice),
            rx.cond(
                Arranging.choices,
                rx.fragment(),
                rx.el.p(
                    "Nothing fits. Try “email”, “slack” or “http”.",
                    class_name="muted none",
                    data_testid="no-choices",
                ),
            ),
            class_name="pick-list",
        ),
        controls.dialog_end(PICKER),
    )


def _search() -> rx.Component:
    return rx.el.form(
        controls.icon("search"),
        rx.el.input(
            type="search",
            class_name="input",
            placeholder="Search apps and actions",
            aria_label="Search apps and actions",
            auto_complete="off",
            custom_attrs={"data-first": ""},
            key=f"{Arranging.picker_for}-{Arranging.picker_step}-{Arranging.picker_branch}-{Arranging.picker_at}-{Builder.version}",
            on_change=lambda text: Arranging.search(text).debounce(120),
            data_testid="picker-search",
        ),
        class_name="search wide",
        on_submit=rx.call_script(
            f"document.querySelector({json.dumps(f'#{PICKER} .pick')})?.click()"
        ),
    )


def _choice(choice: Any) -> rx.Component:
    return rx.el.button(
        step_icons.card_icon(choice.key, choice.icon),
        rx.el.span(
            rx.el.strong(choice.name),
            rx.el.span(choice.summary, class_name="what"),
        ),
        type="button",
        class_name="pick",
        on_click=Arranging.pick(choice.key),
        data_testid=f"pick-{choice.key}",
    )
