"""The guided checklist above the list of zaps: what to do next, ticked as it happens."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display
from flowforge.state.dashboard import Dashboard
from flowforge.state.templates import Templates


def card(*beginnings: rx.Component) -> rx.Component:
    """``beginnings``: the ways to make the first zap."""
    return rx.cond(
        Dashboard.first.is_shown,
        rx.el.section(
            rx.el.header(
                rx.el.div(
                    rx.el.h2(
                        rx.cond(
                            Dashboard.first.is_complete,
                            "That is all it takes",
                            "Your first five minutes",
                        ),
                        id="first-steps-title",
                    ),
                    rx.el.p(
                        Dashboard.first.count,
                        " done",
                        class_name="muted small",
                        data_testid="first-steps-count",
                        aria_live="polite",
                    ),
                ),
                rx.el.span(class_name="spacer"),
                controls.button(
                    rx.cond(Dashboard.first.is_complete, "Close", "Do not show this again"),
                    kind="quiet small",
                    testid="first-steps-end",
                    on_click=Dashboard.end_first_steps,
                ),
            ),
            rx.el.ol(rx.foreach(Dashboard.first.steps, lambda step: _step(step, beginnings))),
            rx.cond(Dashboard.first.is_complete, _further()),
            class_name="card first-steps",
            aria_labelledby="first-steps-title",
            data_testid="first-steps",
        ),
    )


def _further() -> rx.Component:
    """What others do not like to show, and what to do before people rely on it."""
    return rx.el.div(
        rx.el.h3("And if something breaks?"),
        rx.el.ul(
            _tip(
                "Watch a retry",
                "A template whose call fails twice: the countdown, the attempts, the timeline.",
                "watch-a-retry",
            ),
            _tip(
                "Be told of failures",
                "A template that mails you when a run of any other zap fails.",
                "failure-alarm",
            ),
            rx.el.li(
                rx.el.strong("Kill the worker"),
                rx.el.p(
                    "Send a request, and watch its run end by itself.", class_name="muted small"
                ),
                display.command("kill -9 $(cat logs/worker.pid)", "kill-line"),
            ),
            rx.el.li(
                rx.el.strong("Keep a copy"),
                rx.el.p("Database, keys and files in one archive.", class_name="muted small"),
                display.command(".venv/bin/python -m flowforge backup copy.tar.gz", "backup-line"),
            ),
        ),
        class_name="further",
        data_testid="first-steps-further",
    )


def _tip(title: str, text: str, template: str) -> rx.Component:
    return rx.el.li(
        rx.el.strong(title),
        rx.el.p(text, class_name="muted small"),
        controls.button(
            "Use this template",
            kind="small",
            testid=f"further-{template}",
            on_click=Templates.use(template),
        ),
    )


def _step(step: Any, beginnings: tuple[rx.Component, ...]) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            rx.cond(step.is_done, controls.icon("check", 14), rx.fragment()),
            class_name="tick",
        ),
        rx.el.div(
            rx.el.strong(
                rx.cond(
                    step.path != "",
                    controls.link(step.title, href=step.path, testid=f"first-steps-go-{step.key}"),
                    step.title,
                ),
                rx.el.span(
                    rx.cond(step.is_done, ": done", ": to do"),
                    class_name="sr-only",
                ),
            ),
            rx.cond(step.is_next, rx.el.p(step.text, class_name="muted small")),
            rx.cond(
                step.is_next,
                rx.match(
                    step.key,
                    ("create", rx.el.div(*beginnings, class_name="row wrap")),
                    ("send", _command()),
                    ("see", _command()),
                    rx.fragment(),
                ),
            ),
            class_name="first-step",
        ),
        class_name=rx.cond(step.is_done, "done", rx.cond(step.is_next, "next", "")),
        key=step.key,
        data_testid=f"first-step-{step.key}",
        data_done=rx.cond(step.is_done, "true", "false"),
    )


def _command() -> rx.Component:
    return rx.cond(
        Dashboard.first.curl != "",
        display.command(Dashboard.first.curl, "first-curl"),
        rx.el.p(
            "No zap of yours is fired by a webhook: fire one as its trigger says, or create one.",
            class_name="muted small",
        ),
    )
