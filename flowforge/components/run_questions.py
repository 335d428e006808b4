"""A question that a run asks: whom, what they said, and the two buttons for whoever may answer."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.state.questions import Person
from flowforge.state.run import Run

_WORDS = {
    "pending": "Waiting for an answer",
    "approved": "Approved",
    "rejected": "Rejected",
    "expired": "Nobody decided in time",
    "given_up": "No longer asked",
}


def question(asked: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.strong(rx.match(asked.status, *_WORDS.items(), asked.status)),
            rx.el.span(asked.counts, class_name="muted small"),
            class_name="row gap-3 wrap",
        ),
        rx.el.p(rx.el.bdi(asked.question), class_name="asked", data_testid="question"),
        rx.cond(asked.people, rx.el.ul(rx.foreach(asked.people, _person), class_name="people")),
        rx.cond(asked.may_decide, _buttons(asked)),
        class_name="question",
        data_testid="approval",
        data_status=asked.status,
    )


def _person(person: rx.vars.ObjectVar[Person]) -> rx.Component:
    return rx.el.li(
        rx.el.bdi(person.email),
        rx.el.span(person.said, class_name="muted"),
        rx.cond(person.comment, rx.el.q(rx.el.bdi(person.comment))),
        rx.cond(
            person.trouble,
            rx.el.span(
                controls.icon("triangle-alert", 13),
                rx.el.bdi(person.trouble),
                class_name="trouble",
                data_testid="mail-trouble",
            ),
        ),
    )


def _buttons(asked: Any) -> rx.Component:
    return rx.el.div(
        rx.el.label("Comment, if you like", html_for=f"comment-{asked.id}", class_name="sr-only"),
        rx.el.input(
            id=f"comment-{asked.id}",
            class_name="input",
            placeholder="Comment, if you like",
            max_length=2000,
            on_blur=Run.note_comment,
            data_testid="approval-comment",
        ),
        controls.button(
            controls.icon("check"),
            "Approve",
            kind="primary",
            testid="approval-approve",
            on_click=Run.decide(asked.id, True),
        ),
        controls.button(
            "Reject",
            kind="danger",
            testid="approval-reject",
            on_click=Run.decide(asked.id, False),
        ),
        class_name="decide",
    )
