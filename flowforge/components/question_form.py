"""The editor of what a form, or a run by hand, asks: one block per field."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.components.saving import Change, saves
from flowforge.services.trigger_forms import FIELD_KINDS
from flowforge.state.builder import Builder
from flowforge.state.trigger import Trigger


def questions() -> rx.Component:
    return rx.el.div(
        rx.el.span("What is asked", class_name="field-label"),
        rx.foreach(Builder.form.questions, _question),
        rx.el.div(
            controls.button(
                controls.icon("plus", 14),
                "Add a field",
                kind="small",
                testid="add-question",
                on_click=Trigger.add_question,
            ),
            class_name="row",
        ),
        class_name="stack questions",
        data_testid="questions",
    )


def _question(one: Any) -> rx.Component:
    at = f"question-{one.place}"
    return rx.el.fieldset(
        rx.el.legend(f"Field {one.place + 1}", class_name="sr-only"),
        rx.el.div(
            _text(one, "label", "What to ask", at, placeholder="Your name"),
            rx.el.div(
                rx.el.label("Kind", html_for=f"{at}-kind"),
                rx.el.select(
                    *(rx.el.option(words, value=kind) for kind, words in FIELD_KINDS.items()),
                    id=f"{at}-kind",
                    class_name="input",
                    default_value=one.kind,
                    on_change=_save(one, "kind"),
                    data_testid=f"{at}-kind",
                ),
                class_name="field",
            ),
            class_name="two",
        ),
        rx.cond(
            one.kind == "choice",
            rx.el.div(
                rx.el.label("Answers to choose from, one a line", html_for=f"{at}-options"),
                rx.el.textarea(
                    id=f"{at}-options",
                    class_name="input",
                    rows="3",
                    default_value=one.options,
                    data_testid=f"{at}-options",
                    **saves(_save(one, "options")),
                ),
                class_name="field",
            ),
        ),
        rx.el.div(
            _text(one, "name", "Called in expressions", at, spell_check=False),
            _text(one, "help", "Help", at),
            class_name="two",
        ),
        rx.cond(one.error != "", controls.wrong(one.error, f"{at}-error")),
        rx.el.div(
            rx.el.label(
                rx.el.input(
                    type="checkbox",
                    default_checked=one.is_required,
                    on_change=lambda ticked: Trigger.fill_question(
                        one.place, "required", rx.cond(ticked, "true", "false")
                    ),
                    data_testid=f"{at}-required",
                ),
                "Has to be filled in",
                class_name="tick",
            ),
            rx.el.span(class_name="spacer"),
            controls.icon_button(
                "arrow-up", "Move this field up", kind="quiet small", testid=f"{at}-up",
                disabled=one.is_first, on_click=Trigger.move_question(one.place, -1),
            ),
            controls.icon_button(
                "arrow-down", "Move this field down", kind="quiet small", testid=f"{at}-down",
                disabled=one.is_last, on_click=Trigger.move_question(one.place, 1),
            ),
            controls.icon_button(
                "trash-2", "Remove this field", kind="quiet small", testid=f"{at}-drop",
                on_click=Trigger.drop_question(one.place),
            ),
            class_name="row",
        ),
        class_name="question",
        key=f"{at}-{Builder.version}",
        data_testid=at,
    )  # fmt: skip


def _save(one: Any, part: str) -> Change:
    return lambda text: Trigger.fill_question(one.place, part, text)


def _text(one: Any, part: str, label: str, at: Any, **props: Any) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=f"{at}-{part}"),
        rx.el.input(
            type="text",
            id=f"{at}-{part}",
            class_name="input",
            default_value=one[part],
            auto_complete="off",
            data_testid=f"{at}-{part}",
            **saves(_save(one, part)),
            **props,
        ),
        class_name="field",
    )
