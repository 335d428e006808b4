"""The pages: where each is, what it is called, and what happens when it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.pages import (
    accounts,
    apps,
    builder,
    dashboard,
    destinations,
    event,
    inbox,
    landing,
    mailbox,
    missing,
    run,
    runs,
    schedule,
    templates,
    usage,
)
from flowforge.state.accounts import Forms
from flowforge.state.apps import Apps
from flowforge.state.dashboard import Dashboard
from flowforge.state.destinations import Destinations
from flowforge.state.event import Event
from flowforge.state.inbox import Inbox
from flowforge.state.mailbox import Mailbox
from flowforge.state.run import Run
from flowforge.state.runs import Runs
from flowforge.state.schedule import Schedule
from flowforge.state.session import Session
from flowforge.state.templates import Templates
from flowforge.state.together import Together
from flowforge.state.usage import Usage

# Before anything is drawn: no flash of the other theme. The pages know the choice by this key.
_THEME = """
(() => {
  let mode = "system";
  try { mode = localStorage.getItem("theme") || mode; } catch {}
  const dark = mode === "dark" ||
    (mode === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.add(dark ? "dark" : "light");
})();
"""


@dataclass(frozen=True)
class Page:
    """``opens``: what runs each time the page is opened, in this order."""

    path: str
    title: str
    draw: Callable[[], rx.Component]
    opens: tuple[Any, ...]


def _open(path: str, title: str, draw: Callable[[], rx.Component], *opens: Any) -> Page:
    """A page for everybody."""
    return Page(path, title, draw, (Session.recognise, *opens))


def _own(path: str, title: str, draw: Callable[[], rx.Component], *opens: Any) -> Page:
    """A page for somebody who is signed in."""
    return Page(path, title, draw, (Session.require, *opens))


PAGES = (
    _open(landing.PATH, landing.TITLE, landing.page),
    _open("/signin", "Sign in", accounts.sign_in, Forms.begin_sign_in),
    _open("/signup", "Sign up", accounts.sign_up, Forms.begin),
    _open("/verify-email", "Verify your email", accounts.verify_email, Forms.begin_verify),
    _open("/forgot-password", "Forgot password", accounts.forgot_password, Forms.begin),
    _open("/reset-password", "Reset password", accounts.reset_password, Forms.begin_reset),
    _own(builder.PATH, builder.TITLE, builder.page, Together.arrive),
    _own(dashboard.PATH, "My Zaps", dashboard.page, Dashboard.begin, Dashboard.follow),
    _own(templates.PATH, templates.TITLE, templates.page, Templates.open),
    _own(runs.PATH_OF_ALL, runs.TITLE, runs.all_runs, Runs.follow),
    _own(runs.PATH_OF_ZAP, runs.TITLE, runs.runs_of_zap, Runs.follow),
    _own(run.PATH, run.TITLE, run.page, Run.follow),
    _own(schedule.PATH, schedule.TITLE, schedule.page, Schedule.follow),
    _own(
        destinations.PATH,
        destinations.TITLE,
        destinations.page,
        Destinations.begin,
        Destinations.follow,
    ),
    _own(apps.PATH, apps.TITLE, apps.page, Apps.begin, Apps.follow),
    _own(inbox.PATH_OF_ALL, inbox.TITLE, inbox.all_events, Inbox.follow),
    _own(inbox.PATH_OF_ZAP, inbox.TITLE, inbox.events_of_zap, Inbox.follow),
    _own(usage.PATH, usage.TITLE, usage.page, Usage.begin),
    _own(event.PATH, event.TITLE, event.page, Event.follow),
    _open(mailbox.PATH, "Dev mailbox", mailbox.page, Mailbox.look),
    _open("/404", "Not found", missing.page),
)


def register(app: rx.App) -> None:
    """Give ``app`` its look and all pages."""
    app.html_lang = "en"
    app.stylesheets.extend(
        [
            "/flowforge.css",
            "/runs.css",
            "/canvas.css",
            "/bench.css",
            "/inbox.css",
            "/builder.css",
            "/panel.css",
            "/schedule.css",
            "/destinations.css",
            "/apps.css",
            "/home.css",
            "/palette.css",
            "/data.css",
            "/safety.css",
            "/usage.css",
            "/legs.css",
            "/files.css",
        ]
    )
    app.head_components.extend(_head())
    app.toaster = rx.toast.provider(position="bottom-right", theme="system", close_button=True)
    for page in PAGES:
        title = page.title if "FlowForge" in page.title else f"{page.title} · FlowForge"
        route = "404" if page.path == "/404" else page.path
        app.add_page(
            page.draw, route=route, title=title, on_load=list(page.opens), description=_WHAT
        )


_WHAT = "Self-hosted automation: webhooks in, steps out, every run kept."


def _head() -> list[rx.Component]:
    return [
        rx.el.script(_THEME),
        rx.el.script(src="/flowforge.js", defer=True),
        rx.el.script(src="/values.js", defer=True),
        rx.el.script(src="/liquid.js", defer=True),
        rx.el.script(src="/builder.js", defer=True),
        rx.el.script(src="/palette.js", defer=True),
        rx.el.script(src="/panel.js", defer=True),
        rx.el.script(src="/safety.js", defer=True),
        rx.el.script(src="/files.js", defer=True),
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
        rx.el.link(
            rel="preload",
            href="/fonts/inter.woff2",
            custom_attrs={"as": "font"},
            type="font/woff2",
            cross_origin="anonymous",
        ),
        rx.el.meta(name="theme-color", content="#4f46e5"),
    ]
