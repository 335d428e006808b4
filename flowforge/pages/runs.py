"""The run history: every run of a zap or of the project, newest first, changing as runs do."""

from typing import Any

import reflex as rx

from flowforge.components import (
    bulk_replay,
    controls,
    display,
    elements,
    listing,
    run_filters,
    shell,
    step_icons,
)
from flowforge.components.run_timeline import step_status
from flowforge.state.runs import Row, Runs, Stage

PATH_OF_ALL = "/runs"
PATH_OF_ZAP = "/zaps/[zap_id]/runs"
TITLE = "Run History"
FAILED = "Failed to load run history"


def all_runs() -> rx.Component:
    return shell.page(
        shell.heading(TITLE, "What your zaps did, newest first.", listing.live(Runs, "runs")),
        _history(_nothing_ever()),
        here="/runs",
    )


def runs_of_zap() -> rx.Component:
    return shell.page(
        rx.cond(
            Runs.zap_path,
            shell.back("Back to the zap", Runs.zap_path),
            shell.back("My Zaps", "/dashboard"),
        ),
        shell.heading(
            TITLE,
            rx.el.bdi(Runs.zap_name, data_testid="runs-zap", class_name="wrap"),
            listing.live(Runs, "runs"),
            rx.cond(
                Runs.zap_path,
                controls.link_button(
                    controls.icon("inbox"),
                    "Inbox",
                    href=f"{Runs.zap_path}/events",
                    testid="runs-to-inbox",
                ),
            ),
            rx.cond(
                Runs.schedule_path,
                controls.link_button(
                    controls.icon("calendar-clock"),
                    Runs.schedule_name,
                    href=Runs.schedule_path,
                    testid="to-schedule",
                ),
            ),
        ),
        _history(_nothing_of_zap()),
        here="/dashboard",
    )


def _history(nothing: rx.Component) -> rx.Component:
    return rx.fragment(
        rx.cond(Runs.stage != "missing", run_filters.tools()),
        bulk_replay.progress(),
        listing.card(
            Runs,
            "runs",
            "Runs",
            rows=_rows(),
            nothing=_none(nothing),
            missing=listing.zap_not_found(
                "Go to My Zaps", "/dashboard", "runs-missing", "runs-to-zaps"
            ),
            failed=FAILED,
        ),
        listing.more(Runs, "runs", is_search=(Runs.sought != "") | (Runs.step != "")),
        bulk_replay.dialog(),
    )


def _rows() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            *(
                rx.el.span(words, class_name=look)
                for words, look in (
                    ("Status", ""),
                    ("Run", ""),
                    ("Actions", "hide-medium"),
                    ("Attempts", "hide-medium"),
                    ("Duration", ""),
                    ("Started", ""),
                    ("", ""),
                )
            ),
            class_name="run-row run-titles only-wide",
            aria_hidden="true",
        ),
        rx.el.ul(rx.foreach(Runs.rows, _row), data_testid="run-list"),
    )


def _row(row: rx.vars.ObjectVar[Row]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.div(display.status(row.status, "run-status")),
            rx.el.div(
                rx.el.div(
                    controls.link(row.short, href=row.path, testid="run-link", look="mono"),
                    rx.cond(
                        Runs.zap_name,
                        rx.fragment(),
                        controls.link(
                            rx.el.bdi(row.zap_name),
                            href=row.zap_path,
                            testid="run-zap",
                            look="run-zap truncate",
                        ),
                    ),
                    class_name="row",
                ),
                rx.cond(
                    row.error,
                    rx.el.div(
                        rx.el.bdi(row.error),
                        class_name="run-error truncate",
                        title=row.error,
                        data_testid="run-error",
                    ),
                ),
                rx.cond(row.why, _why(row)),
                class_name="which",
            ),
            rx.el.span(row.steps, class_name="cell hide-medium", data_testid="run-steps"),
            rx.el.span(row.attempts, class_name="cell hide-medium"),
            rx.el.span(_took(row), class_name="cell num nowrap"),
            rx.el.span(elements.when(row.at), class_name="cell started"),
            rx.el.div(
                controls.button(
                    rx.icon("chevron-right", size=16, class_name="chev", aria_hidden="true"),
                    kind="quiet icon small",
                    testid="run-toggle",
                    aria_label=f"Steps of run {row.short}",
                    title="Show the steps",
                    aria_expanded=rx.cond(row.is_open, "true", "false"),
                    on_click=Runs.toggle(row.id),
                ),
                class_name="end",
            ),
            class_name="run-row",
        ),
        rx.cond(row.is_open, _stages(row)),
        key=row.id,
        class_name="run-item",
        data_testid="run-row",
        data_run=row.id,
    )


