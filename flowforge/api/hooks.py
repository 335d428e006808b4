"""The door for events: ``/hooks/catch/{user}/{zap}`` and ``/api/v1/webhooks/{zap}``.

Plain ASGI, because this is the one path whose cost per request matters. It reads bytes, asks
intake, and answers after the commit; nothing a sender can do here ends in a 500.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from flowforge.api.patience import Patience
from flowforge.errors import Malformed, TooLarge, Unavailable
from flowforge.infra import telemetry
from flowforge.infra.limits import RateLimiter, Verdict, client_ip, counted, standard_headers
from flowforge.infra.runtime import Runtime
from flowforge.services import uploads
from flowforge.services.ingest import LONGEST_DEDUPE_KEY, Arrival, Intake, Receipt
from flowforge.services.payload import ContentType, read_body, read_fields

log = structlog.get_logger()

PREFIXES = ("/hooks/", "/api/v1/webhooks/")
BODY_SECONDS = 30.0
INLINE_BYTES = 512 * 1024
MOST_NOTED_REFUSALS = 10_000

_ID = r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_SEED_PATH = re.compile(rf"/hooks/catch/([0-9]{{1,9}})/{_ID}/?", re.ASCII)
_OUR_PATH = re.compile(rf"/api/v1/webhooks/{_ID}/?", re.ASCII)

_FIXED_HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    # Forms and pages anywhere may call a hook: the URL is the permission.
    (b"access-control-allow-origin", b"*"),
]


class Answer(NamedTuple):
    """What the sender gets."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


class _Target(NamedTuple):
    """Whose hook is called; ``user_id`` is None on our own route."""

    hook_id: str
    user_id: int | None

    @property
    def is_seed(self) -> bool:
        return self.user_id is not None


class _Request(NamedTuple):
    """A request for a known kind of hook, before its body is read."""

    scope: Scope
    receive: Receive
    target: _Target
    headers: dict[str, str]
    source_ip: str

    def arrival(self, raw: bytes | None, refusal: str | None) -> Arrival:
        try:
            query = _query(self.scope)
        except Malformed as problem:
            query, refusal = "{}", refusal or f"The query cannot be read: {problem.message}"
        return Arrival(
            hook_id=self.target.hook_id,
            user_id=self.target.user_id,
            method=self.scope["method"],
            source_ip=self.source_ip,
            content_type=self.headers.get("content-type", "")[:500],
            headers=orjson.dumps(self.headers).decode(),
            query=query,
            raw=raw,
            size=len(raw or b""),
            dedupe_key=self.headers.get("x-idempotency-key") or self.headers.get("idempotency-key"),
            refusal=refusal,
        )


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the door needs, made once per runtime."""

    runtime: Runtime
    intake: Intake
    limiter: RateLimiter


class HookDoor:
    """ASGI layer: answers both routes itself and passes everything else on.

    ``runtime`` is asked at each request: it may be opened after the app is built.
    """

    def __init__(
        self, app: ASGIApp, runtime: Callable[[], Runtime], *, body_seconds: float = BODY_SECONDS
    ) -> None:
        self.app = app
        self._runtime = runtime
        self._body_seconds = body_seconds
        self._patience = Patience(body_seconds)
        self._last: _Opened | None = None
        self._noted: dict[tuple[str, str], float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIXES):
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        answer = await self._answer(scope, receive)
        telemetry.ack_seconds.observe(time.perf_counter() - began)
        telemetry.count_request(scope["method"], "hooks", answer.status)
        await _send(answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        target = _target(scope["path"])
        if target is None:
            return _not_found()
        headers = _headers(scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return _preflight()
        opened = self._open()
        peer = scope["client"][0] if scope.get("client") else ""
        source_ip = client_ip(peer, headers, opened.runtime.settings.trusted_proxies)
        request = _Request(scope, receive, target, headers, source_ip)
        verdict = await opened.limiter.hit(source_ip)
        try:
            if verdict.allowed:
                return await self._receive(opened, request, standard_headers(verdict))
            await self._note_refusal(opened.intake, request, verdict)
        except (Unavailable, asyncio.QueueFull):
            return _unavailable()
        except Exception:
            # Whatever it was (a full disk, a missing table), the sender must keep the event.
            log.exception("event could not be stored")
            return _unavailable()
        return _too_many(standard_headers(verdict))

    async def _receive(
        self, opened: _Opened, request: _Request, rate_headers: Mapping[str, str]
    ) -> Answer:
        arrival = await self._arrival(opened.runtime, request)
        if arrival is None:
            return _error(400, "incomplete", "The request ended before its body did.")
        receipt = await opened.intake.receive(arrival)
        if arrival.blob_keys and not _keeps_blobs(arrival, receipt):
            await opened.runtime.blobs.delete(arrival.blob_keys)
        if arrival.refusal is not None:
            return _refused(arrival.refusal, receipt)
        return _received(request.target, receipt, rate_headers)

    def _open(self) -> _Opened:
        runtime = self._runtime()
        if self._last is None or self._last.runtime is not runtime:
            limiter = RateLimiter(
                runtime.settings.hook_rate_limit,
                runtime.redis,
                prefix=runtime.settings.redis_prefix,
                namespace="hooks",
                fail_open=True,
            )
            self._last = _Opened(runtime, Intake(runtime.db, runtime.signals), limiter)
        return self._last

    async def _arrival(self, runtime: Runtime, request: _Request) -> Arrival | None:
        """The request as data, with ``refusal`` set where it is to be rejected; None: hung up."""
        largest = runtime.settings.hook_body_limit
        try:
            with self._patience.limited():
                raw = await _read(request.scope, request.receive, largest)
        except TooLarge as problem:
            return request.arrival(None, problem.message)
        except TimeoutError:
            said = f"The body did not arrive within {self._body_seconds:g} seconds."
            return request.arrival(None, said)
        if raw is None:
            return None
        return await _read_content(runtime, request.arrival(raw, None))

    async def _note_refusal(self, intake: Intake, request: _Request, verdict: Verdict) -> None:
        """One row per sender, hook and window: a flood must be seen, not stored."""
        now = time.monotonic()
        name = (counted(request.source_ip), request.target.hook_id)
        if self._noted.get(name, 0.0) > now:
            return
        if len(self._noted) >= MOST_NOTED_REFUSALS:
            self._noted = {key: until for key, until in self._noted.items() if until > now}
        if len(self._noted) >= MOST_NOTED_REFUSALS:
            return
        self._noted[name] = now + verdict.reset_seconds
        said = (
            f"Over the limit of {verdict.limit} requests; more from {request.source_ip} are "
            f"only counted for {verdict.reset_seconds} seconds."
        )
        await intake.receive(request.arrival(None, said))


def _keeps_blobs(arrival: Arrival, receipt: Receipt) -> bool:
    """Files belong to events that may run; a large body to every event that has a row."""
    if arrival.files:
        return receipt.verdict in {"accepted", "held"}
    return receipt.verdict != "unknown"


async def _send(answer: Answer, send: Send) -> None:
    body = orjson.dumps(answer.body)
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    length = (b"content-length", str(len(body)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": int(answer.status),
            "headers": [*_FIXED_HEADERS, length, *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def _read_content(runtime: Runtime, arrival: Arrival) -> Arrival:
    """Check that the body can be read, and put what is large or binary where it belongs."""
    raw = arrival.raw or b""
    if arrival.dedupe_key is not None and len(arrival.dedupe_key) > LONGEST_DEDUPE_KEY:
        said = f"X-Idempotency-Key is longer than {LONGEST_DEDUPE_KEY} characters."
        arrival = arrival._replace(dedupe_key=None, refusal=said)
    kind = ContentType.of(arrival.content_type)
    try:
        if arrival.refusal is None:
            if raw and (kind.is_binary or kind.is_multipart):
                return await uploads.take_files(runtime, arrival)
            read_body(raw, arrival.content_type)
    except Malformed as problem:
        arrival = arrival._replace(refusal=problem.message)
    if len(raw) > INLINE_BYTES:
        return await uploads.set_aside(runtime, arrival)
    return arrival


async def _read(scope: Scope, receive: Receive, largest: int) -> bytes | None:
    """The whole body; None where the client hung up. Raises: TooLarge."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > largest:
            raise _too_large(largest)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > largest:
            raise _too_large(largest)
        if not message.get("more_body", False):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)


