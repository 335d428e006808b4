"""Expressions: ``{{ … }}`` in the texts of a definition, as Liquid with limits.

Promises: a text that is exactly one ``{{ … }}`` keeps the type of its value, mixed text joins; what
is missing is an empty text; a value that was put in is never read as a template again; no Python
attribute can be reached; every template, however hostile, ends soon. Values are handed on by
reference: whoever gets them must not change them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from liquid import BoundTemplate
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.expressions import Path as LiquidPath
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError, LiquidInterrupt, StopRender
from liquid.expression import Expression
from liquid.output import LimitedStringIO
from liquid.undefined import Undefined

from flowforge.engine.dialect import DIALECT, LONGEST_TEMPLATE, Context
from flowforge.engine.values import (
    MISSING,
    Budget,
    as_json_value,
    as_text,
    look_up,
)
from flowforge.errors import Invalid

LONGEST_OUTPUT = 1_000_000
DEEPEST = 200
_EXCERPT = 80
_CACHED_SIZE = 4_000

# What Liquid and its filters are known to raise on odd data, apart from their own errors.
_ODD = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    AssertionError,
)

Segments = tuple[str | int, ...]


class ExpressionError(Invalid):
    """An expression that cannot be read or worked out; the message names it, in plain words."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="expression")


@dataclass(frozen=True, slots=True)
class Template:
    """A text, read once. ``parts`` is set where it holds nothing but text and plain paths, which
    is nearly always; ``whole`` where it is exactly one expression.
    """

    source: str
    bound: BoundTemplate
    parts: tuple[str | Segments, ...] | None
    whole: Expression | None


