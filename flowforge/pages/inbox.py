"""The inbox: everything that came for a zap or for the project, and what became of it."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, elements, inbox_replay, listing, shell, verdicts
from flowforge.state.inbox import CHIPS, SOURCES, TIMES, Inbox, Row

PATH_OF_ALL = "/inbox"
PATH_OF_ZAP = "/zaps/[zap_id]/events"
TITLE = "Inbox"
FAILED = "Failed to load the inbox"


def all_events() -> rx.Component:
    return shell.page(
        shell.heading(
            TITLE, "Everything your triggers received, newest first.", listing.live(Inbox, "events")
        ),
        _inbox(),
        here="/inbox",
    )


def events_of_zap() -> rx.Component:
    return shell.page(
        rx.cond(
            Inbox.zap_path,
            shell.back("Back to the zap", Inbox.zap_path),
            shell.back("Inbox of all zaps", "/inbox"),
        ),
        shell.heading(
            TITLE,
            rx.el.bdi(Inbox.zap_name, data_testid="inbox-zap", class_name="wrap"),
            listing.live(Inbox, "events"),
            rx.cond(
                Inbox.zap_path,
                controls.link_button(
                    controls.icon("activity"),
                    "Runs",
                    href=f"{Inbox.zap_path}/runs",
                    testid="inbox-to-runs",
                ),
            ),
        ),
        _inbox(),
        here="/inbox",
    )


def _inbox() -> rx.Component:
    return rx.fragment(
        rx.cond(Inbox.stage != "missing", _tools()),
        inbox_replay.progress(),
        listing.card(
            Inbox,
            "inbox",
            "Events",
            rows=_rows(),
            nothing=_none(),
            missing=listing.zap_not_found(
                "Inbox of all zaps", "/inbox", "inbox-missing", "inbox-to-all"
            ),
            failed=FAILED,
        ),
        listing.more(Inbox, "inbox", is_search=Inbox.sought != ""),
        inbox_replay.dialog(),
    )


def _tools() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            *(
                rx.el.button(
                    words,
                    type="button",
                    aria_pressed=rx.cond(Inbox.only == verdict, "true", "false"),
                    on_click=Inbox.choose(verdict),
                    data_testid=f"verdict-{verdict or 'all'}",
                )
                for verdict, words in CHIPS.items()
            ),
            class_name="filters",
            role="group",
            aria_label="Verdict",
        ),
        _choice("trigger", "Trigger", SOURCES, Inbox.source, Inbox.choose_source),
        _choice("age", "Received", TIMES, Inbox.age, Inbox.choose_age),
        inbox_replay.button(),
        rx.el.div(
            controls.icon("search", 15),
            rx.el.input(
                type="search",
                placeholder="Body, reason, key or id",
                aria_label="Search events by body, reason, dedupe key or id",
                class_name="input",
                key=f"search-{Inbox.version}",
                default_value=Inbox.sought,
                on_change=Inbox.search.debounce(300),
                data_testid="inbox-search",
            ),
            class_name="search",
        ),
        class_name="run-tools inbox-tools",
    )


def _choice(
    name: str, label: str, options: dict[str, str], value: Any, choose: Any
) -> rx.Component:
    return rx.el.select(
        *(rx.el.option(words, value=each) for each, words in options.items()),
        value=value,
        aria_label=label,
        class_name="input inbox-choice",
        on_change=choose,
        data_testid=f"inbox-{name}",
    )


def _rows() -> rx.Component:
    titles = ("Verdict", "Event", "From", "Answered", "Runs", "Received")
    hidden = {"From", "Answered"}
    return rx.el.div(
        rx.el.div(
            *(
                rx.el.span(title, class_name="hide-medium" if title in hidden else "")
                for title in titles
            ),
            class_name="run-row run-titles inbox-row only-wide",
            aria_hidden="true",
        ),
        rx.el.ul(rx.foreach(Inbox.rows, _row), data_testid="event-list"),
    )


def _row(row: rx.vars.ObjectVar[Row]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.div(verdicts.verdict(row.verdict, "event-verdict")),
            rx.el.div(
                rx.el.div(
                    controls.link(
                        rx.el.span(row.origin, class_name="mono"),
                        rx.cond(row.size, rx.el.span(f" {row.size}", class_name="muted")),
                        href=row.path,
                        testid="event-link",
                        look="event-link",
                    ),
                    rx.cond(
                        Inbox.zap_name,
                        rx.fragment(),
                        controls.link(
                            rx.el.bdi(row.zap_name),
                            href=row.zap_path,
                            testid="event-zap",
                            look="run-zap truncate",
                        ),
                    ),
                    class_name="row",
                ),
                rx.cond(
                    row.reason,
                    rx.el.div(
                        rx.el.bdi(row.reason),
                        class_name="event-reason truncate",
                        title=row.reason,
                        data_testid="event-reason",
                    ),
                ),
                class_name="which",
            ),
            rx.el.span(row.source, class_name="cell hide-medium truncate", title=row.source),
            rx.el.span(
                rx.cond(row.answered, row.answered, "—"),
                rx.cond(row.took, rx.el.span(f" · {row.took}", class_name="muted")),
                class_name="cell num nowrap hide-medium",
            ),
            rx.el.span(rx.cond(row.runs, row.runs, "—"), class_name="cell nowrap"),
            rx.el.span(elements.when(row.at), class_name="cell started"),
            class_name="run-row inbox-row",
        ),
        key=row.id,
        class_name="run-item",
        data_testid="event-row",
        data_event=row.id,
    )


def _none() -> rx.Component:
    """Nothing to list: because of the filter, or because nothing ever came."""
    return rx.cond(
        Inbox.is_filtered,
        display.empty(
            "search-x",
            "No event matches",
            "Choose another verdict or search for something else.",
            testid="inbox-no-match",
        ),
        display.empty(
            "inbox",
            "Nothing came yet",
            "Whatever a trigger receives appears here, also what was turned away.",
            rx.cond(
                Inbox.is_listening,
                display.command(Inbox.curl, "inbox-curl"),
                controls.link_button(
                    rx.cond(Inbox.zap_path, "Open the zap", "Go to My Zaps"),
                    href=rx.cond(Inbox.zap_path, Inbox.zap_path, "/dashboard"),
                    testid="inbox-to-zaps",
                    kind="primary",
                ),
            ),
            testid="inbox-empty",
        ),
    )
