"""Conditions that hold together, in groups of which one must hold: of a trigger, a filter, a break,
a loop, or a branch of a router.
"""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.components.saving import Change, saves
from flowforge.services.condition_lines import OPERATOR_NAMES
from flowforge.state.builder import Builder
from flowforge.state.deciding import Deciding


def conditions(lead: Any = "The run goes on only if…") -> rx.Component:
    return rx.el.div(
        rx.el.p(lead, class_name="lead"),
        rx.foreach(Builder.conditions, _condition),
        rx.cond(
            Builder.refused_in == "conditions", controls.wrong(Builder.refusal, "error-conditions")
        ),
        rx.el.div(
            controls.button(
                controls.icon("plus", 14),
                rx.cond(Builder.conditions, "Or", "Condition"),
                kind="small",
                testid="add-or",
                on_click=Deciding.add(Builder.form.card, Builder.last_group + 1),
            ),
            class_name="row",
        ),
        class_name="stack conditions",
        data_testid="conditions",
    )


def _condition(line: Any) -> rx.Component:
    at = f"{line.group}-{line.place}"
    error = rx.cond(Builder.shows_gaps, line.error, "")
    return rx.el.div(
        rx.cond(line.opens_group, rx.el.span("or", class_name="or")),
        rx.el.div(
            rx.cond(
                line.size != "",
                rx.el.p(
                    f"This condition has a text of {line.size}. Edit it as JSON.", class_name="hint"
                ),
                _side(line, "left", line.left, "What to look at", "{{ trigger.body.kind }}"),
            ),
            _operator(line, at),
            rx.cond(
                line.is_unary | (line.size != ""),
                rx.fragment(),
                _side(line, "right", line.right, "Compare with", "Compare with…"),
            ),
            rx.cond(line.takes_case, _case(line, at)),
            rx.cond(error != "", controls.wrong(error, f"error-condition-{at}")),
            class_name=rx.cond(error != "", "condition field is-wrong", "condition field"),
        ),
        rx.cond(
            line.ends_group,
            controls.button(
                controls.icon("plus", 14),
                "And",
                kind="small quiet",
                testid=f"add-and-{line.group}",
                on_click=Deciding.add(Builder.form.card, line.group),
            ),
            rx.el.span("and", class_name="and"),
        ),
        class_name="condition-line",
        key=f"{Builder.form.card}-{Builder.form.branch}-{at}-{Builder.version}",
    )


def _save(line: Any, part: str) -> Change:
    return lambda text: Deciding.fill(Builder.form.card, line.group, line.place, part, text)


def _side(line: Any, part: str, value: Any, label: str, placeholder: str) -> rx.Component:
    return rx.el.input(
        type="text",
        class_name="input",
        default_value=value,
        placeholder=placeholder,
        aria_label=label,
        custom_attrs={"data-takes-data": ""},
        id=f"in-{part}-{line.group}-{line.place}",
        data_testid=f"{part}-{line.group}-{line.place}",
        **saves(_save(line, part)),
    )


def _operator(line: Any, at: Any) -> rx.Component:
    return rx.el.div(
        rx.el.select(
            *(rx.el.option(words, value=op) for op, words in OPERATOR_NAMES),
            class_name="input",
            default_value=line.op,
            aria_label="How to compare",
            on_change=_save(line, "op"),
            id=f"in-op-{at}",
            data_testid=f"op-{at}",
        ),
        controls.icon_button(
            "x",
            "Remove this condition",
            kind="quiet small",
            testid=f"drop-condition-{at}",
            on_click=Deciding.remove(Builder.form.card, line.group, line.place),
        ),
        class_name="row",
    )


def _case(line: Any, at: Any) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            checked=line.is_case_sensitive,
            on_change=lambda is_on: Deciding.match_case(
                Builder.form.card, line.group, line.place, is_on
            ),
            data_testid=f"case-{at}",
        ),
        "Upper and lower case differ",
        class_name="check small",
    )
