"""The one way out: an httpx client over aiohttp for everything that a user's text can steer.

It reaches only public addresses and the allow-list (`flowforge.infra.egress`), on every redirect
again; a request ends in time and an answer stays under its size limit whatever the server does; it
keeps no cookies and reads no environment, so that one project's traffic never colours another's.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from functools import lru_cache
from typing import Any

import aiohttp
import certifi
import httpx
import yarl

from flowforge.config import Network
from flowforge.infra import echo
from flowforge.infra.egress import AddressRefused, EgressBlocked, Gate, Lookup
from flowforge.infra.redaction import is_secret_name
from flowforge.infra.unpacking import unpacker

__all__ = ["AnswerTooLarge", "EgressBlocked", "guarded_client", "trust"]

MEBIBYTE = 1024 * 1024
CHUNK_BYTES = 64 * 1024
KEEPALIVE_SECONDS = 30.0
_BODILESS_STATUS = {204, 304}
_UNTRUE_UNPACKED = {b"content-encoding", b"content-length"}
_NO_BODY_METHODS = {"HEAD", "CONNECT"}
_DEADLINE = "flowforge_deadline"
_FIRST_URL = "flowforge_first_url"
_PLAIN_OPTIONS = {"headers", "content", "json"}
_DEFAULT_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "FlowForge",
}


class AnswerTooLarge(httpx.RequestError):
    """The answer is over the size limit, as sent or once unpacked. Trying again will not help."""


def guarded_client(
    allow: Sequence[Network],
    *,
    timeout_seconds: float = 60,
    max_answer_bytes: int = 25 * MEBIBYTE,
    max_redirects: int = 5,
    max_connections: int = 200,
    lookup: Lookup | None = None,
) -> httpx.AsyncClient:
    """A client for untrusted URLs; follows redirects.

    ``timeout_seconds`` is for the whole request, redirects and body included; the ``timeout`` of a
    single request replaces it. ``max_connections`` is for all hosts together. ``lookup`` is the
    seam for names in tests.
    """
    transport = _GuardedTransport(
        Gate(allow, lookup),
        timeout_seconds=timeout_seconds,
        max_answer_bytes=max_answer_bytes,
        max_connections=max_connections,
    )
    return _CookielessClient(
        transport=transport,
        timeout=timeout_seconds,
        follow_redirects=True,
        max_redirects=max_redirects,
        trust_env=False,
        headers=_DEFAULT_HEADERS,
    )


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """One project's cookies must not travel with another's requests."""


class _CookielessClient(httpx.AsyncClient):
    @property  # type: ignore[misc]  # there is nothing to set
    def cookies(self) -> httpx.Cookies:
        return _NoCookies()

    async def request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Response:
        """As httpx does it, but what actions send costs half: no merging of what is not set."""
        if not isinstance(url, str) or options.keys() - _PLAIN_OPTIONS:
            return await super().request(method, url, **options)
        headers = dict(options.pop("headers", None) or {})
        present = {name.lower() for name in headers}
        headers |= {n: value for n, value in _DEFAULT_HEADERS.items() if n.lower() not in present}
        request = httpx.Request(method, _parsed(url), headers=headers, **options)
        return await self.send(request)


@lru_cache(maxsize=1024)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


@lru_cache(maxsize=1024)
def _dialled(url: str) -> yarl.URL:
    # As it stands: decoding %3A and the like would break signed URLs.
    return yarl.URL(url, encoded=True)


class _GuardedTransport(httpx.AsyncBaseTransport):
    def __init__(
        self, gate: Gate, *, timeout_seconds: float, max_answer_bytes: int, max_connections: int
    ) -> None:
        self._gate = gate
        self._timeout_seconds = timeout_seconds
        self._max_answer_bytes = max_answer_bytes
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _check_url(request.url)
        self._gate.check_literal(request.url.host)
        # httpx made a header of user:password@ already; a URL that carries it ends up in logs.
        if request.url.userinfo:
            request.url = request.url.copy_with(userinfo=b"")
        _drop_credentials_abroad(request)
        deadline = self._deadline(request)
        try:
            async with asyncio.timeout_at(deadline):
                if request.url.host == echo.HOST:
                    return await echo.answer(request)
                answer = await self._send(request)
                try:
                    return await self._read(request, answer)
                finally:
                    # Keeps the connection where the answer was read to its end, ends it if not.
                    (answer.release if answer.content.at_eof() else answer.close)()
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            raise _as_httpx(problem, request.url.host) from problem

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _deadline(self, request: httpx.Request) -> float:
        """Shared by all redirects of a request: httpx hands the extensions on."""
        now = asyncio.get_running_loop().time()
        seconds = request.extensions.get("timeout", {}).get("read") or self._timeout_seconds
        deadline: float = request.extensions.setdefault(_DEADLINE, now + seconds)
        return deadline

    async def _send(self, request: httpx.Request) -> aiohttp.ClientResponse:
        timeout = request.extensions.get("timeout", {})
        headers = request.headers
        try:
            body: bytes | AsyncIterator[bytes] | None = request.content or None
        except httpx.RequestNotRead:
            body = _sent(request)
            headers = headers.copy()
            headers.pop("Transfer-Encoding", None)  # aiohttp frames the body itself
        return await self._open_session().request(
            request.method,
            _dialled(str(request.url)),
            headers=headers.multi_items(),
            data=body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout.get("connect")),
        )

    async def _read(self, request: httpx.Request, answer: aiohttp.ClientResponse) -> httpx.Response:
        """The whole answer. It is unpacked here, because only here every byte can be counted."""
        host, limit = request.url.host, self._max_answer_bytes
        has_body = request.method not in _NO_BODY_METHODS and answer.status not in _BODILESS_STATUS
        coding = answer.headers.get("Content-Encoding", "")
        headers = list(answer.raw_headers)
        content = b""
        if has_body:
            if (answer.content_length or 0) > limit:
                raise _too_large(host, limit)
            content = await _content(answer, coding, host, limit)
            if coding:
                headers = [one for one in headers if one[0].lower() not in _UNTRUE_UNPACKED]
        return httpx.Response(
            answer.status,
            headers=headers,
            content=content,
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": (answer.reason or "").encode(errors="replace"),
            },
        )

    def _open_session(self) -> aiohttp.ClientSession:
        # Not before the first request: it belongs to the event loop that is running then.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=self._gate,
                    socket_factory=self._gate.open_socket,
                    limit=self._max_connections,
                    limit_per_host=0,
                    keepalive_timeout=KEEPALIVE_SECONDS,
                    ssl=trust(),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Content-Type", "Accept", "Accept-Encoding", "User-Agent"),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def trust() -> ssl.SSLContext:
    """The operator's certificates, and the public ones for machines that bring none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def _content(answer: aiohttp.ClientResponse, coding: str, host: str, limit: int) -> bytes:
    unpack = unpacker(coding) if coding else None
    chunks: list[bytes] = []
    total = 0
    while not answer.content.at_eof():
        packed = await answer.content.read(CHUNK_BYTES)
        for chunk in unpack(packed) if unpack else (packed,):
            total += len(chunk)
            if total > limit:
                raise _too_large(host, limit)
            chunks.append(chunk)
    return b"".join(chunks)


