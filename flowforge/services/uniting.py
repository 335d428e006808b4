"""Two definitions of a zap as one to be drawn: the later, with what is gone where it stood. Pure.

Promises: the later steps stand in their order and places; each of the earlier is there once, but for
those inside of a block that is no block any more.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flowforge.services import drafts
from flowforge.services.drafts import Step

_Branch = dict[str, Any]


class United(NamedTuple):
    """``gone``: the ids of the steps that only the earlier definition has."""

    definition: dict[str, Any]
    gone: frozenset[str]


def united(before: Mapping[str, Any], after: Mapping[str, Any]) -> United:
    old = {step["id"]: step for step in drafts.all_steps(before)}
    stays = {step["id"] for step in drafts.all_steps(after)}
    steps = _Uniting(old, stays).steps(before.get("steps") or (), after.get("steps") or ())
    return United({**after, "steps": steps}, frozenset(old.keys() - stays))


class _Uniting:
    """``old``: the earlier steps by id; ``stays``: the ids of the later ones."""

    def __init__(self, old: Mapping[str, Step], stays: set[str]) -> None:
        self._old, self._stays = old, stays

    def steps(self, was: Sequence[Step], now: Sequence[Step]) -> list[Step]:
        """A list as it is now; each step that is gone behind the last before it that still stands."""
        here = {step["id"] for step in now}
        behind: dict[str, list[Step]] = {}
        last = ""
        for step in was:
            if step["id"] in here:
                last = step["id"]
            elif step["id"] not in self._stays:
                behind.setdefault(last, []).append(self._gone(step))
        found = behind.get("", [])
        for step in now:
            found += [self._step(step), *behind.get(step["id"], ())]
        return found

    def _gone(self, step: Step) -> Step:
        """Without what was in it and stands elsewhere now."""

        def left(steps: list[Step]) -> list[Step]:
            return [self._gone(each) for each in steps if each["id"] not in self._stays]

        return drafts.with_bodies(step, left)

    def _step(self, step: Step) -> Step:
        was = self._old.get(step["id"], {})
        if was.get("kind") != step["kind"]:
            was = {}
        after = dict(step)
        for key in ("steps", "fallback"):
            if key in was or key in step:
                after[key] = self.steps(was.get(key) or (), step.get(key) or ())
        if "branches" in step:
            after["branches"] = self._branches(was.get("branches") or (), step["branches"])
        return after

    def _branches(self, was: Sequence[_Branch], now: Sequence[_Branch]) -> list[_Branch]:
        """A branch is the one that had its name, or else its place; what is left of others is last."""
        left = dict(enumerate(was))
        partners = [_taken(left, branch) for branch in now]
        found = []
        for place, (branch, partner) in enumerate(zip(now, partners, strict=True)):
            former = partner or left.pop(place, {})
            steps = self.steps(former.get("steps") or (), branch.get("steps") or ())
            found.append({**branch, "steps": steps})
        rest = ({**branch, "steps": self.steps(branch["steps"], ())} for branch in left.values())
        return [*found, *(branch for branch in rest if branch["steps"])]


def _taken(left: dict[int, _Branch], branch: _Branch) -> _Branch:
    """The one of the same name, which is not left any more."""
    name = branch.get("name")
    for place, each in left.items():
        if name and each.get("name") == name:
            return left.pop(place)
    return {}
