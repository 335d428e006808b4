"""The palette of every signed-in page: Ctrl+K, or the magnifier in the bar."""

from typing import Any

import reflex as rx

from flowforge.components import controls, finder
from flowforge.state.palette import PALETTE, Palette

LIST = "palette-list"
_GLYPHS = {
    "zap": "zap",
    "inbox": "inbox",
    "play": "play",
    "chart": "chart-column",
    "template": "layout-template",
    "plug": "plug",
    "megaphone": "megaphone",
    "plus": "plus",
    "add": "plus",
    "upload": "upload",
    "keyboard": "keyboard",
    "theme": "sun-moon",
    "out": "log-out",
    "test": "flask-conical",
    "rocket": "rocket",
    "undo": "undo-2",
    "redo": "redo-2",
    "history": "history",
    "json": "braces",
}


def opener() -> rx.Component:
    return rx.el.button(
        controls.icon("search", 17),
        rx.el.kbd("Ctrl K", class_name="only-wide", aria_hidden="true"),
        type="button",
        class_name="btn quiet palette-opener",
        aria_label="Search and commands",
        title="Search and commands (Ctrl+K)",
        aria_haspopup="dialog",
        on_click=Palette.find(""),
        custom_attrs={"data-opens-palette": "", "aria-keyshortcuts": "Control+K Meta+K"},
        data_testid="open-palette",
    )


def dialog() -> rx.Component:
    return controls.dialog(
        PALETTE,
        "Search and commands",
        rx.el.div(
            rx.el.div(
                controls.icon("search"),
                finder.box(
                    LIST,
                    label="Search zaps, pages, runs and commands",
                    placeholder="A zap, a page, an id, or what to do",
                    on_change=lambda text: Palette.find(text).debounce(100),
                    testid="palette-search",
                    key="palette-search",
                ),
                class_name="search wide",
            ),
            controls.icon_button(
                "x",
                "Close",
                testid="palette-close",
                on_click=controls.close_dialog(PALETTE),
            ),
            class_name="palette-head",
        ),
        finder.options(
            LIST,
            rx.foreach(Palette.lines, _line),
            label="What was found",
            query=Palette.query,
            look="pick-list",
        ),
        rx.cond(
            Palette.lines,
            rx.fragment(),
            rx.el.p(
                rx.cond(
                    Palette.query == "",
                    "Looking …",
                    "Nothing fits. Try a part of a name, or the last letters of an id.",
                ),
                class_name="muted none",
                role="status",
                data_testid="palette-none",
            ),
        ),
    )


def _line(line: Any, number: Any) -> rx.Component:
    return rx.fragment(
        rx.cond(line.head != "", finder.head(line.head)),
        rx.el.button(
            rx.match(
                line.glyph,
                *((name, controls.icon(glyph)) for name, glyph in _GLYPHS.items()),
                controls.icon("square-dashed"),
            ),
            rx.el.bdi(line.title, class_name="palette-title"),
            rx.el.bdi(line.detail, class_name="palette-detail"),
            rx.cond(line.shortcut != "", rx.el.kbd(line.shortcut)),
            type="button",
            role="option",
            id=f"palette-{number}",
            tab_index=-1,
            aria_selected="false",
            class_name="palette-line",
            on_click=Palette.take(line.key),
            data_testid=f"palette-{line.key}",
        ),
    )
