"""One event: its way through the house, what it carried, and running it again."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, elements, shell, value_tree, verdicts
from flowforge.state.event import Event, Pair, Station, StepLine

PATH = "/events/[event_id]"
TITLE = "Event"
_ICONS = {
    "received": "inbox",
    "verified": "shield-check",
    "matched": "filter",
    "queued": "list-ordered",
    "steps": "workflow",
}


def page() -> rx.Component:
    return shell.page(
        shell.back("Inbox", "/inbox"),
        rx.match(
            Event.stage,
            ("loading", rx.el.div(display.skeletons(5, "64px"), class_name="card")),
            (
                "failed",
                rx.el.div(
                    display.failed("Failed to load the event", Event.follow, "event-failed"),
                    class_name="card",
                ),
            ),
            ("missing", _missing()),
            _event(),
        ),
        here="/inbox",
    )


def _event() -> rx.Component:
    head = Event.head
    return rx.el.div(
        rx.el.header(
            rx.el.div(
                rx.el.div(
                    rx.el.h1("Event ", rx.el.span(head.short, class_name="mono")),
                    verdicts.verdict(head.verdict, "event-verdict"),
                    class_name="row gap-3 wrap",
                ),
                rx.el.p(
                    controls.link(
                        rx.el.bdi(head.zap_name),
                        href=f"{head.zap_path}/events",
                        testid="event-zap",
                        look="wrap",
                    ),
                    f" · {head.trigger}",
                ),
                class_name="run-title",
            ),
            rx.el.div(class_name="spacer"),
            _actions(),
            class_name="page-head",
        ),
        rx.cond(head.advice, _advice()),
        _figures(),
        rx.el.section(
            rx.el.h2("Why", class_name="event-title"),
            rx.el.ol(
                rx.foreach(Event.stations, _station), class_name="stations", data_testid="why"
            ),
            aria_label="Why it did or did not run",
        ),
        _body(),
        _table("Headers", Event.headers, "headers"),
        rx.cond(Event.query, _table("Query", Event.query, "query")),
        data_testid="event",
        data_verdict=head.verdict,
    )


def _actions() -> rx.Component:
    head = Event.head
    return rx.cond(
        head.may_replay,
        rx.el.div(
            controls.button(
                "Use as sample",
                testid="event-sample",
                title="Let it stand for the trigger while you build the zap",
                on_click=Event.use_as_sample,
            ),
            controls.button(
                controls.icon("rotate-cw", 15),
                "Replay",
                kind="primary",
                testid="event-replay",
                title="Begin a run of the version that is live now",
                on_click=Event.replay,
            ),
            class_name="row gap-3 wrap",
        ),
    )


def _advice() -> rx.Component:
    head = Event.head
    said = (
        rx.cond(head.reason, rx.el.strong(rx.el.bdi(head.reason), data_testid="event-reason")),
        rx.el.p(
            head.advice,
            rx.cond(
                head.first_path,
                rx.fragment(
                    " ",
                    controls.link("Open the first one", href=head.first_path, testid="event-first"),
                ),
            ),
            data_testid="event-advice",
        ),
    )
    return rx.el.div(
        rx.match(
            head.verdict,
            ("rejected", display.notice(*said, kind="bad", glyph="shield-alert")),
            ("held", display.notice(*said, kind="warn", glyph="pause")),
            display.notice(*said),
        ),
        class_name="run-problem",
    )


def _figures() -> rx.Component:
    head = Event.head
    return rx.el.dl(
        _figure("Received", elements.when(head.at)),
        _figure(
            "Answered",
            rx.cond(
                head.answered,
                rx.fragment(
                    head.answered,
                    rx.cond(head.took, rx.el.span(f" in {head.took}", class_name="muted")),
                ),
                "—",
            ),
        ),
        _figure(
            "From", rx.cond(head.source_ip, rx.el.span(head.source_ip, class_name="mono"), "—")
        ),
        _figure("Size", head.size),
        _figure(
            rx.cond(head.dedupe_key, "Dedupe key", "Event id"),
            rx.el.span(
                rx.cond(
                    head.dedupe_key,
                    rx.el.bdi(head.dedupe_key, class_name="mono truncate", title=head.dedupe_key),
                    rx.el.span(head.id, class_name="mono truncate", title=head.id),
                ),
                elements.copy(head.id, "Copy the event id", "copy-event-id"),
                class_name="row run-id",
            ),
        ),
        class_name="figures",
    )


def _figure(title: Any, value: Any) -> rx.Component:
    return rx.el.div(rx.el.dt(title), rx.el.dd(value))


def _station(station: rx.vars.ObjectVar[Station]) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            rx.match(
                station.name,
                *((name, controls.icon(glyph, 15)) for name, glyph in _ICONS.items()),
                controls.icon("circle", 15),
            ),
            class_name=f"station-mark at-{station.status}",
        ),
        rx.el.div(
            rx.el.div(
                rx.el.strong(station.title),
                verdicts.station(station.status),
                rx.cond(
                    station.run,
                    controls.link(
                        "Run ",
                        rx.el.span(station.run, class_name="mono"),
                        href=station.run_path,
                        testid="station-run",
                        look="small",
                    ),
                ),
                rx.el.span(class_name="spacer"),
                rx.cond(
                    station.at, rx.el.span(elements.when(station.at), class_name="muted small")
                ),
                class_name="station-line",
            ),
            rx.el.p(rx.el.bdi(station.said), class_name="station-said"),
            rx.cond(
                station.steps,
                rx.el.ul(rx.foreach(station.steps, _step), class_name="station-steps"),
            ),
            class_name="station-body",
        ),
        key=station.key,
        class_name=f"station at-{station.status}",
        data_testid=f"station-{station.name}",
        data_status=station.status,
    )


def _step(step: rx.vars.ObjectVar[StepLine]) -> rx.Component:
    return rx.el.li(
        display.status(step.status, "station-step"),
        rx.el.bdi(step.path, class_name="mono"),
        rx.cond(step.tries, rx.el.span(step.tries, class_name="muted small")),
        rx.el.span(step.took, class_name="muted small num"),
        rx.cond(step.error, rx.el.bdi(step.error, class_name="err")),
    )


def _body() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Body", class_name="event-title"),
            rx.el.span(Event.head.content_type, class_name="muted small mono truncate"),
            rx.el.span(class_name="spacer"),
            rx.el.div(
                _toggle("Pretty", False),
                _toggle("Raw", True),
                class_name="filters",
                role="group",
                aria_label="How the body is shown",
            ),
            rx.cond(
                Event.head.raw_url,
                elements.anchor(
                    controls.icon("download", 15),
                    "Download",
                    href=Event.head.raw_url,
                    testid="event-download",
                    look="btn small",
                ),
            ),
            class_name="event-bar",
        ),
        rx.cond(
            Event.shows_raw,
            display.document("As it came", Event.raw, "raw-text"),
            rx.cond(
                Event.body.is_there,
                value_tree.value("Body", Event.body, "body-json", root="trigger.body"),
                rx.el.p("No body.", class_name="muted"),
            ),
        ),
        aria_label="Body",
    )


def _toggle(words: str, is_raw: bool) -> rx.Component:
    return rx.el.button(
        words,
        type="button",
        aria_pressed=rx.cond(Event.shows_raw == is_raw, "true", "false"),
        on_click=Event.show_raw(is_raw),
        data_testid=f"body-{words.lower()}",
    )


def _table(title: str, pairs: Any, testid: str) -> rx.Component:
    return rx.el.section(
        rx.el.h2(title, class_name="event-title"),
        rx.cond(
            pairs,
            rx.el.div(
                rx.el.table(
                    rx.el.thead(
                        rx.el.tr(rx.el.th("Name", scope="col"), rx.el.th("Value", scope="col")),
                        class_name="sr-only",
                    ),
                    rx.el.tbody(rx.foreach(pairs, _pair)),
                ),
                class_name="card table-wrap pairs",
            ),
            rx.el.p("None.", class_name="muted"),
        ),
        data_testid=f"event-{testid}",
    )


def _pair(pair: rx.vars.ObjectVar[Pair]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(rx.el.bdi(pair.name), scope="row", class_name="mono"),
        rx.el.td(rx.el.bdi(pair.value), class_name="mono"),
    )


def _missing() -> rx.Component:
    return rx.el.div(
        display.empty(
            "search-x",
            "Event not found",
            "It does not exist, or it belongs to somebody else.",
            controls.link_button("Inbox", href="/inbox", testid="event-to-inbox"),
            testid="event-missing",
            is_page=True,
        ),
        class_name="card",
    )
