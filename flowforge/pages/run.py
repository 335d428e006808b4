"""One run: what set it off, what each step got and gave, and where it stands right now."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, elements, shell
from flowforge.components.run_timeline import timeline
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
                    class_name="row gap-3 wrap",
                ),
                rx.el.p(
                    controls.link(
                        rx.el.bdi(head.zap_name), href=head.zap_path, testid="run-zap", look="wrap"
                    ),
                    f" · version {head.version}",
                ),
                class_name="run-title",
            ),
            rx.el.div(class_name="spacer"),
            rx.cond(
                head.is_going,
                controls.button(
                    controls.icon("square", 13),
                    "Cancel run",
                    testid="run-cancel",
                    on_click=controls.open_dialog(CANCEL),
                ),
            ),
            class_name="page-head",
        ),
        rx.cond(
            head.error,
            rx.el.div(
                display.problem(rx.el.bdi(head.error), "run-error"), class_name="run-problem"
            ),
        ),
        _figures(),
        timeline(),
        data_testid="run",
        data_status=head.status,
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
