"""Equal idempotency keys: of any number of requests exactly one is accepted."""

import asyncio

import httpx
import pytest
from sqlalchemy import func, select

from flowforge.models import Event, Run
from flowforge.services import zaps
from tests.house import House
from tests.integration.ingest.inbox import (
    NOT_FOUND,
    NOWHERE,
    client_of,
    door_of,
    listening,
    tally,
)
from tests.zapping import events_of, hook, owed, path_of, published

KEY = {"X-Idempotency-Key": "order-1"}


async def count(house: House, model: type[Event] | type[Run]) -> int:
    async with house.db.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(model)) or 0)


async def test_fifty_at_once_make_one_run(house: House) -> None:
    _, zap = await listening(house)
    answers = await asyncio.gather(
        *(house.client.post(path_of(zap), json={"n": n}, headers=KEY) for n in range(50))
    )
    assert {answer.status_code for answer in answers} == {200}
    first = [answer.json() for answer in answers if "eventId" in answer.json()]
    (accepted,) = first
    again = {
        "message": "Webhook already processed",
        "zapRunId": accepted["zapRunId"],
        "duplicate": True,
    }
    assert [a.json() for a in answers if "eventId" not in a.json()] == [again] * 49
    events = await events_of(house, zap)
    assert tally(events) == {"accepted": 1, "duplicate": 49}
    duplicates = [event for event in events if event.verdict == "duplicate"]
    assert {event.duplicate_of for event in duplicates} == {accepted["eventId"]}
    assert all(event.raw and event.reason for event in duplicates)
    assert (await count(house, Run), await owed(house)) == (1, 1)


async def test_two_processes_at_once_make_one_run_for_each_key(house: House) -> None:
    """Both see the same keys in opposite orders: neither may wait for the other."""
    _, zap = await listening(house)
    keys = [f"key-{number:02}" for number in range(40)]

    async def send(client: httpx.AsyncClient, key: str) -> str:
        answer = await client.post(path_of(zap), headers={"X-Idempotency-Key": key})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["zapRunId"])

    one, other = client_of(door_of(house)), client_of(door_of(house))
    async with one, other, asyncio.timeout(10):
        runs = await asyncio.gather(
            *(send(one, key) for key in keys), *(send(other, key) for key in reversed(keys))
        )
    assert runs[:40] == list(reversed(runs[40:]))
    assert len(set(runs)) == 40
    assert tally(await events_of(house, zap)) == {"accepted": 40, "duplicate": 40}


async def test_another_body_under_the_same_key_gets_the_same_answer(house: House) -> None:
    _, zap = await listening(house)
    first = await house.client.post(path_of(zap), json={"n": 1}, headers=KEY)
    for sent in ({"json": {"n": 2}}, {"content": b""}, {"json": {"n": 3}}):
        answer = await house.client.post(path_of(zap), headers=KEY, **sent)
        assert answer.json() == {
            "message": "Webhook already processed",
            "zapRunId": first.json()["zapRunId"],
            "duplicate": True,
        }


async def test_the_same_key_at_another_zap_is_another_run(house: House) -> None:
    ada, zap = await listening(house)
    other = await published(house, ada, hook("one", NOWHERE))
    first = await house.client.post(path_of(zap), headers=KEY)
    second = await house.client.post(path_of(other), headers=KEY)
    assert second.json()["message"] == "Webhook received"
    assert first.json()["zapRunId"] != second.json()["zapRunId"]


async def test_both_spellings_of_the_header_are_one_key(house: House) -> None:
    _, zap = await listening(house)
    first = await house.client.post(path_of(zap), headers=KEY)
    second = await house.client.post(path_of(zap), headers={"Idempotency-Key": "order-1"})
    assert second.json()["duplicate"] is True
    assert second.json()["zapRunId"] == first.json()["zapRunId"]


async def test_who_names_the_wrong_owner_learns_nothing_of_a_key(house: House) -> None:
    _, zap = await listening(house)
    eve = await house.sign_up("eve@example.com", "Eve")
    await house.client.post(path_of(zap), headers=KEY)
    hook_id = zap.webhook_url.rsplit("/", 1)[1]
    answer = await house.client.post(f"/hooks/catch/{eve.user_id}/{hook_id}", headers=KEY)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert await count(house, Event) == 1


@pytest.mark.parametrize(("length", "status"), [(255, 200), (256, 400)])
async def test_a_key_has_a_longest_length(house: House, length: int, status: int) -> None:
    _, zap = await listening(house)
    answer = await house.client.post(
        path_of(zap), json={"n": 1}, headers={"X-Idempotency-Key": "k" * length}
    )
    assert answer.status_code == status
    (event,) = await events_of(house, zap)
    assert event.raw == b'{"n":1}'
    if status == 400:
        assert "X-Idempotency-Key" in answer.json()["message"]
        assert event.verdict == "rejected"


async def test_a_key_that_is_empty_is_no_key(house: House) -> None:
    _, zap = await listening(house)
    for _ in range(2):
        answer = await house.client.post(path_of(zap), headers={"X-Idempotency-Key": ""})
        assert answer.json()["message"] == "Webhook received"


async def test_a_key_seen_while_held_or_rejected_does_not_block_a_later_event(
    house: House,
) -> None:
    ada, zap = await listening(house)
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=False)
    assert (await house.client.post(path_of(zap), headers=KEY)).status_code == 404
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=True)
    broken = {**KEY, "content-type": "application/json"}
    assert (await house.client.post(path_of(zap), content=b"{", headers=broken)).status_code == 400
    answer = await house.client.post(path_of(zap), headers=KEY)
    assert answer.json()["message"] == "Webhook received"
    assert tally(await events_of(house, zap)) == {"held": 1, "rejected": 1, "accepted": 1}


async def test_a_repeat_costs_the_same_however_many_events_there_are(house: House) -> None:
    """The look for the first event must use the index, not read every event that has a key."""
    _, zap = await listening(house)
    await house.client.post(path_of(zap), headers=KEY)
    query = (
        "SELECT e.id FROM event e WHERE e.verdict = 'accepted' "
        f"AND e.zap_id = '{zap.id}' AND e.dedupe_key = 'order-1'"
    )
    explain = "EXPLAIN QUERY PLAN" if house.db.is_sqlite else "EXPLAIN"
    async with house.db.engine.connect() as connection:
        if not house.db.is_sqlite:
            await connection.exec_driver_sql("SET enable_seqscan = off")
        plan = (await connection.exec_driver_sql(f"{explain} {query}")).all()
        await connection.invalidate()
    assert "uq_event_dedupe_key" in str(plan)
