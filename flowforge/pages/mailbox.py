"""The dev mailbox: the mails that this machine would have sent."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, elements, shell
from flowforge.state.mailbox import Mailbox

PATH = "/dev/mailbox"


def page() -> rx.Component:
    return shell.page(
        shell.heading(
            "Dev mailbox",
            "No mail transport is set, so mails of accounts land here. Only this machine sees them.",
            controls.button(
                controls.icon("rotate-cw"), "Refresh", testid="refresh", on_click=Mailbox.look
            ),
        ),
        rx.match(
            Mailbox.stage,
            ("ready", rx.cond(Mailbox.envelopes, _letters(), _nothing())),
            ("missing", _missing()),
            rx.el.div(display.skeletons(4), class_name="card"),
        ),
    )


def _letters() -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.foreach(Mailbox.envelopes, _item), class_name="mail-list", aria_label="Mails"),
        _open(),
        class_name="card mailbox",
    )


def _item(letter: Any) -> rx.Component:
    return rx.el.button(
        rx.el.strong(letter.subject, class_name="truncate"),
        rx.el.span(
            rx.el.span(letter.receiver, class_name="truncate"),
            elements.when(letter.sent_at),
            class_name="to",
        ),
        type="button",
        class_name="mail-item",
        aria_current=rx.cond(letter.id == Mailbox.opened.id, "true", "false"),
        on_click=Mailbox.read(letter.id),
        key=letter.id,
        data_testid="mail-item",
    )


def _open() -> rx.Component:
    letter = Mailbox.opened
    return rx.el.article(
        rx.el.header(
            rx.el.h2(letter.subject, data_testid="mail-subject"),
            rx.el.p(
                "To ",
                rx.el.span(letter.receiver, data_testid="mail-to"),
                ", ",
                elements.when(letter.sent_at),
                class_name="muted small",
            ),
        ),
        rx.foreach(
            letter.links,
            lambda path: rx.el.div(
                # Loaded anew: what the link is for must not depend on this tab's state.
                elements.anchor(
                    "Follow the link",
                    controls.icon("arrow-right"),
                    href=path,
                    testid="mail-link",
                    look="btn primary",
                )
            ),
        ),
        rx.cond(
            letter.html != "",
            rx.el.iframe(
                title="The mail as a mail program shows it",
                src_doc=letter.html,
                custom_attrs={"sandbox": "allow-popups allow-popups-to-escape-sandbox"},
                data_testid="mail-html",
            ),
        ),
        rx.el.details(
            rx.el.summary(controls.icon("chevron-right"), "Plain text", data_testid="show-text"),
            rx.el.pre(letter.text, data_testid="mail-text"),
        ),
        class_name="mail",
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        display.empty(
            "inbox",
            "No mail yet",
            "Sign up or ask for a new password: the mail will be here.",
            testid="no-mail",
        ),
        class_name="card",
    )


def _missing() -> rx.Component:
    return rx.el.div(
        display.empty(
            "mail-x",
            "There is no dev mailbox here",
            (
                "It exists only while no mail transport is set and FlowForge is opened on its own "
                "machine, as localhost."
            ),
            testid="no-mailbox",
        ),
        class_name="card",
    )
