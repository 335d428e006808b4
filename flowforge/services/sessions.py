"""Sign-ins: a signed token names a row, and only a live row makes an actor.

Promise: a token that is forged, expired, revoked or of a deactivated user is nobody, at the next
request. Checking costs one query on primary keys.
"""

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

import jwt
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.config import Settings
from flowforge.infra.db import new_id, utc_now
from flowforge.models import Member, User, UserSession
from flowforge.services.access import Actor, Role

COOKIE = "ff_session"
ALGORITHM = "HS256"
LONGEST_TOKEN = 2000
_CLAIMS = ["sub", "sid", "iat", "exp"]


@dataclass(frozen=True)
class SignedIn:
    """What a sign-in hands out. ``token`` is the only copy."""

    token: str
    expires_at: dt.datetime


async def open_session(
    session: AsyncSession, settings: Settings, user: User, *, now: dt.datetime | None = None
) -> SignedIn:
    """A new row and the token that names it."""
    begins = now or utc_now()
    ends = begins + dt.timedelta(seconds=settings.jwt_ttl_seconds)
    row = UserSession(id=new_id(), user_id=_id(user), created_at=begins, expires_at=ends)
    session.add(row)
    await session.flush()
    claims = {"sub": str(user.id), "sid": row.id, "iat": begins, "exp": ends}
    return SignedIn(jwt.encode(claims, _key(settings), algorithm=ALGORITHM), ends)


async def actor_from_token(
    session: AsyncSession, settings: Settings, token: str, *, now: dt.datetime | None = None
) -> Actor | None:
    """Who holds ``token``; None for anything but a live session of an active user."""
    moment = now or utc_now()
    claims = _claims(settings, token, moment)
    if claims is None:
        return None
    query = (
        select(col(Member.project_id), col(Member.role), col(User.id))
        .join(User, col(User.id) == col(Member.user_id))
        .join(UserSession, col(UserSession.user_id) == col(User.id))
        .where(
            col(UserSession.id) == claims["sid"],
            col(UserSession.revoked_at).is_(None),
            col(UserSession.expires_at) > moment,
            col(User.deactivated_at).is_(None),
        )
        # The personal project is the first that a user belongs to.
        .order_by(col(Member.created_at), col(Member.project_id))
        .limit(1)
    )
    found = (await session.execute(query)).first()
    if found is None or str(found.id) != claims["sub"]:
        return None
    return Actor(found.id, found.project_id, Role(found.role), claims["sid"])


async def actor_from_cookie(
    session: AsyncSession,
    settings: Settings,
    raw_cookie_header: str,
    *,
    now: dt.datetime | None = None,
) -> Actor | None:
    """The same for a browser, from the whole ``Cookie`` header."""
    token = token_from_cookie(raw_cookie_header)
    return await actor_from_token(session, settings, token, now=now) if token else None


def token_from_cookie(raw_cookie_header: str) -> str | None:
    try:
        found = SimpleCookie(raw_cookie_header).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None


async def revoke(session: AsyncSession, actor: Actor, *, now: dt.datetime | None = None) -> None:
    """End the session that ``actor`` came with; its token is nobody from here on."""
    await session.execute(
        update(UserSession)
        .where(col(UserSession.id) == actor.session_id, col(UserSession.revoked_at).is_(None))
        .values(revoked_at=now or utc_now())
    )


async def revoke_all(
    session: AsyncSession, user_id: int, *, now: dt.datetime | None = None
) -> None:
    await session.execute(
        update(UserSession)
        .where(col(UserSession.user_id) == user_id, col(UserSession.revoked_at).is_(None))
        .values(revoked_at=now or utc_now())
    )


def _claims(settings: Settings, token: str, now: dt.datetime) -> dict[str, Any] | None:
    if len(token) > LONGEST_TOKEN:
        return None
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            _key(settings),
            # Named here, never read from the token: `none` and other keys' kinds are refused.
            algorithms=[ALGORITHM],
            # The clock is a parameter here, so the time claims are compared below.
            options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
        )
    except (jwt.InvalidTokenError, ValueError):
        return None
    is_sound = isinstance(claims["sid"], str) and isinstance(claims["exp"], int)
    return claims if is_sound and claims["exp"] > now.timestamp() else None


def _key(settings: Settings) -> bytes:
    # A key of its own: what signs sessions must not sign anything else.
    secret = settings.secret_key.get_secret_value().encode()
    return hmac.new(secret, b"flowforge session token", hashlib.sha256).digest()


def _id(user: User) -> int:
    if user.id is None:
        raise ValueError("the user is not stored yet")
    return user.id
