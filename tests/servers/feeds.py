"""A web server that answers what a test wants, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Site:
    """``body`` is answered to everything, unless ``answer`` says otherwise."""

    url: str = ""
    body: bytes | str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/xml"})
    answer: Answer | None = None
    asked: list[Mapping[str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.headers)
        if self.answer is not None:
            return await self.answer(request)
        raw = self.body.encode() if isinstance(self.body, str) else self.body
        return web.Response(body=raw, status=self.status, headers=self.headers)


@asynccontextmanager
async def running_site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    port = runner.addresses[0][1]
    site.url = f"http://127.0.0.1:{port}/feed"
    try:
        yield site
    finally:
        await runner.cleanup()


def rss(*numbers: int, extra: str = "") -> str:
    """A feed with these entries, the highest first as feeds have them."""
    items = "".join(
        f"<item><guid>post-{n}</guid><title>Post {n}</title><link>https://example.com/{n}</link>"
        f"<pubDate>Sat, 0{n % 9 + 1} Aug 2026 10:00:00 GMT</pubDate></item>"
        for n in sorted(numbers, reverse=True)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>T</title>{items}{extra}</channel></rss>'


async def dripping(request: web.Request) -> web.StreamResponse:
    """A body that never ends, a byte now and then."""
    response = web.StreamResponse(headers={"Content-Type": "application/xml"})
    await response.prepare(request)
    while True:
        await response.write(b"<")
        await asyncio.sleep(0.05)


async def endless(request: web.Request) -> web.StreamResponse:
    """A body that never ends, as fast as it goes."""
    response = web.StreamResponse(headers={"Content-Type": "application/xml"})
    await response.prepare(request)
    await response.write(b"<rss><channel>")
    while True:
        await response.write(b"<item>" + b"x" * 1_000_000)
