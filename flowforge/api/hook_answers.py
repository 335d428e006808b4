"""What senders of events are answered, and how it is put on the wire."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
from starlette.types import Send

from flowforge.infra.limits import Verdict, standard_headers
from flowforge.services.arrivals import Arrival
from flowforge.services.examining import Refusal
from flowforge.services.ingest import Receipt

_JSON = (b"content-type", b"application/json")
# Forms and pages anywhere may call a hook: the URL is the permission.
_FIXED_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"access-control-allow-origin", b"*"),
]
_WITHOUT_BODY = frozenset(
    {HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED}
)


class Answer(NamedTuple):
    """What the sender gets. ``body``: an object for JSON, or bytes whose headers say what they
    are. ``event_id``: of the event that does not tell the answer yet.
    """

    status: int
    body: Mapping[str, Any] | bytes
    headers: Mapping[str, str] = {}
    event_id: str | None = None


async def put(answer: Answer, send: Send) -> None:
    """Send ``answer``. Headers of its own replace ours."""
    if isinstance(answer.body, bytes):
        body, headers = answer.body, []
    else:
        body, headers = orjson.dumps(answer.body), [_JSON]
    if answer.status in _WITHOUT_BODY:
        body = b""
    else:
        headers.append((b"content-length", str(len(body)).encode()))
    if answer.headers:
        given = {name.lower().encode(): value for name, value in answer.headers.items()}
        headers += [pair for pair in _FIXED_HEADERS if pair[0] not in given]
        headers += [(name, value.encode("latin-1", "replace")) for name, value in given.items()]
    else:
        headers += _FIXED_HEADERS
    start = {"type": "http.response.start", "status": int(answer.status), "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def received(receipt: Receipt, headers: Mapping[str, str], *, is_seed: bool) -> Answer:
    """What an event is answered that was stored, or for which there is no zap."""
    body = _BODIES.get((receipt.verdict, is_seed))
    if body is None:
        # Held events look like unknown zaps from outside: a stranger learns nothing.
        return not_found(headers)
    status = HTTPStatus.OK if is_seed else HTTPStatus.ACCEPTED
    return Answer(status, body(receipt.run_id, receipt.event_id), headers)


_Body = Callable[[str | None, str | None], dict[str, Any]]
# By verdict, and whether it is in the words of the first FlowForge.
_BODIES: dict[tuple[str, bool], _Body] = {
    ("accepted", True): lambda run_id, event_id: {
        "message": "Webhook received",
        "zapRunId": run_id,
        "eventId": event_id,
    },
    ("duplicate", True): lambda run_id, _: {
        "message": "Webhook already processed",
        "zapRunId": run_id,
        "duplicate": True,
    },
    ("filtered", True): lambda _, event_id: {
        "message": "Webhook filtered",
        "zapRunId": None,
        "eventId": event_id,
    },
    ("accepted", False): lambda run_id, event_id: {"event_id": event_id, "run_id": run_id},
    ("duplicate", False): lambda run_id, event_id: {
        "event_id": event_id,
        "run_id": run_id,
        "duplicate": True,
    },
    ("filtered", False): lambda _, event_id: {
        "event_id": event_id,
        "run_id": None,
        "filtered": True,
    },
}


def refused(refusal: Refusal, receipt: Receipt) -> Answer:
    """What a request is answered that its zap's trigger does not let through, or that shakes
    hands.
    """
    if receipt.verdict == "unknown" or refusal.status == HTTPStatus.NOT_FOUND:
        return not_found()
    if refusal.reply is not None:
        reply = refusal.reply
        return Answer(reply.status, reply.body, reply.headers)
    return error(
        refusal.status, refusal.code, refusal.reason, refusal.headers, details=refusal.details
    )


_CODES = {
    400: "malformed",
    408: "too_slow",
    413: "too_large",
    415: "encoding_not_supported",
    431: "headers_too_large",
}


def unreadable(arrival: Arrival, receipt: Receipt) -> Answer:
    """What a request is answered that cannot be read, whatever its zap."""
    if receipt.verdict == "unknown" or arrival.refusal is None:
        return not_found()
    status = arrival.refusal_status
    return error(status, _CODES.get(status, "malformed"), arrival.refusal)


def not_found(headers: Mapping[str, str] | None = None) -> Answer:
    return error(404, "not_found", "Zap not found", headers)


def incomplete() -> Answer:
    return error(400, "incomplete", "The request ended before its body did.")


def too_many(verdict: Verdict) -> Answer:
    said = "Too many requests, please try again later."
    return error(429, "too_many_requests", said, standard_headers(verdict))


def unavailable() -> Answer:
    said = "Events cannot be stored right now. Nothing was kept; send it again shortly."
    return error(503, "unavailable", said, {"Retry-After": "5"})


def preflight() -> Answer:
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
        "Access-Control-Allow-Headers": "*",
        "Access-Control-Max-Age": "86400",
    }
    return Answer(HTTPStatus.OK, {}, allowed)


def error(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    *,
    details: tuple[dict[str, str], ...] = (),
) -> Answer:
    # ``message`` stands twice: at the top for the seed's callers, in ``error`` as everywhere else.
    about: dict[str, Any] = {"code": code, "message": message}
    if details:
        about["details"] = list(details)
    return Answer(status, {"message": message, "error": about}, headers or {})
