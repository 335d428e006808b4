"""Gestures on several steps at once: what a person has selected on the canvas.

Pure, like those on one step. A step counts once: one inside another that is meant too goes with it.
Raises everywhere: NotFound where one of the steps is gone.
"""

from collections.abc import Collection

from flowforge.errors import Invalid
from flowforge.services import drafts, editing_copies, editing_places
from flowforge.services.editing_places import OUTERMOST, Draft, Place, Step


def outermost(draft: Draft, ids: Collection[str]) -> list[Step]:
    """The steps of ``ids`` as they stand, without those inside another one of them."""
    wanted, within = set(ids), set[str]()
    found: list[Step] = []
    for step in drafts.all_steps(draft):
        if step["id"] not in wanted:
            continue
        wanted.discard(step["id"])
        if step["id"] not in within:
            found.append(step)
            within |= editing_places.inside(step)
    if wanted or not found:
        raise editing_places.gone()
    return found


def remove(draft: Draft, ids: Collection[str]) -> Draft:
    """Without these steps and all that is in them."""
    names = {step["id"] for step in outermost(draft, ids)}

    def kept(steps: list[Step]) -> list[Step]:
        return [drafts.with_bodies(step, kept) for step in steps if step["id"] not in names]

    return {**draft, "steps": kept(editing_places.listed(draft, OUTERMOST))}


def skip(draft: Draft, ids: Collection[str], *, is_skipped: bool) -> Draft:
    """Runs pass over these steps, or use them again."""
    names = {step["id"] for step in outermost(draft, ids)}

    def turned(step: Step) -> Step:
        is_meant = step["id"] in names and bool(step.get("skip")) != is_skipped
        return {**step, "skip": is_skipped} if is_meant else step

    return drafts.map_steps(draft, turned)


def duplicate(draft: Draft, ids: Collection[str]) -> tuple[Draft, list[str]]:
    """Copies, in each list behind the last of its steps that are copied, and their ids.

    Expressions of one of them that name another name its copy, in whatever list that stands.
    """
    models = outermost(draft, ids)
    taken = {step["id"] for step in drafts.all_steps(draft)}
    copies = editing_copies.copied(models, taken)
    copy_of = {model["id"]: copy for model, copy in zip(models, copies, strict=True)}
    for place in list(editing_places.places(draft)):
        these = [step["id"] for step in editing_places.listed(draft, place)]
        found = [each for each in these if each in copy_of]
        if found:
            behind = these.index(found[-1]) + 1
            draft = _with(draft, [copy_of[each] for each in found], place, behind)
    return draft, [copy["id"] for copy in copies]


def move_to(draft: Draft, ids: Collection[str], place: Place, at: int) -> Draft:
    """These steps, in their order, before position ``at`` (clipped) of the list ``place``, counted
    with those of them that stand there.

    Raises: Invalid for a list that is inside one of them.
    """
    moved = outermost(draft, ids)
    for step in moved:
        if place.step in editing_places.inside(step):
            raise Invalid("A step cannot go into itself.", code="into_itself")
    names = {step["id"] for step in moved}
    before = editing_places.listed(draft, place)[: max(0, at)]
    gone = sum(step["id"] in names for step in before)
    return _with(remove(draft, names), moved, place, max(0, at) - gone)


def _with(draft: Draft, steps: list[Step], place: Place, at: int) -> Draft:
    return editing_places.with_list(draft, place, lambda there: [*there[:at], *steps, *there[at:]])
