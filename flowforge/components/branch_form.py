"""The branches of a router or parallel block in its panel: named, ordered, and when each is taken or
begins.
"""

from typing import Any

import reflex as rx

from flowforge.components import condition_form, controls
from flowforge.components.saving import saves
from flowforge.state.builder import Builder
from flowforge.state.deciding import Deciding


def branches() -> rx.Component:
    card = Builder.form.card
    is_router = Builder.form.kind == "router"
    return rx.el.div(
        rx.el.span("Branches", class_name="field-label"),
        rx.el.ol(
            rx.foreach(Builder.branches, _branch),
            class_name="branches",
            data_testid="branches",
        ),
        rx.cond(
            is_router,
            rx.el.p("Where none fits, the steps below “Fallback” are taken.", class_name="hint"),
            rx.el.p("They run side by side, unless one waits for another.", class_name="hint"),
        ),
        rx.el.div(
            controls.button(
                controls.icon("plus", 14),
                "Add a branch",
                kind="small",
                testid="panel-add-branch",
                on_click=Deciding.add_branch(card),
            ),
            class_name="row",
        ),
        class_name="stack",
    )


def _branch(branch: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.button(
                rx.el.span(controls.icon("chevron-right", 15), class_name="chev"),
                rx.el.span(
                    rx.el.bdi(
                        rx.cond(branch.name != "", branch.name, f"Branch {branch.at + 1}"),
                        class_name="branch-name",
                    ),
                    rx.el.span(branch.tells, class_name="tells"),
                    class_name="words",
                ),
                rx.cond(
                    branch.problems > 0,
                    rx.el.span(branch.problems, class_name="count", title="Problems to mend"),
                ),
                type="button",
                class_name="branch-face",
                aria_expanded=rx.cond(branch.is_open, "true", "false"),
                data_testid=f"panel-branch-{branch.at}",
                on_click=Deciding.open_branch(Builder.form.card, branch.at),
            ),
            _moves(branch),
            class_name="branch-line",
        ),
        rx.cond(branch.is_open, _open(branch)),
        class_name=rx.cond(branch.is_open, "branch is-open", "branch"),
        key=f"branch-{branch.at}",
    )


def _open(branch: Any) -> rx.Component:
    field = f"branch-{branch.at}"
    return rx.el.div(
        rx.el.div(
            rx.el.label("Name", html_for=f"name-{field}"),
            rx.el.input(
                id=f"name-{field}",
                type="text",
                class_name="input",
                default_value=branch.name,
                max_length=200,
                auto_complete="off",
                data_testid=f"name-{field}",
                **saves(lambda name: Deciding.name_branch(Builder.form.card, branch.at, name)),
            ),
            rx.cond(Builder.refused_in == field, controls.wrong(Builder.refusal, f"error-{field}")),
            class_name="field",
            key=f"{Builder.form.card}-{branch.at}-{Builder.version}",
        ),
        rx.cond(
            Builder.form.kind == "router",
            condition_form.conditions("It is taken if…"),
            _waits(branch),
        ),
        class_name="stack branch-inside",
    )


def _waits(branch: Any) -> rx.Component:
    return rx.cond(
        branch.waits,
        rx.el.fieldset(
            rx.el.legend("It begins when these have ended", class_name="field-label"),
            rx.foreach(branch.waits, lambda other: _wait(branch, other)),
            class_name="field ticks",
        ),
    )


def _wait(branch: Any, other: Any) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            checked=other.is_on,
            disabled=~other.is_possible,
            on_change=lambda is_on: Deciding.wait_for(
                Builder.form.card, branch.at, other.name, is_on
            ),
            data_testid=f"wait-{branch.at}-{other.name}",
        ),
        rx.el.span(
            rx.el.bdi(other.name),
            rx.cond(other.is_possible, "", " waits for this one"),
            class_name="wrap",
        ),
        class_name=rx.cond(other.is_possible, "check", "check muted"),
        key=other.name,
    )


def _moves(branch: Any) -> rx.Component:
    def button(name: str, glyph: str, label: str, event: Any, disabled: Any) -> rx.Component:
        return controls.icon_button(
            glyph,
            label,
            kind="quiet small",
            testid=f"panel-{name}-branch-{branch.at}",
            disabled=disabled,
            on_click=event,
        )

    card, at = Builder.form.card, branch.at
    is_only = branch.is_first & branch.is_last
    return rx.el.div(
        button("up", "arrow-up", "Move up", Deciding.move_branch(card, at, -1), branch.is_first),
        button(
            "down", "arrow-down", "Move down", Deciding.move_branch(card, at, 1), branch.is_last
        ),
        button("drop", "trash-2", "Delete this branch", Deciding.remove_branch(card, at), is_only),
        class_name="moves",
    )
