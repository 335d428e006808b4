"""Test runs: the draft as it is, urgent, apart from production."""

import asyncio
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from sqlmodel import col

from flowforge.infra.db import new_id, utc_now
from flowforge.models import Event, OutboxEntry, Run, Version
from flowforge.services import leases
from tests import zapping
from tests.house import Account, House
from tests.integration.zaps.test_versions import save, with_url
from tests.integration.zaps.test_zaps import HOOK, made


async def tried(house: House, owner: Account, zap_id: str, **given: Any) -> Run:
    url = f"/api/v1/zaps/{zap_id}/test"
    answer = await house.client.post(url, json=given, headers=owner.headers)
    assert answer.status_code == 202, answer.text
    async with house.db.reading() as session:
        query = select(Run).where(col(Run.id) == answer.json()["run_id"])
        run: Run = (await session.scalars(query)).one()
        return run


async def event_of(house: House, run: Run) -> Event:
    async with house.db.reading() as session:
        query = select(Event).where(col(Event.id) == run.event_id)
        event: Event = (await session.scalars(query)).one()
        return event


async def test_a_zap_that_was_never_published_is_tried_and_stays_unpublished(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    run = await tried(house, ada, zap["id"], input={"n": 1})
    assert (run.status, run.environment, run.version) == ("queued", "test", -1)
    event = await event_of(house, run)
    assert (event.trigger, event.verdict, event.raw) == ("test", "accepted", b'{"n":1}')
    found = (await house.client.get(f"/api/v1/zaps/{zap['id']}", headers=ada.headers)).json()
    assert (found["live_version"], found["enabled"]) == (None, False)
    url = f"/api/v1/zaps/{zap['id']}/versions"
    assert (await house.client.get(url, headers=ada.headers)).json()["data"] == []
    for number in ("-1", "1"):
        answer = await house.client.get(f"{url}/{number}", headers=ada.headers)
        assert answer.status_code == 404


async def test_what_is_tried_is_the_draft_of_its_revision(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    await house.client.post(f"{url}/publish", headers=ada.headers)
    first = await tried(house, ada, zap["id"])
    await save(house, ada, zap["id"], with_url("https://example.com/two"))
    second, third = await tried(house, ada, zap["id"]), await tried(house, ada, zap["id"])
    assert [run.version for run in (first, second, third)] == [-1, -2, -2]
    async with house.db.reading() as session:
        rows = await session.scalars(select(Version).where(col(Version.zap_id) == zap["id"]))
        stored = {row.number: row.definition for row in rows}
    assert stored == {1: HOOK, -1: HOOK, -2: with_url("https://example.com/two")}
    published = await house.client.post(f"{url}/publish", headers=ada.headers)
    assert published.json()["number"] == 2


async def test_ten_tests_at_once_share_one_frozen_draft(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    runs = await asyncio.gather(*(tried(house, ada, zap["id"], input=n) for n in range(10)))
    assert {run.version for run in runs} == {-1}
    assert len({run.id for run in runs}) == 10


async def test_a_test_goes_before_what_waits(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    run = await tried(house, ada, zap["id"])
    async with house.db.reading() as session:
        query = select(OutboxEntry).where(col(OutboxEntry.run_id) == run.id)
        entry = (await session.scalars(query)).one()
    assert (entry.priority, entry.project_id, entry.zap_id) == (1, ada.project_id, zap["id"])
    assert entry.rank_at == leases.rank(entry.due_at, leases.URGENT) < utc_now()


async def test_an_event_that_was_received_can_be_tried_also_while_the_zap_is_off(
    house: House,
) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    hook = "/" + zap["webhook_url"].split("/", 3)[3]
    held = (await house.client.post(hook, json={"n": 1})).json()
    assert held.get("zapRunId") is None
    async with house.db.reading() as session:
        query = select(Event).where(col(Event.zap_id) == zap["id"])
        event = (await session.scalars(query)).one()
    assert event.verdict == "held"
    run = await tried(house, ada, zap["id"], event_id=event.id)
    assert (run.event_id, run.replay_of) == (event.id, None)
    # Without anything it is what was received last.
    assert (await tried(house, ada, zap["id"])).event_id == event.id


async def test_trying_an_accepted_event_leaves_its_duplicates_what_they_were(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    await house.client.post(f"/api/v1/zaps/{zap['id']}/publish", headers=ada.headers)
    hook = "/" + zap["webhook_url"].split("/", 3)[3]
    key = {"X-Idempotency-Key": "k"}
    first = (await house.client.post(hook, json={}, headers=key)).json()
    run = await tried(house, ada, zap["id"], event_id=first["eventId"])
    assert run.replay_of == first["zapRunId"]
    again = (await house.client.post(hook, json={}, headers=key)).json()
    assert (again["duplicate"], again["zapRunId"]) == (True, first["zapRunId"])


async def test_an_event_that_fits_not_is_refused(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    zap, other, his = await made(house, ada), await made(house, ada), await made(house, bob)
    url = f"/api/v1/zaps/{zap['id']}/test"
    foreign = [await tried(house, ada, other["id"]), await tried(house, bob, his["id"])]
    for event_id in (new_id(), "x", *(run.event_id for run in foreign)):
        answer = await house.client.post(url, json={"event_id": event_id}, headers=ada.headers)
        assert answer.status_code == 404, answer.text
    async with house.db.transaction() as session:
        shared = {"project_id": ada.project_id, "zap_id": zap["id"]}
        event = Event(**shared, verdict="rejected", reason="The signature is wrong.", raw=b"")
        session.add(event)
    answer = await house.client.post(url, json={"event_id": event.id}, headers=ada.headers)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "event_rejected"
    assert "The signature is wrong." in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [{"input": 1, "event_id": "x"}, {"inputs": 1}, {"event_id": 7}])
async def test_a_request_that_says_two_things_or_none_is_refused(
    house: House, body: dict[str, Any]
) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}/test"
    answer = await house.client.post(url, json=body, headers=ada.headers)
    assert answer.status_code == 422, answer.text


async def test_a_draft_that_is_not_complete_is_not_tried(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition={"trigger": {"kind": "webhook"}, "steps": []})
    url = f"/api/v1/zaps/{zap['id']}/test"
    answer = await house.client.post(url, headers=ada.headers)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == "This zap cannot be tested yet: 1 problem."
    async with house.db.reading() as session:
        assert (await session.scalars(select(Version))).all() == []
        assert (await session.scalars(select(Run))).all() == []


async def test_a_test_run_runs_the_draft_to_its_end_and_gives_samples(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/live").respond_with_json({"from": "live"})
    httpserver.expect_request("/draft").respond_with_json({"from": "draft"})
    ada = await house.sign_up()
    live = await zapping.published(house, ada, zapping.hook("post", httpserver.url_for("/live")))
    inner = zapping.hook("post", httpserver.url_for("/draft"))
    loop = {"id": "each", "kind": "loop", "over": "{{ trigger.body }}", "steps": [inner]}
    await save(house, ada, live.id, {"trigger": {"kind": "webhook"}, "steps": [loop]})
    run = await tried(house, ada, live.id, input=[1, 2])
    async with zapping.working(house):
        done = await zapping.ended(house, run.id)
    assert (done.status, done.error) == ("succeeded", None)
    attempts = await zapping.attempts_of(house, run.id)
    assert sorted(each.path for each in attempts) == ["each", "each[1]/post", "each[2]/post"]
    assert [request.path for request, _ in httpserver.log] == ["/draft", "/draft"]
    answer = await house.client.get(f"/api/v1/zaps/{live.id}/samples", headers=ada.headers)
    assert answer.json()["trigger"]["body"] == [1, 2]
    assert answer.json()["steps"]["post"]["body"] == {"from": "draft"}
    assert answer.json()["items"] == {"each": 1}
    shown = await house.client.get(f"/api/v1/runs/{run.id}", headers=ada.headers)
    assert shown.json()["definition"]["steps"][0]["id"] == "each"
