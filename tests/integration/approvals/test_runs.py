"""Runs that ask, with a real worker: they go on with the answer, or without one."""

import asyncio
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowforge.jobs.approval_mails import ApprovalMails
from flowforge.services import approvals
from flowforge.services.approvals import ApprovalView
from tests.house import Account, House
from tests.integration.approvals.conftest import links
from tests.zapping import attempts_of, ended, hook, path_of, published, run_of, working

THEN = {"id": "then", "kind": "code", "inputs": {"ok": "{{ steps.ok }}"}, "code": "inputs['ok']"}


def _asks(**more: Any) -> dict[str, Any]:
    return {"id": "ok", "kind": "approval", "question": "Ship {{ trigger.body.n }}?", **more}


async def _fired(house: House, account: Account, *steps: dict[str, Any]) -> str:
    zap = await published(house, account, *steps)
    answer = await house.client.post(path_of(zap), json={"n": 3, "both": ["a", "b"]})
    return str(answer.json()["zapRunId"])


async def _asked(
    house: House, account: Account, run_id: str, number: int = 1
) -> list[ApprovalView]:
    """What the run asks, once it asks ``number`` questions."""
    async with asyncio.timeout(15):
        while True:
            async with house.db.reading() as session:
                found = await approvals.of_run(session, account.actor, run_id)
            if len(found) >= number:
                return sorted(found, key=lambda one: one.path)
            await asyncio.sleep(0.02)


async def _decide(house: House, account: Account, approval_id: str, *, approved: bool) -> None:
    answer = await house.client.post(
        f"/api/v1/approvals/{approval_id}", json={"approved": approved}, headers=account.headers
    )
    assert answer.status_code == 200, answer.text


async def _output(house: House, run_id: str, path: str) -> Any:
    return next(one.output for one in await attempts_of(house, run_id) if one.path == path)


async def test_a_run_goes_on_with_the_answer_of_a_link(house: House, mails: ApprovalMails) -> None:
    ada = await house.sign_up()
    async with working(house):
        run_id = await _fired(house, ada, _asks(approvers=["bob@example.com"]), THEN)
        [asked] = await _asked(house, ada, run_id)
        assert asked.question == "Ship 3?"
        await mails.send_due()
        path = (await links(house))["bob@example.com"]
        await house.client.post(path, data={"answer": "approve", "comment": "Yes"})
        assert (await ended(house, run_id)).status == "succeeded"
    output = await _output(house, run_id, "then")
    assert (output["approved"], output["timed_out"]) == (True, False)
    assert [one["comment"] for one in output["signals"]] == ["Yes"]


@pytest.mark.parametrize(
    ("on_rejection", "status", "paths"),
    [
        ("end", "succeeded", ["ok"]),
        ("continue", "succeeded", ["ok", "then"]),
        ("fail", "failed", ["ok"]),
    ],
)
async def test_a_rejection_ends_goes_on_or_fails_as_the_step_says(
    house: House, on_rejection: str, status: str, paths: list[str]
) -> None:
    ada = await house.sign_up()
    async with working(house):
        run_id = await _fired(house, ada, _asks(on_rejection=on_rejection), THEN)
        [asked] = await _asked(house, ada, run_id)
        await _decide(house, ada, asked.id, approved=False)
        assert (await ended(house, run_id)).status == status
    assert [one.path for one in await attempts_of(house, run_id)] == paths


async def test_without_an_answer_in_time_the_run_goes_on_and_a_late_one_is_told_so(
    house: House, mails: ApprovalMails
) -> None:
    ada = await house.sign_up()
    asks = _asks(approvers=["bob@example.com"], timeout_seconds=0.6, on_rejection="continue")
    async with working(house):
        run_id = await _fired(house, ada, asks, THEN)
        await _asked(house, ada, run_id)
        await mails.send_due()
        assert (await ended(house, run_id)).status == "succeeded"
    [asked] = await _asked(house, ada, run_id)
    assert asked.status == "expired"
    output = await _output(house, run_id, "then")
    assert (output["approved"], output["timed_out"]) == (False, True)
    path = (await links(house))["bob@example.com"]
    late = await house.client.post(path, data={"answer": "approve"}, follow_redirects=True)
    assert "The time to answer is over" in late.text


async def test_rounds_ask_side_by_side_and_are_answered_in_any_order(house: House) -> None:
    ada = await house.sign_up()
    loop = {
        "id": "each",
        "kind": "loop",
        "over": "{{ trigger.body.both }}",
        "concurrency": 2,
        "steps": [_asks(), THEN],
    }
    async with working(house):
        run_id = await _fired(house, ada, loop)
        first, second = await _asked(house, ada, run_id, 2)
        await _decide(house, ada, second.id, approved=False)
        assert (await run_of(house, run_id)).finished_at is None
        await _decide(house, ada, first.id, approved=True)
        assert (await ended(house, run_id)).status == "succeeded"
    paths = {one.path for one in await attempts_of(house, run_id)}
    assert paths == {"each", "each[1]/ok", "each[1]/then", "each[2]/ok"}


# A holder hears of it when it renews its lease: each third of this.
@pytest.mark.parametrize("changes", [{"lease_seconds": 3.0}])
async def test_an_answer_is_heard_while_another_branch_is_at_work(
    house: House, httpserver: HTTPServer
) -> None:
    ada = await house.sign_up()
    was_heard = asyncio.Event()
    loop = asyncio.get_running_loop()

    def held(_: Request) -> Response:
        # The other branch goes on while this one does not.
        asyncio.run_coroutine_threadsafe(was_heard.wait(), loop).result(20)
        return Response("{}", content_type="application/json")

    httpserver.expect_request("/held").respond_with_handler(held)
    both = {
        "id": "both",
        "kind": "parallel",
        "branches": [
            {"name": "work", "steps": [hook("call", httpserver.url_for("/held"))]},
            {"name": "ask", "steps": [_asks(), THEN]},
        ],
    }
    async with working(house):
        run_id = await _fired(house, ada, both)
        [asked] = await _asked(house, ada, run_id)
        await _decide(house, ada, asked.id, approved=True)
        async with asyncio.timeout(20):
            while "then" not in {one.path for one in await attempts_of(house, run_id)}:  # noqa: ASYNC110 - it begins in another task
                await asyncio.sleep(0.05)
        was_heard.set()
        assert (await ended(house, run_id)).status == "succeeded"


async def test_what_cannot_be_asked_fails_with_a_sentence(house: House) -> None:
    ada = await house.sign_up()
    async with working(house):
        run_id = await _fired(house, ada, _asks(approvers=["{{ trigger.body.n }}"]), THEN)
        run = await ended(house, run_id)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["code"] == "bad_approver"
    assert "3" in run.error["message"]
    async with house.db.reading() as session:
        assert await approvals.of_run(session, ada.actor, run_id) == []
