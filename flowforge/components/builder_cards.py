"""The builder's column: the trigger, the steps below it, and a "+" wherever a step may go."""

from typing import Any

import reflex as rx

from flowforge.components import controls, step_icons
from flowforge.state.arranging import MOVING, Arranging
from flowforge.state.branches import RENAMING, Branches
from flowforge.state.builder import TRIGGER, Builder
from flowforge.state.filling import Filling
from flowforge.state.rewriting import Rewriting


def column() -> rx.Component:
    """All cards, top to bottom, as the run goes."""
    return rx.el.ol(
        rx.foreach(Builder.lines, _line),
        class_name="steps",
        aria_label="Steps of this zap",
        data_testid="steps",
    )


def dialogs() -> rx.Component:
    """Where a step goes, and what a branch is called."""
    return rx.fragment(
        controls.dialog(
            MOVING,
            rx.fragment("Move “", rx.el.bdi(Arranging.moving_title), "” to"),
            rx.el.div(rx.foreach(Arranging.targets, _target), class_name="pick-list"),
            controls.dialog_end(MOVING),
        ),
        controls.dialog(
            RENAMING,
            "Rename this branch",
            controls.field(
                "branch_name",
                "Name",
                error=Branches.error,
                default_value=Branches.name,
                key=f"branch-{Branches.version}",
                max_length=200,
                auto_complete="off",
            ),
            controls.dialog_end(
                RENAMING,
                controls.button("Rename", kind="primary", testid="branch-save", type="submit"),
            ),
            on_submit=Branches.rename,
        ),
    )


def _target(target: Any) -> rx.Component:
    return rx.el.button(
        rx.el.bdi(target.title),
        rx.cond(target.is_here, rx.el.span("it is here", class_name="muted small")),
        type="button",
        class_name="pick target",
        style={"--depth": target.depth},
        on_click=Arranging.move_to(target.step, target.branch),
        data_testid=f"target-{target.step}-{target.branch}",
    )


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
        on_click=Arranging.open_picker(0, "", "", 0),
    )


def _line(line: Any) -> rx.Component:
    return rx.match(
        line.what,
        ("card", _entry(line)),
        ("branch", _branch(line)),
        rx.cond(line.depth == 0, _last(line), _end(line)),
    )


def _entry(line: Any) -> rx.Component:
    card = line.card
    return rx.el.li(
        rx.cond(card.kind == TRIGGER, rx.fragment(), _plus(line)),
        rx.el.div(
            _face(card),
            rx.cond(card.kind == TRIGGER, rx.fragment(), _menu(card)),
            class_name=_look(card),
            data_testid=f"card-{card.id}",
        ),
        **_inner(line),
    )


def _last(line: Any) -> rx.Component:
    """The end of the zap's own list."""
    return rx.el.li(
        rx.cond(
            Builder.card_count == 1,
            _first_step(),
            controls.button(
                controls.icon("plus"),
                "Add a step",
                kind="add-last",
                testid="add-step",
                on_click=Arranging.open_picker(line.at, "", "", 0),
            ),
        ),
        class_name="steps-end",
    )


def _end(line: Any) -> rx.Component:
    """The end of a list inside a step."""
    return rx.el.li(
        controls.button(
            controls.icon("plus", 14),
            "Add a step here",
            kind="small quiet add-inside",
            testid=f"add-to-{line.step}-{line.branch}",
            on_click=Arranging.open_picker(line.at, "", line.step, line.branch),
        ),
        **_inner(line),
    )


def _branch(line: Any) -> rx.Component:
    """The head of a branch. The fallback is always there, and last."""
    return rx.el.li(
        rx.el.div(
            controls.icon("corner-down-right", 14),
            rx.el.bdi(line.title, class_name="branch-name"),
            rx.cond(
                line.is_fixed,
                rx.el.span("where no branch fits", class_name="muted small"),
                _branch_menu(line),
            ),
            class_name="branch-head",
            data_testid=f"branch-{line.step}-{line.branch}",
        ),
        **_inner(line),
    )


def _branch_menu(line: Any) -> rx.Component:
    name = f"{line.step}-{line.branch}"
    menu = f"branch-menu-{name}"

    def item(what: str, glyph: str, label: str, event: Any, **props: Any) -> rx.Component:
        testid = f"{what}-branch-{name}"
        return controls.menu_item(menu, glyph, label, testid=testid, on_click=event, **props)

    step, at = line.step, line.branch
    return controls.menu(
        menu,
        controls.icon("ellipsis", 15),
        item("rename", "pencil", "Rename", Branches.ask_name(step, at, line.title)),
        item("up", "arrow-up", "Move up", Branches.move(step, at, -1), disabled=line.is_first),
        item("down", "arrow-down", "Move down", Branches.move(step, at, 1), disabled=line.is_last),
        item("duplicate", "copy", "Duplicate", Branches.duplicate(step, at)),
        item("add", "plus", "Add a branch", Branches.add(step)),
        rx.el.div(class_name="menu-line"),
        item(
            "delete",
            "trash-2",
            "Delete",
            Branches.remove(step, at),
            look="danger",
            disabled=line.is_first & line.is_last,
        ),
        label=f"More about the branch {line.title}",
        look="btn quiet icon small",
        testid=f"more-branch-{name}",
    )


def _inner(line: Any) -> dict[str, Any]:
    """How a line stands further in."""
    return {
        "class_name": rx.cond(line.depth > 0, "is-inner", ""),
        "style": {"--depth": line.depth},
    }


def _look(card: Any) -> Any:
    chosen = rx.cond(Builder.chosen == card.id, " is-chosen", "")
    wrong = rx.cond(card.problems > 0, " is-wrong", "")
    return f"step{chosen}{wrong}{rx.cond(card.is_skipped, ' is-skipped', '')}"


def _plus(line: Any) -> rx.Component:
    return rx.el.div(
        rx.el.button(
            controls.icon("plus", 14),
            type="button",
            class_name="plus",
            aria_label=f"Add a step before {line.card.title}",
            title="Add a step here",
            data_testid=f"add-before-{line.card.id}",
            on_click=Arranging.open_picker(line.at, "", line.step, line.branch),
        ),
        class_name="between",
    )


def _face(card: Any) -> rx.Component:
    return rx.el.button(
        step_icons.card_icon(card.kind, card.icon),
        rx.el.span(
            rx.el.span(
                rx.cond(card.number > 0, f"{card.number} · ", ""),
                rx.cond(card.kind == TRIGGER, "When this happens", "Then"),
                rx.cond((card.title != card.action) & (card.action != ""), f" · {card.action}", ""),
                rx.cond(card.is_skipped, " · skipped", ""),
                class_name="what",
            ),
            rx.el.span(card.title, class_name="called"),
            rx.cond(card.note != "", rx.el.bdi(card.note, class_name="note")),
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
            item("move", "corner-down-right", "Move to…", Arranging.ask_where([card.id])),
            item("duplicate", "copy", "Duplicate", Arranging.duplicate(card.id)),
            item("json", "braces", "Edit as JSON", Rewriting.open(card.id)),
            rx.cond(
                (card.kind == "router") | (card.kind == "parallel"),
                item("branch", "git-branch", "Add a branch", Branches.add(card.id)),
            ),
            rx.cond(
                card.is_skipped,
                item("use", "play", "Use again", Filling.set_option(card.id, "skip", "false")),
                item(
                    "skip",
                    "skip-forward",
                    "Skip this step",
                    Filling.set_option(card.id, "skip", "true"),
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
