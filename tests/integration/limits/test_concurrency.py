"""At most so many runs of a zap, or of a key, at a time: in order, and whatever dies."""

import asyncio

import pytest
from sqlmodel import col

from flowforge.infra.db import new_id, utc_now
from flowforge.models import Attempt, Event, OutboxEntry, Run, Zap
from flowforge.services import admission, leases
from flowforge.services.leases import Lease
from tests.house import House
from tests.integration.limits.line import (
    Died,
    Worker,
    arrive,
    entries,
    limited,
    lose,
    parked,
    set_on,
)

TWO = {"concurrency": {"limit": 2}}
ONE_EACH = {"concurrency": {"limit": 1, "key": "{{ trigger.body.who }}"}}


async def test_no_more_than_the_limit_are_inside_and_all_get_in(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **TWO)
    came = [await arrive(house, zap) for _ in range(5)]
    worker = Worker(house)
    began: list[str] = []
    inside: list[Lease] = []
    while len(began) < len(came):
        inside += (claimed := await worker.claim())
        assert claimed, "nobody is let in any more"
        assert len(inside) <= 2
        began += [lease.run_id for lease in claimed]
        await worker.end(inside.pop(0))
    await worker.end(*inside)
    assert began == came
    assert await entries(house) == {}


async def test_two_workers_that_claim_at_once_keep_the_limit_and_the_order(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **ONE_EACH)
    came = await asyncio.gather(*(arrive(house, zap, {"who": "ada"}) for _ in range(50)))
    workers = [Worker(house, name) for name in ("ada", "bob", "cy")]
    began: list[str] = []
    inside = 0

    async def work(worker: Worker) -> None:
        nonlocal inside
        while len(began) < len(came):
            for lease in await worker.claim(7):
                inside += 1
                assert inside == 1
                began.append(lease.run_id)
                inside -= 1
                await worker.end(lease)

    async with asyncio.timeout(30):
        await asyncio.gather(*map(work, workers))
    assert began == sorted(came)


async def test_keys_do_not_wait_for_each_other(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **ONE_EACH)
    ada = await arrive(house, zap, {"who": "ada"})
    again = await arrive(house, zap, {"who": "ada"})
    bob = await arrive(house, zap, {"who": "bob"})
    number = await arrive(house, zap, {"who": 1})
    text = await arrive(house, zap, {"who": "1"})
    assert await Worker(house).claimed() == [ada, bob, number, text]
    assert (await parked(house))[again] == "limit"


async def test_zaps_with_the_same_key_do_not_wait_for_each_other(house: House) -> None:
    account = await house.sign_up()
    first, second = [await limited(house, account, **ONE_EACH) for _ in range(2)]
    came = [await arrive(house, zap, {"who": "ada"}) for zap in (first, second)]
    assert await Worker(house).claimed() == came


async def test_a_run_that_waits_keeps_its_place(house: House) -> None:
    zap = await limited(house, await house.sign_up(), concurrency={"limit": 1})
    first, second = [await arrive(house, zap) for _ in range(2)]
    worker = Worker(house)
    (lease,) = await worker.claim()
    await worker.wait(lease, seconds=-1)
    (again,) = await worker.claim()
    assert (lease.run_id, again.run_id) == (first, first)
    await worker.end(again)
    assert await worker.claimed() == [second]


async def test_a_worker_that_dies_loses_no_place(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **TWO)
    came = [await arrive(house, zap) for _ in range(3)]
    held = await Worker(house).claim()
    await lose(house, *held)
    other = Worker(house, "bob")
    again = await other.claim()
    assert [lease.run_id for lease in again] == came[:2]
    assert [lease.crashes for lease in again] == [1, 1]
    await other.end(again[0])
    assert await other.claimed() == came[2:]


async def test_a_claim_that_is_rolled_back_gives_its_place_back(house: House) -> None:
    zap = await limited(house, await house.sign_up(), concurrency={"limit": 1})
    came = [await arrive(house, zap) for _ in range(2)]
    worker = Worker(house)
    with pytest.raises(Died):
        await worker.claim(dies=True)
    assert await worker.claimed() == came[:1]


async def test_a_limit_that_is_raised_lets_more_in_and_one_that_is_gone_all(house: House) -> None:
    zap = await limited(house, await house.sign_up(), concurrency={"limit": 1})
    came = [await arrive(house, zap) for _ in range(6)]
    worker = Worker(house)
    began = await worker.claimed()
    for limits, expected in (({"concurrency": {"limit": 3}}, came[1:3]), (None, came[3:])):
        await set_on(house, Zap, col(Zap.id) == zap.id, limits=limits)
        await admission.mend(house.db)
        assert await worker.claimed() == expected
    assert began == came[:1]


