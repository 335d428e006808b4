"""The item of each loop around a step, for a person's eyes: of its last round, or worked out. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from flowforge.engine import expressions
from flowforge.engine.expressions import ExpressionError
from flowforge.services.editing import Step

_NONE = object()


def items(
    loops: Sequence[Step], values: Mapping[str, Any], known: Mapping[str, Any]
) -> dict[str, Any]:
    """By loop, outermost first in ``loops``. ``known``: those of runs and tests; of the others it is
    the first that their list has with ``values``, the roots of expressions. A loop that has none
    there is left out.
    """
    found: dict[str, Any] = {}
    scope = dict(values)
    for loop in loops:
        item = known[loop["id"]] if loop["id"] in known else _first(loop, scope)
        scope.pop("item", None)
        if item is not _NONE:
            found[loop["id"]] = scope["item"] = item
            scope["index"] = 1
            scope["steps"] = {**scope.get("steps", {}), loop["id"]: {"item": item, "index": 1}}
    return found


def _first(loop: Step, scope: Mapping[str, Any]) -> Any:
    if loop.get("count") is not None:
        # Rounds that only count have their number for an item.
        return 1
    try:
        over = expressions.render(loop.get("over"), scope)
    except ExpressionError:
        return _NONE
    return over[0] if isinstance(over, list) and over else _NONE
