"""Run again, or end, all that the history's filter finds: the plan, the question, how far it is."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, elements
from flowforge.state.bulk import DIALOG, MODES, Bulk
from flowforge.state.runs import Runs


def button() -> rx.Component:
    """Only where a filter says which runs are meant."""
    return rx.cond(
        Runs.may_act,
        controls.button(
            controls.icon("copy-plus", 15),
            "With all these…",
            kind="small",
            testid="bulk-replay-open",
            title="Run again, or end, everything that this filter finds",
            on_click=Bulk.ask,
        ),
    )


def progress() -> rx.Component:
    return progress_line(Bulk.progress, Bulk.stop, Bulk.forget)


def progress_line(line: Any, stop: Any, forget: Any) -> rx.Component:
    """How far a batch is; ``stop`` and ``forget`` are what its buttons do."""
    return rx.cond(
        line.id,
        rx.el.div(
            display.notice(
                rx.el.div(
                    rx.el.span(line.words),
                    rx.cond(line.refused, rx.el.span(line.refused, class_name="muted")),
                    rx.el.span(class_name="spacer"),
                    rx.cond(
                        line.is_going,
                        controls.button("Stop", kind="small", testid="bulk-stop", on_click=stop),
                        controls.icon_button(
                            "x", "Dismiss", testid="bulk-dismiss", on_click=forget
                        ),
                    ),
                    class_name="row gap-3 wrap",
                ),
                glyph="copy-plus",
                role="status",
                data_testid="bulk-progress",
            ),
            class_name="run-problem",
        ),
    )


def dialog() -> rx.Component:
    return controls.dialog(
        DIALOG,
        "What to do with these runs?",
        rx.el.p(
            rx.match(
                Bulk.count,
                (
                    0,
                    rx.cond(
                        Bulk.mode == "cancel",
                        "No run that still goes on fits the filter.",
                        "No run that has ended fits the filter.",
                    ),
                ),
                (1, "One run fits the filter."),
                f"{Bulk.count} runs fit the filter.",
            ),
            rx.cond(
                Bulk.count > 1,
                rx.fragment(
                    " The oldest is of ", elements.day(Bulk.oldest), ", the newest of ",
                    elements.day(Bulk.newest), ".",
                ),
            ),
            data_testid="bulk-plan",
        ),
        rx.el.div(
            rx.el.label("What to do with each", html_for="bulk-mode"),
            rx.el.select(
                *(rx.el.option(words, value=mode) for mode, words in MODES.items()),
                id="bulk-mode",
                class_name="input",
                default_value=Bulk.mode,
                key=f"mode-{Bulk.version}",
                on_change=Bulk.choose,
                data_testid="bulk-mode",
            ),
            rx.el.span(
                rx.cond(
                    Bulk.mode == "cancel",
                    "They end for good. What their steps have done stays done.",
                    "They begin a few at a time and let everything else pass.",
                ),
                class_name="hint",
            ),
            class_name="field",
        ),
        rx.cond(Bulk.error, display.problem(Bulk.error, "bulk-error")),
        controls.dialog_end(
            DIALOG,
            controls.button(
                rx.cond(Bulk.mode == "cancel", "Cancel ", "Replay "),
                rx.cond(Bulk.count == 1, "1 run", f"{Bulk.count} runs"),
                kind="primary",
                testid="bulk-go",
                disabled=Bulk.count == 0,
                on_click=Bulk.go,
            ),
        ),
    )  # fmt: skip
