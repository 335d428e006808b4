"""What the paths of expressions name where a card stands, and what is wrong with reading them. Pure.

Each sentence names the path and, where one is near, what was probably meant.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

from flowforge.engine.values import MISSING, item
from flowforge.services.sample_trees import inert, kind_of, step_to

Path = Sequence[str]

_MOST_KEYS = 5
_ROOTS = {"trigger": "Trigger", "steps": "Steps", "run": "Run", "connections": "Connections"}
_OF_LOOPS = {"item": "Item", "index": "Round"}
_NOTHING_YET = {
    "trigger": "Nothing was received yet, so there is no value to show.",
    "item": "The loop was not tested yet, so there is no item to show.",
}
_KINDS = {"text": "a text", "number": "a number", "boolean": "true or false", "null": "null"}


@dataclass(frozen=True)
class Surroundings:
    """What a card sees. ``names``: of all steps of the draft; ``seen``: the ids of those before and
    around it; ``values``: the roots of expressions, as far as there are samples; ``cut``: steps whose
    long lists are shortened.
    """

    names: Mapping[str, str]
    seen: frozenset[str]
    values: Mapping[str, Any]
    is_in_loop: bool = False
    cut: frozenset[str] = frozenset()


class Fault(NamedTuple):
    """``wrong``: no run could read it; ``missing``: the samples do not have it; ``untested``: there
    is no sample to look into.
    """

    state: Literal["wrong", "missing", "untested"]
    sentence: str


def fault(path: Path, around: Surroundings) -> Fault | None:
    """What is wrong with reading ``path``; None for nothing."""
    root = path[0]
    if root in _OF_LOOPS and not around.is_in_loop:
        return Fault("wrong", f"`{root}` is known only inside a loop.")
    if root not in _ROOTS | _OF_LOOPS:
        return Fault("wrong", f"`{inert(root)}` is unknown{_perhaps(root, _ROOTS)}")
    if root == "steps" and len(path) > 1:
        found = _fault_of_step(path, around)
        if found is not None or path[1] in around.cut:
            return found
    if root not in around.values:
        said = _NOTHING_YET.get(root)
        return None if said is None else Fault("untested", said)
    sentence = missing(path, around.values)
    return None if sentence is None else Fault("missing", sentence)


def missing(path: Path, values: Mapping[str, Any]) -> str | None:
    """Where ``path`` leaves ``values``, in a sentence; None where it leads somewhere.

    >>> missing(("trigger", "body", "idd"), {"trigger": {"body": {"id": 1}}})
    '`trigger.body.idd` is not in the sample; did you mean `id`?'
    """
    here: Any = values
    for depth, key in enumerate(path):
        found = item(here, int(key) if isinstance(here, list) and _is_index(key) else key)
        # `steps.x.output.y` is another way to write `steps.x.y`.
        if found is MISSING and (depth, key, path[0]) == (2, "output", "steps"):
            continue
        if found is MISSING:
            why = _why(path[:depth], here, key)
            return f"`{written(path[: depth + 1])}` is not in the sample{why}"
        here = found
    return None


def label(path: Path, around: Surroundings) -> str:
    """What a path names, in words: the step, then the field."""
    root, rest = path[0], path[1:]
    if root == "steps" and rest:
        name, rest = around.names.get(rest[0], rest[0]), rest[1:]
    else:
        name = (_ROOTS | _OF_LOOPS).get(root, root)
    if root == "trigger" and len(rest) > 1 and rest[0] == "body":
        rest = rest[1:]
    return f"{inert(name)} · {written(rest)}" if rest else inert(name)


def written(path: Path) -> str:
    """``path`` as an expression writes it."""
    steps = (step_to(int(key) if _is_index(key) else key) or f".{key}" for key in path)
    return inert("".join(steps).removeprefix("."))


def _fault_of_step(path: Path, around: Surroundings) -> Fault | None:
    step = path[1]
    if step not in around.names:
        return Fault("wrong", f"There is no step `{inert(step)}`{_perhaps(step, around.seen)}")
    if step not in around.seen:
        return Fault("wrong", f"Step `{step}` has not run yet at this point.")
    if step not in around.values.get("steps", {}):
        name = inert(around.names[step])
        return Fault("untested", f"“{name}” has no values yet: test that step first.")
    if path[2:3] == ("iterations",):
        return Fault("untested", "The rounds of a loop are known in a run only.")
    return None


def _why(parent: Path, value: Any, key: str) -> str:
    if isinstance(value, Mapping):
        perhaps = _perhaps(key, map(str, value))
        if perhaps != "." or not value or not parent:
            return perhaps
        listed = ", ".join(f"`{inert(str(each))}`" for each in list(value)[:_MOST_KEYS])
        return f"; `{written(parent)}` has {listed}{', …' if len(value) > _MOST_KEYS else ''}."
    if isinstance(value, list):
        return f": `{written(parent)}` is a list of {len(value):,}."
    return f": `{written(parent)}` is {_KINDS[kind_of(value)]} there."


def _perhaps(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), 1)
    return f"; did you mean `{inert(close[0])}`?" if close else "."


def _is_index(key: str) -> bool:
    return key.removeprefix("-").isdecimal()
