"""Expressions that will find nothing: for the hints. Pure.

Only what is certain enough is told: an expression that has a default, or that decides with tags, is
prepared for nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.engine import expressions
from flowforge.engine.definition import ActionStep, CodeStep, RouterStep, Step
from flowforge.engine.expressions import ExpressionError
from flowforge.engine.plan import Plan
from flowforge.services import drafts

# What is known of a value: an object's fields, a list's item (one), or (None) anything at all.
Shape = Any

_DEEPEST = 8
_MOST_FIELDS = 500
_MOST_ITEMS = 50
# What Liquid offers of any value, and what a step has besides its output.
_ALWAYS = frozenset({"size", "first", "last", "output", "error", "iterations"})
_PREPARED = ("default", "{%")


def shape_of(value: Any, depth: int = 0) -> Shape:
    """What ``value`` says of the data that will stand in its place. What is no object and no list
    may be anything next time: a null, or a text that took the place of something.
    """
    if depth >= _DEEPEST:
        return None
    if isinstance(value, Mapping):
        if len(value) > _MOST_FIELDS:
            return None
        return {str(name): shape_of(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple) and value:
        return [_merged(shape_of(each, depth + 1) for each in value[:_MOST_ITEMS])]
    return None


class Reader:
    """The expressions of one definition, whose ``plan`` it is."""

    def __init__(self, plan: Plan, shapes: Mapping[str, Shape]) -> None:
        self._plan = plan
        self._shapes = shapes

    def findings(self, step: Step) -> Iterator[tuple[str, str, str]]:
        """Code, path and sentence of each."""
        for path, text in _templates(step):
            if any(word in text for word in _PREPARED):
                continue
            try:
                found = sorted(expressions.references(text))
            except ExpressionError:
                continue
            for reference in found:
                finding = self._judged(step, reference)
                if finding is not None:
                    yield finding[0], path, finding[1]

    def _judged(self, step: Step, reference: tuple[str, ...]) -> tuple[str, str] | None:
        match reference:
            case ("trigger", "body" | "query" as part, *rest) if "trigger" in self._shapes:
                shape = (self._shapes["trigger"] or {}).get(part)
                return _unknown(f"trigger.{part}", shape, rest)
            case ("steps", name, *rest) if name in self._plan.places:
                return self._absent(step, name) or self._unknown_of(name, rest)
        return None

    def _absent(self, step: Step, name: str) -> tuple[str, str] | None:
        other = self._plan.places[name].step
        called = drafts.step_name(other.model_dump(include={"name", "kind", "action"}))
        if other.skip:
            message = f"“{called}” is skipped, so nothing will stand here. Use it again, or write"
            return "skipped", f"{message} {{{{ … | default: '…' }}}}."
        mine = set(self._around(step.id))
        for block, owner in self._around(name).items():
            if block not in mine and isinstance(owner, RouterStep):
                message = f"“{called}” runs only where its branch is taken; otherwise nothing will"
                return "maybe_absent", f"{message} stand here. Write {{{{ … | default: '…' }}}}."
        return None

    def _around(self, name: str) -> dict[int, Step | None]:
        """The lists from the step's own up to the zap's, and what each stands in."""
        found: dict[int, Step | None] = {}
        at: str | None = name
        while at is not None:
            block = self._plan.places[at].block
            owner = found[block] = self._plan.blocks[block].owner
            at = owner.id if owner is not None else None
        return found

    def _unknown_of(self, name: str, rest: list[str]) -> tuple[str, str] | None:
        step = self._plan.places[name].step
        if not isinstance(step, ActionStep | CodeStep) or step.on_error == "continue":
            return None
        inside = rest[1:] if rest[:1] == ["output"] else rest
        return _unknown(f"steps.{name}", self._shape(step, name), inside)

    def _shape(self, step: Step, name: str) -> Shape:
        known = self._shapes.get(name)
        if not isinstance(step, ActionStep) or step.action not in REGISTRY:
            return known
        declared = REGISTRY[step.action].output_schema()
        if declared.get("additionalProperties"):
            return known
        promised = dict.fromkeys(declared.get("properties", {}))
        return {**promised, **known} if isinstance(known, dict) else promised or None


def _unknown(at: str, shape: Shape, rest: Iterable[str]) -> tuple[str, str] | None:
    """What is said where ``rest`` leads out of ``shape``."""
    for key in rest:
        if shape is None or key in _ALWAYS:
            return None
        if isinstance(shape, list):
            shape = shape[0]
            if not key.lstrip("-").isdecimal():
                message = f"{at} is a list: choose one of its items, as {at}[0].{key}, or loop."
                return "unknown_field", message
            at = f"{at}[{key}]"
            continue
        if key not in shape:
            return "unknown_field", f"There was no '{key}' in {at} last time.{_meant(key, shape)}"
        shape, at = shape[key], f"{at}.{key}"
    return None


def _meant(key: str, shape: Mapping[str, Shape]) -> str:
    close = get_close_matches(key, list(shape), n=1, cutoff=0.6)
    if close:
        return f" Did you mean '{close[0]}'?"
    some = ", ".join(list(shape)[:5])
    return f" It had: {some}." if some else " It was empty."


def _merged(shapes: Iterable[Shape]) -> Shape:
    """Of items that differ: whatever one of them has. Anything, where one may be anything."""
    merged: dict[str, Shape] = {}
    for shape in shapes:
        if not isinstance(shape, dict):
            return None
        for name, each in shape.items():
            merged[name] = each if name not in merged or merged[name] == each else None
    return merged


def _templates(step: Step) -> Iterator[tuple[str, str]]:
    """Every text with an expression that the step itself renders, and its path."""
    inside: Any = {"steps": True, "fallback": True, "branches": {"__all__": {"steps"}}}
    dumped = step.model_dump(by_alias=True, exclude=inside)
    for left_out in ("id", "kind", "name", "code"):
        dumped.pop(left_out, None)
    waiting: list[tuple[str, Any]] = [(f"steps.{step.id}", dumped)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            if expressions.is_template(value):
                yield path, value
        elif isinstance(value, Mapping):
            waiting += [(f"{path}.{name}", each) for name, each in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(f"{path}[{at}]", each) for at, each in enumerate(value)]
