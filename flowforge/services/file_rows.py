"""The files of an input as lines of its control: an upload with its name and size, a web address or an
expression as text. Pure.
"""

from collections.abc import Mapping
from typing import Any

from flowforge.services import form_texts
from flowforge.services.form_shapes import Cell, Row

WIDGETS = frozenset({"file", "files"})
MOST_LINES = 100


def fits(value: Any) -> bool:
    """Whether the control can show it."""
    listed = _listed(value)
    return len(listed) <= MOST_LINES and all(isinstance(one, str | dict) for one in listed)


def rows(value: Any) -> list[Row]:
    listed = _listed(value)
    return [
        Row(place=at, cells=[_cell(one)], is_first=at == 0, is_last=at == len(listed) - 1)
        for at, one in enumerate(listed)
    ]


def with_line(control: Mapping[str, Any], value: Any, place: int, given: Any) -> Any:
    """The value with ``given`` at ``place``, or after all others; "" takes a line away. Where one file
    is wanted it takes the place of the one before.
    """
    listed = _listed(value)
    if place < len(listed):
        listed[place] = given
    else:
        listed.append(given)
    kept = [one for one in listed if one != ""]
    if control["widget"] == "files":
        return kept
    return kept[-1] if kept else ""


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value in (None, "", {}) else [value]


def _cell(value: Any) -> Cell:
    match value:
        case {"file_id": str(), "name": str(name), "size": int(size)}:
            return Cell("", name, "stored", form_texts.size(size), "", [])
        case {"file_url": str(url), **rest} if not rest:
            return Cell("", "", "text", url, "", [])
    return Cell("", "", "text", form_texts.as_text(value), "", [])