def _why(row: Any) -> rx.Component:
    """What a run that does not work waits for."""
    return rx.el.div(
        row.why,
        rx.cond(row.why_until, rx.fragment(" · ", elements.countdown(row.why_until, "goes on"))),
        class_name="muted small",
        data_testid="run-why",
    )


def _took(row: Any) -> rx.Component:
    return rx.cond(row.since, elements.elapsed(row.since), rx.cond(row.duration, row.duration, "—"))


def _stages(row: Any) -> rx.Component:
    titles = ("Stage", "Action", "Status", "Executed At", "Error")
    return rx.el.div(
        rx.el.div(
            rx.el.table(
                rx.el.thead(rx.el.tr(*(rx.el.th(title, scope="col") for title in titles))),
                rx.el.tbody(rx.foreach(row.stages, _stage)),
            ),
            class_name="table-wrap",
        ),
        rx.el.div(
            controls.link(
                "Inputs, outputs and every attempt",
                controls.icon("arrow-right", 14),
                href=row.path,
                testid="run-details",
                look="run-details",
            )
        ),
        class_name="run-open",
        data_testid="run-stages",
    )


def _stage(stage: rx.vars.ObjectVar[Stage]) -> rx.Component:
    return rx.el.tr(
        rx.el.td(stage.number, class_name="num"),
        rx.el.td(
            rx.el.div(
                step_icons.card_icon(stage.kind, stage.icon, "small"),
                rx.el.bdi(stage.name),
                class_name="row",
            )
        ),
        rx.el.td(step_status(stage.status, "stage-status")),
        rx.el.td(rx.cond(stage.at, elements.when(stage.at), "—")),
        rx.el.td(
            rx.cond(stage.error, rx.el.bdi(stage.error, class_name="err"), "—"),
            data_testid="stage-error",
        ),
    )


def _none(nothing: rx.Component) -> rx.Component:
    """Nothing to list: because of the filter, or because nothing ever ran."""
    return rx.cond(
        Runs.is_filtered,
        display.empty(
            "search-x",
            "No run matches",
            "Choose another status or search for something else.",
            controls.button("Show all runs", testid="runs-show-all", on_click=Runs.choose_all),
            testid="runs-no-match",
        ),
        nothing,
    )


def _nothing_ever() -> rx.Component:
    return display.empty(
        "activity",
        "No runs yet",
        "Each time a webhook of yours is called, a run appears here.",
        controls.link_button(
            "Go to My Zaps", href="/dashboard", testid="runs-to-zaps", kind="primary"
        ),
        testid="runs-empty",
    )


def _nothing_of_zap() -> rx.Component:
    return display.empty(
        "activity",
        "No runs yet",
        "Trigger your webhook to see execution history here.",
        rx.cond(
            Runs.is_listening,
            display.command(Runs.curl, "runs-curl"),
            rx.fragment(
                display.notice(
                    "This zap is not listening yet. Publish it and switch it on first.",
                    kind="warn",
                    glyph="power",
                    data_testid="runs-off",
                ),
                controls.link_button(
                    "Open the zap", href=Runs.zap_path, testid="runs-to-zap", kind="primary"
                ),
            ),
        ),
        testid="runs-empty",
    )
