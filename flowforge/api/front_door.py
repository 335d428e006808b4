"""Who answers what on the one port: our API its own paths, Reflex the pages and the websocket.

Promise: a request for the API never passes through Reflex, and every page carries the headers that
keep it out of other sites' frames.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

API_PREFIXES = ("/api/", "/hooks/")
API_PATHS = {"/health", "/ready", "/metrics", "/api", "/hooks"}
REFLEX_PREFIXES = ("/_", "/ping")
HASHED_FILES = "/assets/"
PAGE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
)
FOREVER = (b"cache-control", b"public, max-age=31536000, immutable")
ASK_FIRST = (b"cache-control", b"no-cache")


def front_door(site: AsgiApp, api: AsgiApp) -> AsgiApp:
    """Paths of the API go to ``api``, everything else (and the app's life cycle) to ``site``."""

    async def door(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await site(scope, receive, send)
        elif scope["path"] in API_PATHS or scope["path"].startswith(API_PREFIXES):
            await api(scope, receive, send)
        else:
            await site(_at_its_page(scope), receive, _with_page_headers(scope["path"], send))

    return door


def _at_its_page(scope: Message) -> Message:
    """``/runs`` is served as the page ``/runs/`` is.

    Reflex would redirect to an address made of the Host header, with http behind a TLS proxy.
    """
    path: str = scope["path"]
    last = path.rpartition("/")[2]
    if not last or "." in last or path.startswith(REFLEX_PREFIXES):
        return scope
    return {**scope, "path": f"{path}/", "raw_path": f"{path}/".encode()}


def _with_page_headers(path: str, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            is_hashed = path.startswith(HASHED_FILES) and message["status"] in {200, 304}
            extra = (*PAGE_HEADERS, FOREVER if is_hashed else ASK_FIRST)
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return sending
