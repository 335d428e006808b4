"""The sheet of all keys, opened by "?": one place, so that a new shortcut is one line here."""

import reflex as rx

from flowforge.components import controls
from flowforge.state.palette import SHORTCUTS

# Where a group is of use: the style sheet shows it only on pages that have it (assets/palette.css).
EVERYWHERE, BUILDER, CANVAS, RUNS = "everywhere", "builder", "canvas", "runs"

GROUPS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        EVERYWHERE,
        "Everywhere",
        (
            ("Ctrl K", "Search zaps, pages and runs; do something"),
            ("?", "This sheet"),
            ("↑ ↓", "Walk a list or a menu"),
            ("Enter", "Take the line that is lit"),
            ("Esc", "Close what is open"),
            ("→ ←", "In data: open a value, close it"),
        ),
    ),
    (
        BUILDER,
        "Builder",
        (
            ("Ctrl Z", "Undo"),
            ("Ctrl Shift Z", "Redo"),
            ("Ctrl V", "In the step picker: paste a cURL line or steps"),
        ),
    ),
    (
        CANVAS,
        "On the canvas",
        (
            ("↑ ↓ ← →", "The step before, after or beside; with Shift more steps are chosen"),
            ("Enter", "Open the step; on a plus: add one there"),
            ("A", "Add a step after this one"),
            ("N", "A new note"),
            ("Alt ↑ ↓", "Move the step within its list"),
            ("M", "Move it to another list"),
            ("S", "Skip it, or skip it no more"),
            ("Del", "Delete it"),
            ("Ctrl D", "Duplicate it"),
            ("Ctrl C", "Copy it as text; Ctrl X cuts it"),
            ("Ctrl V", "Paste steps or a cURL line"),
            ("Shift Space", "Choose the step too, or no more"),
            ("Ctrl A", "Choose all steps"),
            ("Shift F10", "The menu of the step"),
            ("+ - 0", "Zoom in, out, show everything"),
        ),
    ),
    (
        RUNS,
        "On the canvas of a run",
        (
            ("↑ ↓", "The step before, the step after"),
            ("Home End", "The first step, the last"),
            ("Enter", "What the step got and gave"),
        ),
    ),
)


def dialog() -> rx.Component:
    return controls.dialog(
        SHORTCUTS,
        "Keyboard shortcuts",
        rx.el.div(*(_group(*one) for one in GROUPS), class_name="key-groups"),
        rx.el.p("On a Mac, ⌘ takes the place of Ctrl.", class_name="muted small"),
        rx.el.div(
            controls.button(
                "Close",
                testid="shortcuts-close",
                on_click=controls.close_dialog(SHORTCUTS),
                custom_attrs={"data-first": ""},
            ),
            class_name="dialog-end",
        ),
    )


def _group(where: str, title: str, lines: tuple[tuple[str, str], ...]) -> rx.Component:
    return rx.el.section(
        rx.el.h3(title),
        rx.el.dl(
            *(
                rx.el.div(rx.el.dt(*(rx.el.kbd(key) for key in keys.split())), rx.el.dd(words))
                for keys, words in lines
            )
        ),
        class_name=f"keys-{where}",
        data_testid=f"keys-{where}",
    )