def _too_large(largest: int) -> TooLarge:
    return TooLarge(f"The body is over the limit of {largest} bytes.")


def _target(path: str) -> _Target | None:
    if found := _SEED_PATH.fullmatch(path):
        return _Target(found[2], int(found[1]))
    if found := _OUR_PATH.fullmatch(path):
        return _Target(found[1], None)
    return None


def _headers(scope: Scope) -> dict[str, str]:
    """Names are lower case; a name that comes twice has its values joined, as RFC 9110 says."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _query(scope: Scope) -> str:
    if not scope["query_string"]:
        return "{}"
    return orjson.dumps(read_fields(scope["query_string"].decode("latin-1"))).decode()


def _received(target: _Target, receipt: Receipt, headers: Mapping[str, str]) -> Answer:
    match receipt.verdict:
        case "accepted" if target.is_seed:
            body = {
                "message": "Webhook received",
                "zapRunId": receipt.run_id,
                "eventId": receipt.event_id,
            }
            return Answer(HTTPStatus.OK, body, headers)
        case "duplicate" if target.is_seed:
            again = {
                "message": "Webhook already processed",
                "zapRunId": receipt.run_id,
                "duplicate": True,
            }
            return Answer(HTTPStatus.OK, again, headers)
        case "accepted":
            body = {"event_id": receipt.event_id, "run_id": receipt.run_id}
            return Answer(HTTPStatus.ACCEPTED, body, headers)
        case "duplicate":
            again = {"event_id": receipt.event_id, "run_id": receipt.run_id, "duplicate": True}
            return Answer(HTTPStatus.ACCEPTED, again, headers)
        case _:
            # Held events look like unknown zaps from outside: a stranger learns nothing.
            return _not_found(headers)


def _refused(refusal: str, receipt: Receipt) -> Answer:
    if receipt.verdict == "unknown":
        return _not_found()
    if refusal.startswith("The body is over"):
        return _error(413, "too_large", refusal)
    if refusal.startswith("The body did not arrive"):
        return _error(408, "too_slow", refusal)
    return _error(400, "malformed", refusal)


def _not_found(headers: Mapping[str, str] | None = None) -> Answer:
    return _error(404, "not_found", "Zap not found", headers)


def _too_many(headers: Mapping[str, str]) -> Answer:
    said = "Too many requests, please try again later."
    return _error(429, "too_many_requests", said, headers)


def _unavailable() -> Answer:
    said = "Events cannot be stored right now. Nothing was kept; send it again shortly."
    return _error(503, "unavailable", said, {"Retry-After": "5"})


def _preflight() -> Answer:
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
        "Access-Control-Allow-Headers": "*",
        "Access-Control-Max-Age": "86400",
    }
    return Answer(HTTPStatus.OK, {}, allowed)


def _error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Answer:
    # ``message`` stands twice: at the top for the seed's callers, in ``error`` as everywhere else.
    body = {"message": message, "error": {"code": code, "message": message}}
    return Answer(status, body, headers or {})
