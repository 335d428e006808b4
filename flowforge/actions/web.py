"""What an owner writes down of a request: its address and its headers."""

import json
import re
from functools import lru_cache
from typing import Annotated

import httpx
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import from_json

from flowforge.actions.inputs import Filled

# Framing and routing belong to the client: a wrong one of these smuggles a second request.
RESERVED = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "x-flowforge-event"}
)
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# Beyond ASCII no two servers agree on the encoding (RFC 9110, 5.5).
VISIBLE = re.compile(r"[\t\x20-\x7e]*")
LONGEST_URL = 8_000


def opened(value: object) -> object:
    """A text that is JSON stands for that JSON; blank is ``{}``; other text stays text."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return {}
    try:
        return from_json(value, allow_inf_nan=False)
    except ValueError:
        return value


def _headers(value: object) -> object:
    found = {} if value is None else opened(value)
    if not isinstance(found, dict):
        raise ValueError("must be an object of names and values")  # noqa: TRY004 - pydantic's way
    return {str(name): _header(str(name), each) for name, each in found.items()}


def _header(name: str, value: object) -> str:
    text = value.strip() if isinstance(value, str) else json.dumps(value)
    if not TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not a name that a header can have")
    if name.lower() in RESERVED:
        raise ValueError(f"the header {name} is set by FlowForge; leave it out")
    if not VISIBLE.fullmatch(text):
        raise ValueError(f"the value of {name} may hold printable ASCII characters only")
    return text


@lru_cache(maxsize=1024)
def _web_address(value: str) -> str:
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL as problem:
        raise ValueError(f"is not a URL ({problem})") from problem
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("must be a full URL such as https://example.com/hook")
    return value


WebAddress = Annotated[Filled, AfterValidator(_web_address), Field(max_length=LONGEST_URL)]
HttpHeaders = Annotated[dict[str, str], BeforeValidator(_headers)]
