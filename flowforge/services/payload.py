"""From the bytes of a request to the data a zap sees: ``{method, headers, query, body, raw_body}``.

One function serves intake (which must refuse what cannot be read), workers and pages, so what was
stored and what a step sees can never differ.
"""

import codecs
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import parse_qsl

from flowforge.errors import Malformed
from flowforge.infra import documents

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
MOST_FORM_FIELDS = 10_000

# Python calls these text encodings as well, but they take quadratic time, refuse to replace what
# they cannot read, or make half surrogate pairs.
_NO_CHARSETS = {
    "idna",
    "punycode",
    "raw-unicode-escape",
    "raw_unicode_escape",
    "undefined",
    "unicode-escape",
    "unicode_escape",
    "utf-7",
}

_BINARY = (
    "image/",
    "video/",
    "audio/",
    "font/",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "application/octet-stream",
)


@dataclass(frozen=True)
class ContentType:
    """A parsed ``Content-Type``: the media type in lower case, and the charset."""

    media: str
    charset: str

    @staticmethod
    @lru_cache(maxsize=256)
    def of(header: str) -> "ContentType":
        """Parsed once per distinct header; senders repeat themselves."""
        media, *parameters = header.split(";")
        charset = "utf-8"
        for parameter in parameters:
            name, _, value = parameter.strip().partition("=")
            if name.lower() == "charset":
                charset = value.strip("\"' ").lower()
        return ContentType(media.strip().lower(), charset)

    @property
    def is_json(self) -> bool:
        return self.media == "application/json" or self.media.endswith("+json")

    @property
    def is_binary(self) -> bool:
        return self.media.startswith(_BINARY)

    @property
    def is_multipart(self) -> bool:
        return self.media == MULTIPART


def read_body(raw: bytes, content_type: str) -> Any:
    """The body as data: JSON, form fields, or text. None when empty.

    JSON is also recognised where the sender did not say so, because ``curl -d '{…}'`` labels
    everything a form; only what claims to be JSON and is not is an error.

    Raises: Malformed for broken JSON under a JSON content type.
    """
    if not raw:
        return None
    kind = ContentType.of(content_type)
    if kind.is_json:
        return documents.parse(_in_utf8(raw, kind.charset))
    if kind.media in {FORM, "", "text/plain"} and raw.lstrip()[:1] in {b"{", b"["}:
        try:
            return documents.parse(raw)
        except Malformed:
            pass
    text = read_text(raw, kind.charset)
    return read_fields(text) if kind.media == FORM else text


def read_text(raw: bytes, charset: str = "utf-8") -> str:
    """Text for a person: undecodable bytes become U+FFFD; an unknown charset is read as UTF-8."""
    try:
        return _decoded(raw, charset, "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")


def read_fields(text: str) -> dict[str, Any]:
    """Form or query fields. A name that comes once has a string, several times a list.

    Raises: Malformed for more than ``MOST_FORM_FIELDS``.
    """
    fields: dict[str, Any] = {}
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="replace", max_num_fields=MOST_FORM_FIELDS
        )
    except ValueError as problem:
        raise Malformed(f"There are more than {MOST_FORM_FIELDS} fields.") from problem
    for name, value in pairs:
        known = fields.get(name)
        if known is None:
            fields[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            fields[name] = [known, value]
    return fields


class StoredRequest(Protocol):
    """An event as far as its data goes; ``Event`` is one."""

    @property
    def method(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def headers(self) -> Any: ...
    @property
    def query(self) -> Any: ...
    @property
    def body(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class LoadedRequest:
    """The same from a plain row, on the hot path."""

    method: str
    content_type: str
    headers: Any
    query: Any
    body: Any


def trigger_data(event: StoredRequest, raw: bytes) -> dict[str, Any]:
    """What expressions call ``trigger``. ``raw`` are the event's bytes, from its row or blob."""
    is_upload = event.body is not None
    return {
        "method": event.method,
        "headers": event.headers or {},
        "query": event.query or {},
        "body": event.body if is_upload else read_body(raw, event.content_type),
        "raw_body": None if is_upload else read_text(raw),
    }


def _decoded(raw: bytes, charset: str, errors: str) -> str:
    if codecs.lookup(charset).name in _NO_CHARSETS:
        raise LookupError(charset)
    return raw.decode(charset, errors)


def _in_utf8(raw: bytes, charset: str) -> bytes:
    if charset in {"utf-8", "utf8", "us-ascii"}:
        return raw
    try:
        return _decoded(raw, charset, "strict").encode()
    except (LookupError, ValueError) as problem:
        raise Malformed(f"The body is not valid {charset[:40]} text.") from problem
