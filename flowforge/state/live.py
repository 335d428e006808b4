"""Live pages: told when to look again, for as long as their tab shows them.

A tab has one watch. Starting another one ends the former, and so does closing the tab or going to
another page. Nobody holds the state's lock while waiting.
"""

import asyncio
from collections.abc import AsyncIterator

import reflex as rx
from reflex_base.registry import RegistrationContext

from flowforge.infra import runtime

# News may be lost: a page that heard nothing for so long looks all the same.
QUIET_SECONDS = 5.0
# Under load, runs change hundreds of times a second; nobody reads faster than this.
GAP_SECONDS = 0.25

_watches: dict[str, object] = {}


async def looks(state: rx.State, *topics: str, gap: float = GAP_SECONDS) -> AsyncIterator[None]:
    """Yields each time it is worth looking again, first at once; ends when nobody looks."""
    async with state:
        token, path = state.router.session.client_token, state.router.url.path
    mine = _watches[token] = object()
    try:
        async with runtime.current().signals.subscribe(*topics) as news:
            while True:
                yield
                await asyncio.sleep(gap)
                await news.wait(QUIET_SECONDS)
                if _watches.get(token) is not mine or not await is_open(token):
                    return
                async with state:
                    if state.router.url.path != path:
                        return
    finally:
        if _watches.get(token) is mine:
            del _watches[token]


async def is_open(token: str) -> bool:
    """Whether the tab still has its websocket, in this process or another."""
    namespace = RegistrationContext.get().app.event_namespace
    # Reflex keeps the sockets there and has no other word for it (0.10.1).
    return namespace is not None and await namespace._token_manager.is_token_connected(token)  # noqa: SLF001
