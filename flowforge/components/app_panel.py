"""What the app of a trigger needs: the project's URL for it, and how it stands where it was told."""

import reflex as rx

from flowforge.components import controls, display, elements
from flowforge.state.app_trigger import AppTrigger

_PLACE = "/apps"


def app() -> rx.Component:
    return rx.cond(
        AppTrigger.app,
        rx.fragment(
            rx.cond(
                AppTrigger.url,
                rx.fragment(
                    _url(),
                    # A hook that failed says so itself.
                    rx.cond(
                        AppTrigger.told.can_retry,
                        rx.fragment(),
                        rx.cond(AppTrigger.lacks_token, _no_token()),
                    ),
                ),
                _no_secret(),
            ),
            rx.cond(AppTrigger.told.is_there, _told()),
        ),
        display.notice(
            "Give the app the project's URL for it once; all zaps of the project share it.",
            data_testid="app-note",
        ),
    )


def _url() -> rx.Component:
    return rx.el.div(
        rx.el.span(f"URL for {AppTrigger.app}", class_name="field-label"),
        display.address(AppTrigger.url, "app-url", "Copy the URL"),
        rx.el.span(
            "All zaps of the project share it. What to do with it: ",
            controls.link("Apps", href=_PLACE, testid="to-apps"),
            class_name="hint",
        ),
        class_name="field",
    )


def _no_secret() -> rx.Component:
    return display.notice(
        f"{AppTrigger.app} has no secret yet, so nothing can come. ",
        controls.link("Set it under Apps", href=_PLACE, testid="to-apps"),
        kind="warn",
        glyph="triangle-alert",
        data_testid="app-without-secret",
    )


def _no_token() -> rx.Component:
    return display.notice(
        f"To make the hook there, {AppTrigger.app} wants a token. ",
        controls.link("Save one under Apps", href=_PLACE, testid="to-apps-token"),
        kind="warn",
        glyph="key-round",
        data_testid="app-without-token",
    )


def _told() -> rx.Component:
    told = AppTrigger.told
    return rx.el.div(
        rx.el.div(
            rx.el.span("Hook of the live version", class_name="field-label"),
            rx.el.span(class_name="spacer"),
            rx.el.span(
                told.word,
                class_name=f"status {told.look}",
                data_testid="registration-status",
                data_status=told.look,
            ),
            class_name="row",
        ),
        rx.el.p(rx.el.bdi(told.sentence), class_name="told", data_testid="registration-sentence"),
        rx.el.div(
            rx.cond(
                told.checked_at,
                rx.el.span("Found in order ", elements.when(told.checked_at), class_name="hint"),
            ),
            rx.cond(
                told.next_at,
                rx.el.span(elements.countdown(told.next_at), class_name="hint"),
            ),
            rx.el.span(class_name="spacer"),
            rx.cond(
                told.can_retry,
                controls.button(
                    controls.icon("rotate-cw", 14),
                    "Try again now",
                    kind="small",
                    testid="retry-registration",
                    on_click=AppTrigger.retry,
                ),
            ),
            class_name="row",
        ),
        class_name="field told-box",
        role="status",
        data_testid="registration",
    )
