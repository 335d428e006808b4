"""What routes ask for: the runtime, an actor with a permission, a transaction, a limit.

Every route declares who may: ``actor: Annotated[Actor, permitted(Permission.EDIT)]``, or
``dependencies=[public()]`` where nobody needs to be signed in. A contract test walks all of them.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from flowforge.config import Settings
from flowforge.errors import Forbidden, TooMany, Unauthenticated
from flowforge.infra.limits import RateLimiter, client_ip, standard_headers
from flowforge.infra.runtime import Runtime
from flowforge.services import origin, sessions
from flowforge.services.access import Actor, Permission, require

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def runtime(request: Request) -> Runtime:
    found: Runtime = request.app.state.runtime()
    return found


Running = Annotated[Runtime, Depends(runtime)]


async def transaction(running: Running) -> AsyncIterator[AsyncSession]:
    async with running.db.transaction() as session:
        yield session


async def reading(running: Running) -> AsyncIterator[AsyncSession]:
    async with running.db.reading() as session:
        yield session


# scope="function": these end, and so commit, before the first byte of the answer is sent.
Transaction = Annotated[AsyncSession, Depends(transaction, scope="function")]
Reading = Annotated[AsyncSession, Depends(reading, scope="function")]


async def signed_in(request: Request, running: Running) -> Actor:
    """The actor of the bearer token, or else of the browser's cookie.

    Raises: Unauthenticated; Forbidden where another site's page uses our cookie.
    """
    bearer = request.headers.get("authorization")
    async with running.db.reading() as session:
        if bearer is not None:
            # A bad bearer is never saved by a good cookie.
            found = await sessions.actor_from_token(session, running.settings, _token(bearer))
        else:
            cookie = request.headers.get("cookie", "")
            found = await sessions.actor_from_cookie(session, running.settings, cookie)
    if found is None:
        raise Unauthenticated("You are not signed in. Sign in and try again.")
    if bearer is None and request.method not in _SAFE_METHODS:
        require_own_page(request, running.settings)
    return found


def _token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def require_own_page(request: Request, settings: Settings) -> None:
    """Raises: Forbidden unless a page of our own origin sent the request."""
    if not origin.is_own_page(request.headers, settings):
        raise Forbidden(
            "This request came from another site's page. Open FlowForge itself and try again.",
            code="cross_site",
        )


@dataclass(frozen=True)
class Permitted:
    """A dependency that a test can read: signed in, with ``permission``."""

    permission: Permission

    async def __call__(self, actor: Annotated[Actor, Depends(signed_in)]) -> Actor:
        require(actor, self.permission)
        return actor


@dataclass(frozen=True)
class Public:
    """A dependency that does nothing but say so: this route is open to everybody."""

    async def __call__(self) -> None:
        return None


def permitted(permission: Permission) -> Any:
    return Depends(Permitted(permission))


def public() -> Any:
    return Depends(Public())


def client_address(request: Request, settings: Settings) -> str:
    peer = request.client.host if request.client else "unknown"
    return client_ip(peer, request.headers, settings.trusted_proxies)


def answer_headers(request: Request) -> dict[str, str]:
    """Headers for whatever the answer will be, an error included."""
    state: dict[str, Any] = request.scope.setdefault("state", {})
    headers: dict[str, str] = state.setdefault("answer_headers", {})
    return headers


async def count_against(limiter: RateLimiter, key: str, request: Request) -> None:
    """Raises: TooMany where ``key`` is over its limit; the answer tells the limit either way."""
    verdict = await limiter.hit(key)
    answer_headers(request).update(standard_headers(verdict))
    if not verdict.allowed:
        raise too_many(verdict.reset_seconds)


def too_many(retry_after: int) -> TooMany:
    return TooMany(
        f"Too many requests. Try again in {retry_after} seconds.", retry_after=retry_after
    )
