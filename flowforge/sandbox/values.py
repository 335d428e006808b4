"""What code gives back, as JSON: converted where that is plain, refused with its place where not."""

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

DEEPEST = 100
MOST_DIGITS = 4_300
# What the sandbox shows for something that holds itself.
_CYCLE = "[...]"


class NotJson(Exception):
    """The message names the place and what stands there."""


def as_json(value: Any, where: str = "The result", depth: int = 0) -> Any:  # noqa: C901, PLR0912 - one case for each type
    """``value`` with tuples as lists, dates as ISO 8601 and decimals as texts.

    Raises: NotJson.
    """
    if depth > DEEPEST:
        raise NotJson(f"{where} is nested more than {DEEPEST} levels deep.")
    match value:
        case None | bool():
            plain: Any = value
        case str():
            plain = _text(value, where)
        case int():
            if value.bit_length() > MOST_DIGITS * 10 // 3:
                raise NotJson(f"{where} is a number of more than {MOST_DIGITS} digits.")
            plain = value
        case float():
            if not math.isfinite(value):
                raise NotJson(f"{where} is {value}, and JSON has no such number.")
            plain = value
        case Mapping():
            plain = {
                _key(key, where): as_json(each, f"{where}[{key!r:.40}]", depth + 1)
                for key, each in value.items()
            }
        case list() | tuple():
            plain = [as_json(each, f"{where}[{n}]", depth + 1) for n, each in enumerate(value)]
        case dt.date() | dt.time():
            plain = value.isoformat()
        case Decimal():
            plain = str(value)
        case set() | frozenset():
            raise NotJson(f"{where} is a set, which has no order: give sorted(…) of it.")
        case bytes():
            raise NotJson(f"{where} is bytes: decode it, or give base64 of it.")
        case _:
            raise NotJson(f"{where} is a {type(value).__name__}, and JSON has no such thing.")
    return plain


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotJson(f"{where} holds half of a surrogate pair, which is no text.") from None
    return value


def _key(key: Any, where: str) -> str:
    if isinstance(key, str):
        return _text(key, f"A key of {where.lower()}")
    if isinstance(key, bool) or not isinstance(key, int | float):
        raise NotJson(f"A key of {where.lower()} is a {type(key).__name__}; keys are texts.")
    return str(key)
