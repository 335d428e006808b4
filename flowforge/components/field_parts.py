"""What all controls of the panel's form share: their ids, how they save, and the small parts beside
them.
"""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.components.appears import appears
from flowforge.components.saving import Change
from flowforge.state.builder import TRIGGER, Builder
from flowforge.state.choosing import Choosing
from flowforge.state.filling import Filling


def id_of(field: Any) -> Any:
    return f"in-{field.name}"


def common(field: Any) -> dict[str, Any]:
    return {
        "id": id_of(field),
        "data_testid": f"input-{field.name}",
        "aria_required": rx.cond(field.is_required, "true", "false"),
        "auto_complete": "off",
    }


def save(field: Any) -> Change:
    return lambda text: Filling.fill(Builder.form.card, field.name, text)


def head(field: Any) -> rx.Component:
    """The label, and the way between choosing and writing an expression."""
    return rx.el.div(
        rx.el.label(
            rx.el.bdi(field.label),
            rx.cond(
                field.is_required,
                rx.el.span("*", class_name="needed", title="Required"),
                rx.el.span("optional", class_name="optional"),
            ),
            html_for=id_of(field),
        ),
        rx.cond(field.may_switch, _switch(field)),
        class_name="field-head",
    )


def _switch(field: Any) -> rx.Component:
    return rx.cond(
        field.is_expression,
        controls.icon_button(
            "list",
            "Choose instead",
            kind="quiet small",
            testid=f"choose-{field.name}",
            on_click=Choosing.by_choice(Builder.form.card, field.name),
        ),
        controls.icon_button(
            "braces",
            rx.cond(Builder.chosen == TRIGGER, "Write it yourself", "Use an expression instead"),
            kind="quiet small",
            testid=f"express-{field.name}",
            on_click=Choosing.by_hand(Builder.form.card, field.name),
        ),
    )


def finding(field: Any) -> rx.Component:
    """Asks for what the control offers when it is drawn, and when what it depends on changes; says
    how that goes.
    """
    again = Choosing.look(Builder.form.card, field.name, field.asks, "")
    return rx.cond(
        field.asks != "",
        rx.fragment(
            appears(f"{Builder.form.card}.{field.name}.{field.asks}", again),
            rx.match(
                field.stage,
                (
                    "loading",
                    rx.el.p(
                        rx.el.span(class_name="spinner", aria_hidden="true"),
                        "Looking up what there is…",
                        class_name="hint row",
                        role="status",
                        data_testid=f"loading-{field.name}",
                    ),
                ),
                (
                    "waiting",
                    rx.el.p(field.trouble, class_name="hint", data_testid=f"waiting-{field.name}"),
                ),
                ("failed", _failed(field, again)),
                rx.fragment(),
            ),
        ),
    )


def _failed(field: Any, again: Any) -> rx.Component:
    return rx.el.div(
        rx.el.p(rx.el.bdi(field.trouble), data_testid=f"trouble-{field.name}"),
        rx.el.div(
            controls.button(
                controls.icon("refresh-cw", 14),
                "Try again",
                kind="small",
                testid=f"again-{field.name}",
                on_click=again,
            ),
            rx.cond(
                field.may_switch,
                controls.button(
                    "Write it yourself",
                    kind="small quiet",
                    testid=f"write-{field.name}",
                    on_click=Choosing.by_hand(Builder.form.card, field.name),
                ),
            ),
            class_name="row wrap",
        ),
        class_name="notice warn column",
        role="alert",
    )


def foot(field: Any, error: Any) -> rx.Component:
    """What is wrong, or else what the value comes to and what belongs here."""
    return rx.fragment(
        rx.cond(
            field.said != "",
            rx.el.span(field.said, class_name="said", data_testid=f"said-{field.name}"),
        ),
        rx.cond(
            error != "",
            controls.wrong(error, f"error-{field.name}"),
            rx.cond(field.hint != "", rx.el.span(field.hint, class_name="hint")),
        ),
    )
