"""The filters that expressions may use: an allow-list, each paid from the budget of the render.

Most are Liquid's own. The ones that read a clock, reach into objects or can be made to take
quadratic time or space are left out or replaced.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any

from liquid import Environment
from liquid.builtin.filters import array, math, misc, string
from liquid.exceptions import FilterArgumentError, ResourceLimitError
from liquid.undefined import is_undefined

from flowforge.engine.conditions import read_date
from flowforge.engine.values import Budget, View, as_json, as_text, number, size

LONGEST_TEXT = 1_000_000
_LONGEST_FORMAT = 200

_OF_TEXTS: dict[str, Callable[..., Any]] = {
    "append": string.append,
    "base64_decode": string.base64_decode,
    "base64_encode": string.base64_encode,
    "base64_url_safe_decode": string.base64_url_safe_decode,
    "base64_url_safe_encode": string.base64_url_safe_encode,
    "capitalize": string.capitalize,
    "downcase": string.downcase,
    "escape": string.escape,
    "lower": string.downcase,
    "lstrip": string.lstrip,
    "newline_to_br": string.newline_to_br,
    "prepend": string.prepend,
    "remove": string.remove,
    "remove_first": string.remove_first,
    "remove_last": string.remove_last,
    "replace": string.replace,
    "replace_first": string.replace_first,
    "replace_last": string.replace_last,
    "rstrip": string.rstrip,
    "split": string.split,
    "squish": string.squish,
    "strip": string.strip,
    "strip_newlines": string.strip_newlines,
    "truncate": string.truncate,
    "truncatewords": string.truncatewords,
    "upcase": string.upcase,
    "upper": string.upcase,
    "url_decode": string.url_decode,
    "url_encode": string.url_encode,
}
_OF_VALUES: dict[str, Callable[..., Any]] = {
    "abs": math.abs_,
    "at_least": math.at_least,
    "at_most": math.at_most,
    "ceil": math.ceil,
    "divided_by": math.divided_by,
    "floor": math.floor,
    "minus": math.minus,
    "modulo": math.modulo,
    "plus": math.plus,
    "round": math.round_,
    "times": math.times,
    "compact": array.compact,
    "concat": array.concat,
    "find": array.find,
    "find_index": array.find_index,
    "first": array.first,
    "has": array.has,
    "last": array.last,
    "map": array.map_,
    "reject": array.reject,
    "reverse": array.reverse,
    "sort": array.sort,
    "sort_natural": array.sort_natural,
    "sum": array.sum_,
    "where": array.where,
    "default": misc.default,
    "size": misc.size,
    "slice": string.slice_,
}


def register(env: Environment) -> None:
    """Give ``env`` exactly the filters of this module."""
    env.filters.clear()
    for name, function in _OF_VALUES.items():
        env.add_filter(name, _guarded(function))
    for name, function in _OF_TEXTS.items():
        env.add_filter(name, _guarded(function, texts=True))
    for name, function in _OWN.items():
        env.add_filter(name, _guarded(function))


def _guarded(function: Callable[..., Any], *, texts: bool = False) -> Callable[..., Any]:
    """``function`` with its operands and result sized and paid for.

    ``texts``: it works on texts, so other values arrive as the text that they are shown as.
    """
    needs_environment = getattr(function, "with_environment", False)
    needs_budget = "budget" in signature(function).parameters

    def guarded(left: Any, *args: Any, context: Any, **named: Any) -> Any:
        budget: Budget = context.budget
        budget.spend(1 + size(left) + sum(map(size, args)) + sum(map(size, named.values())))
        if isinstance(left, View):
            left = list(left)
        if texts:
            left = as_text(left, budget)
            args = tuple(a if type(a) is int else as_text(a, budget) for a in args)
            _check_growth(function, left, args)
        if needs_environment:
            named["environment"] = context.env
        if needs_budget:
            named["budget"] = budget
        result = function(left, *args, **named)
        if isinstance(result, int | float):
            return number(result)
        budget.spend(size(result))
        return result

    guarded.with_context = True  # type: ignore[attr-defined]
    return guarded


def _check_growth(function: Callable[..., Any], left: str, args: tuple[Any, ...]) -> None:
    """Refuse a replacement whose result would be too long: it grows with the product."""
    if function is string.replace and args:
        new = str(args[1]) if len(args) > 1 else ""
        if left.count(str(args[0])) * len(new) > LONGEST_TEXT:
            raise ResourceLimitError("the result of 'replace' would be too long", token=None)


def _join(left: Any, separator: Any = " ", *, budget: Budget) -> str:
    between = as_text(separator, budget)
    # Texts of one length each: the count is known before anything is joined.
    budget.spend(len(between) * size(left))
    items: Iterable[Any] = left if isinstance(left, list | tuple | range) else [left]
    return between.join(as_text(each, budget) for each in items)


def _json(left: Any, *, budget: Budget) -> str:
    return "null" if is_undefined(left) else as_json(left, budget)


def _uniq(left: Any, key: Any = None, *, budget: Budget) -> list[Any]:
    seen: dict[str, Any] = {}
    for each in left if isinstance(left, list | tuple | range) else [left]:
        of = each.get(str(key)) if key is not None and isinstance(each, dict) else each
        seen.setdefault(as_json(of, budget), each)
    return list(seen.values())


def _date(left: Any, form: Any, *, budget: Budget) -> str:
    """A date as ``form`` (strftime) says; what is no date stays as it is. "now" is no date here:
    an attempt that is made again must see the same value.
    """
    moment = read_date(left)
    if moment is None or not isinstance(form, str):
        return as_text(left, budget)
    if len(form) > _LONGEST_FORMAT or re.search(r"%[^a-zA-Z%-]", form):
        raise FilterArgumentError("date: this format is not supported", token=None)
    return _formatted(moment, form)


def _formatted(moment: dt.datetime, form: str) -> str:
    try:
        return moment.strftime(form)
    except (ValueError, UnicodeError) as error:
        raise FilterArgumentError("date: this format is not supported", token=None) from error


def _strip_html(left: Any, *, budget: Budget) -> str:
    # Every match ends before the next "<", so this stays linear.
    return re.sub(r"<[^<>]*>", "", as_text(left, budget))


_OWN: dict[str, Callable[..., Any]] = {
    "date": _date,
    "join": _join,
    "json": _json,
    "strip_html": _strip_html,
    "uniq": _uniq,
}
