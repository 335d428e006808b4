"""Hints on the draft: the count in the bar with its list, and the sheet that is read before a draft
with new ones goes live.
"""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.state.builder import Builder
from flowforge.state.publishing import Publishing
from flowforge.state.readiness import Readiness
from flowforge.state.review import SHEET, Review

MENU = "hint-list"
_LONGEST_NOTE = 500


def menu() -> rx.Component:
    count = Readiness.hint_count
    words = rx.cond(count == 1, "1 hint", f"{count} hints")
    return controls.menu(
        MENU,
        rx.fragment(controls.icon("lightbulb", 13), rx.el.span(words)),
        rx.el.div(
            "Worth a look; nothing here keeps the draft from going live", class_name="menu-title"
        ),
        rx.foreach(Readiness.hints, _hint),
        label=f"{words} on this draft",
        look="hints-opener",
        testid="hints",
    )


def sheet() -> rx.Component:
    return controls.dialog(
        SHEET,
        "Publish this draft",
        rx.cond(
            Review.hints,
            rx.fragment(
                rx.el.p("Before it goes live, have a look at this:", class_name="muted"),
                rx.el.ul(rx.foreach(Review.hints, _new), class_name="hint-lines"),
            ),
        ),
        rx.cond(
            Review.known > 0,
            rx.el.p(
                rx.cond(
                    Review.known == 1,
                    "One more hint was there before.",
                    f"{Review.known} more hints were there before.",
                ),
                class_name="muted small",
                data_testid="known-hints",
            ),
        ),
        rx.el.div(
            rx.el.label("What is new in it", html_for="publish-note-text"),
            rx.el.input(
                id="publish-note-text",
                name="note",
                class_name="input",
                max_length=_LONGEST_NOTE,
                auto_complete="off",
                placeholder="Optional. For those who read the versions later",
                data_testid="input-note",
            ),
            key=Review.version,
            class_name="field",
        ),
        controls.dialog_end(
            SHEET,
            controls.button(
                rx.cond(Review.hints, "Publish anyway", "Publish"),
                type="submit",
                kind="primary",
                testid="publish-anyway",
            ),
        ),
        on_submit=Publishing.publish,
        class_name="wide",
    )


def _hint(hint: Any) -> rx.Component:
    return rx.el.div(
        rx.el.button(
            controls.icon("lightbulb", 15),
            rx.el.span(rx.el.strong(rx.el.bdi(hint.where)), rx.el.span(rx.el.bdi(hint.message))),
            type="button",
            class_name="problem menu-item",
            custom_attrs={"popoverTarget": MENU, "popoverTargetAction": "hide"},
            on_click=Builder.choose_problem(hint.card, hint.field),
            data_testid="hint",
        ),
        controls.icon_button(
            "eye-off",
            rx.cond(hint.is_put_away, "Tell it again", "Put it away"),
            kind="quiet small",
            testid="hint-away",
            aria_pressed=rx.cond(hint.is_put_away, "true", "false"),
            on_click=Publishing.put_away(hint.key),
        ),
        class_name=rx.cond(hint.is_put_away, "hint-row is-away", "hint-row"),
    )


def _new(hint: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.bdi(hint.where),
            type="button",
            class_name="to-step",
            title="Go there",
            on_click=Publishing.go(hint.card, hint.field),
            data_testid="hint-to-step",
        ),
        rx.el.p(rx.el.bdi(hint.message), class_name="small"),
        data_testid="new-hint",
    )
