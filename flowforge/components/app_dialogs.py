"""The dialogs of apps: a secret that goes in and is never shown, and whether to remove one."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.state.apps import FORM, REMOVE, Apps


def form() -> rx.Component:
    asked = Apps.asked
    return controls.dialog(
        FORM,
        rx.cond(
            asked.url,
            rx.cond(
                asked.takes_token,
                f"New secret or token for {asked.name}",
                f"New secret for {asked.name}",
            ),
            f"The secret of {asked.name}",
        ),
        rx.el.div(
            _field("secret", asked.secret_label, _secret_hint(), first=True),
            rx.cond(
                asked.url,
                _field(
                    "former",
                    "The one that it replaces",
                    "Fill it in while the app still signs with it as well. Left empty, only the new "
                    "one is taken.",
                ),
            ),
            rx.cond(asked.takes_token, _token()),
            class_name="dialog-body",
            key=f"app-form-{Apps.drawn}",
        ),
        controls.dialog_end(
            FORM,
            controls.button("Save", kind="primary", type="submit", testid="save-app"),
        ),
        on_submit=Apps.save,
        on_close=Apps.forget,
    )


def _secret_hint() -> rx.Component:
    asked = Apps.asked
    return rx.fragment(
        asked.secret_hint,
        rx.cond(
            asked.url,
            rx.cond(asked.takes_token, " For a new token alone, leave it empty.", ""),
            "",
        ),
    )


def _token() -> rx.Component:
    asked = Apps.asked
    return rx.fragment(
        _field(
            "token",
            rx.cond(asked.has_token, "New token", "Token"),
            asked.token_hint,
            placeholder=rx.cond(asked.has_token, "Stored and hidden. Type to replace it.", ""),
        ),
        rx.cond(
            asked.has_token,
            rx.el.label(
                rx.el.input(type="checkbox", name="app_drop_token", data_testid="drop-token"),
                "Take the stored token away",
                class_name="check",
            ),
        ),
    )


def _field(at: str, label: Any, hint: Any, *, first: bool = False, **props: Any) -> rx.Component:
    name = f"app_{at}"
    is_wrong = Apps.problem_at == at
    return rx.el.div(
        rx.el.label(
            label,
            rx.cond(at != "secret", rx.el.span("optional", class_name="optional")),
            html_for=name,
        ),
        rx.el.input(
            id=name,
            name=name,
            type="password",
            class_name="input",
            auto_complete="new-password",
            spell_check=False,
            aria_invalid=rx.cond(is_wrong, "true", "false"),
            aria_describedby=f"{name}-note",
            custom_attrs={"data-1p-ignore": ""} | ({"data-first": ""} if first else {}),
            data_testid=f"input-{name}",
            **props,
        ),
        rx.el.div(
            rx.cond(
                is_wrong,
                controls.wrong(Apps.problem, f"error-{name}"),
                rx.el.span(hint, class_name="hint"),
            ),
            id=f"{name}-note",
        ),
        class_name=rx.cond(is_wrong, "field is-wrong", "field"),
    )


def remove() -> rx.Component:
    return controls.dialog(
        REMOVE,
        "Remove this app?",
        rx.el.p(
            rx.el.strong(Apps.asked.name),
            " loses its URL and its secrets: what it sends there is refused, and zaps that wait for "
            "it are started no more. Set up again, it gets another URL.",
            class_name="about",
        ),
        controls.dialog_end(
            REMOVE,
            controls.button("Remove", kind="danger", testid="remove-confirm", on_click=Apps.remove),
        ),
    )
