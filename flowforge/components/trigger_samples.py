"""What stands for the trigger while the zap is built: the last events, one of which may be chosen,
or data written by hand.
"""

from typing import Any

import reflex as rx

from flowforge.components import controls, elements
from flowforge.state.builder import Builder
from flowforge.state.requests import Requests
from flowforge.state.trigger import BY_HAND, Trigger


def samples() -> rx.Component:
    return rx.el.div(
        rx.el.span("Sample for the steps", class_name="field-label"),
        rx.cond(Builder.received.id == "", _waiting(), _received()),
        rx.match(
            Requests.sample,
            ("data", _chosen("Data written by hand is the sample, whatever comes in.")),
            ("event", _chosen("One of the last events is the sample, whatever comes in.")),
            rx.fragment(),
        ),
        rx.cond(Requests.lines, _list()),
        rx.el.div(
            controls.button(
                controls.icon("pencil", 14),
                "Write data by hand",
                kind="small",
                testid="sample-write",
                on_click=Trigger.write_by_hand,
            ),
            class_name="row",
        ),
        class_name="field samples",
    )


def dialog() -> rx.Component:
    return controls.dialog(
        BY_HAND,
        "Data that stands for the trigger",
        rx.el.p(
            "What steps see as trigger.body while the zap is built, and in test runs.",
            class_name="muted small",
        ),
        rx.el.div(
            rx.el.label("JSON", html_for="sample-text", class_name="sr-only"),
            rx.el.textarea(
                id="sample-text",
                name="text",
                class_name="input code tall",
                default_value=Requests.data,
                key=f"sample-{Requests.version}",
                spell_check=False,
                rows="14",
                aria_invalid=rx.cond(Requests.error != "", "true", "false"),
                aria_describedby="sample-note",
                data_testid="sample-text",
            ),
            rx.el.div(
                rx.cond(Requests.error != "", controls.wrong(Requests.error, "sample-error")),
                id="sample-note",
            ),
            class_name="field",
        ),
        controls.dialog_end(
            BY_HAND,
            controls.button("Use it", kind="primary", testid="sample-save", type="submit"),
        ),
        on_submit=Trigger.use_data,
        class_name="wide",
    )


def _chosen(words: str) -> rx.Component:
    return rx.el.div(
        rx.el.span(words),
        controls.button(
            "Back to the newest",
            kind="small",
            testid="sample-newest",
            on_click=Trigger.use_newest,
        ),
        class_name="notice",
        role="status",
        data_testid="sample-chosen",
    )


def _list() -> rx.Component:
    lines: Any = Requests.lines
    return rx.el.details(
        rx.el.summary(
            controls.icon("history", 15),
            f"The last {lines.length()}",
            rx.el.span(class_name="spacer"),
            rx.el.span(controls.icon("chevron-right", 15), class_name="chev"),
            data_testid="sample-list-toggle",
        ),
        rx.el.ul(rx.foreach(lines, _line), class_name="sample-list", data_testid="sample-list"),
        class_name="settings",
    )


def _line(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            rx.el.span(
                rx.el.strong(one.word),
                elements.when(one.at),
                rx.el.span(one.size, class_name="size"),
                rx.cond(
                    one.verdict != "accepted",
                    rx.el.span(
                        rx.cond(one.verdict == "held", "kept", one.verdict), class_name="tag"
                    ),
                ),
                class_name="row",
            ),
            rx.el.code(rx.el.bdi(one.preview), class_name="truncate"),
            class_name="words",
        ),
        controls.button(
            rx.cond(one.is_sample, "Is the sample", "Use as sample"),
            kind="small",
            testid="use-sample",
            aria_pressed=rx.cond(one.is_sample, "true", "false"),
            on_click=Trigger.use_event(one.id),
        ),
        key=one.id,
    )


def _waiting() -> rx.Component:
    return rx.el.div(
        rx.el.span(
            rx.cond(
                Builder.trigger_kind == "webhook",
                "Listening for the first request…",
                "Nothing came yet.",
            ),
            class_name=rx.cond(Builder.trigger_kind == "webhook", "listening", ""),
        ),
        rx.el.p(
            rx.cond(
                Builder.trigger_kind == "webhook",
                "Run the line above in a terminal: it appears here by itself.",
                "What starts the first run appears here by itself.",
            ),
            class_name="hint",
        ),
        class_name="waiting-box",
        role="status",
        data_testid="listening",
    )


def _received() -> rx.Component:
    return rx.el.div(
        rx.el.header(
            rx.el.span(class_name="live-dot", aria_hidden="true"),
            rx.el.strong(Builder.received.method),
            elements.when(Builder.received.at),
            rx.el.span(Builder.received.size, class_name="size"),
            rx.el.span(class_name="spacer"),
            rx.cond(
                Builder.received.run_id != "",
                controls.link(
                    "See the run", href=f"/runs/{Builder.received.run_id}", testid="received-run"
                ),
                rx.el.span(
                    rx.cond(Builder.received.verdict == "held", "kept", Builder.received.verdict),
                    class_name="tag",
                    title=Builder.received.reason,
                ),
            ),
        ),
        elements.json(Builder.received.body, "Body of the last request"),
        rx.cond(
            Builder.received.run_id == "",
            rx.el.footer(
                rx.cond(
                    Builder.received.reason != "",
                    Builder.received.reason,
                    "It started no run.",
                ),
                " Its values are ready to insert.",
            ),
        ),
        class_name="json-box received",
        key=Builder.received.id,
        data_testid="received",
    )
