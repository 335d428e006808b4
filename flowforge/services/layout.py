"""Where everything of a definition stands on a canvas: a tree from top to bottom.

Promises: what is drawn never overlaps, except that a container holds all that is in it; the same
definition is laid out the same way each time, in time linear in its steps. Units are pixels at
zoom 1, from the middle of the trigger's top edge.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flowforge.services import drafts

# Even numbers: half of them are whole.
CARD_WIDTH, CARD_HEIGHT = 264, 68
LABEL_HEIGHT = 36
# Between two of a column there is room for a button; a container keeps its own inside.
GAP, BESIDE, PADDING = 40, 24, 20
# No step can have this id.
TRIGGER = "@trigger"

Form = Literal["trigger", "step", "container", "branch"]


@dataclass(frozen=True)
class Node:
    """``id``: that of the step; of a branch, ``<step id>/<place>``, places counted from 0.

    ``parent`` is the container that it stands in, empty at the top; ``depth`` says how many there
    are. A container's own card is its head: ``CARD_HEIGHT`` of its ``height``.
    """

    id: str
    form: Form
    parent: str
    depth: int
    x: int
    y: int
    width: int
    height: int
    name: str = ""


@dataclass(frozen=True)
class Edge:
    """The way from one node to the next; ``depth`` is that of ``target``."""

    source: str
    target: str
    depth: int


@dataclass(frozen=True)
class Layout:
    """``nodes`` in the order in which the run goes, each container before what is in it."""

    nodes: list[Node]
    edges: list[Edge]


@dataclass(frozen=True)
class _Column:
    """A list of steps, measured. ``name``: that of the branch that it is."""

    name: str
    boxes: Sequence["_Box"]
    width: int
    height: int


@dataclass(frozen=True)
class _Box:
    """A step, measured with all that is in it."""

    step: Mapping[str, Any]
    columns: Sequence[_Column]
    width: int
    height: int


def lay_out(definition: Mapping[str, Any]) -> Layout:
    """The trigger and every step. It is there also where no trigger is chosen yet."""
    made = Layout(
        [Node(TRIGGER, "trigger", "", 0, -CARD_WIDTH // 2, 0, CARD_WIDTH, CARD_HEIGHT)], []
    )
    column = _column("", definition.get("steps") or ())
    _place(made, column, _Spot(TRIGGER, "", 0, 0, CARD_HEIGHT + GAP))
    return made


@dataclass(frozen=True)
class _Spot:
    """Where a column begins: below ``above``, around ``middle``, at ``top``."""

    above: str
    parent: str
    depth: int
    middle: int
    top: int


def _column(name: str, steps: Sequence[Mapping[str, Any]]) -> _Column:
    boxes = [_box(step) for step in steps]
    return _Column(
        name,
        boxes,
        max((box.width for box in boxes), default=CARD_WIDTH),
        sum(box.height for box in boxes) + GAP * max(0, len(boxes) - 1),
    )


def _box(step: Mapping[str, Any]) -> _Box:
    columns = [_column(body.name, body.steps) for body in drafts.bodies(step)]
    if not columns:
        return _Box(step, (), CARD_WIDTH, CARD_HEIGHT)
    across = sum(column.width for column in columns) + BESIDE * (len(columns) - 1)
    # A label, and the steps below it; a branch without any is its label alone.
    down = max(LABEL_HEIGHT + (GAP + column.height if column.boxes else 0) for column in columns)
    return _Box(step, columns, across + 2 * PADDING, CARD_HEIGHT + GAP + down + PADDING)


def _place(made: Layout, column: _Column, spot: _Spot) -> None:
    above, top = spot.above, spot.top
    for box in column.boxes:
        node = Node(
            box.step["id"],
            "container" if box.columns else "step",
            spot.parent,
            spot.depth,
            spot.middle - box.width // 2,
            top,
            box.width,
            box.height,
        )
        made.nodes.append(node)
        made.edges.append(Edge(above, node.id, spot.depth))
        for label, inner, below in _branches(box, node):
            made.nodes.append(label)
            made.edges.append(Edge(node.id, label.id, label.depth))
            _place(made, inner, below)
        above, top = node.id, top + box.height + GAP


def _branches(box: _Box, node: Node) -> Iterator[tuple[Node, _Column, _Spot]]:
    """Each branch of a container: its label, its steps, and where they begin."""
    left, top, depth = node.x + PADDING, node.y + CARD_HEIGHT + GAP, node.depth + 1
    for place, column in enumerate(box.columns):
        middle = left + column.width // 2
        label = Node(
            f"{node.id}/{place}",
            "branch",
            node.id,
            depth,
            middle - CARD_WIDTH // 2,
            top,
            CARD_WIDTH,
            LABEL_HEIGHT,
            column.name,
        )
        spot = _Spot(label.id, node.id, depth, middle, top + LABEL_HEIGHT + GAP)
        yield label, column, spot
        left += column.width + BESIDE
