"""Old events run again: new runs of what is live, beside the old ones."""

from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests import zapping
from tests.house import House
from tests.integration.runs.again import Sink, asked, entry_of, fire, published_again, read
from tests.zapping import ended, events_of, path_of, run_of, working


@pytest.fixture
def sink(httpserver: HTTPServer) -> Sink:
    return Sink(httpserver)


async def test_a_replay_is_a_new_run_of_what_is_live(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, sink.step("one"))
    run_id = await fire(house, zap, {"n": 7})
    async with working(house):
        old = await ended(house, run_id)
        await published_again(house, ada, zap, sink.step("two"))
        new_id = (await asked(house, ada, f"/runs/{run_id}/replay"))["run_id"]
        new = await ended(house, new_id)
    assert (new.status, new.version, new.replay_of) == ("succeeded", 2, run_id)
    assert new.event_id == old.event_id
    assert (sink.got, sink.bodies) == (["one", "two"], [{"n": 7}, {"n": 7}])
    assert sink.keys[0] != sink.keys[1], "a new run is a new effect"
    assert await run_of(house, run_id) == old, "the old one is as it was"


async def test_a_run_under_way_may_be_replayed_too(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, sink.step("one"))
    run_id = await fire(house, zap)
    new_id = (await asked(house, ada, f"/runs/{run_id}/replay"))["run_id"]
    async with working(house):
        assert (await ended(house, run_id)).status == "succeeded"
        assert (await ended(house, new_id)).status == "succeeded"


async def test_an_event_that_was_held_comes_to_run(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, sink.step("one"))
    await house.client.post(f"/api/v1/zaps/{zap.id}/disable", headers=ada.headers)
    answer = await house.client.post(path_of(zap), json={"n": 1})
    assert answer.status_code == 404
    (event,) = await events_of(house, zap)
    assert event.verdict == "held"
    first = (await asked(house, ada, f"/events/{event.id}/replay"))["run_id"]
    second = (await asked(house, ada, f"/events/{event.id}/replay"))["run_id"]
    async with working(house):
        assert (await ended(house, first)).status == "succeeded"
        assert (await ended(house, second)).status == "succeeded"
    assert (await run_of(house, first)).replay_of is None
    assert (await run_of(house, second)).replay_of == first
    assert (await read(house, ada, f"/events/{event.id}"))["run_ids"] == [first, second]
    assert sink.bodies == [{"n": 1}, {"n": 1}]


async def test_an_event_that_ran_runs_again(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, sink.step("one"))
    run_id = await fire(house, zap)
    (event,) = await events_of(house, zap)
    new = (await asked(house, ada, f"/events/{event.id}/replay"))["run_id"]
    assert (await run_of(house, new)).replay_of == run_id


async def test_a_test_of_a_held_event_is_not_what_its_replay_repeats(
    house: House, sink: Sink
) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, sink.step("one"))
    await house.client.post(f"/api/v1/zaps/{zap.id}/disable", headers=ada.headers)
    await house.client.post(path_of(zap), json={})
    (event,) = await events_of(house, zap)
    await asked(house, ada, f"/zaps/{zap.id}/test", {"event_id": event.id})
    new = await run_of(house, (await asked(house, ada, f"/events/{event.id}/replay"))["run_id"])
    assert (new.environment, new.replay_of) == ("production", None)


async def test_a_duplicate_and_a_rejected_event_are_not_replayed(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, sink.step("one"))
    for _ in range(2):
        await house.client.post(path_of(zap), json={}, headers={"X-Idempotency-Key": "same"})
    bad = await house.client.post(
        path_of(zap), content=b"{nonsense", headers={"content-type": "application/json"}
    )
    assert bad.status_code == 400
    verdicts = {event.verdict: event for event in await events_of(house, zap)}
    for verdict in ("duplicate", "rejected"):
        event = verdicts[verdict]
        refused = await asked(house, ada, f"/events/{event.id}/replay", status=409)
        assert refused["error"]["code"] == f"event_{verdict}"
    first = verdicts["accepted"].id
    refused = await asked(house, ada, f"/events/{verdicts['duplicate'].id}/replay", status=409)
    assert first in refused["error"]["message"]


async def test_nothing_is_replayed_where_nothing_is_live(house: House) -> None:
    ada = await house.sign_up()
    made = await asked(house, ada, "/zaps", {"name": "New"}, status=201)
    await house.client.post("/" + made["webhook_url"].split("/", 3)[3], json={})
    listed = await read(house, ada, f"/zaps/{made['id']}/events")
    refused = await asked(house, ada, f"/events/{listed['data'][0]['id']}/replay", status=409)
    assert refused["error"]["code"] == "not_published"


@pytest.mark.parametrize("part", ["retry", "replay", "cancel"])
async def test_somebody_elses_runs_do_not_exist(house: House, sink: Sink, part: str) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    zap = await zapping.published(house, ada, sink.step("one"))
    run_id = await fire(house, zap)
    (event,) = await events_of(house, zap)
    await asked(house, eve, f"/runs/{run_id}/{part}", status=404)
    await asked(house, eve, f"/events/{event.id}/replay", status=404)
    before = await entry_of(house, run_id)
    assert before is not None
    many: dict[str, Any] = {"filter": {"ids": [run_id]}, "dry_run": True}
    for path in ("/runs/replay", "/runs/cancel"):
        assert (await asked(house, eve, path, many, status=200))["count"] == 0
    await asked(house, eve, "/runs/replay", {"filter": {"zap_id": zap.id}}, status=404)


async def test_a_replay_stands_in_line_like_the_run_that_it_repeats(
    house: House, sink: Sink
) -> None:
    ada = await house.sign_up()
    limits = {"concurrency": {"key": "{{ trigger.body.who }}", "limit": 1}}
    zap = await zapping.published(house, ada, sink.step("one"), limits=limits)
    run_id = await fire(house, zap, {"who": "x"})
    new = (await asked(house, ada, f"/runs/{run_id}/replay"))["run_id"]
    old_entry, new_entry = await entry_of(house, run_id), await entry_of(house, new)
    assert old_entry is not None
    assert new_entry is not None
    assert new_entry.gate == old_entry.gate is not None
