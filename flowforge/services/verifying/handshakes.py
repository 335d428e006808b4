"""Requests that only ask whether somebody is there: answered as the provider expects.

What is echoed is plain text that no browser takes for a page: short, and without control characters.
"""

import hmac
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from flowforge.engine.triggers import Handshake, Verify
from flowforge.services.verifying.judging import judge
from flowforge.services.verifying.keys import is_same
from flowforge.services.verifying.requests import Reply, SignedRequest
from flowforge.services.verifying.schemes import SCHEMES, Handshaking, secrets_of

LONGEST_ECHO = 1000
_FIRST_PRINTABLE, _DELETE, _LAST_CONTROL = 0x20, 0x7F, 0x9F
# Zoom's own look like this. Nothing else is signed: by a text of their choice, strangers could have
# us make the signature of a request.
_PLAIN_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_ECHOED_HEADER = re.compile(r"x-[a-z0-9-]{1,100}", re.ASCII)


def handshake(
    verify: Verify | None,
    custom: Handshake | None,
    request: SignedRequest,
    now: float | None = None,
) -> Reply | None:
    """The answer to a handshake; None for any other request. ``now``: None for the clock's."""
    if custom is not None and (reply := _custom(custom, request)):
        return reply
    if verify is None:
        return None
    at = time.time() if now is None else now
    for name in SCHEMES[verify.scheme].handshakes:
        if reply := _KNOWN[name](verify, request, at):
            return reply
    return None


def _slack(_verify: Verify, request: SignedRequest, _now: float) -> Reply | None:
    if not _is_post(request) or request.at("type") != "url_verification":
        return None
    challenge = request.at("challenge")
    return _echo(challenge, "Slack asked for its challenge.") if challenge else None


def _zoom(verify: Verify, request: SignedRequest, now: float) -> Reply | None:
    if not _is_post(request) or request.at("event") != "endpoint.url_validation":
        return None
    plain = request.at("payload.plainToken")
    secrets = secrets_of(verify)
    if not secrets or _PLAIN_TOKEN.fullmatch(plain) is None:
        return None
    if "x-zm-signature" in request.headers and not judge(verify, request, now).ok:
        return None
    token = hmac.digest(secrets[0].encode("utf-8", "surrogatepass"), plain.encode(), "sha256").hex()
    body = {"plainToken": plain, "encryptedToken": token}
    return _json(body, "Zoom asked whether we know the secret.")


def _meta(verify: Verify, request: SignedRequest, _now: float) -> Reply | None:
    if request.method != "GET" or "hub.mode" not in request.query:
        return None
    token, challenge = _query(request, "hub.verify_token"), _query(request, "hub.challenge")
    is_known = bool(verify.verify_token) and is_same(token, verify.verify_token)
    if not is_known or _query(request, "hub.mode") != "subscribe" or not challenge:
        return _text(403, "Forbidden", "Meta's verify token is another one.")
    return _echo(challenge, "Meta asked for its challenge.")


def _graph(_verify: Verify, request: SignedRequest, _now: float) -> Reply | None:
    if request.method not in {"GET", "POST"} or "validationToken" not in request.query:
        return None
    return _echo(_query(request, "validationToken"), "Microsoft Graph asked for its token.")


def _dropbox(_verify: Verify, request: SignedRequest, _now: float) -> Reply | None:
    if request.method != "GET" or "challenge" not in request.query:
        return None
    return _echo(_query(request, "challenge"), "Dropbox asked for its challenge.")


def _discord(verify: Verify, request: SignedRequest, now: float) -> Reply | None:
    """A ping of either kind, if it is signed: Discord also tries whether bad ones are refused."""
    data = request.data
    if not _is_post(request) or not isinstance(data, dict) or "event" in data:
        return None
    kind = data.get("type")
    if type(kind) is not int or kind not in {0, 1} or not judge(verify, request, now).ok:
        return None
    if kind == 0:
        return Reply(204, {}, b"", "Discord asked whether we are there.")
    return _json({"type": 1}, "Discord asked whether we are there.")


def _custom(custom: Handshake, request: SignedRequest) -> Reply | None:
    match custom.where:
        case "header":
            value = request.headers.get(custom.name.lower(), "").strip()
        case "query":
            value = _query(request, custom.name)
        case "body":
            value = request.at(custom.name)
    if not value:
        return None
    said = f"A handshake: {custom.where} {custom.name}."
    if custom.body is not None:
        return _text(custom.status, custom.body, said)
    reply = _echo(value, said, custom.status)
    name = custom.name.lower()
    if (
        custom.where == "header"
        and reply.status == custom.status
        and _ECHOED_HEADER.fullmatch(name)
    ):
        # Some look for it in the header that they sent.
        return Reply(reply.status, {**reply.headers, name: value}, reply.body, said)
    return reply


def _is_post(request: SignedRequest) -> bool:
    return request.method == "POST"


def _query(request: SignedRequest, name: str) -> str:
    """The value that came once; "" for one that is missing or repeated."""
    value: Any = request.query.get(name)
    return value if isinstance(value, str) else ""


def _echo(value: str, reason: str, status: int = 200) -> Reply:
    if not value or len(value) > LONGEST_ECHO or any(_is_control(each) for each in value):
        return _text(400, "This challenge cannot be echoed.", f"{reason} It was not echoed.")
    return _text(status, value, reason)


def _is_control(letter: str) -> bool:
    return ord(letter) < _FIRST_PRINTABLE or _DELETE <= ord(letter) <= _LAST_CONTROL


def _text(status: int, text: str, reason: str) -> Reply:
    return Reply(status, _headers("text/plain"), text.encode("utf-8", "replace"), reason)


def _json(body: Mapping[str, Any], reason: str) -> Reply:
    return Reply(200, _headers("application/json"), orjson.dumps(body), reason)


def _headers(media: str) -> dict[str, str]:
    kind = "text/plain; charset=utf-8" if media == "text/plain" else media
    return {"content-type": kind, "x-content-type-options": "nosniff", "cache-control": "no-store"}


_KNOWN: Mapping[Handshaking, Callable[[Verify, SignedRequest, float], Reply | None]] = {
    "slack": _slack,
    "zoom": _zoom,
    "meta": _meta,
    "graph": _graph,
    "dropbox": _dropbox,
    "discord": _discord,
}
