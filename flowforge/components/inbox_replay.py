"""Run all events that the inbox's filter finds: the plan, the question, and how far it is."""

import reflex as rx

from flowforge.components import bulk_replay, controls, display, elements
from flowforge.state.inbox import Inbox
from flowforge.state.inbox_bulk import DIALOG, InboxBulk


def button() -> rx.Component:
    """Only where a filter says which events are meant."""
    return rx.cond(
        Inbox.may_replay,
        controls.button(
            controls.icon("copy-plus", 15),
            "Replay these…",
            kind="small",
            testid="inbox-replay-open",
            title="Run everything that this filter finds",
            on_click=InboxBulk.ask,
        ),
    )


def progress() -> rx.Component:
    return bulk_replay.progress_line(InboxBulk.progress, InboxBulk.stop, InboxBulk.forget)


def dialog() -> rx.Component:
    return controls.dialog(
        DIALOG,
        "Replay these events?",
        rx.el.p(
            rx.match(
                InboxBulk.count,
                (0, "No event that can run fits the filter."),
                (1, "One event fits the filter."),
                f"{InboxBulk.count} events fit the filter.",
            ),
            rx.cond(
                InboxBulk.count > 1,
                rx.fragment(
                    " The oldest is of ", elements.day(InboxBulk.oldest), ", the newest of ",
                    elements.day(InboxBulk.newest), ".",
                ),
            ),
            data_testid="inbox-plan",
        ),
        rx.el.p(
            "Each begins a run of the version that is live now. Rejected and duplicate events"
            " are left out; filtered ones and tests as well, unless you filter for them."
            " They begin a few at a time and let everything else pass.",
            class_name="muted small",
        ),
        rx.cond(InboxBulk.error, display.problem(InboxBulk.error, "inbox-replay-error")),
        controls.dialog_end(
            DIALOG,
            controls.button(
                rx.cond(
                    InboxBulk.count == 1, "Replay 1 event", f"Replay {InboxBulk.count} events"
                ),
                kind="primary",
                testid="inbox-replay-go",
                disabled=InboxBulk.count == 0,
                on_click=InboxBulk.go,
            ),
        ),
    )  # fmt: skip
