"""Values inside expressions: looking them up, sizing them, and turning them into text or JSON.

Lookups know mappings, lists and the length of texts, and nothing else: no attribute of a Python
object can be reached. Work on data is paid from a budget, so that no template runs for ever.
"""

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from liquid.exceptions import ResourceLimitError
from liquid.undefined import Undefined

# About a second of work on a slow machine: characters, items and loop rounds all count.
WORK_LIMIT = 20_000_000
# Python refuses to write longer integers (more than 4,300 digits) as text.
_MOST_BITS = 14_000
_LONGEST_RANGE = 10_000
_LONGEST_OPENED = 32_000
# The work of copying one value, in units of a character.
_VALUE = 4


class Missing:
    """What a path that leads nowhere gives; shown as an empty text."""


MISSING: Final = Missing()


class View(Sequence[Any]):
    """A list whose items are made when they are looked at; filters get it as a list."""

    __slots__ = ()


class Budget:
    """How much work one call of ``render`` may still do."""

    __slots__ = ("left",)

    def __init__(self, left: int = WORK_LIMIT) -> None:
        self.left = left

    def spend(self, work: int) -> None:
        """Pay for ``work`` units; raises ResourceLimitError when there are not so many left."""
        self.left -= work
        if self.left < 0:
            raise ResourceLimitError(
                "this is too much work (too much data or too many rounds)", token=None
            )


def look_up(scope: Mapping[str, Any], path: Sequence[object]) -> Any:
    """The value at ``path`` in ``scope``, or MISSING.

    ``steps.x.output.y`` is another way to write ``steps.x.y``, unless the step's output has a key
    ``output`` of its own.
    """
    root = path[0]
    if not isinstance(root, str) or root not in scope:
        return MISSING
    value: Any = scope[root]
    for depth, key in enumerate(path[1:], 1):
        found = item(value, key)
        alias = depth == 2 and key == "output" and root == "steps"  # noqa: PLR2004
        if found is MISSING and alias:
            continue
        if found is MISSING:
            return MISSING
        value = found
    return value


def item(value: Any, key: object) -> Any:
    """``value[key]`` for mappings and lists, with Liquid's size, first and last; or MISSING."""
    # Nearly every lookup is this one; asking an abstract class costs ten times as much.
    if type(value) is dict and type(key) is str and key in value:
        return value[key]
    if isinstance(value, Mapping):
        return _item_of_mapping(value, key)
    if isinstance(value, list | tuple | View):
        return _item_of_list(value, key)
    return _item_of_text(value, key) if isinstance(value, str) else MISSING


def _item_of_text(text: str, key: object) -> Any:
    """Its size; or, where the text is a JSON object or list, what that has under ``key``.

    Senders put JSON into the texts of JSON, and a path means what is inside.
    """
    if key == "size":
        return len(text)
    if len(text) > _LONGEST_OPENED or not text.lstrip().startswith(("{", "[")):
        return MISSING
    opened = _opened(text)
    return item(opened, key) if isinstance(opened, dict | list) else MISSING


# Kept for a moment: paths into the same text come together.
@lru_cache(maxsize=64)
def _opened(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _item_of_mapping(value: Mapping[Any, Any], key: object) -> Any:
    if isinstance(key, str) and key in value:
        return value[key]
    if key == "first" and value:
        return list(next(iter(value.items())))
    return len(value) if key == "size" else MISSING


def _item_of_list(value: Sequence[Any], key: object) -> Any:
    if isinstance(key, int) and not isinstance(key, bool):
        return value[key] if -len(value) <= key < len(value) else MISSING
    if key in ("first", "last") and value:
        return value[0 if key == "first" else -1]
    return len(value) if key == "size" else MISSING


def size(value: object) -> int:
    """The work of going over ``value`` once, not counting what its items hold."""
    if isinstance(value, int):
        return value.bit_length() >> 3
    if isinstance(value, range):
        # len() of a range beyond 2**63 raises.
        return max(0, value.stop - value.start)
    return len(value) if isinstance(value, str | list | tuple | dict | View) else 1


def as_json_value(value: Any, budget: Budget) -> Any:
    """``value`` as plain JSON data; what only Liquid knows becomes a list, a text or null."""
    budget.spend(_VALUE)
    match value:
        case str():
            budget.spend(len(value) >> 3)
            plain: Any = str(value)
        case dict():
            plain = {str(key): as_json_value(each, budget) for key, each in value.items()}
        case bool():
            plain = value
        case int() | float() | Decimal():
            plain = number(value)
        case list() | tuple() | View():
            plain = [as_json_value(each, budget) for each in value]
        case range():
            if size(value) > _LONGEST_RANGE:
                raise ResourceLimitError(
                    f"a range has at most {_LONGEST_RANGE} numbers", token=None
                )
            plain = list(value)
        case Mapping() if not isinstance(value, Undefined):
            plain = {str(key): as_json_value(each, budget) for key, each in value.items()}
        case _:
            plain = None
    return plain


def number(value: float | Decimal) -> int | float:
    """``value`` if JSON can hold it; ResourceLimitError if it is endless or has endless digits."""
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            raise ResourceLimitError("the number has too many digits", token=None)
        return value
    result = float(value)
    if not math.isfinite(result):
        raise ResourceLimitError("the result is not a finite number", token=None)
    return result


def as_text(value: Any, budget: Budget) -> str:
    """``value`` inside a text: null and missing are empty, lists and objects are JSON."""
    match value:
        case str():
            budget.spend(len(value))
            text = str(value)
        case bool():
            text = "true" if value else "false"
        case int() | float() | Decimal():
            text = str(number(value))
        case range():
            text = f"{value.start}..{value.stop - 1}"
        case list() | tuple() | View() | Mapping() if not isinstance(value, Undefined):
            text = as_json(value, budget)
        case _:
            text = ""
    return text


def as_json(value: Any, budget: Budget) -> str:
    """``value`` as compact JSON text. Its full size is paid before a character is written."""
    plain = as_json_value(value, budget)
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    budget.spend(len(text) >> 3)
    return text
