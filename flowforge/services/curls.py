"""A cURL line as a step that sends the same request.

Pure: nothing is run, no file is read. What a step cannot do is refused by the name of the option;
what changes only how cURL talks (``-s``, ``-L``, ``--compressed`` …) is passed over.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

from flowforge.actions.web import RESERVED
from flowforge.engine.expressions import is_template
from flowforge.errors import Invalid, Malformed
from flowforge.infra import documents
from flowforge.services import curl_options, drafts, lint_secrets, shell_words

ACTION = "webhook"
METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE", "HEAD")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
# What only fits the client that made the line: the step's own unpacks what it asked for.
_OF_THE_CLIENT = RESERVED | {"accept-encoding", "proxy-connection", "keep-alive", "te", "upgrade"}

Step = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What a line sends. ``headers`` in their order, each name once; ``body`` is None for none."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None

    def header(self, name: str) -> str:
        """The value of the header, case ignored; empty for none."""
        return next((text for key, text in self.headers if key.lower() == name.lower()), "")


@dataclass
class _Line:
    """What the options said so far."""

    method: str = ""
    urls: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: str | None = None
    query: list[str] = field(default_factory=list)
    is_get: bool = False
    is_head: bool = False
    is_json: bool = False


def step(line: str) -> Step:
    """The step that sends the request; its id means nothing yet.

    Raises: Invalid with words for whoever pasted the line.
    """
    request = request_of(line)
    if request.method not in METHODS:
        offered = ", ".join(METHODS)
        raise Invalid(f"A step can send {offered}; this line sends {request.method}.")
    inputs: dict[str, Any] = {"url": request.url, "method": request.method}
    body = _body(request) if request.body is not None else None
    headers = {
        name: text
        for name, text in request.headers
        if name.lower() not in _OF_THE_CLIENT and not (_is_plain_json(name, text))
    }
    inputs |= {"headers": headers} if headers else {}
    inputs |= {"body": body} if body is not None else {}
    return {"id": ACTION, "kind": "action", "action": ACTION, "inputs": inputs}


def secrets(made: Step) -> list[str]:
    """The names of headers in which a step carries what looks like a secret, as it was typed."""
    is_request = drafts.action_key(made) == ACTION
    return lint_secrets.named((made.get("inputs") or {}).get("headers")) if is_request else []


def request_of(line: str) -> Request:
    """What the cURL line sends. Raises: Invalid."""
    words = shell_words.words(line.strip())
    if not words or words[0].lower().removesuffix(".exe") != "curl":
        raise Invalid("A cURL line begins with the word curl.")
    read = _Line()
    for name, value in curl_options.read(words[1:]):
        _take(read, name, value)
    return _request(read)


def rendered(request: Request) -> str:
    """The request as a line for a POSIX shell."""
    parts = ["curl", "-X", request.method, shell_words.quoted(request.url)]
    for name, text in request.headers:
        parts += ["-H", shell_words.quoted(f"{name}: {text}" if text else f"{name};")]
    if request.body is not None:
        parts += ["--data-raw", shell_words.quoted(request.body)]
    return " ".join(parts)


# ---- the options ---------------------------------------------------------------------------------


def _take(line: _Line, name: str, value: str) -> None:  # noqa: C901, PLR0912 - a line for each option
    match name:
        case "url":
            line.urls.append(value)
        case "request":
            line.method = value.strip().upper()
        case "get":
            line.is_get = True
        case "head":
            line.is_head = True
        case "header":
            line.headers += _header(value)
        case "user":
            line.headers.append(("Authorization", _basic(value)))
        case "oauth2-bearer":
            line.headers.append(("Authorization", f"Bearer {value}"))
        case "cookie":
            line.headers.append(("Cookie", _no_file("-b", value, has_file="=" not in value)))
        case "user-agent":
            line.headers.append(("User-Agent", value))
        case "referer":
            line.headers.append(("Referer", value))
        case "range":
            line.headers.append(("Range", f"bytes={value}"))
        case "url-query":
            line.query.append(_encoded(f"--{name}", value))
        case "json":
            line.is_json = True
            line.data = (line.data or "") + _no_file("--json", value)
        case "data-raw":
            _add(line, value)
        case "data-urlencode":
            _add(line, _encoded(f"--{name}", value))
        case "data" | "data-ascii" | "data-binary":
            _add(line, _no_file(f"--{name}", value))


def _add(line: _Line, text: str) -> None:
    line.data = text if line.data is None else f"{line.data}&{text}"


def _header(text: str) -> list[tuple[str, str]]:
    """``Name: value``; ``Name;`` has no value, and ``Name:`` takes a header of cURL's own away."""
    _no_file("-H", text)
    name, colon, value = text.partition(":")
    if text.startswith(":"):  # a pseudo-header of HTTP/2, as browsers copy them
        return []
    if colon:
        return [(name.strip(), value.strip())] if value.strip() else []
    if text.rstrip().endswith(";"):
        return [(text.strip()[:-1], "")]
    raise Invalid(f"-H needs a name, a colon and a value, not '{text[:60]}'.")


