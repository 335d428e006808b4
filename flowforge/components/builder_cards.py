"""The builder's column: the trigger, the steps below it, and a "+" wherever a step may go."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display
from flowforge.state.arranging import Arranging
from flowforge.state.builder import TRIGGER, Builder
from flowforge.state.rewriting import Rewriting

_GLYPHS = {
    "filter": "filter",
    "router": "git-branch",
    "loop": "repeat",
    "break": "log-out",
    "parallel": "columns-2",
    "delay": "hourglass",
    "approval": "user-check",
    "code": "code",
    "zap": "zap",
    "reply": "reply",
    "stop": "circle-stop",
}


def column() -> rx.Component:
    """All cards, top to bottom, as the run goes."""
    return rx.el.ol(
        rx.foreach(Builder.cards, _entry),
        rx.el.li(
            rx.cond(
                Builder.card_count == 1,
                _first_step(),
                controls.button(
                    controls.icon("plus"),
                    "Add a step",
                    kind="add-last",
                    testid="add-step",
                    on_click=Arranging.open_picker(Builder.card_count, ""),
                ),
            ),
            class_name="steps-end",
        ),
        class_name="steps",
        aria_label="Steps of this zap",
        data_testid="steps",
    )


def card_icon(kind: Any, icon: Any, look: str = "") -> rx.Component:
    """The picture of an action, or the builder's own for the other kinds of steps."""
    return rx.match(kind, *glyphs(look).items(), display.tile(icon, look))


def glyphs(look: str = "") -> dict[str, rx.Component]:
    """The pictures of the kinds of steps that are no actions."""
    return {
        name: rx.el.span(controls.icon(glyph, 18), class_name=f"tile glyph {look}")
        for name, glyph in _GLYPHS.items()
    }


def _first_step() -> rx.Component:
    """An empty zap's second card: nothing yet, and the way to change that."""
    return rx.el.button(
        rx.el.span(controls.icon("plus", 18), class_name="tile empty"),
        rx.el.span(
            rx.el.strong("Add the first step"),
            rx.el.span("Send a request, a message, an email or SOL.", class_name="what"),
        ),
        type="button",
        class_name="step-first",
        data_testid="add-step",
        on_click=Arranging.open_picker(0, ""),
    )


def _entry(card: Any) -> rx.Component:
    return rx.el.li(
        rx.cond(card.kind == TRIGGER, rx.fragment(), _plus(card)),
        rx.el.div(
            _face(card),
            rx.cond(card.kind == TRIGGER, rx.fragment(), _menu(card)),
            class_name=_look(card),
            data_testid=f"card-{card.id}",
        ),
        rx.cond(card.inside, _inside(card)),
    )


def _inside(card: Any) -> rx.Component:
    """What stands in a router, loop or parallel block: to be read here, edited as JSON."""
    return rx.el.ul(
        rx.foreach(card.inside, _inner),
        rx.cond(
            card.inside_more > 0,
            rx.el.li(f"… and {card.inside_more} steps more", class_name="muted small"),
        ),
        class_name="inside",
        aria_label=f"Inside {card.title}",
        data_testid=f"inside-{card.id}",
    )


def _inner(line: Any) -> rx.Component:
    """A step, or the name of the branch that the next ones stand in."""
    return rx.el.li(
        rx.cond(
            line.id == "",
            rx.el.bdi(line.title, class_name="branch-name"),
            rx.fragment(
                card_icon(line.kind, line.icon, "small"),
                rx.el.span(
                    rx.el.bdi(line.title, class_name="called"),
                    rx.el.bdi(line.tells, class_name="tells"),
                    class_name="words",
                ),
            ),
        ),
        class_name=rx.cond(line.is_skipped, "inside-line is-skipped", "inside-line"),
        style={"--depth": line.depth},
    )


def _look(card: Any) -> Any:
    chosen = rx.cond(Builder.chosen == card.id, " is-chosen", "")
    wrong = rx.cond(card.problems > 0, " is-wrong", "")
    return f"step{chosen}{wrong}{rx.cond(card.is_skipped, ' is-skipped', '')}"


def _plus(card: Any) -> rx.Component:
    """A step goes before ``card``: the trigger and counting from 1 make its number two more than its place."""
    return rx.el.div(
        rx.el.button(
            controls.icon("plus", 14),
            type="button",
            class_name="plus",
            aria_label=f"Add a step before {card.title}",
            title="Add a step here",
            data_testid=f"add-before-{card.id}",
            on_click=Arranging.open_picker(card.number - 2, ""),
        ),
        class_name="between",
    )


def _face(card: Any) -> rx.Component:
    return rx.el.button(
        card_icon(card.kind, card.icon),
        rx.el.span(
            rx.el.span(
                f"{card.number} · ",
                rx.cond(card.kind == TRIGGER, "When this happens", "Then"),
                rx.cond((card.title != card.action) & (card.action != ""), f" · {card.action}", ""),
                rx.cond(card.is_skipped, " · skipped", ""),
                class_name="what",
            ),
            rx.el.span(card.title, class_name="called"),
            rx.el.span(card.tells, class_name="tells"),
            class_name="words",
        ),
        rx.cond(
            card.problems > 0,
            rx.el.span(
                card.problems,
                class_name="count",
                title="Problems to mend before publishing",
                data_testid=f"problems-{card.id}",
            ),
        ),
        type="button",
        class_name="step-main",
        aria_pressed=rx.cond(Builder.chosen == card.id, "true", "false"),
        data_testid=f"open-{card.id}",
        on_click=Builder.choose_card(card.id),
    )


def _menu(card: Any) -> rx.Component:
    menu = f"menu-{card.id}"

    def item(name: str, glyph: str, label: str, event: Any, **props: Any) -> rx.Component:
        testid = f"{name}-{card.id}"
        return controls.menu_item(menu, glyph, label, testid=testid, on_click=event, **props)

    return rx.el.div(
        controls.menu(
            menu,
            controls.icon("ellipsis", 17),
            item("up", "arrow-up", "Move up", Arranging.move(card.id, -1), disabled=card.is_first),
            item(
                "down", "arrow-down", "Move down", Arranging.move(card.id, 1), disabled=card.is_last
            ),
            item("duplicate", "copy", "Duplicate", Arranging.duplicate(card.id)),
            item("json", "braces", "Edit as JSON", Rewriting.open(card.id)),
            rx.cond(
                card.is_skipped,
                item("use", "play", "Use again", Builder.set_option(card.id, "skip", "false")),
                item(
                    "skip",
                    "skip-forward",
                    "Skip this step",
                    Builder.set_option(card.id, "skip", "true"),
                ),
            ),
            rx.el.div(class_name="menu-line"),
            item("delete", "trash-2", "Delete", Arranging.remove(card.id), look="danger"),
            label=f"More about {card.title}",
            look="btn quiet icon small",
            testid=f"more-{card.id}",
        ),
        class_name="more",
    )
