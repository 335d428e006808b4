"""What is judged, and what comes of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 1000
_PART = re.compile(rb'name="([^"\r\n]{1,100})"\r?\n\r?\n([^\r\n]{0,1000})\r?\n')


@dataclass(frozen=True)
class SignedRequest:
    """A request as it came. ``url`` is the public one, with its query; names of ``headers`` are lower
    case, and one that came several times has all its values in ``raw_headers``.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    raw: bytes
    raw_headers: Sequence[tuple[str, str]] = ()
    query: Mapping[str, Any] = field(default_factory=dict)

    def header(self, name: str) -> str:
        """The one value of a header. Raises: Refused where it is missing, empty or repeated."""
        if name in self._repeated:
            number = sum(1 for key, _ in self.raw_headers if key.lower() == name)
            raise Refused(f"The header {name} came {number} times; it may come once.")
        value = self.headers.get(name, "").strip()
        if not value:
            raise Refused(f"The header {name} is missing.")
        return value

    @cached_property
    def _repeated(self) -> set[str]:
        names = [key.lower() for key, _ in self.raw_headers]
        distinct = set(names)
        if len(distinct) == len(names):
            return set()
        return {name for name in distinct if names.count(name) > 1}

    @cached_property
    def data(self) -> Any:
        """The body as JSON, or None."""
        try:
            return orjson.loads(self.raw)
        except ValueError:
            return None

    @cached_property
    def fields(self) -> list[tuple[str, str]]:
        """The body as form fields; none where it is no form, or one that cannot be read."""
        if not self.headers.get("content-type", "").lower().startswith(_FORM):
            return []
        try:
            return parse_qsl(
                self.raw.decode(),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_MOST_FIELDS,
            )
        except ValueError:
            return []

    def at(self, path: str) -> str:
        """The text or whole number at ``a.b`` of the body, or in a form the one field ``b``; "" where
        there is none.
        """
        value = self.data
        if value is None:
            return self._field(path.rpartition(".")[2])
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""

    def _field(self, name: str) -> str:
        found = [value for key, value in self.fields if key == name]
        if self.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            wanted = name.encode()
            parts = _PART.findall(self.raw)
            found = [value.decode("latin-1") for key, value in parts if key == wanted]
        return found[0] if len(found) == 1 else ""


class Refused(Exception):
    """Why a request is not believed; the sentence names what is missing and nothing secret."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """``status`` is what a sender gets that is not believed; ``dedupe_key`` the provider's own id."""

    ok: bool
    reason: str = ""
    status: int = 401
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a handshake. ``reason`` says for the inbox which it was."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reason: str = "A handshake."
