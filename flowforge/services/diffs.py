"""What differs between two definitions: by step and field, and in a plain sentence. Pure.

Promises: no difference, no entry, and the other way round; what an entry shows holds no secret,
though it tells that one has changed; the answer is bounded, whatever the definitions are.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

from flowforge.engine.parsing import parse_definition
from flowforge.infra import documents
from flowforge.services import drafts
from flowforge.services.drafts import Step

MOST_CHANGES = 500
LONGEST_VALUE = 2_000
_LONGEST_SAID = 60
_ABSENT = object()


@dataclass(frozen=True)
class Change:
    """One difference. ``path`` is like ``steps.post.inputs.url``; ``step_id`` is empty for what is
    no step. ``before`` and ``after`` are bounded; of a step that was moved they are its places.
    """

    kind: Literal["added", "removed", "moved", "changed"]
    path: str
    step_id: str
    before: Any
    after: Any
    summary: str


@dataclass(frozen=True)
class Diff:
    """``left_off``: how many changes there are besides those listed."""

    changes: list[Change]
    left_off: int


class _Place(NamedTuple):
    """Where a step stands: in which list, and at which position, from 1."""

    list: str
    position: int

    def __str__(self) -> str:
        return f"place {self.position} of {self.list}"


class _Value(NamedTuple):
    """A value, and what may be shown of it."""

    real: Any
    shown: Any

    def inside(self, key: Any) -> "_Value":
        return _Value(self.real[key], self.shown[key]) if key in self.real else _NOTHING

    def is_a(self, kind: Any) -> bool:
        """Whether it is one that may be looked into."""
        return isinstance(self.real, kind) and isinstance(self.shown, kind)


_NOTHING = _Value(_ABSENT, _ABSENT)


class _Field(NamedTuple):
    """A field that differs, and what may be shown of both sides."""

    path: str
    before: Any
    after: Any


class _Side:
    """One of the two definitions, every default spelled out, and what may be shown of it."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        whole = parse_definition(definition).model_dump(by_alias=True)
        shown = drafts.without_secrets(whole)
        self.around = _Value(_without(whole, "steps"), _without(shown, "steps"))
        self.steps = {step["id"]: step for step in drafts.all_steps(whole)}
        self.shown_steps = {step["id"]: step for step in drafts.all_steps(shown)}
        self.places = dict(_places(list(whole["steps"]), "the zap"))
        # As it was written: of a step that came or went, the defaults tell nothing.
        written = drafts.all_steps(drafts.without_secrets(definition))
        self.written = {step["id"]: _alone(step) for step in written}


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> Diff:
    """What makes ``after`` of ``before``: of the zap itself first, then step by step.

    Raises: Invalid for a definition that cannot be read.
    """
    found = _changes(_Side(before), _Side(after))
    return Diff(list(islice(found, MOST_CHANGES)), sum(1 for _ in found))


def _changes(one: _Side, other: _Side) -> Iterator[Change]:
    for field in _fields(one.around, other.around):
        root, _, rest = field.path.partition(".")
        yield _changed(field, field.path, "", root.capitalize(), rest)
    for step_id, step in one.steps.items():
        if step_id not in other.steps:
            said = f"Removed {_named(step)}."
            yield Change("removed", _path(step), step_id, one.written[step_id], None, said)
    moved = _moved(one.places, other.places)
    for step_id, step in other.steps.items():
        if step_id not in one.steps:
            said = f"Added {_named(step)} at {other.places[step_id]}."
            yield Change("added", _path(step), step_id, None, other.written[step_id], said)
            continue
        if step_id in moved:
            yield _move(step, one.places[step_id], other.places[step_id])
        yield from _changes_of_step(one, other, step_id)


def _changes_of_step(one: _Side, other: _Side, step_id: str) -> Iterator[Change]:
    before, after = one.steps[step_id], other.steps[step_id]
    if before["kind"] != after["kind"]:
        said = f"Step '{step_id}' is another kind of step: {drafts.does(after) or 'Action'}."
        first, second = one.written[step_id], other.written[step_id]
        yield Change("changed", _path(after), step_id, first, second, said)
        return
    fields = _fields(
        _Value(_comparable(before), _comparable(one.shown_steps[step_id])),
        _Value(_comparable(after), _comparable(other.shown_steps[step_id])),
    )
    for field in (*fields, *_order(_branch_keys(before), _branch_keys(after))):
        path = f"{_path(after)}.{field.path}"
        yield _changed(field, path, step_id, f"Step '{step_id}'", field.path)


def _order(before: list[str], after: list[str]) -> Iterator[_Field]:
    """A router looks at its branches in their order, so that is a field of its own."""
    common = set(before) & set(after)
    if [key for key in before if key in common] != [key for key in after if key in common]:
        yield _Field("branches", before, after)


def _move(step: Step, before: _Place, after: _Place) -> Change:
    said = f"Moved {_named(step)} from {before} to {after}."
    return Change("moved", _path(step), step["id"], before._asdict(), after._asdict(), said)


