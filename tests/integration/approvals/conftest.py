"""Runs that wait for an approval, without a worker: their rows as a settlement writes them."""

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from flowforge.engine.protocol import Ask
from flowforge.infra.bulk import bulk
from flowforge.infra.db import utc_now
from flowforge.infra.mail import Mailer, Message
from flowforge.jobs.approval_mails import ApprovalMails
from flowforge.models import Attempt, OutboxEntry, Run
from flowforge.services import asking, mailbox
from tests.house import Account, House
from tests.zapping import hook, path_of, published

LATER = dt.timedelta(days=300)
QUESTION = Ask("ok", "ok", "Ship it?", ("bob@example.com",))


@dataclass(frozen=True)
class Asked:
    """A waiting run and what it asks."""

    run_id: str
    approval_id: str


Asking = Callable[..., Awaitable[Asked]]


@pytest.fixture
def asks(house: House) -> Asking:
    """Makes a run of ``account`` wait for ``QUESTION`` with ``changes``."""

    async def ask(
        account: Account, *, expires_at: dt.datetime | None = None, **changes: Any
    ) -> Asked:
        command = replace(QUESTION, **changes)
        zap = await published(house, account, hook("post", "http://127.0.0.1:9/"))
        answer = await house.client.post(path_of(zap), json={})
        run_id = answer.json()["zapRunId"]
        attempt = Attempt(
            run_id=run_id,
            path=command.path,
            step_id="ok",
            kind="approval",
            number=1,
            status="running",
        )
        async with house.db.transaction() as session:
            session.add(attempt)
            await session.execute(
                update(OutboxEntry)
                .where(col(OutboxEntry.run_id) == run_id)
                .values(due_at=utc_now() + LATER)
            )
            await session.execute(update(Run).where(col(Run.id) == run_id).values(status="waiting"))
        async with bulk(house.db) as tx:
            await tx.insert_all(
                asking.approval_rows(
                    run_id,
                    account.project_id,
                    command,
                    attempt.id,
                    asked_at=utc_now(),
                    expires_at=expires_at,
                )
            )
        return Asked(run_id, attempt.id)

    return ask


@pytest.fixture
def mails(house: House) -> ApprovalMails:
    async def into_mailbox(message: Message, key: str) -> str:
        async with house.db.transaction() as session:
            await mailbox.put(session, message)
        return key

    return ApprovalMails(house.runtime, Mailer(house.settings, into_mailbox))


async def links(house: House) -> dict[str, str]:
    """The path of the link that each person was mailed last."""
    found: dict[str, str] = {}
    for mail in await house.mailbox():
        for line in mail["text"].splitlines():
            if "/approvals/" in line:
                found.setdefault(mail["to"], "/approvals/" + line.rpartition("/")[2])
    return found


async def entry_of(house: House, run_id: str) -> OutboxEntry:
    async with house.db.reading() as session:
        query = select(OutboxEntry).where(col(OutboxEntry.run_id) == run_id)
        found: OutboxEntry = (await session.scalars(query)).one()
        return found
