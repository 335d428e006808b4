"""The limit of the hooks: seen by the sender, shared by all processes, never our outage's fault."""

import asyncio

import httpx
import pytest

from tests.house import REDIS, House
from tests.integration.ingest.inbox import (
    UNKNOWN_ID,
    all_events,
    client_of,
    door_of,
    listening,
    tally,
)
from tests.servers.rude_http import free_port
from tests.zapping import events_of, path_of

LIMITED = [{"hook_rate_limit": "30/minute"}]
NO_REDIS = [
    {"hook_rate_limit": "30/minute", "redis_url": f"redis://127.0.0.1:{free_port()}/0"},
    {"hook_rate_limit": "30/minute", "redis_url": ""},
]


async def fire(client: httpx.AsyncClient, path: str, times: int) -> list[httpx.Response]:
    return [await client.post(path, json={}) for _ in range(times)]


@pytest.mark.parametrize("changes", LIMITED)
async def test_the_31st_request_of_a_minute_is_refused_in_the_seeds_words(house: House) -> None:
    _, zap = await listening(house)
    *passed, first, second = await fire(house.client, path_of(zap), 32)
    assert {answer.status_code for answer in passed} == {200}
    assert [int(answer.headers["ratelimit-remaining"]) for answer in passed] == list(
        range(29, -1, -1)
    )
    for refused in (first, second):
        assert refused.status_code == 429
        assert refused.json()["message"] == "Too many requests, please try again later."
        assert refused.headers["ratelimit-limit"] == "30"
        assert refused.headers["ratelimit-remaining"] == "0"
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
    for answer in (*passed, first):
        assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
    events = await events_of(house, zap)
    assert tally(events) == {"accepted": 30, "rejected": 1}
    (refusal,) = [event for event in events if event.verdict == "rejected"]
    assert "limit of 30 requests" in str(refusal.reason)
    assert refusal.raw is None


@pytest.mark.parametrize("changes", LIMITED)
async def test_each_sender_is_counted_alone_and_all_processes_count_together(
    house: House,
) -> None:
    _, zap = await listening(house)
    await fire(house.client, path_of(zap), 20)
    same, other = client_of(door_of(house)), client_of(door_of(house), "127.0.0.2")
    async with same, other:
        answers = await fire(same, path_of(zap), 11)
        assert [answer.status_code for answer in answers] == [200] * 10 + [429]
        assert (await fire(other, path_of(zap), 1))[0].status_code == 200


@pytest.mark.parametrize("changes", [{"hook_rate_limit": "2/minute"}])
async def test_a_sender_with_many_ipv6_addresses_is_one_sender_and_noted_once(
    house: House,
) -> None:
    _, zap = await listening(house)
    door = door_of(house)
    statuses = []
    for last in range(1, 13):
        async with client_of(door, f"2001:db8::{last:x}") as client:
            statuses.append((await client.post(path_of(zap))).status_code)
    assert statuses == [200] * 2 + [429] * 10
    assert tally(await events_of(house, zap)) == {"accepted": 2, "rejected": 1}


@pytest.mark.parametrize(
    "changes", [{"hook_rate_limit": "2/minute", "trusted_proxies": "127.0.0.1/32"}]
)
async def test_behind_a_trusted_proxy_the_sender_is_counted(house: House) -> None:
    _, zap = await listening(house)
    for sender in ("203.0.113.1", "203.0.113.2"):
        for status in (200, 200, 429):
            answer = await house.client.post(
                path_of(zap), headers={"X-Forwarded-For": f"198.51.100.9, {sender}"}
            )
            assert answer.status_code == status


@pytest.mark.parametrize("changes", [{"hook_rate_limit": "2/second"}])
async def test_after_the_window_the_sender_may_go_on(house: House) -> None:
    _, zap = await listening(house)
    for _ in range(2):
        async with asyncio.timeout(5):
            while (await house.client.post(path_of(zap))).status_code != 429:
                pass
        await asyncio.sleep(1.1)
    assert (await house.client.post(path_of(zap))).status_code == 200
    assert tally(await events_of(house, zap))["rejected"] == 2


@pytest.mark.parametrize("changes", NO_REDIS, ids=["redis away", "no redis"])
async def test_without_redis_each_process_counts_for_itself(house: House) -> None:
    _, zap = await listening(house)
    async with asyncio.timeout(20):
        answers = await fire(house.client, path_of(zap), 31)
        async with client_of(door_of(house)) as other:
            (elsewhere,) = await fire(other, path_of(zap), 1)
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert elsewhere.status_code == 200
    assert house.settings.redis_url != REDIS


@pytest.mark.parametrize("changes", [{"hook_rate_limit": "2/minute"}])
async def test_a_flood_at_an_unknown_zap_stores_nothing(house: House) -> None:
    ada, _ = await listening(house)
    answers = await fire(house.client, f"/hooks/catch/{ada.user_id}/{UNKNOWN_ID}", 5)
    assert [answer.status_code for answer in answers] == [404, 404, 429, 429, 429]
    assert await all_events(house) == []
