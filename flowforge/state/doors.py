"""The door of every event handler: who asks, may they, one transaction, errors as a toast.

A browser can call any handler with any arguments, whatever page it is on. So each handler is
declared with ``reads`` or ``writes`` (a permission), with ``follows`` (a permission, in the
background) or with ``public``; a contract test walks all of them.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.errors import FlowForgeError, Unauthenticated
from flowforge.infra import runtime
from flowforge.services import sessions
from flowforge.services.access import Actor, Permission, require
from flowforge.services.origin import local_path

SIGN_IN = "/signin"
PUBLIC = "public"
# The attribute that the contract test looks for.
DECLARED = "__door__"

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Caller:
    """Who called, and the transaction in which they are answered."""

    session: AsyncSession
    actor: Actor


@asynccontextmanager
async def opened(
    cookies: str, permission: Permission, *, writes: bool = False
) -> AsyncIterator[Caller]:
    """A transaction of somebody who may.

    Raises: Unauthenticated for a dead cookie, Forbidden for a role that may not.
    """
    running = runtime.current()
    async with running.db.transaction() if writes else running.db.reading() as session:
        actor = await sessions.actor_from_cookie(session, running.settings, cookies)
        if actor is None:
            raise Unauthenticated("You are not signed in. Sign in and try again.")
        require(actor, permission)
        yield Caller(session, actor)


def reads(permission: Permission = Permission.READ) -> Callable[[Handler], Any]:
    """A handler ``(self, caller, …)`` that changes nothing in the database."""
    return _door(permission, writes=False)


def writes(permission: Permission = Permission.EDIT) -> Callable[[Handler], Any]:
    """A handler ``(self, caller, …)`` whose transaction is committed when it returns."""
    return _door(permission, writes=True)


def follows(handler: Handler) -> Any:
    """A background handler that opens its own doors with ``opened``, each time it looks."""
    setattr(handler, DECLARED, Permission.READ)
    return rx.event(background=True)(handler)


def public(handler: Callable[..., Any]) -> Any:
    """A handler that anybody may call: it touches nothing but what this tab shows."""
    setattr(handler, DECLARED, PUBLIC)
    return rx.event(handler)


def to_sign_in(state: rx.State) -> Any:
    """Off to the sign-in page, and back here afterwards."""
    url = state.router.url
    here = local_path(f"{url.path}{'?' + url.query if url.query else ''}", "/dashboard")
    return rx.redirect(f"{SIGN_IN}?next={quote(here, safe='')}")


def _door(permission: Permission, *, writes: bool) -> Callable[[Handler], Any]:
    def declare(handler: Handler) -> Any:
        @functools.wraps(handler)
        async def guarded(self: rx.State, *args: Any, **named: Any) -> Any:
            try:
                cookies = self.router.headers.cookie
                async with opened(cookies, permission, writes=writes) as caller:
                    return await handler(self, caller, *args, **named)
            except Unauthenticated:
                return to_sign_in(self)
            except FlowForgeError as problem:
                return rx.toast.error(problem.message)

        # Reflex reads the signature to know what the browser may send: not the caller.
        given = inspect.signature(handler)
        shown = [one for one in given.parameters.values() if one.name != "caller"]
        guarded.__signature__ = given.replace(parameters=shown)  # type: ignore[attr-defined]
        guarded.__annotations__ = {
            name: kind for name, kind in handler.__annotations__.items() if name != "caller"
        }
        setattr(guarded, DECLARED, permission)
        return rx.event(guarded)

    return declare
