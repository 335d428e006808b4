"""The editor of what a form or a run by hand asks: its fields, added, filled in, moved, removed.

Pure. Promise: a field keeps its name while only its label changes, because expressions use it; names
are unique.
"""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from flowforge.engine.triggers import MOST_FIELDS, settings_of
from flowforge.errors import Invalid
from flowforge.services import trigger_forms
from flowforge.services.trigger_forms import FIELD_KINDS, Draft

ASKING = ("form", "manual")
PARTS = ("name", "label", "kind", "required", "help", "options")

_NO_NAME = re.compile(r"[^A-Za-z0-9]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_MADE = re.compile(r"field_\d+")
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Question:
    """One field as the editor shows it. ``options`` one a line."""

    place: int
    name: str
    label: str
    kind: str
    is_required: bool
    help: str
    options: str
    is_first: bool
    is_last: bool
    error: str


def listed(trigger: Mapping[str, Any] | None) -> list[Question]:
    if not trigger or trigger.get("kind") not in ASKING:
        return []
    fields = _fields(settings_of(trigger))
    names = [str(one.get("name", "")) for one in fields]
    return [
        Question(
            place=place,
            name=names[place],
            label=str(one.get("label", "")),
            kind=str(one.get("kind", "text")),
            is_required=bool(one.get("required")),
            help=str(one.get("help", "")),
            options="\n".join(map(str, one.get("options") or ())),
            is_first=place == 0,
            is_last=place == len(fields) - 1,
            error=_error(one, names, place),
        )
        for place, one in enumerate(fields)
    ]


def add(draft: Draft) -> Draft:
    def added(fields: list[dict[str, Any]]) -> None:
        if len(fields) >= MOST_FIELDS:
            raise Invalid(f"At most {MOST_FIELDS} fields.")
        taken = {one.get("name") for one in fields}
        number = len(fields) + 1
        while f"field_{number}" in taken:
            number += 1
        fields.append({"name": f"field_{number}", "label": "", "kind": "text"})

    return _changed(draft, added)


def fill(draft: Draft, place: int, part: str, text: str) -> Draft:
    """One part of the field at ``place``. A name that nobody chose follows the label.

    Raises: Invalid for a name that another field has, or that is none.
    """
    if part not in PARTS:
        raise Invalid(f"A field has no '{part}'.")

    def changed(fields: list[dict[str, Any]]) -> None:
        one = _at(fields, place)
        others = {each.get("name") for at, each in enumerate(fields) if at != place}
        one[part] = _meant(part, text, others)
        if part == "label" and _MADE.fullmatch(str(one.get("name", ""))):
            one["name"] = _free(text, others) or one["name"]

    return _changed(draft, changed)


def _meant(part: str, text: str, names: set[Any]) -> Any:
    """What the text in one control of a field means; ``names`` are those of the other fields."""
    match part:
        case "required":
            return text == "true"
        case "options":
            lines = [line.strip() for line in text.splitlines()]
            return list(dict.fromkeys(line for line in lines if line))
        case "name":
            return _name(text.strip(), names)
        case "kind" if text not in FIELD_KINDS:
            raise Invalid("Choose what the field is for.")
    return text


def _name(name: str, others: set[Any]) -> str:
    if not _NAME.fullmatch(name):
        raise Invalid("A name has letters, digits and _, and begins with a letter.")
    if name in others:
        raise Invalid(f"Another field is called {name}.")
    return name


def move(draft: Draft, place: int, by: int) -> Draft:
    """Up (negative) or down; it stops at the ends."""

    def moved(fields: list[dict[str, Any]]) -> None:
        one = _at(fields, place)
        del fields[place]
        fields.insert(max(0, place + by), one)

    return _changed(draft, moved)


def drop(draft: Draft, place: int) -> Draft:
    def dropped(fields: list[dict[str, Any]]) -> None:
        _at(fields, place)
        del fields[place]

    return _changed(draft, dropped)


def _changed(draft: Draft, change: Callable[[list[dict[str, Any]]], None]) -> Draft:
    trigger = trigger_forms.trigger_of(draft)
    if trigger["kind"] not in ASKING:
        raise Invalid("This trigger asks for nothing.")
    settings = deepcopy(settings_of(trigger))
    fields = _fields(settings)
    change(fields)
    settings["fields"] = fields
    return trigger_forms.with_settings(draft, settings)


def _fields(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(settings.get("fields") or ())


def _at(fields: list[dict[str, Any]], place: int) -> dict[str, Any]:
    if not 0 <= place < len(fields):
        raise Invalid("This field is gone. Reload the page.")
    return fields[place]


def _error(one: Mapping[str, Any], names: list[str], place: int) -> str:
    if names.index(names[place]) != place:
        return f"Another field is called {names[place]} already."
    if one.get("kind") == "choice" and not one.get("options"):
        return "Write the answers to choose from, one a line."
    return ""


def _free(label: str, taken: set[Any]) -> str:
    """A name made of the label; empty where it has no letter to begin with."""
    base = _NO_NAME.sub("_", label).strip("_").lower()[:_LONGEST_NAME].strip("_")
    if not base or not base[0].isalpha():
        return ""
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name
