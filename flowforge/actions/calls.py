"""Outgoing HTTP of actions: what went wrong on the wire becomes the right kind of failure.

The one question that matters is whether the request may have left this machine. Only where
that is ruled out is the failure retryable (or final); everything else is an unknown outcome.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import httpx

from flowforge.actions.failures import ActionError, FatalError, OutcomeUnknown, RetryableError

TRY_LATER = frozenset({408, 425, 429})
LONGEST_WAIT = timedelta(days=1)
EXCERPT_LENGTH = 200
SERVER_ERRORS = 500
_UNKNOWN = " It may have acted on the request or not."


async def send(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    json: Any = None,
) -> httpx.Response:
    """The answer, whatever its status; see `raise_for_answer` for that.

    Raises:
        RetryableError: the other side could not be reached; nothing was sent.
        FatalError: the address cannot be called at all, or its answer cannot be used.
        OutcomeUnknown: the request went out, no whole answer came back.
    """
    try:
        if json is None:
            return await http.request(method, url, headers=headers, content=content)
        return await http.request(method, url, headers=headers, json=json)
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise _explain(problem, host_of(url)) from problem


async def get(
    http: httpx.AsyncClient, url: str, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """The answer, whatever its status, to a request that only reads: asking again does no harm.

    Raises: RetryableError, FatalError.
    """
    try:
        return await send(http, "GET", url, headers=headers)
    except OutcomeUnknown as problem:
        raise RetryableError(str(problem).removesuffix(_UNKNOWN)) from problem


def raise_for_answer(response: httpx.Response, said: str | None = None) -> None:
    """Return quietly on 2xx; any other status fails, with the start of the answer as a hint.

    Args:
        response: The answer.
        said: What was tried, at the start of the message; None says ``POST to <url>``. Give it
            where the URL is a secret.
    """
    if response.is_success:
        return
    tried = said or f"{response.request.method} to {_without_userinfo(response.request.url)}"
    status = response.status_code
    hint = excerpt(response.text)
    message = f"{tried} failed with status {status}" + (f": {hint}" if hint else "")
    if status in TRY_LATER or status >= SERVER_ERRORS:
        raise RetryableError(message, retry_after=retry_after(response.headers))
    raise FatalError(message)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """The wait a ``Retry-After`` header asks for (RFC 9110, 10.2.3: seconds or a date), or None.

    Never negative and at most a day: a strange header must not park a run for years.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,18}", value):
        return min(timedelta(seconds=min(int(value), 10**6)), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(timedelta(0), min(moment - datetime.now(UTC), LONGEST_WAIT))


def excerpt(text: str) -> str:
    """The start of an answer on one line, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:2000]).split())
    return line if len(line) <= EXCERPT_LENGTH else line[:EXCERPT_LENGTH] + "…"


def host_of(url: str) -> str:
    """The host for messages: the rest of a URL may be secret."""
    try:
        return httpx.URL(url).host or "the address"
    except (httpx.InvalidURL, TypeError):
        return "the address"


def _explain(problem: Exception, host: str) -> ActionError:
    if any(getattr(cause, "blocked", False) for cause in _causes(problem)):
        return FatalError(
            f"{host} is not an address that zaps may call: it belongs to a private or reserved "
            "network. Use a public address, or ask the operator to allow it "
            "(FLOWFORGE_EGRESS_ALLOW)."
        )
    if isinstance(problem, httpx.ConnectError | httpx.ConnectTimeout) and _nothing_was_sent(
        problem
    ):
        return RetryableError(f"Could not reach {host}: {_reason(problem)}.")
    if isinstance(problem, httpx.PoolTimeout):
        return RetryableError(f"Too many calls are under way; the one to {host} had to wait.")
    if (why := _why_never(problem, host)) is not None:
        return FatalError(why)
    said = (
        f"{host} did not answer in time."
        if isinstance(problem, httpx.TimeoutException)
        and not isinstance(problem, httpx.ConnectTimeout)
        else f"The connection to {host} broke before the answer was complete."
    )
    return OutcomeUnknown(f"{said}{_UNKNOWN}")


def _why_never(problem: Exception, host: str) -> str | None:
    """Why the same request would fail the same way again, or None."""
    match problem:
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return f"The URL cannot be called: {problem}. Use http:// or https://."
        case httpx.LocalProtocolError():
            return f"The request to {host} cannot be sent: {problem}"
        case httpx.TooManyRedirects():
            return f"{host} redirects in a circle. Use the address it should end at."
        case httpx.DecodingError():
            return f"{host} answered something that cannot be decoded."
    # By name: the guarded client that raises it is on the floor below the SDK.
    if type(problem).__name__ == "AnswerTooLarge":
        return f"The answer of {host} is too large: {problem}"
    return None


def _nothing_was_sent(problem: Exception) -> bool:
    # The aiohttp transport reports a connection lost AFTER sending as ConnectTimeout too
    # (every ClientConnectionError becomes one), so its own error underneath decides.
    below = next((c for c in _causes(problem) if isinstance(c, aiohttp.ClientError)), None)
    return below is None or isinstance(
        below, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
    )


def _reason(problem: Exception) -> str:
    for cause in _causes(problem):
        match cause:
            case aiohttp.ClientConnectorDNSError():
                return "its name is not known"
            case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
                return "its certificate was not accepted"
            case ConnectionRefusedError():
                return "the connection was refused"
            case TimeoutError() | httpx.TimeoutException():
                return "it did not accept the connection in time"
    return "no connection could be made"


def _causes(problem: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = problem
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _without_userinfo(url: httpx.URL) -> str:
    return str(url.copy_with(username=None, password=None) if url.userinfo else url)
