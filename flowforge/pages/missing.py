"""The page for an address that has none."""

import reflex as rx

from flowforge.components import controls, display, shell


def page() -> rx.Component:
    return shell.guest_page(
        display.empty(
            "compass",
            "There is nothing here",
            "The address may be mistyped, or what was here has been deleted.",
            controls.link_button("Go home", href="/", testid="go-home", kind="primary"),
            testid="missing",
            is_page=True,
        )
    )
