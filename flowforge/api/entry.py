"""What the sign-up and sign-in routes have in common, whatever their wording.

Passwords are hashed outside transactions. Where the answer must not tell whether an address is
known, it also takes the same time: both ways end at the same tick.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from flowforge.api import guards
from flowforge.api.guards import Guards
from flowforge.infra.runtime import Runtime
from flowforge.models import User
from flowforge.services import accounts, mailbox
from flowforge.services.sessions import SignedIn

# Longer than looking up, storing and queueing a mail takes; shorter than anybody minds.
SAME_TIME_SECONDS = 0.15


@dataclass(frozen=True)
class Newcomer:
    """A sign-up whose fields are checked already."""

    name: str
    email: str
    password: str


async def sign_up(running: Runtime, newcomer: Newcomer) -> User:
    mailbox.require_configured(running.settings)
    # Before looking whether the address is known: both answers cost one bcrypt.
    hashed = await accounts.hash_password(newcomer.password)
    async with running.db.transaction() as session:
        return await accounts.sign_up(
            session,
            running,
            name=newcomer.name,
            email=newcomer.email,
            password_hash=hashed,
        )


async def sign_in(
    running: Runtime, guarded: Guards, typed_email: str, password: str
) -> tuple[User, SignedIn]:
    email = accounts.lookup_email(typed_email)
    await guards.refuse_guessing(guarded, email)
    async with running.db.reading() as session:
        credentials = await accounts.find_credentials(session, email)
    if not await accounts.is_password(credentials, password):
        await guards.count_failure(guarded, email)
        raise accounts.wrong_credentials()
    async with running.db.transaction() as session:
        return await accounts.sign_in(session, running, credentials)


async def verify_email(running: Runtime, token: str) -> None:
    async with running.db.transaction() as session:
        await accounts.verify_email(session, running, token)


async def resend_verification(running: Runtime, guarded: Guards, typed_email: str) -> None:
    mailbox.require_configured(running.settings)
    email = accounts.lookup_email(typed_email)
    async with _same_time():
        if await guards.may_have_letter(guarded, f"verify {email}"):
            async with running.db.transaction() as session:
                await accounts.resend_verification(session, running, email)


async def forgot_password(running: Runtime, guarded: Guards, typed_email: str) -> None:
    mailbox.require_configured(running.settings)
    email = accounts.lookup_email(typed_email)
    async with _same_time():
        if await guards.may_have_letter(guarded, f"reset {email}"):
            async with running.db.transaction() as session:
                await accounts.forgot_password(session, running, email)


async def reset_password(running: Runtime, token: str, password: str) -> None:
    hashed = await accounts.hash_password(password)
    async with running.db.transaction() as session:
        await accounts.reset_password(session, running, token=token, password_hash=hashed)


@asynccontextmanager
async def _same_time() -> AsyncIterator[None]:
    clock = asyncio.get_running_loop()
    ends_at = clock.time() + SAME_TIME_SECONDS
    try:
        yield
    finally:
        await asyncio.sleep(max(0.0, ends_at - clock.time()))
