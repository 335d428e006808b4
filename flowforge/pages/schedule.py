"""The schedule of a zap, or its poll: when it is due next, and the ledger of what was."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, elements, poll_card, shell
from flowforge.state.schedule import MOST_ROWS, Fire, Line, Schedule

PATH = "/zaps/[zap_id]/schedule"
TITLE = "Schedule"


def page() -> rx.Component:
    return shell.page(
        rx.cond(
            Schedule.zap_path,
            shell.back("Back to the zap", Schedule.zap_path),
            shell.back("My Zaps", "/dashboard"),
        ),
        shell.heading(
            rx.cond(Schedule.poll.is_there, "Looks", TITLE),
            rx.el.bdi(Schedule.zap_name, data_testid="schedule-zap", class_name="wrap"),
            rx.cond(
                Schedule.stage == "ready",
                rx.el.span("Live", class_name="live", title="What is new appears by itself"),
            ),
        ),
        rx.el.div(
            rx.match(
                Schedule.stage,
                ("loading", rx.el.section(display.skeletons(5), class_name="card")),
                (
                    "failed",
                    display.failed(
                        "Failed to load the schedule", Schedule.follow, "schedule-failed"
                    ),
                ),
                ("missing", _missing()),
                _content(),
            ),
            class_name="stack",
            data_testid="schedule",
            data_stage=Schedule.stage,
        ),
        here="/dashboard",
    )


def _content() -> rx.Component:
    return rx.fragment(
        _notices(),
        rx.cond(Schedule.is_scheduled, _next()),
        rx.cond(Schedule.poll.is_there, poll_card.card()),
        rx.cond(
            Schedule.is_scheduled | Schedule.poll.is_there,
            _ledger(),
            rx.cond(Schedule.lines, _ledger(), _no_schedule()),
        ),
    )


def _notices() -> rx.Component:
    return rx.fragment(
        rx.cond(
            Schedule.alarm == "ringing",
            display.notice(
                rx.el.strong("It does not run. "),
                "No run has begun for ",
                elements.elapsed(Schedule.alarm_since),
                f"; the alarm is set to {Schedule.alarm_after}.",
                rx.cond(Schedule.is_told, " The owner was mailed.", ""),
                kind="bad",
                glyph="bell-ring",
                role="alert",
                data_testid="schedule-alarm",
            ),
        ),
        rx.cond(
            Schedule.error,
            display.problem(rx.el.bdi(Schedule.error), "schedule-error"),
        ),
        rx.cond(
            (Schedule.is_scheduled | Schedule.poll.is_there) & ~Schedule.is_on,
            display.notice(
                "This zap is switched off: it does not fire.",
                kind="warn",
                glyph="power",
                data_testid="schedule-off",
            ),
        ),
        rx.cond(
            Schedule.is_paused,
            display.notice(
                "This zap is paused: it goes on firing, and its runs wait until it goes on.",
                kind="warn",
                glyph="pause",
                data_testid="schedule-paused",
            ),
        ),
    )


def _next() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            controls.icon("calendar-clock", 18),
            rx.el.h2(rx.el.bdi(Schedule.sentence), data_testid="schedule-sentence"),
            class_name="card-head",
        ),
        rx.cond(
            Schedule.fires,
            rx.el.ol(
                rx.foreach(Schedule.fires, _fire),
                class_name="fires",
                aria_label="The next times",
                data_testid="schedule-next",
            ),
            rx.el.p(
                "Nothing is planned while it is off.",
                class_name="muted fires-none",
                data_testid="schedule-none",
            ),
        ),
        rx.el.footer(
            rx.el.span(Schedule.policy),
            rx.cond(
                Schedule.alarm == "quiet",
                rx.el.span(
                    controls.icon("bell", 14),
                    f"The owner is mailed when no run begins for {Schedule.alarm_after}.",
                    data_testid="schedule-watch",
                    class_name="row",
                ),
            ),
            class_name="fires-foot muted small",
        ),
        class_name="card",
        aria_label="Next",
    )


def _fire(fire: rx.vars.ObjectVar[Fire]) -> rx.Component:
    return rx.el.li(
        rx.el.span(fire.day, class_name="fire-day"),
        rx.el.strong(fire.clock, class_name="num"),
        rx.el.span(fire.offset, class_name="muted small nowrap"),
        rx.el.span(elements.countdown(fire.at, "fires"), class_name="fire-when muted"),
        key=fire.at,
        data_testid="schedule-time",
        data_at=fire.at,
    )


def _ledger() -> rx.Component:
    return rx.fragment(
        rx.el.section(
            rx.el.div(
                rx.el.h2(
                    rx.cond(
                        Schedule.poll.is_there, "What the looks brought", "What became of each time"
                    )
                ),
                rx.el.span(class_name="spacer"),
                rx.el.span(
                    rx.el.bdi(rx.cond(Schedule.timezone, Schedule.timezone, "UTC")),
                    class_name="muted small nowrap",
                ),
                class_name="card-head",
            ),
            rx.cond(
                Schedule.lines,
                rx.el.ul(rx.foreach(Schedule.lines, _line), data_testid="slot-list"),
                display.empty(
                    "hourglass",
                    "Nothing yet",
                    rx.cond(
                        Schedule.poll.is_there,
                        "Each look leaves a line here: what it found, or why it failed.",
                        "Each time it is due, a line appears here: what ran, what was missed, and "
                        "why.",
                    ),
                    testid="slots-empty",
                ),
            ),
            class_name="card",
            aria_label="Times that were",
        ),
        rx.cond(
            Schedule.has_more,
            rx.el.div(
                controls.button("Load more", testid="slots-more", on_click=Schedule.load_more),
                class_name="more",
            ),
        ),
        rx.cond(
            Schedule.is_long,
            rx.el.p(
                f"These are the newest {MOST_ROWS}. The API has those before.",
                class_name="muted small more",
            ),
        ),
    )


def _line(line: rx.vars.ObjectVar[Line]) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            line.words,
            class_name=f"status {line.look}",
            data_testid="slot-status",
            data_status=line.status,
        ),
        rx.el.span(line.wall, class_name="slot-wall num"),
        rx.el.span(
            rx.cond(line.late, rx.el.span(line.late, class_name="slot-late")),
            rx.cond(line.reason, rx.el.bdi(line.reason, data_testid="slot-reason")),
            class_name="slot-why muted small",
        ),
        rx.el.span(elements.when(line.at), class_name="slot-when muted small nowrap"),
        _run_of(line),
        key=line.id,
        class_name="slot",
        data_testid="slot",
    )


def _run_of(line: Any) -> rx.Component:
    return rx.el.span(
        rx.cond(
            line.run_path,
            controls.link(
                rx.cond(~Schedule.poll.is_there, rx.el.span("Run ", class_name="sr-only")),
                line.run,
                controls.icon("arrow-right", 14),
                href=line.run_path,
                testid="slot-run",
                look="mono row",
            ),
        ),
        class_name="slot-run",
    )


def _no_schedule() -> rx.Component:
    return display.empty(
        "calendar-clock",
        "This zap has no schedule",
        "Choose Schedule or something to look at as its trigger, and publish it.",
        controls.link_button(
            "Open the zap", href=Schedule.zap_path, testid="schedule-to-zap", kind="primary"
        ),
        testid="schedule-empty",
    )


def _missing() -> rx.Component:
    return display.empty(
        "search-x",
        "Zap not found",
        "It does not exist, or it belongs to somebody else.",
        controls.link_button("Go to My Zaps", href="/dashboard", testid="schedule-to-zaps"),
        testid="schedule-missing",
    )
