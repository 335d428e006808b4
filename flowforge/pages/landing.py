"""The front door: what this is, in one screen."""

import reflex as rx

from flowforge.components import controls, display, elements, shell
from flowforge.state.session import Session

PATH = "/"
TITLE = "FlowForge: automations you can trust"

_FEATURES = (
    (
        "shield-check",
        "Nothing gets lost",
        (
            "A webhook is answered only once it is stored. Kill a process in the middle: the run "
            "goes on where it was."
        ),
    ),
    (
        "radio",
        "Every run, live",
        (
            "Watch each step turn green while it happens, with the data that went in and what came "
            "back."
        ),
    ),
    (
        "refresh-cw",
        "Retries that think",
        (
            "Failed steps wait longer each time and send the same idempotency key, so nobody is "
            "charged twice."
        ),
    ),
    (
        "mouse-pointer-click",
        "Real data, one click",
        "Send one webhook and its values are there to pick. No paths to type, no guessing.",
    ),
    (
        "history",
        "Draft and live, apart",
        "You edit a draft. What runs is the version you published, until you publish again.",
    ),
    (
        "server",
        "Yours alone",
        "One command on your own machine. No cloud, no container, no key to ask anybody for.",
    ),
)

_STEPS = (
    ("Send a webhook", "Every zap has one URL. Post anything to it: JSON, a form, plain text."),
    ("Pick what happens", "Call an API, write to Slack, send a mail, pay in SOL, in any order."),
    ("Publish", "Switch it on and watch the runs come in. Change it as often as you like."),
)


def page() -> rx.Component:
    return shell.page(_hero(), _how(), _features(), _contact(), shell.footer(), wide=True)


def _hero() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.p("Self-hosted automation in pure Python", class_name="eyebrow"),
            rx.el.h1("When this happens, do that. Every time."),
            rx.el.p(
                "FlowForge connects your apps with webhooks and steps you can follow one by one. "
                "It runs on your machine and remembers every run.",
                class_name="lead",
            ),
            rx.cond(Session.is_signed_in, _to_work(), _to_sign_up()),
            class_name="stack loose",
        ),
        _scene(),
        class_name="hero",
    )


def _to_work() -> rx.Component:
    return rx.el.div(
        controls.link_button(
            "Go to my zaps",
            controls.icon("arrow-right"),
            href="/dashboard",
            testid="hero-dashboard",
            kind="primary large",
        ),
        class_name="row wrap",
    )


def _to_sign_up() -> rx.Component:
    return rx.el.div(
        controls.link_button(
            "Create your account", href="/signup", testid="hero-signup", kind="primary large"
        ),
        controls.link_button("Log in", href="/signin", testid="hero-login", kind="large"),
        class_name="row wrap gap-3",
    )


def _scene() -> rx.Component:
    """A run as it looks inside: the product is the picture."""
    return rx.el.div(
        _scene_step("/icons/trigger-webhook.svg", "New order", "Webhook", "succeeded"),
        rx.el.div(class_name="scene-line"),
        _scene_step("/icons/webhook.svg", "Reserve the stock", "HTTP request", "succeeded"),
        rx.el.div(class_name="scene-line"),
        _scene_step("/icons/slack.svg", "Tell the warehouse", "Slack", "running"),
        rx.el.div(class_name="scene-line"),
        _scene_step("/icons/email.svg", "Thank the customer", "Email", "queued"),
        class_name="scene",
        role="img",
        aria_label="A run with four steps: two succeeded, one is running, one waits its turn.",
    )


def _scene_step(icon: str, name: str, what: str, status: str) -> rx.Component:
    return rx.el.div(
        display.tile(icon),
        rx.el.div(rx.el.strong(name), rx.el.span(what, class_name="what")),
        display.status(status),
        class_name="scene-step",
    )


def _how() -> rx.Component:
    return rx.el.div(
        rx.el.section(
            rx.el.header(rx.el.h2("From nothing to a running zap in five minutes")),
            rx.el.ol(
                *(rx.el.li(rx.el.h3(title), rx.el.p(text)) for title, text in _STEPS),
                class_name="numbered",
            ),
            class_name="section",
        ),
        class_name="band",
    )


def _features() -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Built for the bad days"),
            rx.el.p(
                "Automations are easy while everything works. FlowForge is made for the moment "
                "when something does not."
            ),
        ),
        rx.el.div(
            *(
                rx.el.div(controls.icon(glyph, 22), rx.el.h3(title), rx.el.p(text))
                for glyph, title, text in _FEATURES
            ),
            class_name="features",
        ),
        class_name="section",
        id="features",
    )


def _contact() -> rx.Component:
    return rx.el.div(
        rx.el.section(
            rx.el.header(
                rx.el.h2("Questions?"),
                rx.el.p(
                    "This server is run by people you know: ask whoever gave you its address. "
                    "Everything the pages do, a script can do as well; the ",
                    elements.anchor(
                        "API description", href=shell.API_DESCRIPTION, testid="contact-api"
                    ),
                    " says how.",
                ),
                style={"marginBottom": "0"},
            ),
            class_name="section",
        ),
        class_name="band",
        id="contact",
    )
