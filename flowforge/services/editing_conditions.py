"""Gestures on conditions: those of a trigger, of a filter, of a break, of a loop that goes on while
they hold, and of each branch of a router.

Pure, like those on steps. Where conditions stand is a card and a branch, counted from 0; what has
its own has ``NO_BRANCH``.
"""

from copy import deepcopy
from typing import Any, NamedTuple

from flowforge.engine.triggers import settings_of
from flowforge.errors import Invalid, NotFound
from flowforge.services import editing_places, step_kinds, trigger_forms
from flowforge.services.editing_places import Draft, Step

TRIGGER = "trigger"
NO_BRANCH = -1
PARTS = ("left", "op", "right", "caseSensitive")
# Under which key a step of the kind has its conditions.
KEYS = {"filter": "when", "break": "when", "loop": "while"}

Group = dict[str, Any]


class Spot(NamedTuple):
    """Where conditions stand."""

    card: str
    branch: int = NO_BRANCH


def fill(draft: Draft, spot: Spot, at: tuple[int, int], part: str, value: Any) -> Draft:
    """One of ``PARTS`` of the condition at (group, place). Raises: NotFound, Invalid."""
    if part not in PARTS:
        raise Invalid("A condition has a left side, an operator and a right side.")
    groups = _groups(draft, spot)
    group, place = at
    if not (0 <= group < len(groups) and 0 <= place < len(groups[group]["all"])):
        raise NotFound("This condition is gone. Reload the page.")
    groups[group]["all"][place][part] = value
    return _with_groups(draft, spot, groups)


def add(draft: Draft, spot: Spot, group: int) -> Draft:
    """One more condition in ``group``; a group that is not there yet is made: an "or"."""
    groups = _groups(draft, spot)
    fresh = step_kinds.new_condition()
    if 0 <= group < len(groups):
        groups[group]["all"].append(fresh)
    else:
        groups.append({"all": [fresh]})
    return _with_groups(draft, spot, groups)


def remove(draft: Draft, spot: Spot, at: tuple[int, int]) -> Draft:
    """A group that lost its last condition goes with it: an empty one would let everything pass."""
    groups = _groups(draft, spot)
    group, place = at
    if 0 <= group < len(groups) and 0 <= place < len(groups[group]["all"]):
        del groups[group]["all"][place]
    return _with_groups(draft, spot, [each for each in groups if each["all"]])


def when_of(step: Step, branch: int) -> dict[str, Any]:
    """The conditions of the step, or of one of a router's branches. Raises: Invalid, NotFound."""
    holder, key = _holder(step, branch)
    return dict(holder.get(key) or {})


def _holder(step: Step, branch: int) -> tuple[Step, str]:
    if step["kind"] == "router":
        branches = step.get("branches") or ()
        if not 0 <= branch < len(branches):
            raise editing_places.no_branch()
        return branches[branch], "when"
    if step["kind"] not in KEYS:
        raise Invalid("This step has no conditions.")
    return step, KEYS[step["kind"]]


def _groups(draft: Draft, spot: Spot) -> list[Group]:
    if spot.card == TRIGGER:
        when = settings_of(trigger_forms.trigger_of(draft)).get("when") or {}
    else:
        when = when_of(editing_places.step_of(draft, spot.card), spot.branch)
    groups = deepcopy(when.get("any") or [])
    return [{**group, "all": list(group.get("all") or ())} for group in groups]


def _with_groups(draft: Draft, spot: Spot, groups: list[Group]) -> Draft:
    if spot.card == TRIGGER:
        settings = settings_of(trigger_forms.trigger_of(draft))
        settings.pop("when", None)
        when = {"when": {"any": groups}} if groups else {}
        return trigger_forms.with_settings(draft, settings | when)
    step = editing_places.step_of(draft, spot.card)
    holder, key = _holder(step, spot.branch)
    after = {**holder, key: {**(holder.get(key) or {}), "any": groups}}
    if holder is not step:
        branches = list(step["branches"])
        branches[spot.branch] = after
        after = {**step, "branches": branches}
    return editing_places.with_step(draft, spot.card, after)
