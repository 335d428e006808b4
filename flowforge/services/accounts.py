"""Accounts: sign up, prove the mail address, check a password, reset it.

Promises: passwords exist only as bcrypt hashes and mailed tokens only as keyed digests; a token
works once, for one purpose, for a limited time; whoever does not own an address learns nothing
about it from checking, resetting or resending.
"""

import asyncio
import datetime as dt
import secrets
from dataclasses import dataclass
from enum import StrEnum

import bcrypt
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict, Forbidden, Malformed, Unauthenticated
from flowforge.infra.db import new_id, utc_now
from flowforge.infra.runtime import Runtime
from flowforge.models import MailToken, Member, Project, User
from flowforge.services import letters, mailbox, notices, sessions, typed
from flowforge.services.access import Actor, Role

BCRYPT_COST = 10
TOKEN_BYTES = 32
# Any number will do, as long as every process uses the same.
_FIRST_USER_LOCK = 0x464C4F57

# Nobody's password: whatever was hashed here was thrown away.
_NOBODY = "$2b$10$R6LTU11mltOMFI3WYF2itOU5GFXziXSDpLSL//YE/nnT0qh1isSoe"


class TokenKind(StrEnum):
    VERIFY = "verify"
    RESET = "reset"


LIFETIMES = {
    TokenKind.VERIFY: dt.timedelta(hours=24),
    TokenKind.RESET: dt.timedelta(minutes=15),
}


@dataclass(frozen=True)
class Credentials:
    """What a password is checked against; made up where the address is unknown."""

    user_id: int | None
    password_hash: str


def lookup_email(text: str) -> str:
    """The stored spelling of an address that somebody typed; empty for what cannot be one."""
    try:
        return typed.email(text)
    except ValueError:
        return ""


async def hash_password(password: str) -> str:
    """bcrypt, in a thread: it takes about 70 ms by design."""
    salt = bcrypt.gensalt(BCRYPT_COST)
    hashed = await asyncio.to_thread(bcrypt.hashpw, password.encode(), salt)
    return hashed.decode()


async def sign_up(
    session: AsyncSession,
    running: Runtime,
    *,
    name: str,
    email: str,
    password_hash: str,
    now: dt.datetime | None = None,
) -> User:
    """A user with a project of their own, and the verification mail on its way.

    The first to sign up runs the place. Raises: Conflict ``email_taken``; Forbidden
    ``signup_closed``; Unavailable ``mail_not_configured``.
    """
    mailbox.require_configured(running.settings)
    is_first = await _is_first(session)
    if running.settings.signup == "invite" and not is_first:
        raise Forbidden(
            "Sign-up is by invitation only. Ask the operator of this server.", code="signup_closed"
        )
    user = await _new_user(
        session,
        User(
            name=name,
            email=email,
            password_hash=password_hash,
            is_admin=is_first,
            created_at=now or utc_now(),
        ),
    )
    project = Project(name=f"{name}'s project", created_at=user.created_at)
    session.add(project)
    await session.flush()
    session.add(Member(project_id=project.id, user_id=_id(user), role=Role.ADMIN))
    await _post_token(session, running, user, TokenKind.VERIFY, now)
    await notices.note_user(session, user, "user.signed_up")
    return user


async def verify_email(
    session: AsyncSession, running: Runtime, token: str, *, now: dt.datetime | None = None
) -> None:
    """Raises: Malformed ``invalid_token``: unknown, used, expired or of another kind."""
    moment = now or utc_now()
    user_id = await _use_token(session, running, TokenKind.VERIFY, token, moment)
    await session.execute(
        update(User)
        .where(col(User.id) == user_id, col(User.verified_at).is_(None))
        .values(verified_at=moment)
    )


async def resend_verification(
    session: AsyncSession, running: Runtime, email: str, *, now: dt.datetime | None = None
) -> None:
    """A fresh mail, if the address waits for one; silence about whether it does."""
    user = await _by_email(session, email)
    if user is not None and user.verified_at is None and user.deactivated_at is None:
        await _post_token(session, running, user, TokenKind.VERIFY, now)


async def find_credentials(session: AsyncSession, email: str) -> Credentials:
    user = await _by_email(session, email)
    if user is None:
        return Credentials(None, _NOBODY)
    return Credentials(user.id, user.password_hash)


async def is_password(credentials: Credentials, password: str) -> bool:
    """Takes the same time for an unknown address: bcrypt runs either way."""
    # bcrypt knows 72 bytes. No stored password is longer, so a longer guess is wrong.
    raw = password.encode()
    stored = credentials.password_hash.encode()
    is_match = await asyncio.to_thread(bcrypt.checkpw, raw[: typed.LONGEST_PASSWORD_BYTES], stored)
    return is_match and len(raw) <= typed.LONGEST_PASSWORD_BYTES and credentials.user_id is not None


