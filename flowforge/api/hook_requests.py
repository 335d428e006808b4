"""A request to a hook: where it goes, and its bytes read within bounds."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import orjson
from starlette.types import Receive, Scope

from flowforge.api.patience import Patience
from flowforge.errors import Malformed, TooLarge
from flowforge.infra.runtime import Runtime
from flowforge.services import uploads
from flowforge.services.arrivals import LONGEST_DEDUPE_KEY, Arrival, Examined
from flowforge.services.payload import ContentType, read_body, read_fields
from flowforge.services.verifying import SignedRequest

INLINE_BYTES = 512 * 1024
LARGEST_REJECTED = 64 * 1024
LARGEST_HEADERS = 64 * 1024
OK, ACCEPTED, TOO_SLOW, TOO_LARGE, NO_SUCH_FORM, LONG_HEADERS = 200, 202, 408, 413, 415, 431
# No hook has a longer one: what strangers ask for takes no room among those that are known.
LONGEST_PATH = 100
MOST_TARGETS = 4096

# Some senders name their charset there.
_NO_CODINGS = {"", "identity", "utf-8", "utf8"}

_ID = r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_SEED_PATH = re.compile(rf"/hooks/catch/([0-9]{{1,9}})/{_ID}/?", re.ASCII)
_OUR_PATH = re.compile(rf"/api/v1/webhooks/{_ID}(?:/(sync|draft/sync|draft|test))?/?", re.ASCII)
_APP_PATH = re.compile(rf"/hooks/apps/{_ID}/?", re.ASCII)


@dataclass(frozen=True)
class Target:
    """Whose hook is called and how: ``mode`` is empty, ``sync``, ``draft``, ``draft/sync``,
    ``test``, or ``app`` for the URL of an app. ``user_id`` is None but on the seed's route.
    """

    hook_id: str
    user_id: int | None = None
    mode: str = ""

    @cached_property
    def is_seed(self) -> bool:
        return self.user_id is not None

    @cached_property
    def waits(self) -> bool:
        return self.mode.endswith("sync")

    @cached_property
    def status(self) -> int | None:
        """What is answered if nothing is wrong; None: what a step says."""
        if self.waits:
            return None
        return OK if self.is_seed or self.mode == "app" else ACCEPTED


def target_of(path: str) -> Target | None:
    return None if len(path) > LONGEST_PATH else _target_of(path)


# Senders come again: a path is read once.
@lru_cache(maxsize=MOST_TARGETS)
def _target_of(path: str) -> Target | None:
    if found := _SEED_PATH.fullmatch(path):
        return Target(found[2], int(found[1]))
    if found := _OUR_PATH.fullmatch(path):
        return Target(found[1], None, found[2] or "")
    if found := _APP_PATH.fullmatch(path):
        return Target(found[1], None, "app")
    return None


class HookRequest(NamedTuple):
    """A request for a known kind of hook, before its body is read."""

    scope: Scope
    receive: Receive
    target: Target
    headers: dict[str, str]
    source_ip: str
    began: float
    public_url: str

    @property
    def method(self) -> str:
        method: str = self.scope["method"]
        return method

    def arrival(
        self,
        raw: bytes | None,
        refusal: str | None = None,
        status: int = 400,
        examined: Examined | None = None,
    ) -> Arrival:
        try:
            query = self._query()
        except Malformed as problem:
            query, refusal = "{}", refusal or f"The query cannot be read: {problem.message}"
        headers, wrong = orjson.dumps(self.headers), None
        if len(headers) > LARGEST_HEADERS:
            said = f"The headers are over the limit of {LARGEST_HEADERS} bytes."
            headers, wrong = b"{}", (said, LONG_HEADERS)
        elif raw and (coding := self._coding()):
            wrong = (f"The body is encoded ({coding}). Send it as it is.", NO_SUCH_FORM)
        if wrong is not None and refusal is None:
            refusal, status = wrong
        return Arrival(
            hook_id=self.target.hook_id,
            user_id=self.target.user_id,
            method=self.method,
            source_ip=self.source_ip,
            content_type=self.headers.get("content-type", "")[:500],
            headers=headers.decode(),
            query=query,
            raw=raw,
            size=len(raw or b""),
            dedupe_key=self.headers.get("x-idempotency-key") or self.headers.get("idempotency-key"),
            refusal=refusal,
            refusal_status=status,
            status=self.target.status,
            began=self.began,
            examined=examined,
        )

    def signed(self, raw: bytes) -> SignedRequest:
        """The request as its sender signed it: with the public URL, and every header as it came."""
        query = self.scope["query_string"].decode("latin-1")
        path = self.scope.get("raw_path") or self.scope["path"].encode()
        whole = path.partition(b"?")[0].decode("latin-1") + (f"?{query}" if query else "")
        return SignedRequest(
            method=self.method,
            url=f"{self.public_url}{whole}",
            headers=self.headers,
            raw=raw,
            raw_headers=[
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, value in self.scope["headers"]
            ],
            query=self._query_fields(),
        )

    def _coding(self) -> str:
        """How the body is compressed or otherwise encoded; "" for not at all."""
        coding = self.headers.get("content-encoding", "").strip().lower()[:40]
        return "" if coding in _NO_CODINGS else coding

    def _query(self) -> str:
        if not self.scope["query_string"]:
            return "{}"
        fields = read_fields(self.scope["query_string"].decode("latin-1"))
        return orjson.dumps(fields).decode()

    def _query_fields(self) -> dict[str, Any]:
        """Of a query that cannot be read, none: the request is refused for it soon."""
        try:
            return read_fields(self.scope["query_string"].decode("latin-1"))
        except Malformed:
            return {}


def headers_of(scope: Scope) -> dict[str, str]:
    """Names are lower case; a name that comes twice has its values joined, as RFC 9110 says."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def take(
    request: HookRequest, patience: Patience, largest: int, examined: Examined | None = None
) -> Arrival | None:
    """The request with its bytes, or with ``refusal`` set where they did not come; None: the sender
    hung up. ``examined``: what is likely to be said of it.
    """
    try:
        with patience.limited():
            raw = await _read(request.scope, request.receive, largest)
    except TooLarge as problem:
        return request.arrival(None, problem.message, TOO_LARGE)
    except TimeoutError:
        said = f"The body did not arrive within {patience.seconds:g} seconds."
        return request.arrival(None, said, TOO_SLOW)
    return None if raw is None else request.arrival(raw, examined=examined)


async def read_content(runtime: Runtime, arrival: Arrival) -> Arrival:
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


def turned_away(arrival: Arrival, examined: Examined) -> Arrival:
    """The arrival as it is noted: of a stranger's large body only the size."""
    kept = arrival.raw if len(arrival.raw or b"") <= LARGEST_REJECTED else None
    return arrival._replace(raw=kept, dedupe_key=None, examined=examined)


async def _read(scope: Scope, receive: Receive, largest: int) -> bytes | None:
    """The whole body; None where the client hung up. Raises: TooLarge."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > largest:
            await _discard(receive, 2 * largest)
            raise _too_large(largest)
    chunks: list[bytes] = []
    size = 0
    while True:
        message: Any = await receive()
        if message["type"] != "http.request":
            return None
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > largest:
            if message.get("more_body", False):
                await _discard(receive, largest)
            raise _too_large(largest)
        if not message.get("more_body", False):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)


async def _discard(receive: Receive, most: int) -> None:
    """Read on for a while: a sender who is hung up on while it sends never reads our answer."""
    while most > 0:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
        most -= len(message.get("body", b""))


def _too_large(largest: int) -> TooLarge:
    return TooLarge(f"The body is over the limit of {largest} bytes.")
