"""The gallery of templates: what each does, its steps, and one click to a zap of one's own."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, elements, shell, step_icons
from flowforge.state.templates import DETAILS, Card, Templates

PATH = "/templates"
TITLE = "Templates"


def page() -> rx.Component:
    return shell.page(
        shell.back("My Zaps", "/dashboard"),
        shell.heading(
            TITLE,
            "Each runs as it is, on this machine and without an account anywhere. Mails go to you.",
            _search(),
        ),
        rx.match(
            Templates.stage,
            ("ready", rx.fragment(_categories(), _cards())),
            rx.el.div(display.skeletons(4, "96px"), class_name="card"),
        ),
        _details(),
        here="/dashboard",
    )


def _search() -> rx.Component:
    return rx.el.div(
        controls.icon("search"),
        rx.el.input(
            type="search",
            class_name="input",
            placeholder="Search templates",
            aria_label="Search templates",
            default_value=Templates.sought,
            on_change=Templates.search.debounce(150),
            data_testid="search-templates",
        ),
        class_name="search",
    )


def _categories() -> rx.Component:
    return rx.el.div(
        _category("All", ""),
        rx.foreach(Templates.categories, lambda name: _category(name, name)),
        class_name="template-categories",
        role="group",
        aria_label="Categories",
    )


def _category(text: Any, value: Any) -> rx.Component:
    return rx.el.button(
        text,
        type="button",
        class_name="chip",
        aria_pressed=rx.cond(Templates.category == value, "true", "false"),
        on_click=Templates.narrow(value),
        data_testid="template-category",
    )


def _cards() -> rx.Component:
    return rx.cond(
        Templates.cards,
        rx.el.ul(
            rx.foreach(Templates.cards, _card),
            class_name="templates",
            aria_label=TITLE,
            data_testid="templates",
        ),
        rx.el.div(
            display.empty(
                "search-x",
                "No template fits",
                "Try another word or all categories, or begin with an empty zap.",
                testid="no-templates",
            ),
            class_name="card",
        ),
    )


def _card(one: rx.vars.ObjectVar[Card]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(display.tile(one.trigger_icon, "small"), title=one.trigger_name),
            rx.foreach(
                one.steps,
                lambda step: rx.el.span(
                    step_icons.card_icon(step.key, step.icon, "small"), title=step.name
                ),
            ),
            rx.el.span(class_name="spacer"),
            rx.el.span(one.category, class_name="muted small"),
            class_name="template-chain",
        ),
        rx.el.h2(one.name),
        rx.el.p(one.summary, class_name="muted"),
        rx.el.div(
            controls.button(
                "Use template",
                kind="primary small",
                testid="use-template",
                aria_label=f"Use template: {one.name}",
                on_click=Templates.use(one.key),
            ),
            controls.button(
                "Look inside",
                kind="quiet small",
                testid="look-inside",
                aria_label=f"Look inside: {one.name}",
                on_click=Templates.ask(one.key),
            ),
            class_name="row",
        ),
        class_name="card template",
        key=one.key,
        data_testid=f"template-{one.key}",
    )


def _details() -> rx.Component:
    one = Templates.asked
    return controls.dialog(
        DETAILS,
        one.name,
        rx.el.p(one.summary, class_name="muted"),
        rx.el.ol(
            _line(display.tile(one.trigger_icon, "small"), one.trigger_name, one.trigger_tells, ""),
            rx.foreach(
                one.steps,
                lambda step: _line(
                    step_icons.card_icon(step.key, step.icon, "small"),
                    step.name,
                    step.tells,
                    step.look,
                ),
            ),
            class_name="template-steps",
            data_testid="template-steps",
        ),
        rx.cond(
            one.sample != "",
            rx.el.div(
                rx.el.span("It runs with this, for example", class_name="field-label"),
                elements.json(one.sample, "An example"),
                class_name="field",
            ),
        ),
        controls.dialog_end(
            DETAILS,
            controls.button(
                "Use template",
                kind="primary",
                testid="use-asked",
                on_click=Templates.use(one.key),
            ),
        ),
    )


def _line(picture: Any, name: Any, tells: Any, look: Any) -> rx.Component:
    return rx.el.li(
        picture,
        rx.el.div(rx.el.strong(name), rx.el.span(tells, class_name="sub")),
        class_name=look,
    )
