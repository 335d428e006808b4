"""The mails that ask: once each, again after a refusal, and never after the question is closed."""

import asyncio
import datetime as dt

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from flowforge.infra.bulk import bulk
from flowforge.infra.db import utc_now
from flowforge.infra.mail import Mailer, MailRefused, Message
from flowforge.jobs.approval_mails import ApprovalMails
from flowforge.models import Approver
from flowforge.services import approvals, asking
from tests.house import House
from tests.integration.approvals.conftest import Asking

PEOPLE = ("bob@example.com", "eve@example.com", "joe@example.com")
HOUR = dt.timedelta(hours=1)


class Post:
    """A transport that keeps what it took, and refuses while it has a refusal."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.refusal: MailRefused | None = None

    async def __call__(self, message: Message, key: str) -> str:
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        self.sent.append((message.to, key, message.text))
        return key

    def mails(self, house: House) -> ApprovalMails:
        return ApprovalMails(house.runtime, Mailer(house.settings, self))


async def _people(house: House) -> list[Approver]:
    async with house.db.reading() as session:
        return list((await session.scalars(select(Approver).order_by(col(Approver.id)))).all())


async def _make_due(house: House) -> None:
    async with house.db.transaction() as session:
        await session.execute(
            update(Approver)
            .where(col(Approver.mail_due_at).is_not(None))
            .values(mail_due_at=utc_now() - HOUR)
        )


async def test_two_workers_send_each_mail_once(house: House, asks: Asking) -> None:
    ada = await house.sign_up()
    for _ in range(10):
        await asks(ada, approvers=PEOPLE)
    post = Post()
    await asyncio.gather(post.mails(house).send_due(), post.mails(house).send_due())
    assert len(post.sent) == len({key for _, key, _ in post.sent}) == 30
    assert all(one.mailed_at and one.mail_due_at is None for one in await _people(house))
    await post.mails(house).send_due()
    assert len(post.sent) == 30


async def test_a_ring_during_sending_is_heard(house: House, asks: Asking) -> None:
    ada = await house.sign_up()
    await asks(ada)
    post = Post()
    mails = post.mails(house)
    mails.ring()
    await asks(ada)
    mails.ring()
    await house.runtime.errands.finish(within_seconds=5)
    assert len(post.sent) == 2


async def test_a_refused_mail_is_seen_and_sent_later_with_the_same_key_and_link(
    house: House, asks: Asking
) -> None:
    ada = await house.sign_up()
    asked = await asks(ada)
    post = Post()
    post.refusal = MailRefused("The mail server cannot be reached.", permanent=False)
    await post.mails(house).send_due()
    async with house.db.reading() as session:
        [told] = await approvals.of_run(session, ada.actor, asked.run_id)
    assert told.approvers[0].mail == "failed"
    assert told.approvers[0].mail_error == "The mail server cannot be reached."
    [waiting] = await _people(house)
    assert waiting.mail_due_at is not None
    assert waiting.mail_due_at > utc_now()
    post.refusal = None
    await post.mails(house).send_due()
    assert post.sent == []
    await _make_due(house)
    await post.mails(house).send_due()
    [(_, key, text)] = post.sent
    assert key == f"approval:{waiting.id}"
    assert f"/approvals/{house.runtime.vault.sign('approval', waiting.id)}" in text
    assert (await _people(house))[0].mail_error is None


async def test_a_worker_that_dies_while_sending_costs_no_mail(house: House, asks: Asking) -> None:
    await asks(await house.sign_up())
    post = Post()

    async def dies(message: Message, key: str) -> str:
        await post(message, key)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await ApprovalMails(house.runtime, Mailer(house.settings, dies)).send_due()
    await _make_due(house)
    await post.mails(house).send_due()
    first, second = post.sent
    assert first == second


async def test_nobody_is_mailed_about_what_is_closed(house: House, asks: Asking) -> None:
    ada = await house.sign_up()
    for status in ("expired", "given_up"):
        asked = await asks(ada)
        async with bulk(house.db) as tx:
            await asking.close(tx, [asked.approval_id], status)
        async with house.db.reading() as session:
            [told] = await approvals.of_run(session, ada.actor, asked.run_id)
        assert told.status == status
    post = Post()
    await post.mails(house).send_due()
    assert post.sent == []
    assert [one.mail_due_at for one in await _people(house)] == [None, None]


async def test_what_was_decided_is_not_closed(house: House, asks: Asking) -> None:
    ada = await house.sign_up()
    asked = await asks(ada, approvers=())
    url = f"/api/v1/approvals/{asked.approval_id}"
    await house.client.post(url, json={"approved": True}, headers=ada.headers)
    async with bulk(house.db) as tx:
        await asking.close(tx, [asked.approval_id], "expired")
    assert (await house.client.get(url, headers=ada.headers)).json()["status"] == "approved"
