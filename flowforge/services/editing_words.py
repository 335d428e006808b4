"""What was done to a draft, in words for a button: delete “Mail”, change To of “Mail”.

Pure: told by what differs, whoever did it and by whatever way.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from flowforge.actions import REGISTRY
from flowforge.infra import documents
from flowforge.services import drafts, editing_notes, editing_places
from flowforge.services.editing_places import OUTERMOST, Place, Step

LONGEST_NAME = 40
_LISTS = {"steps", "fallback"}
_FIRST_PART = re.compile(r"[^.\[]+")


class Told(NamedTuple):
    """``what`` was done; ``field`` names the one value that changed, and is empty where it was
    anything else.
    """

    what: str
    field: str = ""


def told(before: Mapping[str, Any], after: Mapping[str, Any]) -> Told:
    around = _around(before, after)
    if _is_same(before.get("steps") or [], after.get("steps") or []):
        return around or Told("change the draft")
    if around is not None:
        return Told("change the whole draft")
    old = {step["id"]: step for step in drafts.all_steps(before)}
    new = {step["id"]: step for step in drafts.all_steps(after)}
    changed = [one for one in old if one in new and not _is_same(_own(old[one]), _own(new[one]))]
    gone, come = _outer(before, old.keys() - new.keys()), _outer(after, new.keys() - old.keys())
    if len(changed) == 1:
        one, other = old[changed[0]], new[changed[0]]
        found = _of_branches(one, other)
        if found is None and not gone and not come:
            found = _of_step(one, other)
        if found is not None:
            return found
    if changed and not gone and not come:
        return _of_several([(old[each], new[each]) for each in changed])
    if changed or gone or come:
        return Told(_came_and_went(len(changed), gone, come))
    return Told(_moved(before, after, new))


def _around(before: Mapping[str, Any], after: Mapping[str, Any]) -> Told | None:
    """What changed beside the steps."""
    keys = [key for key in _differing(before, after) if key != "steps"]
    match keys:
        case []:
            return None
        case ["notes"] if isinstance(after.get("notes"), list):
            return _of_notes(editing_notes.notes_of(before), editing_notes.notes_of(after))
        case [key]:
            return Told(f"change the {key}", _leaf(before.get(key), after.get(key), key))
    return Told("change the whole draft")


def _of_notes(old: list[Any], new: list[Any]) -> Told:
    """Notes on the canvas. Only what is typed into one is a field: each move is a gesture."""
    if len(old) != len(new):
        return Told("delete a note" if len(new) < len(old) else "add a note")
    leaf = _leaf(old, new, "notes")
    return Told("change a note", leaf) if leaf.endswith(".text") else Told("change a note")


def _of_step(old: Step, new: Step) -> Told:
    """One step does something else, or does it otherwise."""
    keys = _differing(old, new)
    if keys == ["skip"]:
        return Told(f"skip {_named(old)}" if new.get("skip") else f"use {_named(old)} again")
    if keys == ["name"]:
        # Of what it was called before: that is what is on the card while it can be undone.
        return Told(f"rename {_named({**old, 'name': ''})}", f"{old['id']}.name")
    if "kind" in keys or "action" in keys:
        return Told(f"change what {_named(old)} does")
    leaf = _leaf(_own(old), _own(new), old["id"])
    label = _label(new, leaf)
    return Told(f"change {label} of {_named(new)}" if label else f"change {_named(new)}", leaf)


def _of_several(pairs: list[tuple[Step, Step]]) -> Told:
    """Several steps at once: passed over, used again, or anything else."""
    if any(_differing(_own(one), _own(other)) != ["skip"] for one, other in pairs):
        return Told(f"change {len(pairs)} steps")
    are_skipped = bool(pairs[0][1].get("skip"))
    return Told(f"skip {len(pairs)} steps" if are_skipped else f"use {len(pairs)} steps again")


def _came_and_went(changed: int, gone: list[Step], come: list[Step]) -> str:
    if changed or (gone and come):
        return f"change {changed + len(gone) + len(come)} steps"
    steps = gone or come
    which = _named(steps[0]) if len(steps) == 1 else f"{len(steps)} steps"
    return f"{'delete' if gone else 'add'} {which}"


def _of_branches(old: Step, new: Step) -> Told | None:
    """A branch came or went, has another name or another place; None for anything else."""
    before = [branch.get("name") or "" for branch in old.get("branches") or ()]
    after = [branch.get("name") or "" for branch in new.get("branches") or ()]
    if len(before) != len(after):
        verb = "delete a branch of" if len(after) < len(before) else "add a branch to"
        return Told(f"{verb} {_named(new)}")
    if before == after:
        return None
    verb = "move" if sorted(before) == sorted(after) else "rename"
    return Told(f"{verb} a branch of {_named(new)}")


def _moved(before: Mapping[str, Any], after: Mapping[str, Any], new: Mapping[str, Step]) -> str:
    """Every step is as it was; one or more stand elsewhere."""
    old_lists, new_lists = _lists(before), _lists(after)
    was = {each: place for place, ids in old_lists.items() for each in ids}
    strangers = [
        each for place, ids in new_lists.items() for each in ids if was.get(each, place) != place
    ]
    if len(strangers) == 1:
        return f"move {_named(new[strangers[0]])}"
    if strangers:
        return "move steps"
    for place, ids in new_lists.items():
        former = old_lists.get(place, ids)
        differs = [at for at, each in enumerate(ids) if former[at] != each]
        if differs:
            one = former[differs[0] : differs[-1] + 1]
            other = ids[differs[0] : differs[-1] + 1]
            return _turned(one, other, new)
    return "move steps"


def _turned(before: list[str], after: list[str], new: Mapping[str, Step]) -> str:
    """The same steps in another order, different at both ends."""
    if len(before) == 2:  # noqa: PLR2004 - of two neighbours nobody can tell which one moved
        return f"swap {_named(new[before[0]])} and {_named(new[before[1]])}"
    if before[1:] == after[:-1]:
        return f"move {_named(new[before[0]])}"
    if before[:-1] == after[1:]:
        return f"move {_named(new[before[-1]])}"
    return "move steps"


def _lists(draft: Mapping[str, Any]) -> dict[Place, list[str]]:
    """The ids that stand in each list."""
    found = {OUTERMOST: [step["id"] for step in editing_places.listed(draft, OUTERMOST)]}
    for step in drafts.all_steps(draft):
        for place in editing_places.places_in(step):
            found[place] = [each["id"] for each in editing_places.steps_at(step, place.branch)]
    return found


def _outer(draft: Mapping[str, Any], ids: AbstractSet[str]) -> list[Step]:
    """The steps of ``ids``, without those that stand inside another one of them."""
    found: list[Step] = []
    within: set[str] = set()
    for step in drafts.all_steps(draft) if ids else ():
        if step["id"] in ids and step["id"] not in within:
            found.append(step)
            within |= editing_places.inside(step)
    return found


def _own(step: Step) -> Step:
    """``step`` without the lists of steps inside it."""
    after = {key: value for key, value in step.items() if key not in _LISTS}
    if "branches" in after:
        after["branches"] = [
            {key: value for key, value in branch.items() if key != "steps"}
            for branch in after["branches"]
        ]
    return after


def _leaf(old: Any, new: Any, path: str) -> str:
    """The path of the one value that differs; empty where there are several."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = _differing(old, new)
        if len(keys) != 1:
            return ""
        return _leaf(old.get(keys[0]), new.get(keys[0]), f"{path}.{keys[0]}")
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        places = [at for at, pair in enumerate(zip(old, new, strict=True)) if not _is_same(*pair)]
        return (
            _leaf(old[places[0]], new[places[0]], f"{path}[{places[0]}]")
            if len(places) == 1
            else ""
        )
    return path


def _label(step: Step, leaf: str) -> str:
    """What the form calls the input that changed; empty for what is no input."""
    known = REGISTRY.get(drafts.action_key(step)) if step["kind"] == "action" else None
    before, found, name = leaf.partition(".inputs.")
    if known is None or not found or before != step["id"]:
        return ""
    first = _FIRST_PART.match(name)
    control = known.json_schema()["properties"].get(first[0] if first else name) or {}
    return str(control.get("title", ""))


def _named(step: Step) -> str:
    name = " ".join(drafts.step_name(step).split()) or "a step"
    return f"“{name if len(name) <= LONGEST_NAME else f'{name[: LONGEST_NAME - 1]}…'}”"


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    keys = dict.fromkeys([*old, *new])
    return [
        key
        for key in keys
        if (key in old) != (key in new) or not _is_same(old.get(key), new.get(key))
    ]


def _is_same(one: Any, other: Any) -> bool:
    # Not ==: Python finds 1, 1.0 and True equal.
    return one is other or documents.dump(one) == documents.dump(other)
