"""A run drawn from top to bottom: what set it off, then each step with everything that was tried."""

from typing import Any

import reflex as rx

from flowforge.components import builder_cards, display, elements
from flowforge.state.attempts import NOT_RUN, PENDING, RETRYING, Step, Try
from flowforge.state.run import Run
from flowforge.state.shown import Shown

_WORDS = {PENDING: "To do", NOT_RUN: "Not run", RETRYING: "Retrying"}
# Nothing to open there, or nothing to look for: what went wrong is shown without a click.
_OPEN_AT_FIRST = ("failed", "unknown", RETRYING)


def timeline() -> rx.Component:
    return rx.el.ol(
        _trigger(),
        rx.foreach(Run.steps, _step),
        class_name="timeline",
        aria_label="Steps",
        data_testid="timeline",
    )


def step_status(status: Any, testid: Any) -> rx.Component:
    """As ``display.status``, with words for a step that has no attempt that counts."""
    return rx.el.span(
        rx.match(status, *_WORDS.items(), display.status_word(status)),
        class_name=f"status {status}",
        data_testid=testid,
        data_status=status,
    )


def _trigger() -> rx.Component:
    trigger = Run.trigger
    return rx.el.li(
        rx.el.details(
            rx.el.summary(
                display.tile(trigger.icon),
                rx.el.div(
                    rx.el.div("Trigger", class_name="called"),
                    rx.el.div(
                        rx.el.span(trigger.method, class_name="mono"),
                        " received ",
                        elements.when(Run.head.created_at),
                        class_name="muted small",
                    ),
                    class_name="truncate",
                ),
                rx.el.span(class_name="spacer"),
                _chevron(),
                data_testid="trigger-open",
            ),
            rx.el.div(
                rx.el.div(_value("Body", trigger.body, "trigger/body"), class_name="full"),
                rx.cond(trigger.query.is_there, _value("Query", trigger.query, "trigger/query")),
                rx.cond(
                    trigger.headers.is_there,
                    _value("Headers", trigger.headers, "trigger/headers"),
                ),
                class_name="attempt-body attempts",
            ),
            class_name="card run-step",
            data_testid="trigger-data",
        )
    )


def _step(step: rx.vars.ObjectVar[Step]) -> rx.Component:
    return rx.el.li(
        rx.cond(
            step.attempts.length() > 0,
            rx.el.details(
                rx.el.summary(*_line(step), _chevron(), data_testid=f"open-{step.path}"),
                rx.el.ol(rx.foreach(step.attempts, _attempt), class_name="attempts"),
                class_name=f"card run-step is-{step.status}",
                open=rx.Var.create(list(_OPEN_AT_FIRST)).contains(step.status),
            ),
            rx.el.div(
                rx.el.div(*_line(step), class_name="run-line"), class_name="card run-step is-ahead"
            ),
        ),
        data_testid=f"step-{step.path}",
        data_status=step.status,
    )


def _line(step: Any) -> tuple[rx.Component, ...]:
    return (
        builder_cards.card_icon(step.kind, step.icon),
        rx.el.div(
            rx.el.div(
                rx.el.span(f"{step.number}. ", class_name="muted num"),
                rx.el.bdi(step.name),
                class_name="called",
            ),
            rx.el.div(
                rx.el.span(step.action, class_name="mono"),
                rx.cond(step.tries, rx.el.span(f" · {step.tries}", data_testid="tries")),
                class_name="muted small",
            ),
            class_name="run-name",
        ),
        rx.el.span(class_name="spacer"),
        rx.el.span(
            rx.cond(
                step.retry_at,
                rx.el.span(elements.countdown(step.retry_at), class_name="countdown"),
            ),
            rx.cond(step.since, elements.elapsed(step.since)),
            step.duration,
            class_name="muted small num nowrap took",
        ),
        step_status(step.status, "step-status"),
    )


def _attempt(attempt: rx.vars.ObjectVar[Try]) -> rx.Component:
    """The last one is open: it is the one that counts."""
    return rx.el.li(
        rx.el.details(
            rx.el.summary(
                rx.el.strong(f"Attempt {attempt.number}"),
                display.status(attempt.status, "attempt-status"),
                elements.when(attempt.started_at),
                rx.cond(attempt.duration, rx.el.span(attempt.duration, class_name="num")),
                rx.cond(attempt.is_going, elements.elapsed(attempt.started_at)),
                rx.cond(
                    attempt.retry_at,
                    rx.el.span(elements.countdown(attempt.retry_at), class_name="countdown"),
                ),
                _chevron(),
                class_name="attempt-head",
            ),
            rx.el.div(
                rx.cond(attempt.error, _error(attempt)),
                _value("Input", attempt.input, f"{attempt.id}/input"),
                rx.cond(
                    attempt.output.is_there,
                    _value("Output", attempt.output, f"{attempt.id}/output"),
                ),
                class_name="attempt-body",
            ),
            open=attempt.is_last,
        ),
        class_name="attempt",
        key=attempt.id,
        data_testid=f"attempt-{attempt.number}",
    )


def _error(attempt: Any) -> rx.Component:
    return rx.el.div(
        display.notice(
            rx.el.bdi(attempt.error),
            rx.cond(attempt.code, rx.el.span(attempt.code, class_name="error-code")),
            kind="bad",
            glyph="circle-alert",
            data_testid="attempt-error",
        ),
        class_name="full",
    )


def _value(title: str, value: rx.vars.ObjectVar[Shown] | Any, place: Any) -> rx.Component:
    """The beginning of a value; all of it once somebody asked."""
    testid = f"{title.lower()}-json"
    return rx.cond(
        Run.whole_of == place,
        display.document(title, Run.whole, testid),
        rx.cond(
            value.is_there,
            display.document(title, value, testid, whole=Run.show_whole(place)),
            rx.el.p(f"{title}: nothing", class_name="muted small"),
        ),
    )


def _chevron() -> rx.Component:
    return rx.icon("chevron-right", size=16, class_name="chev", aria_hidden="true")
