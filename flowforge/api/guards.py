"""The limits that stand before passwords and mailed links: per address and per account."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from flowforge.api import doors
from flowforge.infra.limits import RateLimiter
from flowforge.infra.runtime import Runtime

FAILURES = 10
LETTERS = 10
WINDOW_SECONDS = 900


@dataclass(frozen=True)
class Guards:
    """``address`` and ``links`` count every request of a client; the others count per account."""

    running: Runtime
    address: RateLimiter
    links: RateLimiter
    failures: RateLimiter
    letters: RateLimiter


def guards(request: Request, running: doors.Running) -> Guards:
    """One set per app and runtime: a limiter that is made anew forgets what it counted locally."""
    found: Guards | None = getattr(request.app.state, "guards", None)
    if found is None or found.running is not running:
        found = Guards(
            running=running,
            address=_limiter(running, running.settings.auth_rate_limit, "auth"),
            links=_limiter(running, running.settings.auth_rate_limit, "link"),
            failures=_limiter(
                running, f"{FAILURES}/hour", "sign-in", window_seconds=WINDOW_SECONDS
            ),
            letters=_limiter(running, f"{LETTERS}/hour", "letter", window_seconds=WINDOW_SECONDS),
        )
        request.app.state.guards = found
    return found


Guarded = Annotated[Guards, Depends(guards)]


async def limited(request: Request, running: doors.Running, guarded: Guarded) -> None:
    """Counts the request against its client's address. Raises: TooMany."""
    address = doors.client_address(request, running.settings)
    await doors.count_against(guarded.address, address, request)


async def count_link(request: Request, running: doors.Running, guarded: Guards) -> None:
    """Counts the use of a mailed link against its client's address. Raises: TooMany."""
    address = doors.client_address(request, running.settings)
    await doors.count_against(guarded.links, address, request)


async def refuse_guessing(guarded: Guards, email: str) -> None:
    """Raises: TooMany where the account had too many wrong passwords of late, known or not."""
    verdict = await guarded.failures.hit(_key(guarded, email), cost=0)
    if not verdict.remaining:
        raise doors.too_many(verdict.reset_seconds)


async def count_failure(guarded: Guards, email: str) -> None:
    await guarded.failures.hit(_key(guarded, email))


async def may_have_letter(guarded: Guards, email: str) -> bool:
    """False: this account was sent enough mail for now."""
    return (await guarded.letters.hit(_key(guarded, email))).allowed


def _limiter(
    running: Runtime, rate: str, name: str, *, window_seconds: int | None = None
) -> RateLimiter:
    return RateLimiter(
        rate,
        running.redis,
        prefix=running.settings.redis_prefix,
        namespace=name,
        fail_open=False,
        window_seconds=window_seconds,
    )


def _key(guarded: Guards, email: str) -> str:
    # Redis is nobody's place for addresses.
    return guarded.running.vault.digest("limit", email)
