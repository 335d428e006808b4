"""The guided checklist above the list of zaps: what to do next, ticked as it happens."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display
from flowforge.state.dashboard import Dashboard


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
            class_name="card first-steps",
            aria_labelledby="first-steps-title",
            data_testid="first-steps",
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
                    ("create", rx.el.div(*beginnings, class_name="row")),
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
