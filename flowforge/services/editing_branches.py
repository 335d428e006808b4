"""Gestures on the branches of routers and parallel blocks.

Pure, like those on steps. A branch is named by its position, counted from 0; branches that wait
for another one (``depends_on``) follow its name. A router's fallback is no branch: it is always
there, and it is emptied step by step.
"""

from collections.abc import Callable, Collection
from typing import Any

from flowforge.engine.dependencies import check_dependencies
from flowforge.errors import Invalid
from flowforge.services import drafts, editing_copies, editing_places, step_kinds
from flowforge.services.editing_places import Draft, Step

Branch = dict[str, Any]

LONGEST_NAME = 200


def add(draft: Draft, step_id: str) -> Draft:
    """One more at the end, without steps; a router's begins with a condition to fill in."""

    def change(step: Step, branches: list[Branch]) -> list[Branch]:
        names = [str(branch.get("name") or "") for branch in branches]
        name = _free_name(names, "Branch", len(branches) + 1)
        return [*branches, {**step_kinds.new_branch(step["kind"]), "name": name}]

    return _changed(draft, step_id, change)


def rename(draft: Draft, step_id: str, at: int, name: str) -> Draft:
    """Raises: Invalid for a parallel block's branch without a name, or with that of another:
    branches wait for each other by name.
    """
    after = name.strip()[:LONGEST_NAME]

    def change(step: Step, branches: list[Branch]) -> list[Branch]:
        before = str(_branch(branches, at).get("name") or "")
        if step["kind"] == "parallel" and after != before:
            if not after:
                raise Invalid("Give the branch a name.", code="no_name")
            if after in {branch.get("name") for branch in branches}:
                raise Invalid(f"There is already a branch '{after}'.", code="duplicate_name")
        branches[at] = {**branches[at], "name": after}
        return _waiting(branches, lambda needed: after if needed == before else needed)

    return _changed(draft, step_id, change)


def duplicate(draft: Draft, step_id: str, at: int) -> Draft:
    """A copy right after it: its steps under ids of their own, waiting for the same branches."""
    taken = {step["id"] for step in drafts.all_steps(draft)}

    def change(step: Step, branches: list[Branch]) -> list[Branch]:
        model = _branch(branches, at)
        copy = {**model, "steps": editing_copies.copied(model.get("steps") or (), taken)}
        if model.get("name"):
            names = [str(branch.get("name") or "") for branch in branches]
            copy["name"] = _free_name(names, str(model["name"]), 2)
        return [*branches[: at + 1], copy, *branches[at + 1 :]]

    return _changed(draft, step_id, change)


def move(draft: Draft, step_id: str, at: int, by: int) -> Draft:
    """``by`` places down, negative: up; it stops at the ends. A router asks its branches in their
    order.
    """

    def change(step: Step, branches: list[Branch]) -> list[Branch]:
        moved = _branch(branches, at)
        others = [*branches[:at], *branches[at + 1 :]]
        target = max(0, at + by)
        return [*others[:target], moved, *others[target:]]

    return _changed(draft, step_id, change)


def wait_for(draft: Draft, step_id: str, at: int, name: str, *, is_on: bool) -> Draft:
    """The branch begins only after the one of that ``name``, or no longer waits for it.

    Raises: Invalid for a branch that is not there, or that waits for this one.
    """

    def change(step: Step, branches: list[Branch]) -> list[Branch]:
        if step["kind"] != "parallel":
            raise Invalid("Only the branches of a parallel block wait for each other.")
        needed = [one for one in _branch(branches, at).get("depends_on") or () if one != name]
        after = {key: each for key, each in branches[at].items() if key != "depends_on"}
        if is_on:
            needed.append(name)
        branches[at] = {**after, "depends_on": needed} if needed else after
        try:
            check_dependencies(
                [(str(one.get("name")), one.get("depends_on") or ()) for one in branches]
            )
        except ValueError as problem:
            raise Invalid(str(problem), code="waits_in_a_circle") from problem
        return branches

    return _changed(draft, step_id, change)


def remove(draft: Draft, step_id: str, at: int) -> Draft:
    """Without the branch and all that is in it; no other waits for it any more.

    Raises: Invalid for the last one: a block without branches cannot be published.
    """

    def change(step: Step, branches: list[Branch]) -> list[Branch]:
        name = str(_branch(branches, at).get("name") or "")
        if len(branches) == 1:
            raise Invalid(
                "This is the last branch. Delete the whole step instead.", code="last_branch"
            )
        rest = [*branches[:at], *branches[at + 1 :]]
        return _waiting(rest, lambda needed: None if needed == name else needed)

    return _changed(draft, step_id, change)


def _changed(
    draft: Draft, step_id: str, change: Callable[[Step, list[Branch]], list[Branch]]
) -> Draft:
    step = editing_places.step_of(draft, step_id)
    if step["kind"] not in {"router", "parallel"}:
        raise Invalid("Only a router or a parallel block has branches.")
    after = {**step, "branches": change(step, list(step.get("branches") or ()))}
    return editing_places.with_step(draft, step_id, after)


def _branch(branches: list[Branch], at: int) -> Branch:
    if not 0 <= at < len(branches):
        raise editing_places.no_branch()
    return branches[at]


def _waiting(branches: list[Branch], change: Callable[[str], str | None]) -> list[Branch]:
    """Each branch waiting for what ``change`` makes of the names that it waits for; None: not."""
    return [
        {
            **branch,
            "depends_on": [
                after for each in branch["depends_on"] if (after := change(each)) is not None
            ],
        }
        if branch.get("depends_on")
        else branch
        for branch in branches
    ]


def _free_name(taken: Collection[str], base: str, number: int) -> str:
    """``base`` and the first number from ``number`` on that gives a name of its own."""
    short = base[: LONGEST_NAME - 6]
    while f"{short} {number}" in taken:
        number += 1
    return f"{short} {number}"
