"""What must be true to publish a draft: each problem with the step and field that it is about."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowforge.engine import expressions
from flowforge.engine.conditions import UNARY, When
from flowforge.engine.definition import ActionStep, Definition, FilterStep, Step

_ROOTS = ("trigger", "steps", "run", "connections")
_LOOP_ROOTS = ("item", "index")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to mend before publishing. ``path`` is like ``steps.post.inputs.url``."""

    path: str
    message: str

    def as_detail(self) -> dict[str, str]:
        """As it stands in the ``details`` of an answer."""
        return {"path": self.path, "message": self.message}


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """What the checks must know of a registered action.

    ``validate`` gives a (field, message) for everything that is wrong with the inputs; the field
    is dotted (``headers.accept``), or empty where the inputs as a whole are wrong. ``connection``
    is the kind of connection needed, or None.
    """

    validate: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]
    required: frozenset[str] = frozenset()
    connection: str | None = None
    repeatable: bool = True


def check(definition: Definition, actions: Mapping[str, ActionSpec]) -> list[Problem]:
    """Everything that keeps ``definition`` from being published, in its own order."""
    problems: list[Problem] = []
    if definition.trigger is None:
        problems.append(Problem("trigger", "Choose what starts this zap."))
    if not definition.steps:
        problems.append(Problem("steps", "Add at least one step."))
    known = {step.id: position for position, step in enumerate(definition.steps)}
    for position, step in enumerate(definition.steps):
        # A step that is passed over cannot go wrong.
        if not step.skip:
            problems += _check_step(step, _Sight(known, position), actions)
    return problems


@dataclass(frozen=True, slots=True)
class _Sight:
    """Which names a step sees: all steps by position, and its own position."""

    known: Mapping[str, int]
    position: int

    def problem(self, reference: tuple[str, ...]) -> str | None:
        """What is wrong with reading ``reference`` here; None when nothing is."""
        root = reference[0]
        if root in _LOOP_ROOTS:
            return f"'{root}' is known only inside a loop."
        if root not in _ROOTS:
            return f"'{root}' is unknown. Expressions may name {', '.join(_ROOTS)}."
        if root != "steps" or len(reference) == 1 or reference[1] in ("size", "first"):
            return None
        position = self.known.get(reference[1])
        if position is None:
            return f"There is no step '{reference[1]}'."
        if position >= self.position:
            return f"Step '{reference[1]}' has not run yet at this point."
        return None


def _check_step(step: Step, sight: _Sight, actions: Mapping[str, ActionSpec]) -> Iterator[Problem]:
    path = f"steps.{step.id}"
    if isinstance(step, FilterStep):
        yield from _check_when(step.when, f"{path}.when", sight)
    if not isinstance(step, ActionStep):
        return
    if not step.action:
        yield Problem(f"{path}.action", "Choose an action.")
    elif step.action not in actions:
        yield Problem(f"{path}.action", f"No handler registered for action '{step.action}'")
    else:
        spec = actions[step.action]
        if spec.connection is not None and not step.connection:
            yield Problem(f"{path}.connection", "Choose a connection.")
        yield from _check_inputs(step.inputs, spec, f"{path}.inputs")
    yield from _check_expressions(step.inputs, f"{path}.inputs", sight)


def _check_inputs(inputs: Mapping[str, Any], spec: ActionSpec, path: str) -> Iterator[Problem]:
    missing = {name for name in spec.required if inputs.get(name) in (None, "")}
    for name in sorted(missing):
        yield Problem(f"{path}.{name}", "This is required.")
    for name, message in spec.validate(inputs):
        first = name.split(".", 1)[0]
        # What an expression will give is known only when the step runs; it is checked then.
        if first not in missing and not expressions.is_template(_value_at(inputs, name)):
            yield Problem(f"{path}.{name}" if name else path, message)


def _value_at(inputs: Mapping[str, Any], name: str) -> Any:
    """The value that ``name`` points at, or the nearest one around it; None for no name."""
    value: Any = inputs.get(name.split(".", 1)[0]) if name else None
    for key in name.split(".")[1:]:
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            break
    return value


def _check_when(when: When, path: str, sight: _Sight) -> Iterator[Problem]:
    for group_index, group in enumerate(when.any):
        for index, condition in enumerate(group.all):
            here = f"{path}.any[{group_index}].all[{index}]"
            if condition.left in (None, ""):
                yield Problem(f"{here}.left", "Choose what to look at.")
            if condition.right is None and condition.op not in UNARY:
                yield Problem(f"{here}.right", "Say what to compare with.")
            yield from _check_expressions(condition.left, f"{here}.left", sight)
            yield from _check_expressions(condition.right, f"{here}.right", sight)


def _check_expressions(value: Any, path: str, sight: _Sight) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _check_expressions(each, f"{path}.{key}", sight)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _check_expressions(each, f"{path}[{index}]", sight)
    elif isinstance(value, str) and expressions.is_template(value):
        try:
            found = expressions.references(value)
        except expressions.ExpressionError as error:
            yield Problem(path, error.message)
            return
        for message in sorted({m for m in map(sight.problem, found) if m is not None}):
            yield Problem(path, message)
