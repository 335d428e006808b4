"""A failed run fires the zaps that wait for it: once, never itself, and not for ever."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from flowforge.infra import failpoints
from flowforge.jobs.notices import Postman
from flowforge.models import Event, Run
from flowforge.services import testing as trying
from flowforge.services import zaps
from flowforge.services.zap_views import ZapView
from tests.house import House
from tests.integration.destinations import receiving
from tests.integration.destinations.receiving import BROKEN, STOP, failing_zap, passed_on, zap_of
from tests.zapping import ZAP_NAME, ended, path_of, working


async def fail(house: House, zap: ZapView) -> str:
    answer = await house.client.post(path_of(zap), json={})
    run_id: str = answer.json()["zapRunId"]
    async with working(house):
        assert (await ended(house, run_id)).status == "failed"
    return run_id


async def runs_of(house: House, zap: ZapView) -> list[Run]:
    async with house.db.reading() as session:
        query = select(Run).where(col(Run.zap_id) == zap.id).order_by(col(Run.id))
        return list((await session.scalars(query)).all())


async def all_ended(house: House) -> None:
    """Until nothing fires and nothing runs any more."""
    async with working(house):
        for _ in range(20):
            await passed_on(house)
            async with house.db.reading() as session:
                live = await session.scalars(
                    select(col(Run.id)).where(col(Run.finished_at).is_(None))
                )
                waiting = live.all()
            if not waiting and not await receiving.all_notices(house):
                return
            for run_id in waiting:
                await ended(house, run_id)
    raise AssertionError("it goes on and on")


async def test_a_failure_fires_once_and_says_what_failed(house: House) -> None:
    ada = await house.sign_up()
    watcher = await zap_of(house, ada, STOP, kind="error")
    broken = await failing_zap(house, ada)
    run_id = await fail(house, broken)
    await passed_on(house)
    await passed_on(house)
    (fired,) = await runs_of(house, watcher)
    async with working(house):
        assert (await ended(house, fired.id)).status == "succeeded"
    async with house.db.reading() as session:
        event = (await session.scalars(select(Event).where(col(Event.id) == fired.event_id))).one()
    assert event.trigger == "error"
    body = json.loads(event.raw or b"")
    assert body["run"]["id"] == run_id
    assert (body["run"]["zap_id"], body["run"]["zap_name"]) == (broken.id, ZAP_NAME)
    assert (body["run"]["version"], body["run"]["status"]) == (1, "failed")
    assert body["run"]["error"]["message"]
    assert body["run"]["url"].endswith(f"/runs/{run_id}")
    assert body["event"]["trigger"] == "webhook"


async def test_a_run_that_fails_again_after_a_retry_fires_again(house: House) -> None:
    ada = await house.sign_up()
    watcher = await zap_of(house, ada, STOP, kind="error")
    run_id = await fail(house, await failing_zap(house, ada))
    await passed_on(house)
    answer = await house.client.post(f"/api/v1/runs/{run_id}/retry", headers=ada.headers, json={})
    assert answer.status_code < 300, answer.text
    async with working(house):
        await asyncio.sleep(0.05)
        assert (await ended(house, run_id)).status == "failed"
    await passed_on(house)
    assert len(await runs_of(house, watcher)) == 2


async def test_only_chosen_zaps_fire(house: House) -> None:
    ada = await house.sign_up()
    one, other = await failing_zap(house, ada), await failing_zap(house, ada)
    watcher = await zap_of(house, ada, STOP, kind="error", settings={"zap_ids": [one.id]})
    await fail(house, other)
    await passed_on(house)
    assert await runs_of(house, watcher) == []
    await fail(house, one)
    await passed_on(house)
    assert len(await runs_of(house, watcher)) == 1


async def test_success_tests_and_strangers_fire_nothing(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    watcher = await zap_of(house, ada, STOP, kind="error")
    fine, broken = await zap_of(house, ada, STOP), await failing_zap(house, ada)
    answer = await house.client.post(path_of(fine), json={})
    async with house.db.transaction() as session:
        run_id = await trying.start(session, ada.actor, house.runtime.signals, broken.id, {})
    async with working(house):
        await ended(house, answer.json()["zapRunId"])
        await ended(house, run_id)
    await fail(house, await failing_zap(house, bob))
    await passed_on(house)
    assert await runs_of(house, watcher) == []


async def test_one_that_is_switched_off_is_not_fired(house: House) -> None:
    ada = await house.sign_up()
    watcher = await zap_of(house, ada, STOP, kind="error")
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, watcher.id, enabled=False)
    await fail(house, await failing_zap(house, ada))
    assert await receiving.all_notices(house) == []


async def test_watchers_that_fail_themselves_come_to_an_end(house: House) -> None:
    ada = await house.sign_up()
    watchers = [await zap_of(house, ada, BROKEN, kind="error") for _ in range(3)]
    await fail(house, await failing_zap(house, ada))
    await all_ended(house)
    # Each is fired by the failure, and then by those of the two others: not by its own.
    assert [len(await runs_of(house, one)) for one in watchers] == [3, 3, 3]


async def test_a_zap_that_a_watcher_calls_does_not_fire_it_again(house: House) -> None:
    ada = await house.sign_up()
    called = await failing_zap(house, ada)
    call: dict[str, Any] = {"id": "sub", "kind": "zap", "zap_id": called.id, "input": {}}
    watcher = await zap_of(house, ada, call, kind="error")
    await fail(house, await failing_zap(house, ada))
    await all_ended(house)
    assert len(await runs_of(house, watcher)) == 1


async def test_who_dies_while_firing_fires_once_all_the_same(house: House) -> None:
    ada = await house.sign_up()
    watcher = await zap_of(house, ada, STOP, kind="error")
    await fail(house, await failing_zap(house, ada))
    failpoints.arm("tell.before_commit=error")
    try:
        with pytest.raises(failpoints.FailpointError):
            await Postman(house.runtime).pass_on()
    finally:
        failpoints.arm("")
    assert await runs_of(house, watcher) == []
    await asyncio.gather(*(passed_on(house) for _ in range(4)))
    assert len(await runs_of(house, watcher)) == 1
