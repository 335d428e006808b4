"""The whole HTTP API as one FastAPI app, to be served alone or under the roof.

Its lifespan does nothing: whoever serves it opens the runtime and hands over how to reach it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from flowforge.api import (
    accounts,
    app_sources,
    approvals,
    batches,
    browser,
    catalogue,
    destinations,
    drafts,
    errors,
    events,
    files,
    folders,
    forms,
    mailbox,
    polls,
    queue,
    registrations,
    runs,
    schedules,
    seed_accounts,
    seed_zaps,
    system,
    templates,
    usage,
    zaps,
)
from flowforge.api.gate import BODY_SECONDS, BodyGate, Frame, OwnOriginCors
from flowforge.api.hooks import HookDoor
from flowforge.config import Settings, load_settings
from flowforge.infra import heap, telemetry
from flowforge.infra.runtime import Runtime, current, open_runtime

# One line each; more specific paths first.
ROUTERS: tuple[APIRouter, ...] = (
    accounts.router,
    browser.router,
    seed_accounts.router,
    mailbox.router,
    zaps.router,
    drafts.router,
    polls.router,
    registrations.router,
    runs.router,
    batches.router,
    schedules.router,
    events.router,
    app_sources.router,
    approvals.router,
    queue.router,
    usage.router,
    destinations.router,
    catalogue.router,
    seed_zaps.router,
    files.router,
    forms.router,
    templates.router,
    folders.router,
    system.router,
)


def create_app(runtime: Callable[[], Runtime], *, body_seconds: float = BODY_SECONDS) -> FastAPI:
    """``runtime`` is asked at each request: it may be opened after the app is made."""

    def settings() -> Settings:
        return runtime().settings

    app = FastAPI(
        title="FlowForge",
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.runtime = runtime
    errors.install(app)
    # The last one added is the outermost.
    app.add_middleware(BodyGate, seconds=body_seconds)
    app.add_middleware(OwnOriginCors, settings=settings)
    app.add_middleware(Frame, settings=settings)
    for router in ROUTERS:
        app.include_router(router)
    return app


def complete_app(runtime: Callable[[], Runtime]) -> HookDoor:
    """The API with the door for events in front of it.

    In front, not inside: events have limits and answers of their own, and must be cheap.
    """
    return HookDoor(create_app(runtime), runtime)


def hooks_app() -> HookDoor:
    """Intake alone, with a life of its own: for ``python -m flowforge hooks``."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        settings = load_settings()
        telemetry.configure_logging(settings, "hooks")
        heap.settle()
        async with open_runtime(settings):
            yield

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=life)
    app.state.runtime = current
    errors.install(app)
    app.add_middleware(Frame, settings=lambda: current().settings)
    app.include_router(system.router)
    return HookDoor(app, current)
