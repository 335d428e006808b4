"""The form of a filter: conditions that hold together, in groups of which one must hold."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.components.saving import Change, saves
from flowforge.state.builder import OPERATORS, Builder


def conditions(lead: str = "The run goes on only if…") -> rx.Component:
    return rx.el.div(
        rx.el.p(lead, class_name="lead"),
        rx.foreach(Builder.conditions, _condition),
        rx.el.div(
            rx.cond(
                Builder.conditions,
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
                rx.cond(Builder.conditions, "Or", "Condition"),
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
