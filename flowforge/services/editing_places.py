"""Where a step may stand: the lists of steps of a draft, at any depth, and what changes in one.

Pure. A list is named by the step around it, never by positions: those move while people edit.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowforge.errors import NotFound
from flowforge.services import drafts

Draft = dict[str, Any]
Step = dict[str, Any]

# The list that a router takes where no branch holds; it has no number.
FALLBACK = -1
# A position behind every step that a list may have.
END = 1_000_000


@dataclass(frozen=True)
class Place:
    """A list of steps: the zap's own (``step`` is empty), the round of a loop, or the branch
    ``branch`` (counted from 0) of a router or parallel block; ``FALLBACK`` is a router's.
    """

    step: str = ""
    branch: int = 0


OUTERMOST = Place()


def listed(draft: Mapping[str, Any], place: Place) -> list[Step]:
    """The steps that stand there. Raises: NotFound for a step or a branch that is gone."""
    if not place.step:
        return list(draft.get("steps") or ())
    return steps_at(step_of(draft, place.step), place.branch)


def steps_at(step: Step, branch: int) -> list[Step]:
    """The steps of that list inside ``step``. Raises: NotFound."""
    holder, key = _holder(step, branch)
    return list(holder.get(key) or ())


def with_list(draft: Draft, place: Place, change: Callable[[list[Step]], list[Step]]) -> Draft:
    """The draft with that list as ``change`` makes of it. Raises: NotFound."""
    if not place.step:
        return {**draft, "steps": change(listed(draft, place))}
    around = step_of(draft, place.step)
    holder, key = _holder(around, place.branch)
    after = {**holder, key: change(list(holder.get(key) or ()))}
    if holder is not around:
        branches = list(around["branches"])
        branches[place.branch] = after
        after = {**around, "branches": branches}
    return with_step(draft, place.step, after)


def where(draft: Mapping[str, Any], step_id: str) -> tuple[Place, int]:
    """The list that the step stands in, and its position there. Raises: NotFound."""
    for at, step in enumerate(listed(draft, OUTERMOST)):
        if step["id"] == step_id:
            return OUTERMOST, at
    for around in drafts.all_steps(draft):
        for place in places_in(around):
            for at, step in enumerate(steps_at(around, place.branch)):
                if step["id"] == step_id:
                    return place, at
    raise gone()


def places(draft: Mapping[str, Any]) -> Iterator[Place]:
    """Every list of the draft, each before those inside it; empty ones, and fallbacks that nobody
    has used yet, among them.
    """
    yield OUTERMOST
    for step in drafts.all_steps(draft):
        yield from places_in(step)


def places_in(step: Mapping[str, Any]) -> list[Place]:
    """The lists directly inside ``step``, in the order in which they stand."""
    match step["kind"]:
        case "loop":
            return [Place(step["id"])]
        case "router":
            return [*_branches(step), Place(step["id"], FALLBACK)]
        case "parallel":
            return _branches(step)
    return []


def inside(step: Step) -> set[str]:
    """The ids of the step and of all that is in it."""
    return {each["id"] for each in drafts.all_steps({"steps": [step]})}


def step_of(draft: Mapping[str, Any], step_id: str) -> Step:
    """Raises: NotFound where another tab has taken the step away."""
    for step in drafts.all_steps(draft):
        if step["id"] == step_id:
            return step
    raise gone()


def with_step(draft: Draft, step_id: str, step: Step) -> Draft:
    """``step`` in the place of the one that has the id. Raises: NotFound."""
    return in_its_list(draft, step_id, lambda steps, at: [*steps[:at], step, *steps[at + 1 :]])


def in_its_list(
    draft: Draft, step_id: str, change: Callable[[list[Step], int], list[Step]]
) -> Draft:
    """The draft with the list that has the step as ``change`` makes of it and the step's position.

    Raises: NotFound.
    """
    is_found = False

    def seen(steps: list[Step]) -> list[Step]:
        nonlocal is_found
        for at, step in enumerate(steps):
            if step["id"] == step_id:
                is_found = True
                return change(steps, at)
        return [drafts.with_bodies(step, seen) for step in steps]

    after = {**draft, "steps": seen(listed(draft, OUTERMOST))}
    if not is_found:
        raise gone()
    return after


def gone() -> NotFound:
    return NotFound("This step is gone. Reload the page to see the zap as it is now.")


def no_branch() -> NotFound:
    return NotFound("This branch is gone. Reload the page to see the zap as it is now.")


def _branches(step: Mapping[str, Any]) -> list[Place]:
    return [Place(step["id"], at) for at in range(len(step.get("branches") or ()))]


def _holder(step: Step, branch: int) -> tuple[Step, str]:
    """What has the list, and under which key: the step itself or one of its branches."""
    if step["kind"] == "loop" and branch == 0:
        return step, "steps"
    if step["kind"] == "router" and branch == FALLBACK:
        return step, "fallback"
    branches = step.get("branches") or ()
    if step["kind"] not in {"router", "parallel"} or not 0 <= branch < len(branches):
        raise no_branch()
    return branches[branch], "steps"
