"""What a sender is told: both routes, every state of a zap, every kind of wrong address."""

import httpx
import pytest

from flowforge.services import zaps
from tests.house import House
from tests.integration.ingest.inbox import (
    NOT_FOUND,
    NOWHERE,
    UNKNOWN_ID,
    all_events,
    listening,
    our_path,
    tally,
)
from tests.zapping import events_of, hook, owed, path_of, run_of


async def test_the_seeds_route_answers_in_the_seeds_words(house: House) -> None:
    _, zap = await listening(house)
    answer = await house.client.post(path_of(zap), json={"n": 1})
    (event,) = await events_of(house, zap)
    run = await run_of(house, answer.json()["zapRunId"])
    assert answer.status_code == 200
    assert answer.json() == {
        "message": "Webhook received",
        "zapRunId": run.id,
        "eventId": event.id,
    }
    assert (run.status, run.event_id, run.version) == ("queued", event.id, 1)
    assert (event.verdict, event.raw, event.method) == ("accepted", b'{"n":1}', "POST")
    assert await owed(house) == 1


async def test_our_route_answers_202_with_both_ids(house: House) -> None:
    _, zap = await listening(house)
    answer = await house.client.post(our_path(zap), json={})
    (event,) = await events_of(house, zap)
    assert answer.status_code == 202
    run = await run_of(house, answer.json()["run_id"])
    assert answer.json() == {"event_id": event.id, "run_id": run.id}
    again = await house.client.post(our_path(zap), json={}, headers={"idempotency-key": "k"})
    twice = await house.client.post(our_path(zap), json={}, headers={"idempotency-key": "k"})
    assert twice.status_code == 202
    assert twice.json() == {**again.json(), "duplicate": True}


async def test_every_wrong_address_gets_one_and_the_same_answer(house: House) -> None:
    ada, zap = await listening(house)
    eve = await house.sign_up("eve@example.com", "Eve")
    hook_id = zap.webhook_url.rsplit("/", 1)[1]
    paths = [
        f"/hooks/catch/{ada.user_id}/{UNKNOWN_ID}",
        f"/hooks/catch/{eve.user_id}/{hook_id}",
        f"/hooks/catch/abc/{hook_id}",
        f"/hooks/catch/-1/{hook_id}",
        f"/hooks/catch/{10**30}/{hook_id}",
        f"/hooks/catch/{2**31 - 1}/{hook_id}",
        f"/hooks/catch/%D9%A1/{hook_id}",
        f"/hooks/catch/{ada.user_id}/not-an-id",
        f"/hooks/catch/{ada.user_id}/%00",
        f"/hooks/catch/{ada.user_id}/{hook_id}%00",
        f"/hooks/catch/{ada.user_id}/{hook_id}/more",
        f"/hooks/catch/{ada.user_id}/",
        f"/hooks/catch/{ada.user_id}/{hook_id}' OR '1'='1",
        "/hooks/catch/",
        "/hooks/",
        f"/api/v1/webhooks/{UNKNOWN_ID}",
        "/api/v1/webhooks/not-an-id",
        "/api/v1/webhooks/",
    ]
    answers = [await house.client.post(path, json={}) for path in paths]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (404, NOT_FOUND) for _ in paths
    ]
    assert len({answer.content for answer in answers}) == 1
    assert await all_events(house) == []


async def test_a_zap_that_is_off_keeps_the_event_and_tells_the_sender_nothing(
    house: House,
) -> None:
    ada, zap = await listening(house)
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=False)
    answer = await house.client.post(path_of(zap), json={"n": 1})
    (event,) = await events_of(house, zap)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert (event.verdict, event.reason) == ("held", "The zap is switched off.")
    assert event.raw == b'{"n":1}'
    assert await owed(house) == 0


async def test_a_zap_that_was_never_published_keeps_the_event(house: House) -> None:
    ada = await house.sign_up()
    definition = {"trigger": {"kind": "webhook"}, "steps": [hook("one", NOWHERE)]}
    async with house.db.transaction() as session:
        zap = await zaps.create(session, ada.actor, name="Draft", definition=definition)
    answer = await house.client.post(path_of(zap), json={"n": 1})
    (event,) = await events_of(house, zap)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert (event.verdict, event.reason) == ("held", "The zap has never been published.")
    assert await owed(house) == 0


async def test_a_deleted_zap_is_gone_at_once(house: House) -> None:
    ada, zap = await listening(house)
    async with house.db.transaction() as session:
        await zaps.delete(session, ada.actor, zap.id)
    for path in (path_of(zap), our_path(zap)):
        answer = await house.client.post(path, json={})
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert await all_events(house) == []


async def test_after_a_rotation_only_the_new_url_works(house: House) -> None:
    ada, zap = await listening(house)
    async with house.db.transaction() as session:
        rotated = await zaps.rotate(session, ada.actor, zap.id)
    assert path_of(rotated) != path_of(zap)
    for path in (path_of(zap), our_path(zap)):
        assert (await house.client.post(path, json={})).status_code == 404
    assert (await house.client.post(path_of(rotated), json={})).status_code == 200
    assert (await house.client.post(our_path(rotated), json={})).status_code == 202
    assert tally(await events_of(house, zap)) == {"accepted": 2}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_any_method_fires_the_zap(house: House, method: str) -> None:
    _, zap = await listening(house)
    answer = await house.client.request(method, path_of(zap))
    assert answer.status_code == 200
    (event,) = await events_of(house, zap)
    assert (event.verdict, event.method) == ("accepted", method)


async def test_a_browsers_preflight_does_not_fire_the_zap(house: House) -> None:
    _, zap = await listening(house)
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    answer = await house.client.options(path_of(zap), headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert await all_events(house) == []
    fired = await house.client.post(path_of(zap), headers={"Origin": "https://shop.example"})
    assert fired.headers["access-control-allow-origin"] == "*"
    assert tally(await all_events(house)) == {"accepted": 1}


async def test_a_manual_run_is_an_event_like_any_other(house: House) -> None:
    ada, zap = await listening(house)
    answer = await house.client.post(
        f"/api/v1/zaps/{zap.id}/run", json={"input": {"who": "Ada"}}, headers=ada.headers
    )
    assert answer.status_code == 202, answer.text
    (event,) = await events_of(house, zap)
    run = await run_of(house, answer.json()["run_id"])
    assert (event.trigger, event.verdict, event.raw) == ("manual", "accepted", b'{"who":"Ada"}')
    assert (run.event_id, run.status) == (event.id, "queued")
    assert await owed(house) == 1


async def test_a_manual_run_of_a_zap_without_a_version_is_a_conflict(house: House) -> None:
    ada = await house.sign_up()
    async with house.db.transaction() as session:
        zap = await zaps.create(session, ada.actor, name="Draft", definition=None)
    answer = await house.client.post(f"/api/v1/zaps/{zap.id}/run", headers=ada.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_published")
    assert await all_events(house) == []


async def test_what_is_no_hook_goes_to_the_api_behind(house: House) -> None:
    answer: httpx.Response = await house.client.get("/health")
    assert answer.status_code == 200
