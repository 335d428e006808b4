"""The dialogs of event destinations: the form, the secret that is shown once, two questions."""

from typing import Any

import reflex as rx

from flowforge.components import controls, elements
from flowforge.state.destinations import (
    DELETE,
    EVERYTHING,
    FORM,
    KEPT,
    KIND,
    KINDS,
    ROTATE,
    SECRET,
    Destinations,
)

# Nothing of these happens yet.
_UNSEEN = "connection."


def form() -> rx.Component:
    draft = Destinations.draft
    return controls.dialog(
        FORM,
        rx.cond(draft.id, "Change the destination", "New destination"),
        rx.el.div(
            _field("name", "Name", default_value=draft.name, max_length=200, first=True),
            _field(
                "url",
                "URL",
                default_value=draft.url,
                max_length=2000,
                placeholder="https://example.com/hooks",
                input_mode="url",
            ),
            _kinds(),
            _headers(),
            class_name="dialog-body",
            key=f"draft-{draft.number}",
        ),
        controls.dialog_end(
            FORM,
            controls.button(
                rx.cond(draft.id, "Save", "Create"),
                kind="primary",
                type="submit",
                testid="save-destination",
            ),
        ),
        on_submit=Destinations.save,
        class_name="wide",
    )


def _error(at: str) -> Any:
    return rx.cond(Destinations.problem_at == at, Destinations.problem, "")


def _field(at: str, label: str, *, first: bool = False, **props: Any) -> rx.Component:
    more: dict[str, Any] = {"custom_attrs": {"data-first": ""}} if first else {}
    return controls.field(
        f"destination_{at}", label, error=_error(at), auto_complete="off", **more, **props
    )


def _kinds() -> rx.Component:
    offered = {kind: words for kind, words in KINDS.items() if not kind.startswith(_UNSEEN)}
    groups = dict.fromkeys(kind.partition(".")[0] for kind in offered)
    return rx.el.fieldset(
        rx.el.legend("What it is told", class_name="field-label"),
        rx.el.div(
            _kind(EVERYTHING, "Everything"),
            *(_kind(f"{group}.*", f"All of {group}s") for group in groups),
            *(_kind(kind, words) for kind, words in offered.items()),
            class_name="kind-choices",
        ),
        rx.cond(
            Destinations.problem_at == "kinds",
            controls.wrong(Destinations.problem, "error-kinds"),
        ),
        class_name=rx.cond(Destinations.problem_at == "kinds", "field is-wrong", "field"),
    )


def _kind(kind: str, words: str) -> rx.Component:
    chosen: Any = Destinations.draft.kinds
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            name=f"{KIND}{kind}",
            default_checked=chosen.contains(kind),
            data_testid=f"kind-{kind}",
        ),
        rx.el.span(words, rx.el.code(kind)),
        class_name="check",
    )


def _headers() -> rx.Component:
    name = "destination_headers"
    return rx.el.div(
        rx.el.label("Headers to send along", html_for=name),
        rx.el.textarea(
            id=name,
            name=name,
            class_name="input",
            rows=3,
            default_value=Destinations.draft.headers,
            placeholder="Authorization: Bearer …",
            spell_check=False,
            data_testid=f"input-{name}",
            aria_describedby=f"{name}-note",
        ),
        rx.el.div(
            rx.cond(
                Destinations.problem_at == "headers",
                controls.wrong(Destinations.problem, "error-headers"),
                rx.el.span(
                    f"One a line. Values are never shown again; {KEPT} keeps the one there is.",
                    class_name="hint",
                ),
            ),
            id=f"{name}-note",
        ),
        class_name=rx.cond(Destinations.problem_at == "headers", "field is-wrong", "field"),
    )


def secret() -> rx.Component:
    return controls.dialog(
        SECRET,
        "The secret that signs",
        rx.el.p(
            "Give it to whoever receives: with it they know that a request is from here. It is shown "
            "this once.",
            class_name="about",
        ),
        # Not before there is one: what draws itself must not be part of the first page.
        rx.cond(
            Destinations.secret,
            rx.el.div(
                rx.el.code(Destinations.secret, data_testid="new-secret"),
                elements.copy(Destinations.secret, "Copy the secret", "copy-secret"),
                class_name="command",
            ),
        ),
        rx.el.div(
            controls.button(
                "I have it",
                kind="primary",
                testid="forget-secret",
                on_click=controls.close_dialog(SECRET),
            ),
            class_name="dialog-end",
        ),
        on_close=Destinations.forget,
        on_unmount=Destinations.forget,
    )


def rotate() -> rx.Component:
    return controls.dialog(
        ROTATE,
        "Make a new secret?",
        rx.el.p(
            rx.el.strong(Destinations.asked.name),
            " gets a new secret. For a day the one before signs as well, so that the receiver can "
            "change over.",
            class_name="about",
        ),
        controls.dialog_end(
            ROTATE,
            controls.button(
                "Make a new secret",
                kind="primary",
                testid="rotate-confirm",
                on_click=Destinations.rotate,
            ),
        ),
    )


def delete() -> rx.Component:
    return controls.dialog(
        DELETE,
        "Delete this destination?",
        rx.el.p(
            rx.el.strong(Destinations.asked.name),
            " is told nothing more, and what it is owed is gone with it.",
            class_name="about",
        ),
        controls.dialog_end(
            DELETE,
            controls.button(
                "Delete", kind="danger", testid="delete-confirm", on_click=Destinations.delete
            ),
        ),
    )
