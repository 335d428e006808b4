"""The mailed link: what its page shows, what its buttons do, and what they cannot do twice."""

import asyncio
import datetime as dt
import html

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from flowforge.infra.bulk import bulk
from flowforge.infra.db import utc_now
from flowforge.jobs.approval_mails import ApprovalMails
from flowforge.models import Approval, Approver
from flowforge.services import asking, ending
from tests.house import House
from tests.integration.approvals.conftest import LATER, Asking, entry_of, links

HOUR = dt.timedelta(hours=1)


async def status_of(house: House, approval_id: str) -> str:
    async with house.db.reading() as session:
        query = select(col(Approval.status)).where(col(Approval.id) == approval_id)
        found: str = (await session.scalars(query)).one()
        return found


async def press(house: House, path: str, answer: str, comment: str = "") -> httpx.Response:
    form = {"answer": answer, "comment": comment}
    return await house.client.post(path, data=form, follow_redirects=True)


async def test_the_link_decides_only_when_a_button_is_pressed(
    house: House, asks: Asking, mails: ApprovalMails
) -> None:
    asked = await asks(await house.sign_up())
    await mails.send_due()
    path = (await links(house))["bob@example.com"]
    for method in ("GET", "GET", "HEAD"):
        page = await house.client.request(method, path)
    assert await status_of(house, asked.approval_id) == "pending"
    page = await house.client.get(path)
    assert page.status_code == 200
    assert "Ship it?" in page.text
    pressed = await press(house, path, "approve", "Go ahead")
    assert pressed.status_code == 200
    assert "You approved this" in pressed.text
    assert await status_of(house, asked.approval_id) == "approved"


async def test_a_decision_makes_the_run_due_and_reaches_the_engine(
    house: House, asks: Asking, mails: ApprovalMails
) -> None:
    asked = await asks(await house.sign_up())
    before = await entry_of(house, asked.run_id)
    assert before.due_at > utc_now() + LATER / 2
    await mails.send_due()
    await press(house, (await links(house))["bob@example.com"], "reject", "Not on a Friday")
    entry = await entry_of(house, asked.run_id)
    assert entry.news == before.news + 1
    assert entry.due_at <= utc_now() + HOUR
    assert entry.rank_at is not None
    assert entry.rank_at < entry.due_at
    async with bulk(house.db) as tx:
        [decided] = (await asking.outcomes(tx, [asked.run_id]))[asked.run_id]
    assert (decided.path, decided.approved) == ("ok", False)
    [signal] = decided.output["signals"]
    assert signal.pop("at") is not None
    assert decided.output == {
        "approved": False,
        "timed_out": False,
        "total": 1,
        "succeeded": 0,
        "rejected": 1,
        "pending": 0,
        "signals": [
            {"approver": "bob@example.com", "approved": False, "comment": "Not on a Friday"}
        ],
    }


async def test_a_second_click_says_what_was_decided_and_changes_nothing(
    house: House, asks: Asking, mails: ApprovalMails
) -> None:
    asked = await asks(await house.sign_up())
    await mails.send_due()
    path = (await links(house))["bob@example.com"]
    await press(house, path, "approve")
    news = (await entry_of(house, asked.run_id)).news
    again = await press(house, path, "reject")
    assert again.status_code == 200
    assert "You approved this" in again.text
    assert await status_of(house, asked.approval_id) == "approved"
    assert (await entry_of(house, asked.run_id)).news == news


async def test_a_link_without_buttons_left_has_no_form(
    house: House, asks: Asking, mails: ApprovalMails
) -> None:
    await asks(await house.sign_up(), approvers=("bob@example.com", "eve@example.com"))
    await mails.send_due()
    found = await links(house)
    await press(house, found["bob@example.com"], "reject")
    page = await house.client.get(found["eve@example.com"])
    assert "This was rejected" in page.text
    assert "<form" not in page.text


