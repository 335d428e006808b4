"""The one way out: an httpx client over aiohttp for everything that a user's text can steer.

It reaches only public addresses and the allow-list (`flowforge.infra.egress`), on every redirect
again; a request ends in time and an answer stays under its size limit whatever the server does; it
keeps no cookies and reads no environment, so that one project's traffic never colours another's.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence

import aiohttp
import certifi
import httpx
import yarl

from flowforge.config import Network
from flowforge.infra.egress import AddressRefused, EgressBlocked, Gate, Lookup
from flowforge.infra.redaction import is_secret_name
from flowforge.infra.unpacking import unpacker

__all__ = ["AnswerTooLarge", "EgressBlocked", "guarded_client"]

MEBIBYTE = 1024 * 1024
CHUNK_BYTES = 64 * 1024
KEEPALIVE_SECONDS = 30.0
_BODILESS_STATUS = {204, 304}
_NO_BODY_METHODS = {"HEAD", "CONNECT"}
_DEADLINE = "flowforge_deadline"
_FIRST_URL = "flowforge_first_url"


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
        headers={"Accept-Encoding": "gzip, deflate", "User-Agent": "FlowForge"},
    )


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """One project's cookies must not travel with another's requests."""


class _CookielessClient(httpx.AsyncClient):
    @property  # type: ignore[misc]  # there is nothing to set
    def cookies(self) -> httpx.Cookies:
        return _NoCookies()


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
                answer = await self._send(request)
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            raise _as_httpx(problem, request.url.host) from problem
        try:
            return _response(request, answer, deadline, self._max_answer_bytes)
        except httpx.RequestError:
            answer.close()
            raise

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
            # As it stands: decoding %3A and the like would break signed URLs.
            yarl.URL(str(request.url), encoded=True),
            headers=headers.multi_items(),
            data=body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout.get("connect")),
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
                    ssl=_trust(),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Content-Type", "Accept", "Accept-Encoding", "User-Agent"),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def _trust() -> ssl.SSLContext:
    """The operator's certificates, and the public ones for machines that bring none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class _Body(httpx.AsyncByteStream):
    """The body of an answer: unpacked here, because only here every byte can be counted."""

    def __init__(
        self, answer: aiohttp.ClientResponse, deadline: float, limit: int, host: str
    ) -> None:
        self._answer = answer
        self._deadline = deadline
        self._limit = limit
        self._host = host

    async def __aiter__(self) -> AsyncIterator[bytes]:
        unpack = unpacker(self._answer.headers.get("Content-Encoding", ""))
        total = 0
        while not self._answer.content.at_eof():
            packed = await self._read()
            for chunk in unpack(packed):
                total += len(chunk)
                if total > self._limit:
                    raise _too_large(self._host, self._limit)
                yield chunk

    async def _read(self) -> bytes:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._answer.content.read(CHUNK_BYTES)
        except (aiohttp.ClientError, OSError) as problem:
            raise _as_httpx(problem, self._host) from problem

    async def aclose(self) -> None:
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()


def _response(
    request: httpx.Request, answer: aiohttp.ClientResponse, deadline: float, limit: int
) -> httpx.Response:
    has_body = request.method not in _NO_BODY_METHODS and answer.status not in _BODILESS_STATUS
    if has_body and (answer.content_length or 0) > limit:
        raise _too_large(request.url.host, limit)
    # The body is unpacked already when httpx sees it.
    unpacked = {b"content-encoding", b"content-length"} if has_body else set()
    is_packed = "Content-Encoding" in answer.headers
    return httpx.Response(
        answer.status,
        headers=[
            (name, value)
            for name, value in answer.raw_headers
            if not (is_packed and name.lower() in unpacked)
        ],
        stream=_Body(answer, deadline, limit, request.url.host),
        extensions={
            "http_version": b"HTTP/1.1",
            "reason_phrase": (answer.reason or "").encode(errors="replace"),
        },
    )


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
