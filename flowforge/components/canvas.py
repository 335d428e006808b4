"""The canvas: a definition as a tree of cards, to be zoomed, moved, and walked by keyboard.

It is React Flow, wrapped by canvas.jsx; the package comes with the pages' other ones and only to
pages that have a canvas, after they are drawn.
"""

from typing import Any

import reflex as rx

from flowforge.components import step_icons
from flowforge.services import layout

_SCRIPT = rx.asset("canvas.jsx", shared=True)


class _FlowCanvas(rx.NoSSRComponent):
    library = _SCRIPT.importable_path
    tag = "FlowCanvas"
    lib_dependencies: list[str] = ["@xyflow/react@12.12.1"]  # noqa: RUF012 - Reflex copies defaults

    cards: rx.Var[list[Any]]
    ways: rx.Var[list[Any]]
    marks: rx.Var[dict[str, Any]]
    words: rx.Var[dict[str, str]]
    ends: rx.Var[dict[str, str]]
    glyphs: rx.Var[dict[str, Any]]
    head: rx.Var[int]
    first: rx.Var[str]
    places: rx.Var[str]
    label: rx.Var[str]
    on_pick: rx.EventHandler[lambda path, number: [path, number]]  # type: ignore[type-arg,valid-type]
    on_seek: rx.EventHandler[lambda path: [path]]  # type: ignore[type-arg,valid-type]


def canvas(
    drawing: Any, marks: Any, *, words: dict[str, str], places: str, **props: Any
) -> rx.Component:
    """``drawing``, ``marks``: see state/canvas.py. ``words``: what each status is called; ``ends``:
    what happens when a step of a kind has waited.

    A card that is clicked shows its step elsewhere on the page: the element whose id is ``places``
    and the step's path. Where there is none, ``on_seek(path)`` is to bring it there.
    ``on_pick(path, number)``: another round of that loop is to be looked at. ``first``: the card
    that it opens on.
    """
    return _FlowCanvas.create(
        cards=drawing.cards,
        ways=drawing.ways,
        marks=marks,
        words=words,
        glyphs=step_icons.glyphs(),
        head=layout.CARD_HEIGHT,
        places=places,
        **props,
    )