def _changed(field: _Field, path: str, step_id: str, subject: str, name: str) -> Change:
    before, after = field.before, field.after
    name = f" {name}" if name else ""
    if before is _ABSENT:
        said = f"{subject}:{name} was added: {_said(after)}."
    elif after is _ABSENT:
        said = f"{subject}:{name} was taken away. It was {_said(before)}."
    elif _is_same(before, after):
        said = f"{subject}:{name} changed. Its value is not shown."
    else:
        said = f"{subject}:{name} changed from {_said(before)} to {_said(after)}."
    return Change("changed", path, step_id, _bounded(before), _bounded(after), said)


def _fields(before: _Value, after: _Value, path: str = "") -> Iterator[_Field]:
    """The innermost fields that differ. What is hidden as a whole is not looked into."""
    if before.is_a(Mapping) and after.is_a(Mapping):
        for key in dict.fromkeys([*before.real, *after.real]):
            inner = f"{path}.{key}" if path else key
            yield from _fields(before.inside(key), after.inside(key), inner)
    elif before.is_a(list | tuple) and after.is_a(list | tuple) and _is_as_long(before, after):
        for index in range(len(before.real)):
            first = _Value(before.real[index], before.shown[index])
            second = _Value(after.real[index], after.shown[index])
            yield from _fields(first, second, f"{path}[{index}]")
    elif not _is_same(before.real, after.real):
        yield _Field(path, before.shown, after.shown)


def _is_as_long(before: _Value, after: _Value) -> bool:
    return len(before.real) == len(after.real)


def _is_same(before: Any, after: Any) -> bool:
    if before is _ABSENT or after is _ABSENT:
        return before is after
    # Not ==: to Python 1, 1.0 and True are equal.
    return documents.dump(before) == documents.dump(after)


def _comparable(step: Step) -> dict[str, Any]:
    """A step without its place and what stands in it; its branches by their names."""
    fields = _without(step, "id", "kind", "steps", "fallback", "branches")
    if "branches" in step:
        fields["branches"] = {
            key: _without(branch, "steps")
            for key, branch in zip(_branch_keys(step), step["branches"], strict=True)
        }
    return fields


def _branch_keys(step: Step) -> list[str]:
    """A name for each branch that no other of the step has."""
    keys: list[str] = []
    taken: set[str] = set()
    for number, branch in enumerate(step.get("branches") or (), start=1):
        name = key = branch.get("name") or f"Branch {number}"
        if key in taken:
            key = f"{name} (branch {number})"
        taken.add(key)
        keys.append(key)
    return keys


def _places(steps: list[Step], name: str) -> Iterator[tuple[str, _Place]]:
    for position, step in enumerate(steps, start=1):
        yield step["id"], _Place(name, position)
        for key, branch in zip(_branch_keys(step), step.get("branches") or (), strict=True):
            yield from _places(list(branch["steps"]), f"branch '{key}' of '{step['id']}'")
        for key, words in (("steps", "loop"), ("fallback", "the fallback of")):
            yield from _places(list(step.get(key) or ()), f"{words} '{step['id']}'")


def _moved(before: Mapping[str, _Place], after: Mapping[str, _Place]) -> set[str]:
    """The fewest steps whose moving explains where all that are in both stand now."""
    moved = set()
    lists: dict[str, list[str]] = {}
    for step_id in before.keys() & after.keys():
        if before[step_id].list == after[step_id].list:
            lists.setdefault(before[step_id].list, []).append(step_id)
        else:
            moved.add(step_id)
    for ids in lists.values():
        ids.sort(key=lambda each: before[each].position)
        stayed = _longest_rising([after[each].position for each in ids])
        moved |= {step_id for at, step_id in enumerate(ids) if at not in stayed}
    return moved


def _longest_rising(numbers: list[int]) -> set[int]:
    """Where a longest rising subsequence of ``numbers``, all different, stands. O(n log n)."""
    ends: list[int] = []  # the smallest last number of a rising sequence of each length
    at_end: list[int] = []  # and where it stands
    before: list[int] = []  # what comes before each number in its sequence
    for at, number in enumerate(numbers):
        length = bisect_left(ends, number)
        before.append(at_end[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        at_end[length : length + 1] = [at]
    found = set()
    at = at_end[-1] if at_end else -1
    while at >= 0:
        found.add(at)
        at = before[at]
    return found


def _alone(step: Step) -> Any:
    """``step`` as it was written, bounded, without the steps inside it: they speak for themselves."""
    alone = _without(step, "steps", "fallback")
    if "branches" in step:
        alone["branches"] = [_without(branch, "steps") for branch in step["branches"]]
    return _bounded(alone)


def _bounded(value: Any) -> Any:
    if value is _ABSENT:
        return None
    text = value if isinstance(value, str) else documents.dump(value)
    return value if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _said(value: Any) -> str:
    text = " ".join(documents.dump(value)[: 4 * _LONGEST_SAID].split())
    return text if len(text) <= _LONGEST_SAID else f"{text[: _LONGEST_SAID - 1]}…"


def _named(step: Step) -> str:
    name = drafts.step_name(step)
    return f"step '{step['id']}' ({name})" if name else f"step '{step['id']}'"


def _path(step: Step) -> str:
    return f"steps.{step['id']}"


def _without(value: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: each for key, each in value.items() if key not in keys}
