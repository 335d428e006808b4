"""The frame of every page: skip link, app bar, main part; light, dark and phone."""

from typing import Any, Literal

import reflex as rx
from reflex.style import color_mode, set_color_mode

from flowforge.components import controls, elements, palette, shortcuts
from flowforge.state.palette import SHORTCUTS
from flowforge.state.session import Session

USER_MENU = "user-menu"
GUEST_MENU = "guest-menu"
CONTACT = "/#contact"
API_DESCRIPTION = "/api/v1/openapi.json"


def page(*content: Any, here: str = "", wide: bool = False) -> rx.Component:
    """``here``: the path of the app bar's entry that this page belongs to."""
    return rx.fragment(
        elements.anchor("Skip to content", href="#content", testid="skip-link", look="skip-link"),
        _bar(here),
        rx.el.main(
            *content,
            id="content",
            tab_index=-1,
            class_name="" if wide else "page",
            # From here on the server hears what is clicked.
            data_ready=rx.cond(rx.State.is_hydrated, "true", "false"),
        ),
        shortcuts.dialog(),
        rx.cond(Session.is_signed_in, palette.dialog()),
    )


def guest_page(*content: Any) -> rx.Component:
    """A page with a small form in its middle."""
    return page(
        rx.el.div(rx.el.div(*content, class_name="auth-card"), class_name="auth"), wide=True
    )


def heading(title: Any, text: Any = None, *end: Any) -> rx.Component:
    return rx.el.header(
        rx.el.div(rx.el.h1(title), rx.el.p(text) if text is not None else rx.fragment()),
        rx.el.div(class_name="spacer"),
        *end,
        class_name="page-head",
    )


def back(text: Any, href: Any) -> rx.Component:
    return controls.link(
        controls.icon("arrow-left", 15), text, href=href, testid="back", look="back"
    )


def footer() -> rx.Component:
    return rx.el.footer(
        rx.el.div(
            rx.el.span("FlowForge, open source under the MIT licence"),
            rx.el.span(class_name="spacer"),
            elements.anchor("API description", href=API_DESCRIPTION, testid="foot-api"),
            rx.cond(
                Session.shows_mailbox,
                controls.link("Dev mailbox", href="/dev/mailbox", testid="foot-mailbox"),
            ),
        ),
        class_name="foot",
    )


def _bar(here: str) -> rx.Component:
    return rx.el.header(
        rx.el.nav(
            controls.link(
                rx.el.img(src="/logo.svg", alt="", width=27, height=27),
                rx.el.span("FlowForge"),
                href="/",
                testid="nav-home",
                look="brand",
            ),
            rx.cond(Session.is_signed_in, _member_entries(here), _guest_entries()),
            aria_label="Main",
        ),
        class_name="bar",
    )


def _entry(text: str, href: str, here: str, testid: str, look: str = "") -> rx.Component:
    is_here = "here" if href == here else ""
    return controls.link(text, href=href, testid=testid, look=f"nav-link {is_here} {look}")


def _member_entries(here: str) -> rx.Component:
    return rx.fragment(
        _entry("My Zaps", "/dashboard", here, "nav-zaps"),
        _entry("Inbox", "/inbox", here, "nav-inbox"),
        _entry("Runs", "/runs", here, "nav-runs"),
        # On a phone there is no room for it: there it is in the menu.
        _entry("Usage", "/usage", here, "nav-usage", "only-wide"),
        rx.el.span(class_name="spacer"),
        palette.opener(),
        controls.menu(
            USER_MENU,
            # Drawn by the style sheet: for screen readers the label is all there is to say.
            rx.el.span(data_initials=Session.initials),
            rx.el.div(
                rx.el.strong(Session.name, data_testid="user-name"),
                rx.el.div(Session.email, class_name="muted small", data_testid="user-email"),
                class_name="who",
            ),
            _modes(),
            rx.el.div(class_name="menu-line"),
            controls.menu_item(
                USER_MENU, "chart-column", "Usage", testid="menu-usage", href="/usage"
            ),
            controls.menu_item(USER_MENU, "plug", "Apps", testid="nav-apps", href="/apps"),
            controls.menu_item(
                USER_MENU,
                "megaphone",
                "Event destinations",
                testid="nav-destinations",
                href="/destinations",
            ),
            rx.cond(
                Session.shows_mailbox,
                controls.menu_item(
                    USER_MENU, "inbox", "Dev mailbox", testid="nav-mailbox", href="/dev/mailbox"
                ),
            ),
            controls.menu_item(
                USER_MENU,
                "keyboard",
                "Keyboard shortcuts",
                testid="nav-shortcuts",
                on_click=controls.open_dialog(SHORTCUTS),
            ),
            controls.menu_item(
                USER_MENU, "log-out", "Logout", testid="nav-logout", on_click=Session.leave
            ),
            label="Your account",
            look="avatar",
            testid="user-menu",
        ),
    )


def _guest_entries() -> rx.Component:
    return rx.fragment(
        rx.el.span(class_name="spacer"),
        elements.anchor("Contact", href=CONTACT, testid="nav-contact", look="nav-link only-wide"),
        _entry("Login", "/signin", "", "nav-login", "only-wide"),
        controls.link_button("Signup", href="/signup", testid="nav-signup", kind="primary small"),
        controls.menu(
            GUEST_MENU,
            controls.icon("menu", 18),
            controls.menu_item(GUEST_MENU, "log-in", "Login", testid="menu-login", href="/signin"),
            controls.menu_item(
                GUEST_MENU, "user-plus", "Signup", testid="menu-signup", href="/signup"
            ),
            elements.anchor(
                controls.icon("life-buoy"),
                "Contact",
                href=CONTACT,
                testid="menu-contact",
                look="menu-item",
            ),
            rx.el.div(class_name="menu-line"),
            _modes(),
            label="Menu",
            look="btn quiet icon",
            testid="guest-menu",
        ),
    )


def _modes() -> rx.Component:
    """Light, dark, or as the system says."""
    names: tuple[tuple[Literal["light", "dark", "system"], str], ...] = (
        ("light", "sun"),
        ("dark", "moon"),
        ("system", "monitor"),
    )
    return rx.el.div(
        *(
            rx.el.button(
                controls.icon(glyph, 15),
                type="button",
                aria_label=f"{mode.capitalize()} theme",
                title=f"{mode.capitalize()} theme",
                aria_pressed=rx.cond(color_mode == mode, "true", "false"),
                on_click=set_color_mode(mode),
                data_testid=f"theme-{mode}",
            )
            for mode, glyph in names
        ),
        class_name="modes",
        role="group",
        aria_label="Theme",
    )
