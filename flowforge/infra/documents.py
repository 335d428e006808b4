"""JSON in and out: anything a stranger sends is either read exactly or refused with a sentence.

Promise: whatever `parse` returns, `dump` can write, and parsing that text gives the same value.
"""

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import orjson

from flowforge.errors import Malformed

DEEPEST = 200
# Two frames a level: this stays far from the limit of Python's stack.
DEEPEST_DUMP = 300
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# orjson reads integers beyond 64 bits as floats; 19 digits in a row are the first sign of one.
_DIGITS_TO_NINE = bytes(ord("9") if byte in b"0123456789" else ord(" ") for byte in range(256))
_LONG_NUMBER = b"9" * 19


def parse(data: bytes | str, *, what: str = "body", unique_keys: bool = False) -> Any:
    """The value of a JSON text: integers exact, never NaN, never a lone surrogate.

    ``what`` names the thing in the sentence of the error. Of a key that comes twice the last wins,
    unless ``unique_keys``: then it is refused by name.

    Raises: Malformed.
    """
    raw = _encoded(data, what).removeprefix(_BYTE_ORDER_MARK)
    if not raw.strip():
        raise Malformed(f"The {what} is empty where JSON was expected.", code="bad_json")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as problem:
        raise _malformed(problem, raw, what) from None
    # Nesting cannot be deeper than there are brackets: most documents need no walk.
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and _is_deeper_than(value, DEEPEST):
        raise _too_deep(what)
    if unique_keys or _LONG_NUMBER in raw.translate(_DIGITS_TO_NINE):
        return _exact(raw, what, unique_keys=unique_keys)
    return value


def dump(value: Any) -> str:
    """JSON text of ``value``. Decimals and times become text, NaN and infinities null.

    Raises: TypeError for what has no JSON form, ValueError for what refers to itself.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    except TypeError:
        return json.dumps(_plain(value, 0), ensure_ascii=False, separators=(",", ":"))


def _encoded(data: bytes | str, what: str) -> bytes:
    if isinstance(data, bytes):
        return data
    try:
        return data.encode()
    except UnicodeEncodeError as problem:
        raise Malformed(
            f"The {what} is not valid text: half a surrogate pair at character "
            f"{problem.start + 1}.",
            code="bad_json",
        ) from None


def _malformed(problem: orjson.JSONDecodeError, raw: bytes, what: str) -> Malformed:
    reason, where = problem.msg, f"line {problem.lineno} column {problem.colno}"
    if "depth limit" in reason:
        return _too_deep(what)
    if "infinity" in reason:
        reason = "the number is too large"
    if "not valid UTF-8" in reason:
        try:
            raw.decode()
        except UnicodeDecodeError as undecodable:
            where = f"byte {undecodable.start + 1}"
        reason = "it is not UTF-8 text"
    return Malformed(f"The {what} is not valid JSON: {reason} at {where}.", code="bad_json")


def _too_deep(what: str) -> Malformed:
    return Malformed(f"The {what} is nested deeper than {DEEPEST} levels.", code="too_deep")


def _is_deeper_than(value: Any, levels: int) -> bool:
    """Level by level, so that no input can exhaust the stack."""
    level = [value]
    for _ in range(levels):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def _exact(raw: bytes, what: str, *, unique_keys: bool) -> Any:
    """The slow reader, for text that the fast one has already found to be valid."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if unique_keys and len(found) < len(items):
            names = [name for name, _ in items]
            twice = next(name for name in names if names.count(name) > 1)
            raise Malformed(f"The {what} has the key {twice!r} twice.", code="duplicate_key")
        return found

    return json.loads(raw, object_pairs_hook=pairs if unique_keys else None)


def _plain(value: Any, depth: int) -> Any:
    """``value`` rebuilt from what the standard library can write."""
    if depth > DEEPEST_DUMP:
        raise ValueError("This value is nested too deep for JSON, or refers to itself.")
    match value:
        case Enum():
            return _plain(value.value, depth + 1)
        case Mapping():
            return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item, depth + 1) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    plain = value
    match value:
        case None | bool() | int():
            pass
        case str():
            plain = _whole(value)
        case float():
            plain = value if math.isfinite(value) else None
        case datetime() | date() | time():
            plain = value.isoformat()
        case timedelta():
            plain = value.total_seconds()
        case Decimal():
            # As text: a float would lose what made it a Decimal.
            plain = str(value) if value.is_finite() else None
        case UUID() | PurePath():
            plain = str(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")
    return plain


def _key(key: Any) -> str:
    if isinstance(key, str):
        return _whole(key)
    plain = _plain(key, 0)  # json's own spelling of true, null and numbers as keys
    return plain if isinstance(plain, str) else json.dumps(plain)


def _whole(text: str) -> str:
    """``text`` with half surrogate pairs replaced: UTF-8 cannot carry them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
