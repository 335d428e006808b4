"""One run: what set it off, what each step got and gave, and where it stands right now."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, elements, run_again, shell, value_tree
from flowforge.components.canvas import canvas
from flowforge.components.run_legs import legs
from flowforge.components.run_timeline import PLACES, UNTIL_WORDS, timeline, words
from flowforge.state.run import Run

PATH = "/runs/[run_id]"
TITLE = "Run"
CANCEL = "cancel-run"


def page() -> rx.Component:
    return shell.page(
        rx.cond(
            Run.head.zap_path,
            shell.back("Run history", f"{Run.head.zap_path}/runs"),
            shell.back("All runs", "/runs"),
        ),
        rx.match(
            Run.stage,
            ("loading", rx.el.div(display.skeletons(5, "64px"), class_name="card")),
            (
                "failed",
                rx.el.div(
                    display.failed("Failed to load the run", Run.follow, "run-failed"),
                    class_name="card",
                ),
            ),
            ("missing", _missing()),
            _run(),
        ),
        _cancel_dialog(),
        run_again.dialogs(),
        here="/runs",
    )


def _run() -> rx.Component:
    head = Run.head
    return rx.el.div(
        rx.el.header(
            rx.el.div(
                rx.el.div(
                    rx.el.h1("Run ", rx.el.span(head.short, class_name="mono")),
                    display.status(head.status, "run-status"),
                    rx.cond(
                        head.is_test, rx.el.span("Test", class_name="tag", data_testid="run-test")
                    ),
                    class_name="row gap-3 wrap",
                ),
                rx.el.p(
                    controls.link(
                        rx.el.bdi(head.zap_name), href=head.zap_path, testid="run-zap", look="wrap"
                    ),
                    f" · {head.version}",
                    " · ",
                    controls.link("its event", href=head.event_path, testid="run-event"),
                    rx.cond(head.retries, f" · {head.retries}", ""),
                    rx.cond(head.replay_of, _origin(" · again from ", head.replay_of, "origin")),
                    rx.cond(head.parent, _origin(" · started by ", head.parent, "parent")),
                ),
                rx.cond(head.why, _why()),
                class_name="run-title",
            ),
            rx.el.div(class_name="spacer"),
            _actions(),
            class_name="page-head",
        ),
        rx.cond(
            head.error,
            rx.el.div(
                display.problem(rx.el.bdi(head.error), "run-error"), class_name="run-problem"
            ),
        ),
        _figures(),
        legs(),
        rx.el.div(
            canvas(
                Run.drawing,
                Run.marks,
                words=words(),
                ends=UNTIL_WORDS,
                places=PLACES,
                label="The run on a canvas",
                first=Run.first,
                on_pick=Run.pick_round,
                on_seek=Run.seek,
                key=head.id,
            ),
            timeline(),
            class_name="run-views",
        ),
        rx.cond(
            Run.has_more,
            rx.el.div(
                rx.el.p(
                    "This is the beginning of a long run, and what failed later.",
                    class_name="muted small",
                ),
                controls.button("Load more", testid="run-more", on_click=Run.load_more),
                class_name="more stack",
            ),
        ),
        rx.cond(
            Run.reply.is_there,
            rx.el.section(
                rx.el.h2("Reply"),
                value_tree.value("Answered", Run.reply, "reply-json"),
                class_name="run-reply",
                data_testid="reply",
            ),
        ),
        data_testid="run",
        data_status=head.status,
    )


def _origin(words: str, run_id: Any, name: str) -> rx.Component:
    return rx.fragment(
        words,
        controls.link("another run", href=f"/runs/{run_id}", testid=f"run-{name}"),
    )


def _why() -> rx.Component:
    """What a run that does not work waits for."""
    return rx.el.p(
        controls.icon("hourglass", 14),
        rx.el.span(Run.head.why),
        rx.cond(
            Run.head.why_until,
            rx.el.span(elements.countdown(Run.head.why_until, "goes on"), class_name="countdown"),
        ),
        class_name="why",
        data_testid="run-why",
    )


def _actions() -> rx.Component:
    """What a person may do: end a run that goes on, begin one that has ended again."""
    head = Run.head
    return rx.el.div(
        rx.cond(
            head.is_going,
            controls.button(
                controls.icon("square", 13),
                "Cancel run",
                testid="run-cancel",
                on_click=controls.open_dialog(CANCEL),
            ),
            run_again.buttons(),
        ),
        class_name="row gap-3",
    )


def _figures() -> rx.Component:
    head = Run.head
    return rx.el.dl(
        _figure("Started", elements.when(head.created_at)),
        _figure(
            "Duration",
            rx.cond(
                head.since,
                elements.elapsed(head.since),
                rx.cond(head.duration, head.duration, "—"),
            ),
        ),
        _figure("Finished", rx.cond(head.finished_at, elements.when(head.finished_at), "Not yet")),
        _figure(
            "Steps", rx.fragment(head.steps, rx.el.span(f", {head.attempts}", class_name="muted"))
        ),
        _figure(
            "Run id",
            rx.el.span(
                rx.el.span(head.id, class_name="mono truncate", title=head.id),
                elements.copy(head.id, "Copy the run id", "copy-run-id"),
                class_name="row run-id",
            ),
        ),
        class_name="figures",
    )


def _figure(title: str, value: Any) -> rx.Component:
    return rx.el.div(rx.el.dt(title), rx.el.dd(value))


def _cancel_dialog() -> rx.Component:
    return controls.dialog(
        CANCEL,
        "Cancel this run?",
        rx.el.p("Steps that are done stay done. What has not begun will not begin."),
        rx.el.div(
            controls.button(
                "Keep running",
                testid="run-cancel-no",
                kind="quiet",
                on_click=controls.close_dialog(CANCEL),
            ),
            controls.button(
                "Cancel run",
                testid="run-cancel-yes",
                kind="danger",
                on_click=[Run.cancel, controls.close_dialog(CANCEL)],
            ),
            class_name="dialog-end",
        ),
    )


def _missing() -> rx.Component:
    return rx.el.div(
        display.empty(
            "search-x",
            "Run not found",
            "It does not exist, or it belongs to somebody else.",
            controls.link_button("All runs", href="/runs", testid="run-to-runs"),
            testid="run-missing",
            is_page=True,
        ),
        class_name="card",
    )
