"""What a person filled in, or a script sent, for the fields of a form: checked, and of their kinds.

Pure. Promises: every field that is wrong is named with a sentence for whoever fills it in; what was
not asked for is never passed on.
"""

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any

from flowforge.engine.triggers import FormField
from flowforge.errors import Invalid

LONGEST_LINE = 2_000
LONGEST_TEXT = 100_000
MOST_UNKNOWN = 20
LONGEST_NAME_SHOWN = 100
YES = frozenset({"yes", "true", "on", "1"})
NO = frozenset({"no", "false", "off", "0"})

_ADDRESS = re.compile(r"[^\s,;<>@]+@[^\s,;<>@]+\.[^\s,;<>@]+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 40
_LARGEST_WHOLE = 2**53
_EMPTY: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True)
class Answers:
    """``values`` by the fields' names, those left empty being None; ``problems`` likewise.
    ``given``: what was read, to be shown again.
    """

    values: dict[str, Any]
    problems: dict[str, str]
    given: Mapping[str, Any] = made(default_factory=dict)


class _Wrong(Exception):
    """Why a value cannot be what its field is for."""


def from_texts(fields: Sequence[FormField], given: Mapping[str, Any]) -> Answers:
    """What a browser's form means: texts, and files as they were stored. A name that comes twice
    counts with its last value.
    """
    last = {
        name: value[-1] if isinstance(value, list) and value else value
        for name, value in given.items()
    }
    return _read(fields, last, _of_text)


def from_json(fields: Sequence[FormField], given: Any) -> dict[str, Any]:
    """The body of a run from what a script sent: an object of values that are of their kinds.

    Raises: Invalid with ``details`` of a path such as ``input.email`` and what is wrong there.
    """
    if given is not None and not isinstance(given, Mapping):
        raise _refused([("input", "must be an object with the fields of the form")])
    given = given or {}
    known = {field.name for field in fields}
    found = _read(fields, given, _of_json)
    strangers = [str(name)[:LONGEST_NAME_SHOWN] for name in given if name not in known]
    wrong = [(f"input.{name}", message) for name, message in found.problems.items()]
    wrong += [(f"input.{name}", "There is no such field.") for name in strangers[:MOST_UNKNOWN]]
    if wrong:
        raise _refused(wrong)
    return found.values


def label_of(field: FormField) -> str:
    """What a person reads beside the field."""
    return field.label.strip() or field.name.replace("_", " ").capitalize()


def _refused(wrong: list[tuple[str, str]]) -> Invalid:
    details = [{"path": path, "message": message} for path, message in wrong]
    return Invalid(f"{wrong[0][0]}: {wrong[0][1]}", details=details)


def _read(fields: Sequence[FormField], given: Mapping[str, Any], read: Any) -> Answers:
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field in fields:
        value = given.get(field.name)
        if isinstance(value, str) and field.kind != "long_text":
            value = value.strip()
        if field.kind == "yes_no" and value in _EMPTY and read is _of_text:
            # A box that is not ticked is not sent at all.
            value = "no"
        values[field.name] = None
        if value in _EMPTY:
            if field.required:
                problems[field.name] = "Fill this in." if read is _of_text else "is required"
            continue
        try:
            values[field.name] = read(field, value)
        except _Wrong as wrong:
            problems[field.name] = str(wrong)
        if field.required and field.kind == "yes_no" and values[field.name] is False:
            problems[field.name] = "This has to be yes."
    return Answers(values, problems, given)


def _of_text(field: FormField, value: Any) -> Any:
    if field.kind == "file":
        if not isinstance(value, Mapping):
            raise _Wrong("Choose a file.")
        return dict(value)
    if not isinstance(value, str):
        raise _Wrong("Write a text.")
    if field.kind == "number":
        return _number(value)
    if field.kind == "yes_no":
        if value.lower() in YES | NO:
            return value.lower() in YES
        raise _Wrong("Say yes or no.")
    return _text(field, value)


def _of_json(field: FormField, value: Any) -> Any:
    match field.kind:
        case "number":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not math.isfinite(value):
                raise _Wrong("must be a number")
            return value
        case "yes_no":
            if not isinstance(value, bool):
                raise _Wrong("must be true or false")
            return value
        case "file":
            if not isinstance(value, Mapping | str):
                raise _Wrong("must be a file: its address, or an object with file_url")
            return value
    if not isinstance(value, str):
        raise _Wrong("must be a text")
    return _text(field, value)


def _text(field: FormField, text: str) -> str:
    longest = LONGEST_TEXT if field.kind == "long_text" else LONGEST_LINE
    if len(text) > longest:
        raise _Wrong(f"At most {longest:,} characters.")
    match field.kind:
        case "email":
            if not _ADDRESS.fullmatch(text) or not text.isprintable():
                raise _Wrong("This is not an e-mail address.")
        case "date":
            return _date(text)
        case "choice":
            if text not in {option.strip() for option in field.options}:
                raise _Wrong("Choose one of the answers.")
    return text.replace("\r\n", "\n")


def _date(text: str) -> str:
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise _Wrong("This is not a date. Write one like 2026-12-24.") from None


def _number(text: str) -> int | float:
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise _Wrong("This is not a number.")
    found = float(text)
    if not math.isfinite(found):
        raise _Wrong("This is not a number.")
    is_whole = text.lstrip("+-").isdecimal() and abs(found) <= _LARGEST_WHOLE
    return int(text) if is_whole else found
