"""Who answers what on the one port: our API its own paths, Reflex the pages and the websocket.

Promise: a request for the API never passes through Reflex, and every page carries the headers that
keep it out of other sites' frames.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

API_PREFIXES = ("/api/", "/hooks/", "/approvals/", "/forms/")
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


def front_door(site: AsgiApp, api: AsgiApp, routes: Iterable[str] = ()) -> AsgiApp:
    """Paths of the API go to ``api``, everything else (and the app's life cycle) to ``site``.

    ``routes``: where the pages are, such as ``/runs/[run_id]``.
    """
    open_routes = _open_routes(routes)

    async def door(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await site(scope, receive, send)
        elif scope["path"] in API_PATHS or scope["path"].startswith(API_PREFIXES):
            await api(scope, receive, send)
        else:
            path = scope["path"]
            is_found = open_routes.fullmatch(path) is not None
            answering = _with_page_headers(path, send, is_found=is_found)
            await site(_at_its_page(scope), receive, answering)

    return door


def _open_routes(routes: Iterable[str]) -> re.Pattern[str]:
    """Matches the paths of pages that have an id in their path, and nothing where there are none.

    No file can be built for each id: Reflex serves its shell for these, and says 404.
    """
    with_id = [route.strip("/").split("/") for route in routes if "[" in route]
    patterns = (
        "/".join("[^/]+" if part.startswith("[") else re.escape(part) for part in parts)
        for parts in with_id
    )
    return re.compile("|".join(f"/{pattern}/?" for pattern in patterns) or r"(?!)")


def _at_its_page(scope: Message) -> Message:
    """``/runs`` is served as the page ``/runs/`` is.

    Reflex would redirect to an address made of the Host header, with http behind a TLS proxy.
    """
    path: str = scope["path"]
    last = path.rpartition("/")[2]
    if not last or "." in last or path.startswith(REFLEX_PREFIXES):
        return scope
    return {**scope, "path": f"{path}/", "raw_path": f"{path}/".encode()}


def _with_page_headers(path: str, send: Send, *, is_found: bool) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            if is_found and message["status"] == HTTPStatus.NOT_FOUND:
                message = {**message, "status": int(HTTPStatus.OK)}
            is_hashed = path.startswith(HASHED_FILES) and message["status"] in {200, 304}
            extra = (*PAGE_HEADERS, FOREVER if is_hashed else ASK_FIRST)
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return sending