async def test_what_came_too_late_is_told_so(
    house: House, asks: Asking, mails: ApprovalMails
) -> None:
    account = await house.sign_up()
    expired = await asks(account, expires_at=utc_now() + HOUR)
    ended = await asks(account, approvers=("eve@example.com",))
    await mails.send_due()
    found = await links(house)
    async with house.db.transaction() as session:
        approval = (
            await session.scalars(select(Approval).where(col(Approval.id) == expired.approval_id))
        ).one()
        approval.expires_at = utc_now() - HOUR
        await ending.cancel(session, account.actor, house.runtime.signals, ended.run_id)
    late = await press(house, found["bob@example.com"], "approve")
    assert "The time to answer is over" in late.text
    gone = await press(house, found["eve@example.com"], "approve")
    assert "No answer is needed any more" in gone.text
    assert await status_of(house, expired.approval_id) == "pending"
    assert (await entry_of(house, expired.run_id)).news == 0


@pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 5000, "%00", "%F0%9F%98%80"])
async def test_a_token_that_is_none_leads_nowhere(house: House, token: str) -> None:
    for answer in (
        await house.client.get(f"/approvals/{token}"),
        await house.client.post(f"/approvals/{token}", data={"answer": "approve"}),
    ):
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert "This link leads nowhere" in answer.text


async def test_a_form_without_a_button_decides_nothing(
    house: House, asks: Asking, mails: ApprovalMails
) -> None:
    asked = await asks(await house.sign_up())
    await mails.send_due()
    path = (await links(house))["bob@example.com"]
    for form in ({}, {"answer": "maybe"}, {"approved": "true"}):
        assert (await house.client.post(path, data=form)).status_code == 400
    bad = await house.client.post(path, content=b"answer=\xff\xfe&x", headers={
        "content-type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert bad.status_code == 400
    assert await status_of(house, asked.approval_id) == "pending"
    long = await press(house, path, "approve", "x" * 2001)
    assert long.status_code == 422
    assert await status_of(house, asked.approval_id) == "pending"


async def test_many_answers_at_once_are_each_counted_once(
    house: House, asks: Asking, mails: ApprovalMails
) -> None:
    people = tuple(f"p{number}@example.com" for number in range(8))
    asked = await asks(await house.sign_up(), approvers=people, required=8)
    await mails.send_due()
    found = await links(house)
    presses = [press(house, found[email], "approve") for email in people for _ in range(2)]
    await asyncio.gather(*presses)
    assert await status_of(house, asked.approval_id) == "approved"
    assert (await entry_of(house, asked.run_id)).news == 1
    async with bulk(house.db) as tx:
        [decided] = (await asking.outcomes(tx, [asked.run_id]))[asked.run_id]
    assert (decided.output["succeeded"], decided.output["pending"]) == (8, 0)


async def test_whatever_a_question_holds_is_text(
    house: House, asks: Asking, mails: ApprovalMails
) -> None:
    nasty = "<script>alert(1)</script>\n\u202epay 01\0 \ud800" + "long " * 1900
    await asks(await house.sign_up(), question=nasty)
    await mails.send_due()
    mail = (await house.mailbox())[0]
    page = await house.client.get((await links(house))["bob@example.com"])
    for text in (page.text, mail["html"]):
        assert "<script" not in text
        assert "\u202e" not in text
        assert html.escape("<script>alert(1)</script>") in text
    assert "<script>alert(1)</script>" in mail["text"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-robots-tag"].startswith("noindex")
    assert page.headers["cache-control"] == "no-store"


async def test_nothing_that_is_stored_opens_the_page(
    house: House, asks: Asking, mails: ApprovalMails
) -> None:
    await asks(await house.sign_up())
    await mails.send_due()
    token = (await links(house))["bob@example.com"].rpartition("/")[2]
    async with house.db.reading() as session:
        [approver] = (await session.scalars(select(Approver))).all()
    assert token not in str(approver.model_dump())
    for stored in (approver.id, approver.token_digest):
        assert (await house.client.get(f"/approvals/{stored}")).status_code == 404


@pytest.mark.parametrize("changes", [{"auth_rate_limit": "2/minute"}])
async def test_guessing_is_limited(house: House) -> None:
    statuses = [(await house.client.get("/approvals/guess")).status_code for _ in range(3)]
    assert statuses == [404, 404, 429]
