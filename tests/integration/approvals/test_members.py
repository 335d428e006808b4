"""Approvals for members: the list, who may answer, and what the API says otherwise."""

import pytest
from sqlalchemy import update
from sqlmodel import col

from flowforge.infra.db import new_id
from flowforge.models import Member
from flowforge.services import approvals, ending
from flowforge.services.access import Role
from tests.house import Account, House
from tests.integration.approvals.conftest import Asking, entry_of

URL = "/api/v1/approvals"


async def _as(house: House, account: Account, role: Role) -> None:
    async with house.db.transaction() as session:
        await session.execute(
            update(Member).where(col(Member.user_id) == account.user_id).values(role=role)
        )


async def test_where_nobody_was_named_a_member_decides(house: House, asks: Asking) -> None:
    ada = await house.sign_up()
    asked = await asks(ada, approvers=())
    [listed] = (await house.client.get(URL, headers=ada.headers)).json()["data"]
    assert (listed["id"], listed["may_decide"]) == (asked.approval_id, True)
    url = f"{URL}/{asked.approval_id}"
    answer = await house.client.post(
        url, json={"approved": True, "comment": "fine"}, headers=ada.headers
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["status"], told["may_decide"]) == ("approved", False)
    assert [(one["email"], one["comment"]) for one in told["approvers"]] == [(ada.email, "fine")]
    assert (await entry_of(house, asked.run_id)).news == 1
    again = await house.client.post(url, json={"approved": False}, headers=ada.headers)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "approval_closed")
    assert (await house.client.get(URL, headers=ada.headers)).json()["data"] == []
    everything = await house.client.get(f"{URL}?status=all", headers=ada.headers)
    assert [one["id"] for one in everything.json()["data"]] == [asked.approval_id]


async def test_a_member_counts_once(house: House, asks: Asking) -> None:
    ada = await house.sign_up()
    asked = await asks(ada, approvers=(), required=2)
    url = f"{URL}/{asked.approval_id}"
    assert (
        await house.client.post(url, json={"approved": True}, headers=ada.headers)
    ).status_code == 200
    again = await house.client.post(url, json={"approved": True}, headers=ada.headers)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_answered")
    told = (await house.client.get(url, headers=ada.headers)).json()
    assert (told["status"], len(told["approvers"])) == ("pending", 1)


async def test_where_others_are_named_a_member_cannot_decide_for_them(
    house: House, asks: Asking
) -> None:
    ada = await house.sign_up()
    asked = await asks(ada)
    url = f"{URL}/{asked.approval_id}"
    assert (await house.client.get(url, headers=ada.headers)).json()["may_decide"] is False
    answer = await house.client.post(url, json={"approved": True}, headers=ada.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_an_approver")


async def test_whoever_was_named_may_answer_signed_in_too(house: House, asks: Asking) -> None:
    ada = await house.sign_up()
    asked = await asks(ada, approvers=("bob@example.com", "ada@example.com"))
    url = f"{URL}/{asked.approval_id}"
    answer = await house.client.post(url, json={"approved": True}, headers=ada.headers)
    told = answer.json()
    assert told["status"] == "approved"
    assert [(one["email"], one["approved"]) for one in told["approvers"]] == [
        ("bob@example.com", None),
        ("ada@example.com", True),
    ]


async def test_a_viewer_may_look_and_not_decide(house: House, asks: Asking) -> None:
    ada = await house.sign_up()
    asked = await asks(ada, approvers=())
    await _as(house, ada, Role.VIEWER)
    url = f"{URL}/{asked.approval_id}"
    assert (await house.client.get(url, headers=ada.headers)).json()["may_decide"] is False
    answer = await house.client.post(url, json={"approved": True}, headers=ada.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "role_not_allowed")


async def test_somebody_elses_approval_does_not_exist(house: House, asks: Asking) -> None:
    asked = await asks(await house.sign_up(), approvers=())
    eve = await house.sign_up("eve@example.com", "Eve")
    assert (await house.client.get(URL, headers=eve.headers)).json()["data"] == []
    for approval_id in (asked.approval_id, new_id()):
        url = f"{URL}/{approval_id}"
        assert (await house.client.get(url, headers=eve.headers)).status_code == 404
        answer = await house.client.post(url, json={"approved": True}, headers=eve.headers)
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"approved": "perhaps"}, {"approved": None}, {"approved": True, "comment": "x" * 2001}],
)
async def test_a_decision_that_cannot_be_read_is_refused(
    house: House, asks: Asking, body: dict[str, object]
) -> None:
    ada = await house.sign_up()
    asked = await asks(ada, approvers=())
    url = f"{URL}/{asked.approval_id}"
    assert (await house.client.post(url, json=body, headers=ada.headers)).status_code == 422
    assert (await house.client.get(url, headers=ada.headers)).json()["status"] == "pending"


async def test_a_status_that_is_none_is_refused(house: House) -> None:
    ada = await house.sign_up()
    answer = await house.client.get(f"{URL}?status=open", headers=ada.headers)
    assert answer.status_code == 422


async def test_what_a_run_asked_is_given_up_with_it(house: House, asks: Asking) -> None:
    ada = await house.sign_up()
    asked = await asks(ada, approvers=())
    async with house.db.transaction() as session:
        await ending.cancel(session, ada.actor, house.runtime.signals, asked.run_id)
    async with house.db.reading() as session:
        [told] = await approvals.of_run(session, ada.actor, asked.run_id)
    assert (told.status, told.may_decide) == ("given_up", False)


async def test_a_list_of_many_costs_as_much_as_a_list_of_one(house: House, asks: Asking) -> None:
    ada = await house.sign_up()
    await asks(ada)
    with house.counted_statements() as one:
        await house.client.get(URL, headers=ada.headers)
    for _ in range(4):
        await asks(ada)
    with house.counted_statements() as five:
        assert len((await house.client.get(URL, headers=ada.headers)).json()["data"]) == 5
    assert five.number == one.number
