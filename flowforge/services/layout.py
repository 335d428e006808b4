"""Where everything of a definition stands on a canvas: a tree from top to bottom.

Promises: what is drawn never overlaps, except that a container holds all that is in it; the same
definition is laid out the same way each time, in time linear in its steps. Units are pixels at
zoom 1, from the middle of the trigger's top edge.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flowforge.services import drafts, editing_places

# Even numbers: half of them are whole.
CARD_WIDTH, CARD_HEIGHT = 264, 68
LABEL_HEIGHT = 36
END_HEIGHT = 32
# Between two of a column there is room for a button; a container keeps its own inside.
GAP, BESIDE, PADDING = 40, 24, 20
# No step can have this id.
TRIGGER = "@trigger"

Form = Literal["trigger", "step", "container", "branch", "end"]


@dataclass(frozen=True)
class Node:
    """``id``: that of the step; of a branch ``<step id>/<branch>``, counted from 0; of the end of a
    list that of its branch and ``/end``.

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
    """A list of steps, measured. ``name``: that of the branch that it is, ``branch`` its number."""

    branch: int
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


def lay_out(definition: Mapping[str, Any], *, is_open: bool = False) -> Layout:
    """The trigger and every step. It is there also where no trigger is chosen yet.

    ``is_open``: to be changed. Then lists without steps are there too, branches are numbered as in
    ``editing_places.Place``, and each list has an ``end``, where a step may be added.
    """
    made = Layout(
        [Node(TRIGGER, "trigger", "", 0, -CARD_WIDTH // 2, 0, CARD_WIDTH, CARD_HEIGHT)], []
    )
    column = _column(0, "", definition.get("steps") or (), is_open=is_open)
    _place(made, column, _Spot(TRIGGER, "", 0, 0, CARD_HEIGHT + GAP), is_open=is_open)
    return made


@dataclass(frozen=True)
class _Spot:
    """Where a column begins: below ``above``, around ``middle``, at ``top``."""

    above: str
    parent: str
    depth: int
    middle: int
    top: int


def _column(
    branch: int, name: str, steps: Sequence[Mapping[str, Any]], *, is_open: bool
) -> _Column:
    boxes = [_box(step, is_open=is_open) for step in steps]
    heights = [box.height for box in boxes] + [END_HEIGHT] * is_open
    return _Column(
        branch,
        name,
        boxes,
        max((box.width for box in boxes), default=CARD_WIDTH),
        sum(heights) + GAP * max(0, len(heights) - 1),
    )


def _box(step: Mapping[str, Any], *, is_open: bool) -> _Box:
    columns = [
        _column(branch, name, steps, is_open=is_open)
        for branch, name, steps in _lists(step, is_open=is_open)
    ]
    if not columns:
        return _Box(step, (), CARD_WIDTH, CARD_HEIGHT)
    across = sum(column.width for column in columns) + BESIDE * (len(columns) - 1)
    # A label, and what is below it; a branch without any is its label alone.
    down = max(LABEL_HEIGHT + (GAP + column.height if column.height else 0) for column in columns)
    return _Box(step, columns, across + 2 * PADDING, CARD_HEIGHT + GAP + down + PADDING)


def _lists(
    step: Mapping[str, Any], *, is_open: bool
) -> Iterator[tuple[int, str, Sequence[Mapping[str, Any]]]]:
    """The lists inside ``step``: their numbers, names and steps."""
    if not is_open:
        for branch, body in enumerate(drafts.bodies(step)):
            yield branch, body.name, body.steps
        return
    for place in editing_places.places_in(step):
        yield place.branch, "", editing_places.steps_at(dict(step), place.branch)


def _place(made: Layout, column: _Column, spot: _Spot, *, is_open: bool) -> None:
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
            _place(made, inner, below, is_open=is_open)
        above, top = node.id, top + box.height + GAP
    if is_open:
        end = f"{spot.parent}/{column.branch}/end"
        left = spot.middle - CARD_WIDTH // 2
        made.nodes.append(
            Node(end, "end", spot.parent, spot.depth, left, top, CARD_WIDTH, END_HEIGHT)
        )
        made.edges.append(Edge(above, end, spot.depth))


def _branches(box: _Box, node: Node) -> Iterator[tuple[Node, _Column, _Spot]]:
    """Each branch of a container: its label, its steps, and where they begin."""
    left, top, depth = node.x + PADDING, node.y + CARD_HEIGHT + GAP, node.depth + 1
    for column in box.columns:
        middle = left + column.width // 2
        label = Node(
            f"{node.id}/{column.branch}",
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