async def sign_in(
    session: AsyncSession,
    running: Runtime,
    credentials: Credentials,
    *,
    now: dt.datetime | None = None,
) -> tuple[User, sessions.SignedIn]:
    """Open a session for credentials whose password was found right.

    Raises: Forbidden ``email_not_verified`` or ``account_deactivated``; Unauthenticated where the
    password was changed in between.
    """
    user = await session.get(User, credentials.user_id, populate_existing=True)
    if user is None or user.password_hash != credentials.password_hash:
        raise wrong_credentials()
    if user.deactivated_at is not None:
        raise Forbidden(
            "This account is deactivated. Ask an admin of this server.", code="account_deactivated"
        )
    if user.verified_at is None:
        raise Forbidden(
            "Please verify your email before signing in. The mail can be sent again.",
            code="email_not_verified",
        )
    await notices.note_user(session, user, "user.signed_in")
    return user, await sessions.open_session(session, running.settings, user, now=now)


def wrong_credentials() -> Unauthenticated:
    """One sentence for an unknown address and for a wrong password."""
    return Unauthenticated("The email or the password is wrong.", code="wrong_credentials")


async def who(session: AsyncSession, actor: Actor) -> tuple[User, Project]:
    """The actor's user and project.

    Raises: Unauthenticated where the user was removed a moment ago.
    """
    query = (
        select(User, Project)
        .join(Member, col(Member.user_id) == col(User.id))
        .join(Project, col(Project.id) == col(Member.project_id))
        .where(col(User.id) == actor.user_id, col(Project.id) == actor.project_id)
    )
    found = (await session.execute(query)).first()
    if found is None:
        raise Unauthenticated("You are not signed in. Sign in and try again.")
    return found.User, found.Project


async def forgot_password(
    session: AsyncSession, running: Runtime, email: str, *, now: dt.datetime | None = None
) -> None:
    """A reset mail, if the address is known; silence about whether it is."""
    user = await _by_email(session, email)
    if user is not None and user.deactivated_at is None:
        await _post_token(session, running, user, TokenKind.RESET, now)


async def reset_password(
    session: AsyncSession,
    running: Runtime,
    *,
    token: str,
    password_hash: str,
    now: dt.datetime | None = None,
) -> None:
    """The new password; every session and every other reset link of the user dies with the old.

    Raises: Malformed ``invalid_token``.
    """
    moment = now or utc_now()
    user_id = await _use_token(session, running, TokenKind.RESET, token, moment)
    await session.execute(
        update(User).where(col(User.id) == user_id).values(password_hash=password_hash)
    )
    await session.execute(
        update(MailToken)
        .where(
            col(MailToken.user_id) == user_id,
            col(MailToken.kind) == TokenKind.RESET,
            col(MailToken.used_at).is_(None),
        )
        .values(used_at=moment)
    )
    await sessions.revoke_all(session, user_id, now=moment)


async def _is_first(session: AsyncSession) -> bool:
    """True while nobody runs the place: the demo's owner, who never does, does not count."""
    admin = select(col(User.id)).where(col(User.is_admin)).limit(1)
    if await session.scalar(admin) is not None:
        return False
    if session.get_bind().dialect.name == "postgresql":
        # Two first sign-ups at once must not both become admin: the second waits and looks again.
        await session.execute(
            text("SELECT pg_advisory_xact_lock(:number)"), {"number": _FIRST_USER_LOCK}
        )
    return await session.scalar(admin) is None


async def _new_user(session: AsyncSession, user: User) -> User:
    taken = Conflict("This email already has an account. Sign in instead.", code="email_taken")
    if await _by_email(session, user.email) is not None:
        raise taken
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as problem:
        # Two sign-ups with one address at the same time: the database decides.
        raise taken from problem
    return user


async def _by_email(session: AsyncSession, email: str) -> User | None:
    return await session.scalar(select(User).where(col(User.email) == email))


async def _post_token(
    session: AsyncSession, running: Runtime, user: User, kind: TokenKind, now: dt.datetime | None
) -> None:
    token = secrets.token_hex(TOKEN_BYTES)
    moment = now or utc_now()
    row = MailToken(
        id=new_id(),
        user_id=_id(user),
        kind=kind,
        digest=running.vault.digest(kind, token),
        expires_at=moment + LIFETIMES[kind],
        created_at=moment,
    )
    session.add(row)
    await session.flush()
    write = letters.verification if kind is TokenKind.VERIFY else letters.password_reset
    letter = write(running.settings, user.name, user.email, token)
    await mailbox.post(session, running, letter, f"account-mail:{row.id}")


async def _use_token(
    session: AsyncSession, running: Runtime, kind: TokenKind, token: str, now: dt.datetime
) -> int:
    """The user whose token it is. One statement, so that of two uses at once only one succeeds."""
    user_id: int | None = await session.scalar(
        update(MailToken)
        .where(
            col(MailToken.digest) == running.vault.digest(kind, token),
            col(MailToken.kind) == kind,
            col(MailToken.used_at).is_(None),
            col(MailToken.expires_at) > now,
        )
        .values(used_at=now)
        .returning(col(MailToken.user_id))
    )
    if user_id is None:
        raise Malformed(
            "This link is invalid, was used already or has expired. Ask for a new one.",
            code="invalid_token",
        )
    return user_id


def _id(user: User) -> int:
    if user.id is None:
        raise ValueError("the user is not stored yet")
    return user.id
