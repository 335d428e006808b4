"""A paused zap keeps its events and begins nothing."""

import asyncio
from typing import Any

import pytest
from sqlmodel import col

from flowforge.models import Run
from tests.house import Account, House
from tests.integration.limits.line import Worker, arrive, limited, parked, set_on


async def _say(house: House, account: Account, zap_id: str, word: str) -> dict[str, Any]:
    answer = await house.client.post(f"/api/v1/zaps/{zap_id}/{word}", headers=account.headers)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_events_are_kept_and_begin_in_order_when_it_resumes(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    assert (await _say(house, account, zap.id, "pause"))["paused_at"] is not None
    came = [await arrive(house, zap) for _ in range(5)]
    worker = Worker(house)
    assert await worker.claimed() == []
    assert set((await parked(house)).values()) == {"paused"}
    assert (await _say(house, account, zap.id, "resume"))["paused_at"] is None
    later = await arrive(house, zap)
    assert await worker.claimed(limit=3) == came[:3]
    assert await worker.claimed() == [*came[3:], later]


async def test_what_has_begun_goes_on_and_tests_begin(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    begun = await arrive(house, zap)
    worker = Worker(house)
    (lease,) = await worker.claim()
    await worker.wait(lease, seconds=-1)
    await _say(house, account, zap.id, "pause")
    test = await arrive(house, zap)
    await set_on(house, Run, col(Run.id) == test, environment="test")
    assert await worker.claimed() == [begun, test]


async def test_pausing_twice_keeps_the_first_date(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    first = await _say(house, account, zap.id, "pause")
    again = await _say(house, account, zap.id, "pause")
    assert again["paused_at"] == first["paused_at"]


async def test_other_zaps_go_on(house: House) -> None:
    account = await house.sign_up()
    zap, other = [await limited(house, account) for _ in range(2)]
    await _say(house, account, zap.id, "pause")
    await arrive(house, zap)
    came = await arrive(house, other)
    assert await Worker(house).claimed() == [came]


@pytest.mark.parametrize("turn", range(5))
async def test_nothing_is_left_behind_by_a_claim_beside_a_resume(house: House, turn: int) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    await _say(house, account, zap.id, "pause")
    came = [await arrive(house, zap) for _ in range(3)]
    worker = Worker(house, f"ada{turn}")
    began, _ = await asyncio.gather(worker.claimed(), _say(house, account, zap.id, "resume"))
    # What a claim did not dare to decide is due in half a second.
    async with asyncio.timeout(10):
        while len(began) < len(came):
            began += await worker.claimed()
            await asyncio.sleep(0.05)
    assert sorted(began) == came


async def test_a_project_paused_at_its_gate_keeps_the_order_and_the_limit(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account, concurrency={"limit": 1})
    came = [await arrive(house, zap) for _ in range(3)]
    worker = Worker(house)
    (lease,) = await worker.claim()
    await _say(house, account, zap.id, "pause")
    await worker.end(lease)
    assert await worker.claimed() == []
    assert (await parked(house)) == {came[1]: "paused", came[2]: "limit"}
    await _say(house, account, zap.id, "resume")
    (lease,) = await worker.claim()
    assert lease.run_id == came[1]
    await worker.end(lease)
    assert await worker.claimed() == came[2:]
