"""What may be shown of a value: secrets are taken out by their name and by their value.

`redact` serves what people see (attempts, headers); `printable` what a log line may carry.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

REDACTED = "**REDACTED**"
SHORTEST_REGISTERED = 6
LONGEST_FIELD = 10_000
DEEPEST_FIELD = 20

_SECRET_NAMES = {"authorization", "proxy_authorization", "cookie", "set_cookie", "passwd", "pwd"}
_SECRET_PARTS = ("token", "secret", "signature", "password", "api_key", "apikey", "private_key")
_CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/\s@\"']+(?=@)")


def redact(value: Any, secret_names: Iterable[str] = ()) -> Any:
    """A copy of ``value`` in which everything named like a secret is ``**REDACTED**``.

    Looks into objects, lists, lists of ``[name, value]`` pairs and of ``{"name" or "key", "value"}``
    objects, to any depth that JSON has here. ``secret_names`` adds exact names, case ignored.
    True, False, null and empty text stay: they hide nothing.
    """
    return _redacted(value, frozenset(_normal(name) for name in secret_names))


def is_secret_name(name: str) -> bool:
    """True for names of headers and fields that hold credentials by convention."""
    return _is_secret(name, frozenset())


def _redacted(value: Any, names: frozenset[str]) -> Any:
    match value:
        case Mapping():
            label = value.get("name", value.get("key"))
            hides_value = "value" in value and isinstance(label, str) and _is_secret(label, names)
            return {
                key: _hidden(item)
                if _is_secret(key, names) or (key == "value" and hides_value)
                else _redacted(item, names)
                for key, item in value.items()
            }
        case [str() as name, second] if _is_secret(name, names):
            return type(value)((name, _hidden(second)))
        case list() | tuple():
            return [_redacted(item, names) for item in value]
    return value


def _hidden(value: Any) -> Any:
    return value if value is None or isinstance(value, bool) or value == "" else REDACTED


def _is_secret(name: object, names: frozenset[str]) -> bool:
    plain = _normal(name)
    return plain in _SECRET_NAMES or plain in names or any(part in plain for part in _SECRET_PARTS)


def _normal(name: object) -> str:
    return str(name).lower().replace("-", "_").strip()


class _KnownValues:
    """The secret values of this process, as one expression that finds any of them."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        if len(value) < SHORTEST_REGISTERED:
            return
        escaped = json.dumps(value, ensure_ascii=False)[1:-1]
        self._values |= {value, quote(value), quote(value, safe=""), unquote(value), escaped}
        # Longest first: a secret that begins like another must go whole.
        longest_first = sorted(self._values, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(each) for each in longest_first))

    def cleaned(self, text: str) -> str:
        if "://" in text:
            text = _CREDENTIALS_IN_URL.sub(REDACTED, text)
        return self._pattern.sub(REDACTED, text) if self._pattern else text


_known = _KnownValues()


def register_secret(value: str) -> None:
    """From now on this value appears in no log line, whatever the field (6 characters or more)."""
    _known.add(value)


def printable(event: Mapping[str, Any]) -> dict[str, Any]:
    """A log line's fields as JSON types, secrets out, size bounded."""
    plain = {key: _plain(value, 0) for key, value in event.items()}
    redacted: dict[str, Any] = _redacted(plain, frozenset())
    return redacted


def _plain(value: Any, depth: int) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _known.cleaned(value)[:LONGEST_FIELD]
        case _ if depth > DEEPEST_FIELD:
            return "…"
        case Mapping():
            return {
                _known.cleaned(str(key)): _plain(item, depth + 1) for key, item in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_plain(item, depth + 1) for item in value]
    return _known.cleaned(str(value))[:LONGEST_FIELD]
