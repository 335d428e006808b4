"""What happens to every request before and after its route: two plain ASGI layers.

``Frame`` gives each answer a request id and security headers and turns an unexpected exception
into a 500 that tells nothing. ``BodyGate`` reads a body once, with limits on size, time and depth.
"""

import asyncio
import re
import secrets
from collections.abc import Callable
from http import HTTPStatus

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowforge.api import errors
from flowforge.config import Settings
from flowforge.errors import FlowForgeError, TooLarge
from flowforge.infra import documents
from flowforge.services.origin import origin_of

log = structlog.get_logger()

LARGEST_BODY = 2 * 1024 * 1024
BODY_SECONDS = 20.0
HSTS_SECONDS = 31_536_000

# These read raw bytes, with larger limits of their own.
OWN_LIMITS = ("/hooks/", "/api/v1/webhooks/", "/api/v1/files", "/forms/")
_WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

SettingsSource = Callable[[], Settings]


def security_headers(settings: Settings) -> dict[str, str]:
    """For answers of the API; a page needs a wider content policy."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    if settings.effective_public_url.startswith("https://"):
        headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}"
    return headers


class Frame:
    """Outermost: request id in and out, security headers, the last resort for exceptions.

    A route may put headers for its answer, whatever that will be, into
    ``request.state.answer_headers``.
    """

    def __init__(self, app: ASGIApp, settings: SettingsSource) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        has_started = False

        async def framed(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                self._dress(message, request_id, state.get("answer_headers", {}))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, framed)
            except Exception:
                log.exception("request failed", method=scope["method"])
                if has_started:
                    raise
                await errors.plain(500)(scope, receive, framed)

    def _dress(self, message: Message, request_id: str, more: dict[str, str]) -> None:
        headers = MutableHeaders(scope=message)
        headers["X-Request-ID"] = request_id
        for name, value in (security_headers(self.settings()) | more).items():
            headers.setdefault(name, value)


def _request_id(scope: Scope) -> str:
    """The caller's, where it is short and plain enough for a log; otherwise a fresh one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


class BodyGate:
    """Bodies are read whole, here and once: 413 over the limit, 408 when too slow, 400 bad JSON."""

    def __init__(
        self, app: ASGIApp, *, largest: int = LARGEST_BODY, seconds: float = BODY_SECONDS
    ) -> None:
        self.app = app
        self.largest = largest
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] not in _WITH_BODY
            or scope["path"].startswith(OWN_LIMITS)
        ):
            await self.app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
            if body is None:
                return
            if body and _claims_json(scope):
                # The reader behind this one is lenient: it lets NaN, lone surrogates and any
                # depth through to code that cannot store them.
                documents.parse(body)
        except TimeoutError:
            await errors.plain(408)(scope, receive, send)
        except FlowForgeError as problem:
            await errors.of(problem)(scope, receive, send)
        else:
            await self.app(scope, _replayed(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None where the client hung up before its end."""
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > self.largest:
            raise self._too_large()
        chunks: list[bytes] = []
        size = 0
        async with asyncio.timeout(self.seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > self.largest:
                    raise self._too_large()
                if not message.get("more_body", False):
                    return b"".join(chunks)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is over the limit of {self.largest} bytes.")


def _claims_json(scope: Scope) -> bool:
    kind = Headers(scope=scope).get("content-type", "").split(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _replayed(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class OwnOriginCors(CORSMiddleware):
    """Cross-origin reading only for the origin of PUBLIC_URL, asked for at each request."""

    def __init__(self, app: ASGIApp, settings: SettingsSource) -> None:
        super().__init__(
            app,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "X-Request-ID"),
            expose_headers=("X-Request-ID", "Retry-After"),
        )
        self.settings = settings

    def is_allowed_origin(self, origin: str) -> bool:
        return origin == origin_of(self.settings().effective_public_url)

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < HTTPStatus.BAD_REQUEST:
            return answer
        return errors.answer(
            answer.status_code, "cors_refused", "Pages of other origins may not do this."
        )
