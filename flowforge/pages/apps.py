"""Apps: who sends the project events, to which URL, with which secrets, and what started nothing."""

from typing import Any

import reflex as rx

from flowforge.components import app_dialogs, controls, display, elements, shell
from flowforge.state.apps import Apps, Line

PATH = "/apps"
TITLE = "Apps"


def page() -> rx.Component:
    return shell.page(
        shell.heading(
            TITLE,
            "One URL for each app that sends your project events. Every zap with the trigger App "
            "event picks what it waits for.",
        ),
        rx.match(
            Apps.stage,
            ("ready", _list()),
            (
                "failed",
                rx.el.div(
                    display.failed("Failed to load the apps", Apps.follow, "apps-failed"),
                    class_name="card",
                ),
            ),
            rx.el.div(display.skeletons(3, "96px"), class_name="card"),
        ),
        app_dialogs.form(),
        app_dialogs.remove(),
    )


def _list() -> rx.Component:
    return rx.el.ul(
        rx.foreach(Apps.lines, _item),
        class_name="apps",
        aria_label=TITLE,
        data_testid="apps",
    )


def _item(one: rx.vars.ObjectVar[Line]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            display.tile(one.icon),
            rx.el.h2(one.name),
            rx.cond(one.url, _state("succeeded", "Set up"), _state("queued", "Not set up")),
            rx.el.span(class_name="spacer"),
            _tools(one),
            class_name="app-head",
        ),
        rx.cond(one.url, _source(one)),
        _steps(one),
        class_name="card",
        key=one.id,
        data_testid=f"app-{one.id}",
    )


def _state(look: str, word: str) -> rx.Component:
    return rx.el.span(word, class_name=f"status {look}", data_testid="app-state")


def _tools(one: Any) -> rx.Component:
    menu_id = f"app-menu-{one.id}"
    return rx.cond(
        one.url,
        rx.el.div(
            controls.button(
                rx.cond(one.takes_token, "New secret or token", "New secret"),
                kind="small",
                testid="replace-secret",
                on_click=Apps.ask_secret(one.id),
            ),
            controls.menu(
                menu_id,
                controls.icon("ellipsis"),
                controls.menu_item(
                    menu_id,
                    "trash-2",
                    "Remove",
                    testid="ask-remove-app",
                    look="danger",
                    on_click=Apps.ask_remove(one.id),
                ),
                label="More actions",
                look="btn quiet icon small",
                testid="app-menu",
            ),
            class_name="row",
        ),
        controls.button(
            "Save its secret",
            kind="primary small",
            testid="set-secret",
            on_click=Apps.ask_secret(one.id),
        ),
    )


def _source(one: Any) -> rx.Component:
    return rx.fragment(
        rx.el.div(
            rx.el.span("URL to give it", class_name="field-label"),
            display.address(one.url, "app-url", "Copy the URL"),
            class_name="field",
        ),
        rx.el.dl(
            _fact("Signs with", one.secrets, "app-secrets-count"),
            rx.cond(
                one.takes_token,
                _fact("Token", rx.cond(one.has_token, "stored", "none"), "app-token"),
            ),
            _fact("Started no zap", one.unrouted, "app-unrouted"),
            _fact("Rejected", one.rejected, "app-rejected"),
            class_name="app-facts",
        ),
        rx.cond(
            one.note,
            display.notice(
                rx.el.bdi(one.note),
                " ",
                rx.el.span(elements.when(one.noted_at), class_name="small nowrap"),
                kind=rx.cond(one.is_rejecting, "warn", ""),
                glyph="message-square-warning",
                data_testid="app-note",
            ),
        ),
    )


def _fact(name: str, value: Any, testid: str) -> rx.Component:
    return rx.el.div(rx.el.dt(name), rx.el.dd(value, class_name="num", data_testid=testid))


def _steps(one: Any) -> rx.Component:
    """What to do at the app: open until it is set up."""
    return rx.el.details(
        rx.el.summary(
            controls.icon("list-checks", 15),
            "How to set it up",
            rx.el.span(class_name="spacer"),
            rx.el.span(controls.icon("chevron-right", 15), class_name="chev"),
            data_testid="app-steps-toggle",
        ),
        rx.el.ol(rx.foreach(one.steps, rx.el.li), class_name="app-steps", data_testid="app-steps"),
        open=one.url == "",
        class_name="settings",
    )
