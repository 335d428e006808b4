"""What is signed: a template filled with the raw bytes of a request."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import parse_qs

from flowforge.services.verifying.keys import is_same
from flowforge.services.verifying.requests import Refused, SignedRequest

_WORD = re.compile(r"(\{(?:body|timestamp|id|url|method|form)\})")
_URL = re.compile(r"(https?)://([^/?#]*)(.*)", re.DOTALL | re.IGNORECASE)
_PORT = re.compile(r":[0-9]{0,5}\Z")
_USUAL_PORT = {"http": "80", "https": "443"}
_BODY_HASH = "bodySHA256"


def of(
    template: str, request: SignedRequest, timestamp: str, ident: str, public_url: str
) -> Sequence[bytes]:
    """Everything that may have been signed: one message, or one for each way to write the URL.

    Raises: Refused where the signature would not cover the body.
    """
    pieces = _pieces(template)
    values = {"{body}": request.raw, "{timestamp}": _bytes(timestamp), "{id}": _bytes(ident)}
    if "{url}" not in pieces and "{method}" not in pieces:
        return [_filled(pieces, values)]
    values["{method}"] = _bytes(request.method)
    url = _public(public_url, request.url)
    if "{form}" in pieces:
        values["{form}"] = _form(request, url)
        urls = _ways_to_write(url)
    else:
        urls = [url]
    return [_filled(pieces, values | {"{url}": _bytes(each)}) for each in urls]


def _filled(pieces: Sequence[str], values: dict[str, bytes]) -> bytes:
    return b"".join([values[each] if each in values else each.encode() for each in pieces])


@lru_cache(maxsize=1024)
def _pieces(template: str) -> tuple[str, ...]:
    return tuple(piece for piece in _WORD.split(template) if piece)


def _public(configured: str, received: str) -> str:
    """The configured URL; the query is the request's unless it says one itself."""
    if not configured:
        return received
    _, mark, query = received.partition("?")
    return configured if "?" in configured or not mark else f"{configured}?{query}"


def _ways_to_write(url: str) -> Sequence[str]:
    """``url``, and with and without a port: who signed may have written either."""
    found = _URL.fullmatch(url)
    if found is None:
        return [url]
    scheme, place, rest = found.groups()
    bare = _PORT.sub("", place)
    usual = _USUAL_PORT[scheme.lower()]
    places = dict.fromkeys([place, bare, f"{bare}:{usual}"])
    return [f"{scheme}://{each}{rest}" for each in places]


def _form(request: SignedRequest, url: str) -> bytes:
    """Names and values of the form, sorted, each pair once. Other bodies are covered by their hash
    in the URL.
    """
    if request.fields:
        pairs = sorted(set(request.fields))
        return "".join([name + value for name, value in pairs]).encode("utf-8", "surrogatepass")
    if not request.raw:
        return b""
    hashes = parse_qs(url.partition("?")[2]).get(_BODY_HASH, [])
    if len(hashes) != 1:
        raise Refused(f"The body is not signed: the URL has no {_BODY_HASH}.")
    if not is_same(hashes[0].lower(), hashlib.sha256(request.raw).hexdigest()):
        raise Refused(f"The body is not the one that {_BODY_HASH} of the URL was made of.")
    return b""


def _bytes(text: str) -> bytes:
    """A header's text as the bytes that came."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
