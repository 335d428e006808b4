"""The roof: one ASGI app for the browser's pages and for FlowForge's API, behind one door.

Promises: requests for the API never pass through Reflex; the runtime is open before the first
request is answered and closed after the last one.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import reflex as rx

from flowforge import pages
from flowforge.api.app import complete_app
from flowforge.api.front_door import AsgiApp, front_door
from flowforge.config import load_settings
from flowforge.infra import companions, heap, runtime, telemetry


class Roof(rx.App):
    """Reflex' app with our door in front of it.

    Not ``api_transformer``: that sits inside Reflex' CORS and context layers, which cost every
    webhook time and would answer for our API.
    """

    def __call__(self) -> AsgiApp:
        routes = [page.path for page in pages.PAGES]
        return front_door(super().__call__(), complete_app(runtime.current), routes)


@asynccontextmanager
async def house() -> AsyncIterator[None]:
    """Everything behind the pages, for as long as this web process lives.

    Under a supervisor the others run already. Started by ``reflex run`` alone, nobody has started
    them: then they are started here, and end with this process.
    """
    telemetry.configure_logging(load_settings(), "web")
    heap.settle()
    async with companions.beside(load_settings()) as settings, runtime.open_runtime(settings):
        yield


app = Roof()
app.register_lifespan_task(house)
pages.register(app)
