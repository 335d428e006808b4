"""Gestures of the builder as pure functions: a draft goes in, another draft comes out.

Promises: nothing is changed in place; a step keeps its id for life, because expressions name it;
what a gesture is not about stays exactly as it was sent.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from flowforge.errors import Invalid, NotFound

Draft = dict[str, Any]
Step = dict[str, Any]

_NO_ID = re.compile(r"[^a-z0-9]+")
_LONGEST_BASE = 40
# What a form may set besides inputs, and where it stands in a step.
OPTIONS = {
    "name": ("name",),
    "skip": ("skip",),
    "on_error": ("on_error",),
    "timeout_seconds": ("timeout_seconds",),
    "attempts": ("retry", "attempts"),
}


def steps_of(draft: Mapping[str, Any]) -> list[Step]:
    return list(draft.get("steps") or ())


def step_of(draft: Mapping[str, Any], step_id: str) -> Step:
    """Raises: NotFound where another tab has taken the step away."""
    return steps_of(draft)[_place(draft, step_id)]


def set_trigger(draft: Draft, kind: str) -> Draft:
    """Settings of the old kind mean nothing to the new one, so they go."""
    before = draft.get("trigger") or {}
    if before.get("kind") == kind:
        return draft
    return {**draft, "trigger": {"kind": kind, "settings": {}}}


def add(draft: Draft, action: str, at: int) -> tuple[Draft, str]:
    """The draft with a new step before position ``at`` (clipped), and the step's id.

    ``action`` is a registry key, or "filter" or "stop", which are kinds of their own.
    """
    step_id = free_id(draft, action)
    steps = steps_of(draft)
    steps.insert(max(0, at), _new_step(step_id, action))
    return {**draft, "steps": steps}, step_id


def choose(draft: Draft, step_id: str, action: str) -> Draft:
    """The step does something else from now on; inputs of the former action go."""
    before = step_of(draft, step_id)
    if (before.get("action") or before["kind"]) == action:
        return draft
    return _replaced(draft, step_id, _new_step(step_id, action))


def move(draft: Draft, step_id: str, by: int) -> Draft:
    """``by`` places down, negative: up; it stops at the ends."""
    place = _place(draft, step_id)
    steps = steps_of(draft)
    step = steps.pop(place)
    steps.insert(max(0, place + by), step)
    return {**draft, "steps": steps}


def duplicate(draft: Draft, step_id: str) -> tuple[Draft, str]:
    """A copy right after the step, under an id of its own."""
    place = _place(draft, step_id)
    steps = steps_of(draft)
    copy = deepcopy(steps[place])
    copy["id"] = free_id(draft, str(copy.get("action") or copy["kind"]))
    steps.insert(place + 1, copy)
    return {**draft, "steps": steps}, str(copy["id"])


def remove(draft: Draft, step_id: str) -> Draft:
    """Without the step. Expressions that name it stay: the checks will point at them."""
    place = _place(draft, step_id)
    steps = steps_of(draft)
    del steps[place]
    return {**draft, "steps": steps}


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
    return _replaced(draft, step_id, {**step, "inputs": inputs})


def set_option(draft: Draft, step_id: str, option: str, value: Any) -> Draft:
    """A setting of the step itself, one of ``OPTIONS``."""
    if option not in OPTIONS:
        raise Invalid(f"A step has no setting '{option}'.")
    step = deepcopy(step_of(draft, step_id))
    *outer, last = OPTIONS[option]
    place = step
    for key in outer:
        place = place.setdefault(key, {})
    place[last] = value
    return _replaced(draft, step_id, step)


def set_condition(draft: Draft, step_id: str, at: tuple[int, int], part: str, value: Any) -> Draft:
    """One part (left, op, right) of the condition at (group, place) of a filter."""
    groups = _groups(draft, step_id)
    group, place = at
    if not (0 <= group < len(groups) and 0 <= place < len(groups[group]["all"])):
        raise NotFound("This condition is gone. Reload the page.")
    groups[group]["all"][place][part] = value
    return _with_groups(draft, step_id, groups)


def add_condition(draft: Draft, step_id: str, group: int) -> Draft:
    """One more condition in ``group``; a group that is not there yet is made: an "or"."""
    groups = _groups(draft, step_id)
    fresh = {"left": "", "op": "TEXT_EXACTLY_MATCHES", "right": ""}
    if 0 <= group < len(groups):
        groups[group]["all"].append(fresh)
    else:
        groups.append({"all": [fresh]})
    return _with_groups(draft, step_id, groups)


def remove_condition(draft: Draft, step_id: str, at: tuple[int, int]) -> Draft:
    """A group that lost its last condition goes with it: an empty one would let everything pass."""
    groups = _groups(draft, step_id)
    group, place = at
    if 0 <= group < len(groups) and 0 <= place < len(groups[group]["all"]):
        del groups[group]["all"][place]
    return _with_groups(draft, step_id, [each for each in groups if each["all"]])


def free_id(draft: Mapping[str, Any], action: str) -> str:
    """``send_sol``, then ``send_sol_2``: readable, because people see it in expressions."""
    base = _NO_ID.sub("_", action.lower()).strip("_")[:_LONGEST_BASE] or "step"
    base = base if base[0].isalpha() else f"step_{base}"
    taken = {step["id"] for step in steps_of(draft)}
    number = 1
    while (candidate := base if number == 1 else f"{base}_{number}") in taken:
        number += 1
    return candidate


def _new_step(step_id: str, action: str) -> Step:
    match action:
        case "filter":
            condition = {"left": "", "op": "TEXT_EXACTLY_MATCHES", "right": ""}
            return {"kind": "filter", "id": step_id, "when": {"any": [{"all": [condition]}]}}
        case "stop":
            return {"kind": "stop", "id": step_id}
    return {"kind": "action", "id": step_id, "action": action, "inputs": {}}


def _groups(draft: Draft, step_id: str) -> list[dict[str, Any]]:
    step = step_of(draft, step_id)
    if step["kind"] != "filter":
        raise Invalid("Only a filter has conditions.")
    groups = deepcopy((step.get("when") or {}).get("any") or [])
    return [{**group, "all": list(group.get("all") or ())} for group in groups]


def _with_groups(draft: Draft, step_id: str, groups: list[dict[str, Any]]) -> Draft:
    step = step_of(draft, step_id)
    return _replaced(draft, step_id, {**step, "when": {**(step.get("when") or {}), "any": groups}})


def _place(draft: Mapping[str, Any], step_id: str) -> int:
    for place, step in enumerate(steps_of(draft)):
        if step.get("id") == step_id:
            return place
    raise NotFound("This step is gone. Reload the page to see the zap as it is now.")


def _replaced(draft: Draft, step_id: str, step: Step) -> Draft:
    steps = steps_of(draft)
    steps[_place(draft, step_id)] = step
    return {**draft, "steps": steps}
