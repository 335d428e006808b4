"""Sign up, sign in, and the pages that the links in the mails lead to."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display, shell
from flowforge.state.accounts import Forms

MAILBOX = "/dev/mailbox"


def sign_in() -> rx.Component:
    is_unverified = Forms.code == "email_not_verified"
    return shell.guest_page(
        _head("Welcome back", "Sign in to see your zaps and their runs."),
        rx.el.div(
            rx.el.form(
                _problem(
                    rx.cond(
                        is_unverified,
                        controls.button(
                            "Send the mail again",
                            kind="small",
                            testid="resend",
                            on_click=rx.call_script(
                                "document.getElementById('email').value",
                                callback=Forms.resend_to,
                            ),
                            style={"marginTop": "8px"},
                        ),
                    )
                ),
                _email(auto_focus=True),
                controls.password(
                    "password",
                    "Password",
                    error=_error("password"),
                    complete="current-password",
                ),
                _submit("Sign in", "signin-submit"),
                id="signin-form",
                on_submit=Forms.sign_in,
                no_validate=True,
            ),
            class_name="card",
        ),
        _aside(controls.link("Forgot your password?", href="/forgot-password", testid="to-forgot")),
        _aside(
            "New here? ", controls.link("Create an account", href="/signup", testid="to-signup")
        ),
    )


def sign_up() -> rx.Component:
    return shell.guest_page(
        rx.cond(
            Forms.stage == "joined",
            _check_mail(
                "We have sent a link to verify your address. It works for 24 hours.",
                controls.button(
                    "Send it again", testid="resend", on_click=Forms.resend, disabled=Forms.is_busy
                ),
            ),
            rx.fragment(
                _head("Create your account", "It is free, and it stays on this server."),
                rx.el.div(
                    rx.el.form(
                        _problem(),
                        controls.field(
                            "name",
                            "Name",
                            error=_error("name"),
                            auto_complete="name",
                            required=True,
                            auto_focus=True,
                            max_length=100,
                        ),
                        _email(),
                        controls.password(
                            "password",
                            "Password",
                            error=_error("password"),
                            hint="At least 6 characters.",
                            complete="new-password",
                        ),
                        _submit("Create account", "signup-submit"),
                        id="signup-form",
                        on_submit=_with_email(Forms.sign_up),
                        no_validate=True,
                    ),
                    class_name="card",
                ),
                _aside(
                    "Have an account? ",
                    controls.link("Sign in", href="/signin", testid="to-signin"),
                ),
            ),
        )
    )


def verify_email() -> rx.Component:
    return shell.guest_page(
        rx.match(
            Forms.stage,
            (
                "verified",
                _outcome(
                    "mail-check",
                    "Your email is verified",
                    "You can sign in now and build your first zap.",
                    controls.link_button(
                        "Sign in", href="/signin", testid="to-signin", kind="primary"
                    ),
                    testid="verified",
                ),
            ),
            (
                "unverified",
                _outcome(
                    "link-2-off",
                    "This link does not work any more",
                    "It was used already or has expired. If you have used it, just sign in; "
                    "signing in also offers a new link.",
                    controls.link_button(
                        "Sign in", href="/signin", testid="to-signin", kind="primary"
                    ),
                    testid="broken-link",
                ),
            ),
            rx.fragment(
                rx.el.h1("Verifying your email", class_name="sr-only"),
                rx.cond(
                    Forms.problem,
                    display.failed(Forms.problem, Forms.verify, "verify"),
                    display.skeletons(3),
                ),
            ),
        )
    )


def forgot_password() -> rx.Component:
    return shell.guest_page(
        rx.cond(
            Forms.stage == "mailed",
            _check_mail(
                "If there is an account with this address, a link to set a new password is on its "
                "way. It works for 15 minutes.",
                controls.link_button("Back to sign in", href="/signin", testid="to-signin"),
            ),
            rx.fragment(
                _head("Forgot your password?", "We mail you a link to set a new one."),
                rx.el.div(
                    rx.el.form(
                        _problem(),
                        _email(auto_focus=True),
                        _submit("Send the link", "forgot-submit"),
                        id="forgot-form",
                        on_submit=_with_email(Forms.forgot),
                        no_validate=True,
                    ),
                    class_name="card",
                ),
                _aside(controls.link("Back to sign in", href="/signin", testid="to-signin")),
            ),
        )
    )


def reset_password() -> rx.Component:
    return shell.guest_page(
        rx.match(
            Forms.stage,
            (
                "reset",
                _outcome(
                    "key-round",
                    "Your password is changed",
                    "You were signed out everywhere. Sign in with the new one.",
                    controls.link_button(
                        "Sign in", href="/signin", testid="to-signin", kind="primary"
                    ),
                    testid="was-reset",
                ),
            ),
            (
                "unreset",
                _outcome(
                    "link-2-off",
                    "This link does not work any more",
                    "A link to reset a password works once and for 15 minutes.",
                    controls.link_button(
                        "Ask for a new one",
                        href="/forgot-password",
                        testid="to-forgot",
                        kind="primary",
                    ),
                    testid="broken-link",
                ),
            ),
            rx.fragment(
                _head("Set a new password", "It replaces the old one at once, everywhere."),
                rx.el.div(
                    rx.el.form(
                        _problem(),
                        controls.password(
                            "password",
                            "New password",
                            error=_error("password"),
                            hint="At least 6 characters.",
                            complete="new-password",
                        ),
                        _submit("Set the password", "reset-submit"),
                        id="reset-form",
                        on_submit=Forms.reset_password,
                        no_validate=True,
                        custom_attrs={"data-link": ""},
                    ),
                    class_name="card",
                ),
            ),
        )
    )


def _with_email(handler: Any) -> Any:
    """Hand over the address alone: the password must not travel over the websocket."""
    return rx.call_script("document.getElementById('email').value", callback=handler)


def _error(name: str) -> Any:
    return Forms.errors[name]


def _head(title: str, text: str) -> rx.Component:
    return rx.el.div(rx.el.h1(title), rx.el.p(text, class_name="lead"))


def _email(**props: Any) -> rx.Component:
    return controls.field(
        "email",
        "Email",
        error=_error("email"),
        type="email",
        auto_complete="email",
        required=True,
        placeholder="ada@example.com",
        **props,
    )


def _problem(*more: Any) -> rx.Component:
    return rx.cond(
        Forms.problem,
        display.problem(rx.el.span(Forms.problem), "form-problem", *more),
    )


def _submit(text: str, testid: str) -> rx.Component:
    return controls.button(
        text, kind="primary wide", testid=testid, type="submit", disabled=Forms.is_busy
    )


def _aside(*content: Any) -> rx.Component:
    return rx.el.p(*content, class_name="aside")


def _check_mail(text: str, *more: Any) -> rx.Component:
    mailbox = rx.cond(
        Forms.has_mailbox,
        controls.link_button(
            "Open the dev mailbox", href=MAILBOX, testid="to-mailbox", kind="primary"
        ),
    )
    return _outcome("mail", "Check your mail", text, mailbox, *more, testid="check-mail")


def _outcome(glyph: str, title: str, text: str, *more: Any, testid: str) -> rx.Component:
    actions = rx.el.div(*more, class_name="row wrap", style={"justifyContent": "center"})
    email = rx.cond(Forms.email, rx.el.strong(Forms.email, data_testid="email-shown"))
    return rx.el.div(
        display.empty(glyph, title, text, email, actions, testid=testid, is_page=True),
        class_name="card",
    )