async def _sent(request: httpx.Request) -> AsyncIterator[bytes]:
    if not isinstance(request.stream, httpx.AsyncByteStream):
        raise httpx.LocalProtocolError("This client sends asynchronous bodies only.")
    async for chunk in request.stream:
        yield chunk


def _check_url(url: httpx.URL) -> None:
    if url.scheme not in {"http", "https"} or not url.host:
        raise httpx.UnsupportedProtocol("The address must start with http:// or https://.")


def _drop_credentials_abroad(request: httpx.Request) -> None:
    """What was meant for one host does not follow a redirect to another one."""
    first: httpx.URL = request.extensions.setdefault(_FIRST_URL, request.url)
    if first is request.url or _is_same_place(first, request.url):
        return
    for name in list(request.headers):
        if is_secret_name(name):
            del request.headers[name]


def _is_same_place(first: httpx.URL, now: httpx.URL) -> bool:
    if first.host != now.host:
        return False
    is_upgrade = (first.scheme, now.scheme) == ("http", "https") and not (first.port or now.port)
    return is_upgrade or (first.scheme, first.port) == (now.scheme, now.port)


def _too_large(host: str, limit: int) -> AnswerTooLarge:
    return AnswerTooLarge(f"The answer of {host} is larger than {limit // MEBIBYTE or 1} MB.")


# The first that fits. ConnectError and ConnectTimeout promise that nothing was sent, so a broken
# connection is neither. aiohttp's own words quote the URL, and URLs hold tokens.
_ERRORS: tuple[tuple[type[Exception], type[httpx.RequestError], str], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, "{} did not take the connection"),
    (aiohttp.ClientConnectorError, httpx.ConnectError, "No connection to {}"),
    (TimeoutError, httpx.ReadTimeout, "{} took too long to answer"),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError, "{} hung up without an answer"),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol, "{} is not a web address"),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError, "{} did not answer in valid HTTP"),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError, "The answer of {} ended early"),
    (ValueError, httpx.LocalProtocolError, "This request to {} cannot be sent"),
)


def _as_httpx(problem: Exception, host: str) -> httpx.RequestError:
    reason = problem.os_error if isinstance(problem, aiohttp.ClientConnectorError) else None
    if isinstance(reason, AddressRefused):
        return EgressBlocked(host)
    for theirs, ours, words in _ERRORS:
        if isinstance(problem, theirs):
            detail = f": {reason}" if reason else ""
            return ours(f"{words.format(host)}{detail}.")
    return httpx.ReadError(f"The connection to {host} broke.")
