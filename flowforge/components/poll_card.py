"""How a poll stands: what it looks at, when it looks next, why it failed, and a look right now."""

import reflex as rx

from flowforge.components import controls, display, elements
from flowforge.state.schedule import Schedule


def card() -> rx.Component:
    poll = Schedule.poll
    return rx.fragment(
        rx.cond(poll.failures != "", _trouble()),
        rx.el.section(
            rx.el.div(
                controls.icon("radar", 18),
                rx.el.h2(rx.el.bdi(poll.name), data_testid="poll-name"),
                rx.el.span(class_name="spacer"),
                rx.cond(
                    poll.due_at,
                    controls.button(
                        controls.icon("refresh-cw", 15),
                        "Look now",
                        kind="small",
                        testid="look-now",
                        on_click=Schedule.look_now,
                    ),
                ),
                class_name="card-head",
            ),
            rx.el.dl(
                _fact("Looks", rx.el.bdi(poll.sentence), "poll-sentence"),
                _fact("Next look", _next(), "poll-next"),
                _fact(
                    "Last look",
                    rx.cond(poll.last_at, elements.when(poll.last_at), "none yet"),
                    "poll-last",
                ),
                class_name="poll-facts",
            ),
            rx.el.footer(
                rx.cond(
                    poll.is_first,
                    "The first look only takes note of what is there: it starts no runs.",
                    "Everything new since the last look starts one run.",
                ),
                class_name="fires-foot muted small",
            ),
            class_name="card",
            aria_label="Poll",
            data_testid="poll",
        ),
    )


def _trouble() -> rx.Component:
    poll = Schedule.poll
    return display.notice(
        rx.el.strong("It fails. "),
        f"The last {poll.failures} failed",
        rx.cond(poll.due_at, ", so the next ones come less often: ", ": "),
        rx.el.bdi(poll.error),
        kind="bad",
        glyph="circle-alert",
        role="alert",
        data_testid="poll-trouble",
    )


def _next() -> rx.Component:
    poll = Schedule.poll
    return rx.cond(
        poll.due_at, elements.countdown(poll.due_at, "looks"), "none while it is switched off"
    )


def _fact(name: str, value: rx.Component, testid: str) -> rx.Component:
    return rx.el.div(rx.el.dt(name), rx.el.dd(value, data_testid=testid))
