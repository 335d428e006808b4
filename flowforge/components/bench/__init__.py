"""The builder's canvas: the draft as a tree of cards that is edited where it stands.

React Flow draws it, loaded after the page and only where there is room for a canvas. Whatever is
done on it is one gesture of the state; what it is in words stands in the column's lines.
"""

from typing import Any

import reflex as rx
from reflex.event import passthrough_event_spec as _gives

from flowforge.components import controls, step_icons
from flowforge.services import layout
from flowforge.state.arranging import Arranging
from flowforge.state.branches import Branches
from flowforge.state.builder import Builder
from flowforge.state.gestures import Gestures
from flowforge.state.notes import Notes
from flowforge.state.rewriting import Rewriting

_VIEWS = rx.asset("views.jsx", shared=True)
_CANVAS = rx.asset("bench.jsx", shared=True)
# What bench.jsx imports stands beside it.
_PARTS = [
    rx.asset(name, shared=True)
    for name in (
        "acts.js", "cards.jsx", "drag.jsx", "guesses.js", "keys.js", "menu.jsx", "model.js", "notes.jsx",
    )
]  # fmt: skip
_ICONS = {
    "braces": "braces",
    "branch": "git-branch",
    "copy": "clipboard-copy",
    "copy_plus": "copy",
    "cut": "scissors",
    "down": "arrow-down",
    "ellipsis": "ellipsis",
    "grip": "grip-horizontal",
    "into": "corner-down-right",
    "left": "arrow-left",
    "note": "sticky-note",
    "paste": "clipboard-paste",
    "pencil": "pencil",
    "plus": "plus",
    "replace": "replace",
    "right": "arrow-right",
    "skip": "skip-forward",
    "trash": "trash-2",
    "up": "arrow-up",
    "use": "play",
    "x": "x",
}


# What it tells the state, with which arguments.
_EVENTS = {
    "on_open": _gives(str),
    "on_pick": _gives(int, str, str, int),
    "on_shift": _gives(str, int),
    "on_json": _gives(str),
    "on_where": _gives(list[str]),
    "on_duplicate": _gives(list[str]),
    "on_skip": _gives(list[str], bool),
    "on_remove": _gives(list[str]),
    "on_drop": _gives(list[str], str, int, int),
    "on_copy": _gives(list[str]),
    "on_cut": _gives(list[str]),
    "on_paste": _gives(str, str, int, int),
    "on_branch_add": _gives(str),
    "on_branch_name": _gives(str, int, str),
    "on_branch_move": _gives(str, int, int),
    "on_branch_duplicate": _gives(str, int),
    "on_branch_remove": _gives(str, int),
    "on_note_add": _gives(float, float),
    "on_note_write": _gives(str, str),
    "on_note_place": _gives(str, dict[str, float]),
    "on_note_paint": _gives(str, str),
    "on_note_remove": _gives(str),
}


class _Views(rx.Component):
    library = _VIEWS.importable_path
    tag = "Views"


class _Canvas(rx.NoSSRComponent):
    library = _CANVAS.importable_path
    tag = "BenchCanvas"
    lib_dependencies: list[str] = ["@xyflow/react@12.12.1"]  # noqa: RUF012 - Reflex copies defaults

    spots: rx.Var[list[Any]]
    lines: rx.Var[list[Any]]
    notes: rx.Var[list[Any]]
    chosen: rx.Var[str]
    made: rx.Var[list[str]]
    clip: rx.Var[Any]
    note: rx.Var[str]
    saves: rx.Var[int]
    saved: rx.Var[str]
    icons: rx.Var[dict[str, Any]]
    glyphs: rx.Var[dict[str, Any]]
    head: rx.Var[int]
    gap: rx.Var[int]

    @classmethod
    def get_event_triggers(cls) -> dict[str, Any]:
        return {**super().get_event_triggers(), **_EVENTS}


def views(column: rx.Component) -> rx.Component:
    """The steps on a canvas, or in ``column``: where there is room for both, as somebody likes it."""
    return _Views.create(column, _canvas())


def _canvas() -> rx.Component:
    return _Canvas.create(
        spots=Builder.spots,
        lines=Builder.lines,
        notes=Builder.notes,
        chosen=Builder.chosen,
        made=Gestures.made,
        clip=Gestures.clip,
        note=Notes.made,
        saves=Builder.saves,
        saved=Builder.save_state,
        icons={name: controls.icon(glyph) for name, glyph in _ICONS.items()},
        glyphs=step_icons.glyphs(),
        head=layout.CARD_HEIGHT,
        gap=layout.GAP,
        on_open=Builder.choose_card,
        on_pick=Arranging.open_picker,
        on_shift=Arranging.move,
        on_json=Rewriting.open,
        on_where=Arranging.ask_where,
        on_duplicate=Gestures.duplicate,
        on_skip=Gestures.skip,
        on_remove=Gestures.remove,
        on_drop=Gestures.drop,
        on_copy=Gestures.copy_steps,
        on_cut=Gestures.cut,
        on_paste=Gestures.paste,
        on_branch_add=Branches.add,
        on_branch_name=Branches.ask_name,
        on_branch_move=Branches.move,
        on_branch_duplicate=Branches.duplicate,
        on_branch_remove=Branches.remove,
        on_note_add=Notes.add,
        on_note_write=Notes.write,
        on_note_place=Notes.place,
        on_note_paint=Notes.paint,
        on_note_remove=Notes.remove,
        key=Builder.zap,
    )
