"""The roof: one ASGI app for the browser's pages and for FlowForge's API, behind one door.

Promises: requests for the API never pass through Reflex; the runtime is open before the first
request is answered and closed after the last one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import reflex as rx

from flowforge import pages
from flowforge.api.app import complete_app
from flowforge.config import load_settings
from flowforge.infra import companions, runtime

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


class Roof(rx.App):
    """Reflex' app with our door in front of it.

    Not ``api_transformer``: that sits inside Reflex' CORS and context layers, which cost every
    webhook time and would answer for our API.
    """

    def __call__(self) -> AsgiApp:
        return front_door(super().__call__(), complete_app(runtime.current))


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


@asynccontextmanager
async def house() -> AsyncIterator[None]:
    """Everything behind the pages, for as long as this web process lives.

    Under a supervisor the others run already. Started by ``reflex run`` alone, nobody has started
    them: then they are started here, and end with this process.
    """
    async with companions.beside(load_settings()) as settings, runtime.open_runtime(settings):
        yield


app = Roof()
app.register_lifespan_task(house)
pages.register(app)
