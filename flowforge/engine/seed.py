"""Seed-style placeholders: ``{a.b}`` in metadata that came through the seed's route, and only there.

The metadata are texts, and texts they stay. What is put in is never looked at again, and inside a
JSON text it cannot break out of its place. Linear time, whatever the text holds.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

# Possessive: nothing is tried twice. ``{{`` belongs to another language and is left alone.
_PLACEHOLDER = re.compile(r"(?<!\{)\{([A-Za-z_][\w\-]*+(?:\.[\w\-]++)*+)\}")
_QUOTE = re.compile(r'\\.|"', re.DOTALL)
_DEEPEST = 100


def flatten_seed(value: Any, payload: Any) -> Any:
    """``value`` with the ``{path}`` placeholders of every text replaced from ``payload``.

    What is missing becomes an empty text; values that are no text become JSON text. A text that is
    JSON is opened, so that each value lands, escaped, inside its own string; so is a payload text
    that is JSON, when a path leads into it. ``{}``, unclosed braces and JSON keys stay as they are.
    """
    return _Filler(payload).fill(value, 0)


class _Filler:
    def __init__(self, payload: Any) -> None:
        self._payload = payload
        self._known: dict[str, Any] = {}
        self._opened: dict[int, Any] = {}

    def fill(self, value: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            return value
        if isinstance(value, str):
            return self._fill_text(value, depth)
        if isinstance(value, Mapping):
            return {key: self.fill(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(each, depth + 1) for each in value]
        return value

    def _fill_text(self, text: str, depth: int) -> str:
        if "{" not in text or _PLACEHOLDER.search(text) is None:
            return text
        if not text.lstrip().startswith(("{", "[")) or _PLACEHOLDER.match(text.lstrip()):
            return _PLACEHOLDER.sub(lambda match: _text(self._value(match[1])), text)
        opened = _json_or_none(text)
        if isinstance(opened, dict | list):
            return _dumped(self.fill(opened, depth + 1))
        return self._fill_broken_json(text)

    def _fill_broken_json(self, text: str) -> str:
        """JSON but for placeholders outside of strings, as in ``{"n": {n}}``: escape by place."""
        pieces: list[str] = []
        position, quoted = 0, False
        for match in _PLACEHOLDER.finditer(text):
            between = text[position : match.start()]
            quoted ^= sum(found == '"' for found in _QUOTE.findall(between)) % 2 == 1
            value = self._value(match[1])
            pieces += (between, _dumped(_text(value))[1:-1] if quoted else _dumped(value))
            position = match.end()
        return "".join((*pieces, text[position:]))

    def _value(self, path: str) -> Any:
        if path not in self._known:
            self._known[path] = self._look_up(path.split("."))
        return self._known[path]

    def _look_up(self, keys: list[str]) -> Any:
        value = self._payload
        for key in keys:
            if isinstance(value, str):
                value = self._open(value)
            if isinstance(value, Mapping) and key in value:
                value = value[key]
            elif isinstance(value, list) and _is_index(key) and int(key) < len(value):
                value = value[int(key)]
            else:
                return ""
        return "" if value is None else value

    def _open(self, text: str) -> Any:
        # By identity: the payload holds the text for as long as this object lives.
        if id(text) not in self._opened:
            self._opened[id(text)] = _json_or_none(text)
        return self._opened[id(text)]


def _is_index(key: str) -> bool:
    return len(key) <= 9 and key.isascii() and key.isdigit()  # noqa: PLR2004 (no list is longer)


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _dumped(value)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