def _basic(user: str) -> str:
    if ":" not in user:
        raise Invalid("-u asks for a password here. Write it as -u name:password.")
    return "Basic " + base64.b64encode(user.encode()).decode()


def _encoded(option: str, text: str) -> str:
    """As ``--data-urlencode`` writes it: ``content``, ``=content`` or ``name=content``."""
    name, equals, content = text.partition("=")
    _no_file(option, text, has_file=not equals and "@" in text)
    if not equals:
        return quote(text, safe="")
    return f"{name}={quote(content, safe='')}" if name else quote(content, safe="")


def _no_file(option: str, text: str, *, has_file: bool | None = None) -> str:
    if text.startswith("@") if has_file is None else has_file:
        raise Invalid(f"{option} reads a file of your computer. Put what is in it in its place.")
    return text


# ---- the request ---------------------------------------------------------------------------------


def _request(line: _Line) -> Request:
    if not any(url.strip() for url in line.urls):
        raise Invalid("The line has no address. Copy the whole command.")
    if len(line.urls) > 1:
        raise Invalid(
            f"The line has {len(line.urls)} addresses; a step sends one request. Put quotes around"
            " what has blanks in it, or paste one line for each."
        )
    url, authorization = _address(line.urls[0])
    headers = _once([*([authorization] if authorization else []), *line.headers])
    body = line.data
    if line.is_get and body is not None:
        line.query.append(body)
        body = None
    if line.query:
        url = _with_query(url, "&".join(line.query))
    method = line.method or ("HEAD" if line.is_head else "POST" if body is not None else "GET")
    if body is not None and not any(name.lower() == "content-type" for name, _ in headers):
        kind = JSON if line.is_json or _looks_json(body) else FORM
        headers.append(("Content-Type", kind))
    return Request(method, url, tuple(headers), body)


def _address(text: str) -> tuple[str, tuple[str, str] | None]:
    """The full address, and the header for whom it names before an ``@``."""
    url = text.strip()
    url = url if "://" in url or is_template(url) else f"http://{url}"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Invalid(f"'{text[:100]}' is no address. Copy the whole command.") from None
    who, is_named, host = parts.netloc.rpartition("@")
    if not is_named or is_template(url):
        return url, None
    return urlunsplit(parts._replace(netloc=host)), (
        "Authorization",
        _basic(who if ":" in who else f"{who}:"),
    )


def _with_query(url: str, query: str) -> str:
    before, hash_sign, fragment = url.partition("#")
    joint = "&" if "?" in before else "?"
    return f"{before}{joint}{query}{hash_sign}{fragment}"


def _once(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each name once, in the order of the first: several values are one list of them."""
    found: dict[str, tuple[str, str]] = {}
    for name, text in headers:
        key = name.lower()
        if key not in found or key in {"authorization", "content-type", "user-agent", "referer"}:
            found[key] = (name, text)
        else:
            joint = "; " if key == "cookie" else ", "
            found[key] = (found[key][0], f"{found[key][1]}{joint}{text}")
    return list(found.values())


def _is_plain_json(name: str, text: str) -> bool:
    """Whether the header is what a step says by itself."""
    return name.lower() == "content-type" and text.partition(";")[0].strip().lower() == JSON


def _looks_json(text: str) -> bool:
    return text.lstrip()[:1] in {"{", "["}


def _body(request: Request) -> Any:
    """What the form's body shows: an object where the text is one. Raises: Invalid."""
    text = request.body or ""
    if request.method in {"GET", "HEAD"}:
        raise Invalid(
            f"A step sends no body with {request.method}. Put the data into the address (-G), or"
            " send it with POST if the server takes that as well."
        )
    kind = request.header("Content-Type").lower()
    if FORM in kind:
        return _form(text)
    if "json" not in kind or not text.strip() or is_template(text):
        return text
    try:
        return documents.parse(text)
    except Malformed as problem:
        raise Invalid(f"The line says that it sends JSON. {problem.message}") from None


def _form(text: str) -> Any:
    """Names and values where those are all that the text says; otherwise the text."""
    pairs = parse_qsl(text, keep_blank_values=True)
    fields = dict(pairs)
    same = len(fields) == len(pairs) and text in {urlencode(pairs), _as_curl(pairs)}
    return fields if same else text


def _as_curl(pairs: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{quote_plus(name)}={quote(value, safe='')}" for name, value in pairs)