def is_template(value: Any) -> bool:
    """Whether ``value`` holds an expression, at any depth."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, Mapping):
        return any(map(is_template, value.values()))
    return isinstance(value, list | tuple) and any(map(is_template, value))


def compile_template(source: str) -> Template:
    """The template that ``source`` is; kept for the next time. Raises ExpressionError."""
    return (_compile_small if len(source) <= _CACHED_SIZE else _compile_large)(source)


def renderer(scope: Mapping[str, Any]) -> Callable[[Any], Any]:
    """``render`` bound to ``scope``; all its calls share one budget of work."""
    return partial(_render, scope=scope, budget=Budget(), depth=0)


def render(value: Any, scope: Mapping[str, Any]) -> Any:
    """``value`` with every text in its lists and objects rendered; keys stay as they are.

    Raises:
        ExpressionError: an expression is wrong, or asks for more work than is allowed.
    """
    return _render(value, scope=scope, budget=Budget(), depth=0)


def references(source: str) -> set[tuple[str, ...]]:
    """The paths that a template reads: ``{("steps", "post", "body", "id")}``.

    Indices are texts; a path ends where it depends on data. Names that the template itself sets
    are left out. Raises ExpressionError.
    """
    template = compile_template(source)
    if template.parts is not None:
        paths = (part for part in template.parts if isinstance(part, tuple))
        return {tuple(map(str, path)) for path in paths}
    with _plain_words(source):
        found = template.bound.analyze(include_partials=False).globals
        return {
            _static(variable.segments) for variables in found.values() for variable in variables
        }


def _static(segments: list[Any]) -> tuple[str, ...]:
    known: list[str] = []
    for segment in segments:
        if not isinstance(segment, str | int):
            break
        known.append(str(segment))
    return tuple(known)


def _render(value: Any, *, scope: Mapping[str, Any], budget: Budget, depth: int) -> Any:
    if isinstance(value, str):
        if "{{" not in value and "{%" not in value:
            return value
        return _render_text(compile_template(value), scope, budget)
    if depth > DEEPEST:
        raise ExpressionError(f"The value is nested more than {DEEPEST} levels deep.")
    if isinstance(value, Mapping):
        return {
            key: _render(each, scope=scope, budget=budget, depth=depth + 1)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_render(each, scope=scope, budget=budget, depth=depth + 1) for each in value]
    return value


def _render_text(template: Template, scope: Mapping[str, Any], budget: Budget) -> Any:
    with _plain_words(template.source):
        if template.parts is None:
            return _evaluate(template, scope, budget)
        if template.whole is not None:
            value = look_up(scope, template.parts[0])
            if value is MISSING:
                return ""
            plain = type(value) in _PLAIN
            return value if plain else as_json_value(value, budget)
        texts = [
            part if isinstance(part, str) else as_text(look_up(scope, part), budget)
            for part in template.parts
        ]
        if sum(map(len, texts)) > LONGEST_OUTPUT:
            raise ExpressionError(
                f"{_name(template.source)} becomes longer than {LONGEST_OUTPUT} characters."
            )
        return "".join(texts)


_PLAIN = frozenset({str, int, float, bool, dict, list, type(None)})


def _evaluate(template: Template, scope: Mapping[str, Any], budget: Budget) -> Any:
    context = Context(template.bound, scope, budget, len(template.source))
    if template.whole is not None:
        value = template.whole.evaluate(context)
        return "" if isinstance(value, Undefined) else as_json_value(value, budget)
    buffer = LimitedStringIO(limit=LONGEST_OUTPUT)
    for node in template.bound.nodes:
        node.render(context, buffer)
    return buffer.getvalue()


def _compile(source: str) -> Template:
    if len(source) > LONGEST_TEMPLATE:
        raise ExpressionError(
            f"{_name(source)} is too long: a text with expressions has at most"
            f" {LONGEST_TEMPLATE} characters."
        )
    with _plain_words(source):
        bound = DIALECT.from_string(source)
    nodes = bound.nodes
    only = nodes[0] if len(nodes) == 1 else None
    exact = source.startswith("{{") and source.endswith("}}")
    return Template(
        source=source,
        bound=bound,
        parts=_parts(bound),
        whole=only.expression if isinstance(only, OutputNode) and exact else None,
    )


# Two caches, so that long templates cannot push out, or outweigh, the many short ones.
_compile_small = lru_cache(maxsize=4096)(_compile)
_compile_large = lru_cache(maxsize=32)(_compile)


def _parts(bound: BoundTemplate) -> tuple[str | Segments, ...] | None:
    parts: list[str | Segments] = []
    for node in bound.nodes:
        if isinstance(node, ContentNode):
            parts.append(node.text)
            continue
        expression = node.expression if isinstance(node, OutputNode) else None
        if not isinstance(expression, FilteredExpression) or expression.filters:
            return None
        path = expression.left.path if isinstance(expression.left, LiquidPath) else []
        segments = tuple(each for each in path if isinstance(each, str | int))
        if not segments or len(segments) < len(path):
            return None
        parts.append(segments)
    return tuple(parts)


class _plain_words:  # noqa: N801 (reads as a statement; a class is half the cost of a generator)
    """Turns whatever Liquid raises about ``source`` into one ExpressionError."""

    __slots__ = ("source",)

    def __init__(self, source: str) -> None:
        self.source = source

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        match error:
            case None | ExpressionError():
                return
            case RecursionError():
                reason = "it is nested too deeply"
            case LiquidInterrupt() | StopRender():
                reason = "'break' and 'continue' belong inside a loop"
            case LiquidError() if isinstance(error.__cause__, RecursionError):
                reason = "it is nested too deeply"
            case LiquidError():
                reason = str(error.message)
            case _ if isinstance(error, _ODD):
                reason = f"the values do not fit ({error})"
            case _:
                return
        raise ExpressionError(f"{_name(self.source)}: {reason[:300].rstrip('.')}.") from error


_FIRST = re.compile(r"\{[{%]")


def _name(source: str) -> str:
    """The first expression of ``source``, shortened, to be recognised by."""
    start = _FIRST.search(source)
    text = " ".join(source[start.start() if start else 0 :][: 4 * _EXCERPT].split())
    if "}" in text:
        close = text.find("}}") if text.startswith("{{") else text.find("%}")
        text = text[: close + 2] if close > 0 else text
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
