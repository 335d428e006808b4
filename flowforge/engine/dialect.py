"""The dialect of Liquid that FlowForge speaks: which tags and filters, and within which limits.

Everything here is an allow-list. Reading a template takes linear time whatever it holds: Liquid's
own lexer can be made to take quadratic time, so this one replaces it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from liquid import BoundTemplate, Environment, RenderContext, Token
from liquid.builtin import content, illegal
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags import assign_tag, capture_tag, case_tag, for_tag, if_tag, unless_tag
from liquid.exceptions import LiquidSyntaxError, LoopIterationLimitError
from liquid.token import TOKEN_CONTENT, TOKEN_EXPRESSION, TOKEN_OUTPUT, TOKEN_TAG
from liquid.undefined import UNDEFINED
from liquid.utils import ReadOnlyChainMap

from flowforge.engine import filters
from flowforge.engine.values import MISSING, Budget, View, as_text, item, look_up

LONGEST_TEMPLATE = 100_000
# Liquid's reader of single expressions is quadratic in the worst case: keep them short.
LONGEST_EXPRESSION = 2_000
LOOP_ROUNDS = 10_000
# A round of a loop costs as much as its template is long; even the shortest costs something.
_LEAST_ROUND = 100

_TAG = re.compile(r"-?\s*(\w+)\s*")
_OPENING = re.compile(r"\{[{%]")
# Payloads do have keys like `limit` and `for`, which Liquid would read as words of its own.
# Texts between quotes are matched first, so that they stay as they are.
_RESERVED = re.compile(
    r"""'[^']*'|"[^"]*"|(?<!\.)\.(and|as|blank|cols|contains|continue|else|empty|false|for|if|in"""
    r"""|limit|nil|not|null|offset|or|required|reversed|true|with)(?![\w?-])"""
)
_ENDS = {name: re.compile(r"\{%-?\s*end" + name + r"\s*-?%\}") for name in ("raw", "comment")}


class Context(RenderContext):
    """One render of one template: its variables, its budget, and no clock."""

    __slots__ = ("budget", "rounds", "weight")

    def __init__(
        self, template: BoundTemplate, scope: Mapping[str, object], budget: Budget, weight: int
    ) -> None:
        super().__init__(template, globals=scope)
        # Liquid would offer `now` and `today` here.
        self.scope = ReadOnlyChainMap(self.locals, self.globals)
        self.budget = budget
        self.rounds = 0
        self.weight = max(weight, _LEAST_ROUND)

    def get(
        self, path: list[object], *, token: Token | None, default: object = UNDEFINED
    ) -> object:
        found = look_up(self.scope, path)
        if found is MISSING:
            missing = self.env.undefined(str(path[0]), token=token)
            return missing if default is UNDEFINED else default
        # Whatever is done with it (``contains``, say) may go over all of it, round after round.
        if isinstance(found, str):
            self.budget.spend(len(found) >> 3)
        elif isinstance(found, list | dict | View):
            self.budget.spend(len(found))
        return found

    def get_item(self, obj: Any, key: Any) -> Any:
        found = item(obj, key)
        if found is MISSING:
            raise KeyError(key)
        return found

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self.rounds += length
        if self.rounds > LOOP_ROUNDS:
            raise LoopIterationLimitError(
                f"loops may take at most {LOOP_ROUNDS} rounds in all", token=None
            )
        self.budget.spend(length * self.weight)


class _OutputNode(OutputNode):
    def render_to_output(self, context: RenderContext, buffer: Any) -> int:
        assert isinstance(context, Context)  # noqa: S101 (tells the type; nobody else makes one)
        written: int = buffer.write(as_text(self.expression.evaluate(context), context.budget))
        return written


class _Output(Output):
    node_class = _OutputNode


class Dialect(Environment):
    """Liquid with our tags, filters and limits."""

    block_nesting_limit = 30
    context_depth_limit = 20
    loop_iteration_limit = LOOP_ROUNDS
    output_stream_limit = 1_000_000
    local_namespace_limit = 100_000
    shorthand_indexes = True

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (
            content.Literal,
            _Output,
            illegal.Illegal,
            if_tag.IfTag,
            unless_tag.UnlessTag,
            case_tag.CaseTag,
            for_tag.ForTag,
            for_tag.BreakTag,
            for_tag.ContinueTag,
            assign_tag.AssignTag,
            capture_tag.CaptureTag,
        ):
            self.add_tag(tag)
        filters.register(self)

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        return tokenize


DIALECT = Dialect()


def tokenize(source: str) -> Iterator[Token]:
    """The tokens of a template, in one pass. ``raw`` and ``comment`` are dealt with here."""
    position, strip_next = 0, False
    while position < len(source):
        start = _next_opening(source, position)
        text = source[position:start]
        if strip_next:
            text = text.lstrip()
        if source.startswith("-", start + 2):
            text = text.rstrip()
        if text:
            yield Token(TOKEN_CONTENT, text, position, source)
        if start == len(source):
            return
        end, inner, strip_next = _inside(source, start)
        if source.startswith("{{", start):
            yield Token(TOKEN_OUTPUT, source[start:end], start, source)
            yield Token(TOKEN_EXPRESSION, inner, start, source)
            position = end
            continue
        name, expression = _tag(inner)
        if name in _ENDS:
            close, position = _end_of(name, source, end)
            if name == "raw" and close > end:
                yield Token(TOKEN_CONTENT, source[end:close], end, source)
            strip_next = False
            continue
        yield Token(TOKEN_TAG, name, start, source)
        if expression:
            yield Token(TOKEN_EXPRESSION, expression, start, source)
        position = end


def _end_of(name: str, source: str, position: int) -> tuple[int, int]:
    """Where the tag that ends ``raw`` or ``comment`` begins, and where it ends."""
    found = _ENDS[name].search(source, position)
    if found is None:
        raise LiquidSyntaxError(f"'{name}' is never ended with 'end{name}'", token=None)
    return found.start(), found.end()


def _next_opening(source: str, position: int) -> int:
    found = _OPENING.search(source, position)
    return len(source) if found is None else found.start()


def _inside(source: str, start: int) -> tuple[int, str, bool]:
    """Where the braces opened at ``start`` end, what they hold, and whether they strip after."""
    opening, closing = source[start : start + 2], "}}" if source[start + 1] == "{" else "%}"
    end = source.find(closing, start + 2)
    if end < 0:
        raise LiquidSyntaxError(f"'{opening}' is never closed with '{closing}'", token=None)
    if end - start > LONGEST_EXPRESSION:
        raise LiquidSyntaxError(
            f"an expression has at most {LONGEST_EXPRESSION} characters", token=None
        )
    inner = source[start + 2 : end].removeprefix("-")
    strip_next = inner.endswith("-")
    inner = inner.removesuffix("-").strip()
    if not inner:
        raise LiquidSyntaxError(f"nothing stands between '{opening}' and '{closing}'", token=None)
    return end + 2, _RESERVED.sub(_bracketed, inner), strip_next


def _bracketed(match: re.Match[str]) -> str:
    return f"['{match[1]}']" if match[1] else match[0]


def _tag(inner: str) -> tuple[str, str]:
    match = _TAG.match(inner)
    if match is None:
        raise LiquidSyntaxError("a tag starts with its name", token=None)
    return match.group(1), inner[match.end() :]
