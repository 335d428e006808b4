"""Gestures of the builder as pure functions: a draft goes in, another draft comes out.

Promises: nothing is changed in place; a step keeps its id for life, because expressions name it;
what a gesture is not about stays exactly as it was sent. A step is found at any depth, and may
stand in any list; those on branches are in ``editing_branches``, those on conditions in
``editing_conditions``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flowforge.errors import Invalid
from flowforge.services import (
    drafts,
    editing_copies,
    editing_places,
    step_kinds,
    trigger_kinds,
)
from flowforge.services.editing_places import OUTERMOST, Draft, Place, Step, step_of

__all__ = ["Draft", "Step", "step_of"]

TRIGGER = "trigger"
# What a form may set besides inputs, and where it stands in a step.
OPTIONS = {
    "name": ("name",),
    "note": ("note",),
    "skip": ("skip",),
    "on_error": ("on_error",),
    "timeout_seconds": ("timeout_seconds",),
    "attempts": ("retry", "attempts"),
    "first_wait": ("retry", "first_wait"),
    "factor": ("retry", "factor"),
    "longest_wait": ("retry", "longest_wait"),
}


def steps_of(draft: Mapping[str, Any]) -> list[Step]:
    """The steps of the outermost list."""
    return list(draft.get("steps") or ())


def set_trigger(draft: Draft, key: str) -> Draft:
    """``key``: as in ``trigger_kinds``. Settings of the old trigger mean nothing to the new one, so
    they go; the steps stay.
    """
    if trigger_kinds.key_of(draft.get("trigger")) == key:
        return draft
    return {**draft, "trigger": trigger_kinds.new_trigger(key)}


def add(draft: Draft, action: str, at: int, place: Place = OUTERMOST) -> tuple[Draft, str]:
    """The draft with a new step before position ``at`` (clipped) of the list ``place``, and the
    step's id.

    ``action`` is a registry key, or the name of a kind of its own such as "filter".
    """
    step_id = free_id(draft, action)
    return _with(draft, [step_kinds.new_step(step_id, action)], place, at), step_id


def insert(
    draft: Draft, steps: Sequence[Step], at: int, place: Place = OUTERMOST
) -> tuple[Draft, str]:
    """Copies of ``steps`` (at least one, of any draft) before position ``at``, under ids of their
    own, and the id of the first.
    """
    copies = editing_copies.copied(steps, _ids(draft))
    return _with(draft, copies, place, at), copies[0]["id"]


def choose(draft: Draft, step_id: str, action: str) -> Draft:
    """The step does something else from now on; inputs of the former action go.

    Raises: Invalid where steps stand inside: they would go with what they stand in.
    """
    before = step_of(draft, step_id)
    if drafts.action_key(before) == action:
        return draft
    if any(body.steps for body in drafts.bodies(before)):
        raise Invalid("There are steps inside this one. Move or remove them first.")
    return replace(draft, step_id, step_kinds.new_step(step_id, action))


def move(draft: Draft, step_id: str, by: int) -> Draft:
    """``by`` places down, negative: up; it stops at the ends of its list."""

    def moved(steps: list[Step], at: int) -> list[Step]:
        others = [*steps[:at], *steps[at + 1 :]]
        target = max(0, at + by)
        return [*others[:target], steps[at], *others[target:]]

    return editing_places.in_its_list(draft, step_id, moved)


def duplicate(draft: Draft, step_id: str) -> tuple[Draft, str]:
    """A copy right after the step, under an id of its own, like every step inside it.

    Expressions inside that name a step of the model name its copy.
    """
    place, at = editing_places.where(draft, step_id)
    return insert(draft, [step_of(draft, step_id)], at + 1, place)


def remove(draft: Draft, step_id: str) -> Draft:
    """Without the step and all that is in it. Expressions that name it stay: the checks will
    point at them.
    """
    return editing_places.in_its_list(
        draft, step_id, lambda steps, at: [*steps[:at], *steps[at + 1 :]]
    )


def replace(draft: Draft, step_id: str, step: Step) -> Draft:
    """``step`` in the place of the step.

    Raises: Invalid where it has another id: expressions name the step by it.
    """
    if step.get("id") != step_id:
        raise Invalid(f"A step keeps its id, because expressions name it: '{step_id}'.")
    return editing_places.with_step(draft, step_id, step)


def set_input(
    draft: Draft, step_id: str, name: str, value: Any, *, formerly: tuple[str, ...] = ()
) -> Draft:
    """One input. An empty text is the same as no input; ``formerly`` are other names of it."""
    step = step_of(draft, step_id)
    inputs = {key: old for key, old in (step.get("inputs") or {}).items() if key not in formerly}
    if value is None or value == "":
        inputs.pop(name, None)
    else:
        inputs[name] = value
    return replace(draft, step_id, {**step, "inputs": inputs})


def set_option(draft: Draft, step_id: str, option: str, value: Any) -> Draft:
    """A setting of the step itself, one of ``OPTIONS``; None: as it is by itself."""
    if option not in OPTIONS:
        raise Invalid(f"A step has no setting '{option[:60]}'.")
    step = step_of(draft, step_id)
    *outer, last = OPTIONS[option]
    inner = {key: each for key, each in _inside(step, outer).items() if key != last}
    if value is not None:
        inner[last] = value
    if not outer:
        return replace(draft, step_id, inner)
    after = {key: each for key, each in step.items() if key != outer[0]}
    return replace(draft, step_id, after | ({outer[0]: inner} if inner else {}))


def free_id(draft: Mapping[str, Any], action: str) -> str:
    """``send_sol``, then ``send_sol_2``: readable, because people see it in expressions."""
    return editing_copies.free(_ids(draft), action)


def _ids(draft: Mapping[str, Any]) -> set[str]:
    return {step["id"] for step in drafts.all_steps(draft)}


def _with(draft: Draft, steps: Sequence[Step], place: Place, at: int) -> Draft:
    target = max(0, at)
    return editing_places.with_list(
        draft, place, lambda there: [*there[:target], *steps, *there[target:]]
    )


def _inside(step: Step, keys: Sequence[str]) -> Mapping[str, Any]:
    for key in keys:
        step = step.get(key) or {}
    return step