async def test_a_key_that_cannot_be_worked_out_is_told_and_loses_no_event(house: House) -> None:
    account = await house.sign_up()
    limits = {"concurrency": {"limit": 1, "key": "{{ trigger.body.who | no_such_filter }}"}}
    zap = await limited(house, account, concurrency={"limit": 1})
    await set_on(house, Zap, col(Zap.id) == zap.id, limits=limits)
    first, second = [await arrive(house, zap, {"who": name}) for name in ("ada", "bob")]
    listed = await house.client.get(f"/api/v1/zaps/{zap.id}/events", headers=account.headers)
    reasons = {event["reason"] for event in listed.json()["data"]}
    assert len(reasons) == 1
    assert "The key of a limit could not be worked out" in reasons.pop()
    assert await Worker(house).claimed() == [first]
    assert (await parked(house))[second] == "limit"


async def test_limits_of_a_newer_release_lose_no_event(house: House) -> None:
    zap = await limited(house, await house.sign_up())
    await set_on(house, Zap, col(Zap.id) == zap.id, limits={"fairness": {"weight": 3}})
    came = await arrive(house, zap)
    assert await Worker(house).claimed() == [came]


async def test_a_large_body_has_its_key_too(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **ONE_EACH)
    filling = "x" * 600_000
    large = await arrive(house, zap, {"who": "ada", "filling": filling})
    small = await arrive(house, zap, {"who": "ada"})
    bob = await arrive(house, zap, {"who": "bob"})
    assert await Worker(house).claimed() == [large, bob]
    assert (await parked(house))[small] == "limit"


async def test_what_is_manual_waits_at_the_gate_as_well(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account, **ONE_EACH)
    first = await arrive(house, zap, {"who": "ada"})
    started = await house.client.post(
        f"/api/v1/zaps/{zap.id}/run", json={"input": {"who": "ada"}}, headers=account.headers
    )
    worker = Worker(house)
    (lease,) = await worker.claim()
    assert lease.run_id == first
    await worker.end(lease)
    assert await worker.claimed() == [started.json()["run_id"]]


async def _called(house: House, zap_id: str, parent: str, *, waits: bool = True) -> str:
    """A run of the zap that a step of ``parent`` called, and waits for or not."""
    async with house.db.transaction() as session:
        caller = await session.get_one(Run, parent)
        event = Event(
            project_id=caller.project_id, zap_id=zap_id, trigger="zap", verdict="accepted"
        )
        session.add(event)
        await session.flush()
        run = Run(
            project_id=caller.project_id,
            zap_id=zap_id,
            version=1,
            event_id=event.id,
            status="queued",
            parent_run_id=parent,
            parent_path="sub",
        )
        session.add(run)
        await session.flush()
        now = utc_now()
        session.add(
            OutboxEntry(
                run_id=run.id,
                project_id=run.project_id,
                zap_id=zap_id,
                rank_at=leases.rank(now, leases.USUAL),
                gate=f"{zap_id}:gate:",
            )
        )
        session.add(
            Attempt(
                id=new_id(),
                run_id=parent,
                path="sub",
                step_id="sub",
                kind="zap",
                number=1,
                status="running" if waits else "succeeded",
            )
        )
        return run.id


@pytest.mark.parametrize("waits", [True, False])
async def test_a_zap_that_calls_itself_waits_for_its_place_unless_it_is_waited_for(
    house: House, waits: bool
) -> None:
    zap = await limited(house, await house.sign_up(), concurrency={"limit": 1})
    await arrive(house, zap)
    worker = Worker(house)
    (caller,) = await worker.claim()
    called = await _called(house, zap.id, caller.run_id, waits=waits)
    assert await worker.claimed() == ([called] if waits else [])


async def test_two_full_zaps_that_call_each_other_do_not_hang(house: House) -> None:
    account = await house.sign_up()
    first, second = [await limited(house, account, concurrency={"limit": 1}) for _ in range(2)]
    await arrive(house, first)
    await arrive(house, second)
    worker = Worker(house)
    one, other = await worker.claim()
    waiting = await _called(house, second.id, one.run_id)
    assert await worker.claimed() == []
    closing = await _called(house, first.id, other.run_id)
    assert await worker.claimed() == [closing]
    assert (await parked(house))[waiting] == "limit"
