"""A real value as the lines of a tree, each with the expression that gives what it shows.

Pure. Promises: so many lines at most, whatever the value; level by level, so that a long list does
not hide what stands beside it; nothing that is shown can rearrange the text around it.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from flowforge.infra import documents

MOST_LINES = 600
# Of a list the first items show what all look like.
MOST_ITEMS = 10
DEEPEST = 12
LONGEST_VALUE = 80

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class DataLine:
    """``expression`` is what a click inserts; ``value`` a short look at the real value, which is a
    ``kind``: text, number, boolean, list, object or null. ``more``: what is inside and not shown.
    """

    expression: str
    label: str
    depth: int
    value: str
    kind: str
    more: int = 0


@dataclass(slots=True)
class _Node:
    path: str
    label: str
    value: Any
    depth: int
    inside: "list[_Node]" = field(default_factory=list)
    more: int = 0


def lines(path: str, value: Any, most: int = MOST_LINES) -> list[DataLine]:
    """``value`` at ``path`` and what is inside it, at most ``most`` lines."""
    top = _Node(path, path.rpartition(".")[2], value, 0)
    left = most - 1
    waiting = deque([top])
    while waiting:
        node = waiting.popleft()
        for key, inside in _items(node):
            step = step_to(key)
            if left <= 0 or step is None:
                continue
            left -= 1
            label = f"[{key}]" if isinstance(key, int) else inert(key[:LONGEST_VALUE])
            node.inside.append(_Node(f"{node.path}{step}", label, inside, node.depth + 1))
        node.more = _size(node.value) - len(node.inside)
        waiting += node.inside
    return list(_flat(top))


def kind_of(value: Any) -> str:
    """What people call the type of ``value``."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case Mapping():
            return "object"
    return "list"


def look(value: Any) -> str:
    """``value`` on one short line."""
    match value:
        case Mapping():
            return f"{len(value):,} field{'' if len(value) == 1 else 's'}"
        case list():
            return f"{len(value):,} item{'' if len(value) == 1 else 's'}"
        case str():
            text = " ".join(value[: LONGEST_VALUE * 4].split())
        case _:
            text = documents.dump(value)
    return inert(text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…")


def inert(text: str) -> str:
    """``text`` with what is unseen spelled out: direction marks would turn the words around."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def step_to(key: str | int) -> str | None:
    """How an expression names ``key``; None where no expression can."""
    if isinstance(key, int):
        return f"[{key}]"
    if _PLAIN.fullmatch(key):
        return f".{key}"
    if "}}" in key or "%}" in key or "\n" in key or "\\" in key:
        return None
    for quote in ('"', "'"):
        if quote not in key:
            return f"[{quote}{key}{quote}]"
    return None


def _flat(node: _Node) -> Iterator[DataLine]:
    yield DataLine(
        expression=f"{{{{ {node.path} }}}}",
        label=node.label,
        depth=node.depth,
        value=look(node.value),
        kind=kind_of(node.value),
        more=node.more,
    )
    for inside in node.inside:
        yield from _flat(inside)


def _items(node: _Node) -> Iterable[tuple[str | int, Any]]:
    if node.depth >= DEEPEST:
        return ()
    match node.value:
        case Mapping() as found:
            return islice(found.items(), MOST_LINES)
        case list() as found:
            return enumerate(found[:MOST_ITEMS])
    return ()


def _size(value: Any) -> int:
    return len(value) if isinstance(value, Mapping | list) else 0
