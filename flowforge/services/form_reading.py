"""What the texts of a form's controls mean: the way back from ``form_controls``. Pure.

A text that cannot be what a control is for is kept as it is: the checks will say so.
"""

from collections.abc import Mapping
from typing import Any

from flowforge.engine import expressions
from flowforge.errors import Invalid, Malformed
from flowforge.infra import documents
from flowforge.services import file_rows, form_controls

Control = Mapping[str, Any]
_MOST_LINES = form_controls.MOST_LINES


def meant(control: Control, text: str) -> Any:
    """What ``text`` in a control means; "" for nothing."""
    widget = control["widget"]
    if expressions.is_template(text) and not text.lstrip().startswith(("{", "[")):
        return text
    match widget:
        case "json" | "keyvalue" | "dynamic" | "file" if text.lstrip()[:1] in ("{", "["):
            return _json(text)
        case "number" if control.get("type") in ("integer", "number"):
            return _number(text)
        case "checkbox":
            return text == "true"
        case "list" | "multiselect":
            parts = text.split("\n" if widget == "list" else ",")
            return [part.strip() for part in parts if part.strip()] or ""
    return text


# ---- names and values ----------------------------------------------------------------------------


def with_pair(value: Any, place: int, part: str, text: str) -> dict[str, str]:
    """The object with one name or value written; ``place`` one past the end adds a line.

    Raises: Invalid for a name that another line has.
    """
    pairs = [[pair.name, pair.value] for pair in form_controls.pairs(value)]
    if place >= len(pairs):
        pairs.append(["", ""])
        place = len(pairs) - 1
    pairs[place][0 if part == "name" else 1] = text
    names = [pair[0] for pair in pairs]
    if len(set(names)) < len(names):
        raise Invalid(f"There is already a line for '{text[:60]}'.", code="duplicate_name")
    return {name: each for name, each in pairs if name or each}


def without_pair(value: Any, place: int) -> dict[str, str]:
    pairs = form_controls.pairs(value)
    return {pair.name: pair.value for at, pair in enumerate(pairs) if at != place}


# ---- lists ---------------------------------------------------------------------------------------


def with_item(control: Control, value: Any, place: int, part: str, text: str) -> Any:
    """The list with the item at ``place`` written: a text, or its ``part``. ``place`` one past the
    end adds an item; a text that is emptied takes its item away.
    """
    if control["widget"] in file_rows.WIDGETS:
        return file_rows.with_line(control, value, place, meant({"widget": "file"}, text.strip()))
    items = _items(value)
    columns = control.get("columns")
    if place >= len(items):
        _require_room(items)
        items.append({} if columns else "")
        place = len(items) - 1
    if not columns:
        items[place] = text
        return [one for one in items if one != ""]
    if part not in columns:
        raise Invalid(f"An item has no '{part[:60]}'.", code="unknown_input")
    row = dict(items[place]) if isinstance(items[place], Mapping) else {}
    inner = meant(columns[part], text)
    row.pop(part, None)
    items[place] = row if inner == "" else {**row, part: inner}
    return items


def with_new_item(value: Any) -> list[Any]:
    """One more at the end, to fill in."""
    items = _items(value)
    _require_room(items)
    return [*items, {}]


def without_item(value: Any, place: int) -> list[Any]:
    return [one for at, one in enumerate(_items(value)) if at != place]


def with_item_moved(value: Any, place: int, by: int) -> list[Any]:
    """``by`` places down, negative: up; it stops at the ends."""
    items = _items(value)
    if not 0 <= place < len(items):
        raise Invalid("This item is gone. Reload the page.")
    moved = items.pop(place)
    items.insert(max(0, place + by), moved)
    return items


def with_choice(control: Control, value: Any, choice: str, *, is_on: bool) -> list[Any]:
    """The list of what is chosen, with one more or one less; in the order in which it is offered."""
    offered = {str(one): (at, one) for at, one in enumerate(control.get("enum", ()))}
    nowhere = (len(offered), choice)
    chosen = [one for one in _items(value) if str(one) != choice]
    if is_on:
        chosen.append(offered.get(choice, nowhere)[1])
    return sorted(chosen, key=lambda one: offered.get(str(one), nowhere)[0])


def _items(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value in (None, "") else [value]


def _require_room(items: list[Any]) -> None:
    if len(items) >= _MOST_LINES:
        raise Invalid(f"More than {_MOST_LINES} items are edited as JSON.")


def _json(text: str) -> Any:
    try:
        return documents.parse(text)
    except Malformed:
        return text


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
