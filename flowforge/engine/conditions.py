"""Conditions: the 22 operators, and whether an OR of ANDs holds. Pure: operands come in rendered.

How operands are read:

* Text: a text as it is, anything else as its JSON text (null is ``null``, true is ``true``).
  Comparisons are blind to case unless ``caseSensitive`` is set.
* Number: a number, or a text that is wholly one. If either side is not a number (booleans and the
  empty text are not), both are compared as text.
* Boolean: false is false, null, 0, an empty text and the text "false"; all else is true.
* Date: ISO 8601, an e-mail date, or seconds or milliseconds since 1970; without a zone it is UTC.
  If either side is not a date, the condition is false, whichever operator it is.
* List: a list, or a text that is the JSON of one. To contain, a single value counts as a list of
  one; being empty or not empty is false for what is not a list.
* Exists: everything but null and the empty text.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from operator import eq, gt, lt
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Operator = Literal[
    "TEXT_CONTAINS",
    "TEXT_DOES_NOT_CONTAIN",
    "TEXT_EXACTLY_MATCHES",
    "TEXT_DOES_NOT_EXACTLY_MATCH",
    "TEXT_START_WITH",
    "TEXT_DOES_NOT_START_WITH",
    "TEXT_ENDS_WITH",
    "TEXT_DOES_NOT_END_WITH",
    "NUMBER_IS_GREATER_THAN",
    "NUMBER_IS_LESS_THAN",
    "NUMBER_IS_EQUAL_TO",
    "BOOLEAN_IS_TRUE",
    "BOOLEAN_IS_FALSE",
    "DATE_IS_BEFORE",
    "DATE_IS_EQUAL",
    "DATE_IS_AFTER",
    "LIST_CONTAINS",
    "LIST_DOES_NOT_CONTAIN",
    "LIST_IS_EMPTY",
    "LIST_IS_NOT_EMPTY",
    "EXISTS",
    "DOES_NOT_EXIST",
]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
# These look at the left side alone; ``right`` is ignored.
UNARY: frozenset[Operator] = frozenset(
    {
        "BOOLEAN_IS_TRUE",
        "BOOLEAN_IS_FALSE",
        "LIST_IS_EMPTY",
        "LIST_IS_NOT_EMPTY",
        "EXISTS",
        "DOES_NOT_EXIST",
    }
)


class Data(BaseModel):
    """Plain frozen data of a definition; an unknown key is a mistake and is named."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Condition(Data):
    """``left op right``; both sides may hold expressions."""

    left: Any = None
    op: Operator
    right: Any = None
    case_sensitive: bool = Field(default=False, alias="caseSensitive")


class Group(Data):
    """Holds when all of its conditions hold; a group without conditions holds."""

    all: tuple[Condition, ...] = ()


class When(Data):
    """Holds when any of its groups holds. No groups at all: it holds, so an empty filter lets
    everything pass.
    """

    any: tuple[Group, ...] = ()


def holds(when: When, render: Callable[[Any], Any]) -> bool:
    """Whether ``when`` holds, with both sides of each condition put through ``render``.

    Left to right, and no further than needed: what is not decisive is not rendered.
    """
    if not when.any:
        return True
    return any(all(_holds(condition, render) for condition in group.all) for group in when.any)


def _holds(condition: Condition, render: Callable[[Any], Any]) -> bool:
    right = None if condition.op in UNARY else render(condition.right)
    return compare(
        render(condition.left), condition.op, right, case_sensitive=condition.case_sensitive
    )


def compare(left: Any, op: Operator, right: Any = None, *, case_sensitive: bool = False) -> bool:
    """Whether ``left op right`` for two rendered JSON values; never raises."""
    return _TABLE[op](left, right, case_sensitive)


def _text(value: Any, case_sensitive: bool) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if case_sensitive else text.casefold()


_Test = Callable[[Any, Any, bool], bool]


def _texts(test: Callable[[str, str], bool]) -> _Test:
    return lambda left, right, case: test(_text(left, case), _text(right, case))


