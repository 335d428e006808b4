"""Where the builder's canvas draws what. The words stand in the column's lines, once for both.

Promise: what has not changed is not sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowforge.services import cards, editing_notes, layout
from flowforge.services.workbench import Bench


@dataclass(frozen=True)
class Spot:
    """A card, the label of a branch or the end of a list; ``above``: where the way to it begins."""

    id: str
    form: str
    depth: int
    x: int
    y: int
    width: int
    height: int
    above: str


@dataclass(frozen=True)
class NoteSpot:
    """A sticky note."""

    id: str
    text: str
    x: int
    y: int
    width: int
    height: int
    color: str


def spots_of(definition: Mapping[str, Any]) -> list[Spot]:
    """In the order in which the run goes; the trigger under the id of its card."""
    made = layout.lay_out(definition, is_open=True)
    above = {edge.target: _named(edge.source) for edge in made.edges}
    return [
        Spot(
            _named(node.id),
            node.form,
            node.depth,
            node.x,
            node.y,
            node.width,
            node.height,
            above.get(node.id, ""),
        )
        for node in made.nodes
    ]


def notes_of(definition: Mapping[str, Any]) -> list[NoteSpot]:
    return [NoteSpot(**note) for note in editing_notes.notes_of(definition)]


def show(builder: Any, bench: Bench) -> None:
    """Lines, spots and notes of the zap as it is now."""
    definition = bench.zap.definition
    now = {"lines": bench.lines, "spots": spots_of(definition), "notes": notes_of(definition)}
    for name, value in now.items():
        if getattr(builder, name) != value:
            setattr(builder, name, value)


def _named(node_id: str) -> str:
    return cards.TRIGGER if node_id == layout.TRIGGER else node_id
