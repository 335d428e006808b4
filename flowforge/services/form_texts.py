"""Values as texts for a control: whole where a person can edit them, shortened where they are huge."""

import json
from typing import Any

import orjson

from flowforge.infra import documents

# A control with more would be no help, and every keystroke would carry all of it.
LONGEST_TEXT = 20_000
LONGEST_BEGINNING = 600
_KILO = 1_000


def as_text(value: Any) -> str:
    """How a control shows an input: a text as it is, all else as JSON, readable."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict | list):
        return documents.dump(value)
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:  # a whole number beyond 64 bits
        return json.dumps(value, indent=2, ensure_ascii=False)


def short(text: str, most: int) -> str:
    """One line of at most ``most`` characters."""
    line = " ".join(text[: most * 4].split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def is_long(text: str) -> bool:
    return len(text) > LONGEST_TEXT


def beginning(text: str) -> str:
    """``text``, or the beginning of one that is too long for a control."""
    return f"{text[:LONGEST_BEGINNING]}…" if is_long(text) else text


def size_of(text: str) -> str:
    """How long a text is that is too long for a control; empty for any other."""
    return size(len(text.encode(errors="replace"))) if is_long(text) else ""


def size(count: int) -> str:
    """``count`` bytes, as people say it."""
    for power, unit in ((2, "MB"), (1, "KB")):
        if count >= _KILO**power:
            return f"{count / _KILO**power:.1f} {unit}"
    return f"{count} B"
