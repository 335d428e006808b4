"""The picture of a step: of its action, or of its kind."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display

_GLYPHS = {
    "filter": "filter",
    "router": "git-branch",
    "loop": "repeat",
    "break": "log-out",
    "parallel": "columns-2",
    "delay": "hourglass",
    "approval": "user-check",
    "code": "code",
    "zap": "zap",
    "reply": "reply",
    "stop": "circle-stop",
}


def card_icon(kind: Any, icon: Any, look: str = "") -> rx.Component:
    """The picture of an action, or the builder's own for the other kinds of steps."""
    return rx.match(kind, *glyphs(look).items(), display.tile(icon, look))


def glyphs(look: str = "") -> dict[str, rx.Component]:
    """The pictures of the kinds of steps that are no actions."""
    return {
        name: rx.el.span(controls.icon(glyph, 18), class_name=f"tile glyph {look}")
        for name, glyph in _GLYPHS.items()
    }
