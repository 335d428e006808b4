"""The whole HTTP API as one FastAPI app, to be served alone or under the roof.

Its lifespan does nothing: whoever serves it opens the runtime and hands over how to reach it.
"""

from collections.abc import Callable

from fastapi import APIRouter, FastAPI

from flowforge.api import accounts, browser, errors, mailbox, seed_accounts
from flowforge.api.gate import BODY_SECONDS, BodyGate, Frame, OwnOriginCors
from flowforge.config import Settings
from flowforge.infra.runtime import Runtime

# One line each; more specific paths first.
ROUTERS: tuple[APIRouter, ...] = (
    accounts.router,
    browser.router,
    seed_accounts.router,
    mailbox.router,
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
