"""What differs between two definitions, line by line as a person reads it: where, what, before, after.

Pure. Promises: no secret is in a line, though it says that one has changed; texts are bounded.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowforge.infra.redaction import REDACTED
from flowforge.services import cards, diffs, drafts
from flowforge.services.cards import ProblemLine
from flowforge.services.diffs import Change
from flowforge.services.drafts import Step

LONGEST = 400
# As long as a diff's values are at all.
LONGEST_OF_ALL = diffs.LONGEST_VALUE
TRIGGER = cards.TRIGGER


@dataclass(frozen=True)
class ChangeLine:
    """``card`` is the one to open, empty where there is none any more (or none yet); ``field`` that
    of its form. ``kind``: added, removed, moved or changed. ``before`` and ``after`` are empty where
    there is nothing to show; ``is_hidden``: because it is a secret.
    """

    kind: str
    card: str
    field: str
    where: str
    before: str = ""
    after: str = ""
    is_hidden: bool = False


@dataclass(frozen=True)
class Changes:
    """``left_off``: how many there are besides those listed."""

    lines: list[ChangeLine]
    left_off: int = 0

    @property
    def count(self) -> int:
        return len(self.lines) + self.left_off


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any], *, longest: int = LONGEST
) -> Changes:
    """What makes ``after`` of ``before``, with at most ``longest`` characters of each value.

    Raises: Invalid for a definition that cannot be read.
    """
    found = diffs.diff(before, after)
    old, new = _Side(before), _Side(after)
    # Of a step that went only the former definition knows what it was called.
    gone = [change.step_id not in new.steps and bool(change.step_id) for change in found.changes]
    for side, is_old in ((old, True), (new, False)):
        paths = [
            change.path for change, went in zip(found.changes, gone, strict=True) if went is is_old
        ]
        side.locate(paths)
    lines = [
        _line(change, old if went else new, longest)
        for change, went in zip(found.changes, gone, strict=True)
    ]
    return Changes(lines, found.left_off)


def step_alone(definition: Mapping[str, Any], step_id: str) -> Step | None:
    """The step without the lists of steps inside it; None for one that is not there."""
    for step in drafts.all_steps(definition):
        if step["id"] == step_id:
            alone = {key: value for key, value in step.items() if key not in {"steps", "fallback"}}
            if "branches" in alone:
                alone["branches"] = [
                    {key: value for key, value in branch.items() if key != "steps"}
                    for branch in alone["branches"]
                ]
            return alone
    return None


class _Side:
    """One of the two definitions: its steps, and where in the builder each path is."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self._definition = definition
        self.steps = {step["id"]: step for step in drafts.all_steps(definition)}
        self.places: dict[str, ProblemLine] = {}

    def locate(self, paths: list[str]) -> None:
        details = [{"path": path, "message": ""} for path in paths]
        self.places = dict(zip(paths, cards.located(self._definition, details), strict=True))


def _line(change: Change, side: _Side, longest: int) -> ChangeLine:
    place = side.places[change.path]
    where = _where(change, place.where, side.steps.get(change.step_id))
    card = place.card if change.kind != "removed" else ""
    if change.kind == "moved":
        old, new = (f"place {each['position']} of {each['list']}" for each in _sides(change))
        return ChangeLine("moved", card, "", where, old, new)
    both = (_text(change.before, longest), _text(change.after, longest))
    if change.kind != "changed":
        return ChangeLine(change.kind, card, "", where, *both)
    is_hidden = REDACTED in (change.before, change.after)
    shown = ("", "") if is_hidden else both
    return ChangeLine("changed", card, place.field, where, *shown, is_hidden=is_hidden)


def _sides(change: Change) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return change.before, change.after


def _where(change: Change, said: str, step: Step | None) -> str:
    """``said`` names card and field where the field is in a form; otherwise the path does."""
    if step is None:
        root, _, rest = change.path.partition(".")
        if root == "trigger":
            return said if "·" in said or not rest else f"{said} · {_plain(rest)}"
        return f"Zap · {_plain(change.path)}"
    title = drafts.step_name(step) or "Empty step"
    rest = change.path.removeprefix(f"steps.{change.step_id}").removeprefix(".")
    if change.kind != "changed" or not rest:
        return title
    return said if said != title else f"{title} · {_plain(rest)}"


def _plain(path: str) -> str:
    """A path for people: ``inputs.items[0].name`` is items 0 name."""
    words = path.removeprefix("settings.").removeprefix("inputs.").replace("_", " ")
    return words.replace("[", " ").replace("]", "").replace(".", " ").strip()


def _text(value: Any, longest: int) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[:longest]}…"