def _not(test: _Test) -> _Test:
    return lambda left, right, case: not test(left, right, case)


_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_LONGEST_NUMBER = 400


def _number(value: Any) -> int | float | None:
    """The number that ``value`` is; None when it is none. Integers of any size stay exact."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return None if isinstance(value, float) and math.isnan(value) else value
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return None
    text = value.strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else None


def _numbers(test: Callable[[Any, Any], bool]) -> _Test:
    def compared(left: Any, right: Any, case_sensitive: bool) -> bool:
        one, other = _number(left), _number(right)
        if one is None or other is None:
            return test(_text(left, case_sensitive), _text(right, case_sensitive))
        return test(one, other)

    return compared


def _true(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().casefold() not in ("", "false")
    if isinstance(value, bool | int | float):
        return bool(value) and value == value  # noqa: PLR0124 (NaN is the one that differs)
    return value is not None


_LONGEST_DATE = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_TEXT = re.compile(r"[0-9]{9,14}")
# Beyond this a count of seconds would lie past the year 5000: it is one of milliseconds.
_MOST_SECONDS = 1e11


def read_date(value: Any) -> datetime | None:
    if isinstance(value, str):
        value = value.strip()
        if len(value) > _LONGEST_DATE:
            return None
        if _EPOCH_TEXT.fullmatch(value):
            value = int(value)
    try:
        if isinstance(value, str):
            return _zoned(_written_date(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _MOST_SECONDS else value
            return _EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return None


def _written_date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def _zoned(moment: datetime) -> datetime:
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.astimezone(UTC)


def _dates(test: Callable[[Any, Any], bool]) -> _Test:
    def compared(left: Any, right: Any, _case_sensitive: bool) -> bool:
        one, other = read_date(left), read_date(right)
        return one is not None and other is not None and test(one, other)

    return compared


def _list(value: Any) -> list[Any] | None:
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def _list_contains(left: Any, right: Any, case_sensitive: bool) -> bool:
    items = _list(left)
    wanted = _text(right, case_sensitive)
    return any(
        _text(item, case_sensitive) == wanted for item in ([left] if items is None else items)
    )


def _exists(left: Any, _right: Any, _case_sensitive: bool) -> bool:
    return left is not None and left != ""


_contains = _texts(lambda left, right: right in left)
_matches = _texts(eq)
_starts = _texts(str.startswith)
_ends = _texts(str.endswith)

_TABLE: Mapping[Operator, _Test] = {
    "TEXT_CONTAINS": _contains,
    "TEXT_DOES_NOT_CONTAIN": _not(_contains),
    "TEXT_EXACTLY_MATCHES": _matches,
    "TEXT_DOES_NOT_EXACTLY_MATCH": _not(_matches),
    "TEXT_START_WITH": _starts,
    "TEXT_DOES_NOT_START_WITH": _not(_starts),
    "TEXT_ENDS_WITH": _ends,
    "TEXT_DOES_NOT_END_WITH": _not(_ends),
    "NUMBER_IS_GREATER_THAN": _numbers(gt),
    "NUMBER_IS_LESS_THAN": _numbers(lt),
    "NUMBER_IS_EQUAL_TO": _numbers(eq),
    "BOOLEAN_IS_TRUE": lambda left, _right, _case: _true(left),
    "BOOLEAN_IS_FALSE": lambda left, _right, _case: not _true(left),
    "DATE_IS_BEFORE": _dates(lt),
    "DATE_IS_EQUAL": _dates(eq),
    "DATE_IS_AFTER": _dates(gt),
    "LIST_CONTAINS": _list_contains,
    "LIST_DOES_NOT_CONTAIN": _not(_list_contains),
    "LIST_IS_EMPTY": lambda left, _right, _case: _list(left) == [],
    "LIST_IS_NOT_EMPTY": lambda left, _right, _case: bool(_list(left)),
    "EXISTS": _exists,
    "DOES_NOT_EXIST": _not(_exists),
}
