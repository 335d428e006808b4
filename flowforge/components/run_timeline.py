"""A run drawn from top to bottom: what set it off, then each step with everything that was tried,
and the rounds and branches that it went through.
"""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, elements, run_questions, step_icons, value_tree
from flowforge.services.layout import TRIGGER
from flowforge.state.again import Again
from flowforge.state.attempts import INSIDE, NOT_RUN, PENDING, RETRYING, Try
from flowforge.state.run import Run
from flowforge.state.shown import Shown
from flowforge.state.timeline import Line

_WORDS = {PENDING: "To do", NOT_RUN: "Not run", RETRYING: "Retrying"}
# The ids of steps on the page begin like this, and end with their path.
PLACES = "at-"
UNTIL_WORDS = {"approval": "expires", "delay": "goes on"}


def timeline() -> rx.Component:
    return rx.el.ol(
        _trigger(),
        rx.foreach(Run.lines, _line),
        class_name="timeline",
        aria_label="Steps",
        data_testid="timeline",
    )


def words() -> dict[str, str]:
    """What each status of a step is called."""
    return {**display.WORDS, **_WORDS}


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
                rx.el.div(_value("Body", trigger.body, "trigger.body"), class_name="full"),
                rx.cond(trigger.query.is_there, _value("Query", trigger.query, "trigger.query")),
                rx.cond(
                    trigger.headers.is_there,
                    _value("Headers", trigger.headers, "trigger.headers"),
                ),
                class_name="attempt-body attempts",
            ),
            class_name="card run-step",
            data_testid="trigger-data",
        ),
        id=f"{PLACES}{TRIGGER}",
    )


def _line(line: rx.vars.ObjectVar[Line]) -> rx.Component:
    return rx.match(
        line.form,
        ("branch", _branch(line)),
        ("round", _round(line)),
        ("more", _more(line)),
        _step(line),
    )


def _inset(line: Any) -> dict[str, Any]:
    return {"--depth": line.depth}


def _branch(line: Any) -> rx.Component:
    return rx.el.li(
        controls.icon("corner-down-right", 15),
        rx.el.bdi(line.name),
        rx.cond(line.note, rx.el.span(line.note, class_name="muted")),
        class_name="run-branch",
        style=_inset(line),
        key=line.key,
        data_testid="branch",
    )


def _round(line: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.icon("chevron-right", size=15, class_name="chev", aria_hidden="true"),
            rx.el.strong(line.name),
            rx.el.bdi(line.note, class_name="muted truncate"),
            rx.el.span(class_name="spacer"),
            step_status(line.status, "round-status"),
            type="button",
            class_name="run-round",
            aria_expanded=rx.cond(line.is_open, "true", "false"),
            on_click=Run.turn(line.key, ~line.is_open),
            data_testid=f"round-{line.key}",
        ),
        style=_inset(line),
        key=line.key,
    )


def _more(line: Any) -> rx.Component:
    return rx.el.li(
        controls.button(
            f"Show more rounds ({line.left} left)",
            kind="small",
            testid=f"more-rounds-{line.path}",
            on_click=Run.show_more_rounds(line.path),
        ),
        style=_inset(line),
        key=line.key,
    )


def _step(line: Any) -> rx.Component:
    return rx.el.li(
        rx.cond(
            line.attempts.length() > 0,
            rx.el.details(
                rx.el.summary(*_words(line), _chevron(), data_testid=f"open-{line.path}"),
                rx.cond(line.asked.id, run_questions.question(line.asked)),
                rx.el.ol(rx.foreach(line.attempts, _attempt), class_name="attempts"),
                rx.cond((line.run_id != "") | line.may_retry, _end(line)),
                class_name=f"card run-step is-{line.status}",
                open=line.is_open,
            ),
            rx.el.div(
                rx.el.div(*_words(line), class_name="run-line"),
                class_name="card run-step is-ahead",
            ),
        ),
        style=_inset(line),
        key=line.key,
        id=f"{PLACES}{line.path}",
        data_testid=f"step-{line.path}",
        data_status=line.status,
    )


def _words(line: Any) -> tuple[rx.Component, ...]:
    return (
        step_icons.card_icon(line.kind, line.icon),
        rx.el.div(
            rx.el.div(
                rx.el.span(f"{line.number}. ", class_name="muted num"),
                rx.el.bdi(line.name),
                class_name="called",
            ),
            rx.el.div(
                rx.el.span(line.action, class_name="mono"),
                rx.cond(line.note, rx.el.span(f" · {line.note}", data_testid="step-note")),
                rx.cond(line.tries, rx.el.span(f" · {line.tries}", data_testid="tries")),
                class_name="muted small",
            ),
            class_name="run-name",
        ),
        rx.el.span(class_name="spacer"),
        rx.el.span(
            rx.cond(
                line.retry_at,
                rx.el.span(elements.countdown(line.retry_at), class_name="countdown"),
            ),
            rx.cond(
                line.until,
                rx.el.span(
                    elements.countdown(
                        line.until, rx.match(line.kind, *UNTIL_WORDS.items(), "gives up")
                    ),
                    class_name="countdown",
                ),
            ),
            rx.cond(line.since, elements.elapsed(line.since)),
            line.duration,
            class_name="muted small num nowrap took",
        ),
        step_status(line.status, "step-status"),
    )


def _end(line: Any) -> rx.Component:
    return rx.el.footer(
        rx.cond(
            line.run_id,
            controls.link(
                controls.icon("arrow-right", 14),
                "The run that it started",
                href=f"/runs/{line.run_id}",
                testid=f"child-{line.path}",
                look="run-child",
            ),
        ),
        rx.el.span(class_name="spacer"),
        rx.cond(
            line.may_retry,
            controls.button(
                controls.icon("rotate-ccw", 14),
                "Retry from here",
                kind="small",
                testid=f"retry-from-{line.path}",
                on_click=Again.ask_from(line.path),
            ),
        ),
        class_name="step-end",
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
                _value("Input", attempt.input, ""),
                rx.cond(attempt.output.is_there, _value("Output", attempt.output, attempt.root)),
                rx.cond(attempt.logs, _printed(attempt)),
                class_name="attempt-body",
            ),
            open=attempt.is_open,
        ),
        class_name="attempt",
        key=attempt.id,
        data_testid=f"attempt-{attempt.number}",
    )


def _error(attempt: Any) -> rx.Component:
    return rx.el.div(
        display.notice(
            rx.el.bdi(attempt.error),
            display.advice(attempt.advice),
            rx.cond(attempt.code, rx.el.span(attempt.code, class_name="error-code")),
            kind="bad",
            glyph="circle-alert",
            # A block around a failure says where it is; the failure itself says what went wrong.
            data_testid=rx.cond(attempt.code == INSIDE, "attempt-inside", "attempt-error"),
        ),
        class_name="full",
    )


def _printed(attempt: Any) -> rx.Component:
    """What code printed: its own lines, not JSON."""
    return rx.el.section(
        rx.el.header(rx.el.span("Printed")),
        rx.el.pre(
            rx.el.bdi(attempt.logs), tab_index=0, role="region", aria_label="What the code printed"
        ),
        class_name="json-box full printed",
        data_testid="logs",
    )


def _value(title: str, value: rx.vars.ObjectVar[Shown] | Any, root: Any) -> rx.Component:
    return rx.cond(
        value.is_there,
        value_tree.value(title, value, f"{title.lower()}-json", root=root),
        rx.el.p(f"{title}: nothing", class_name="muted small"),
    )


def _chevron() -> rx.Component:
    return rx.icon("chevron-right", size=16, class_name="chev", aria_hidden="true")
