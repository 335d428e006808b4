"""Beginnings that keep their distance, told by their dates and not by a clock on the wall."""

import datetime as dt
from itertools import pairwise

from sqlalchemy import select
from sqlmodel import col

from flowforge.models import Gate, OutboxEntry
from flowforge.services import leases
from tests.house import House
from tests.integration.limits.line import (
    Worker,
    arrive,
    entries,
    limited,
    make_due,
    parked,
)

SLOW = {"throttle": {"limit": 6, "seconds": 3600}}
GAP = dt.timedelta(seconds=600)


async def test_the_first_begins_and_the_others_get_slots_in_order(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **SLOW)
    came = [await arrive(house, zap) for _ in range(4)]
    assert await Worker(house).claimed() == came[:1]
    waiting = await entries(house)
    slots = [waiting[run_id].due_at for run_id in came[1:]]
    assert [later - earlier for earlier, later in pairwise(slots)] == [GAP] * 2
    assert [waiting[run_id].parked for run_id in came[1:]] == ["throttle"] * 3
    assert await Worker(house).claimed() == []


async def test_each_begins_at_its_slot_and_who_comes_later_goes_behind(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **SLOW)
    first, second, third = [await arrive(house, zap) for _ in range(3)]
    worker = Worker(house)
    assert await worker.claimed() == [first]
    await _pass(house, GAP)
    late = await arrive(house, zap)
    assert await worker.claimed() == [second]
    waiting = await entries(house)
    assert waiting[late].due_at - waiting[third].due_at == GAP


async def test_after_a_time_without_workers_they_do_not_begin_all_at_once(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **SLOW)
    came = [await arrive(house, zap) for _ in range(5)]
    worker = Worker(house)
    assert await worker.claimed() == came[:1]
    await _pass(house, 10 * GAP)
    assert await worker.claimed() == came[1:2]
    waiting = await entries(house)
    slots = [waiting[run_id].due_at for run_id in came[2:]]
    assert [later - earlier for earlier, later in pairwise(slots)] == [GAP] * 2


async def test_keys_have_lines_of_their_own(house: House) -> None:
    limits = {"throttle": {**SLOW["throttle"], "key": "{{ trigger.body.who }}"}}
    zap = await limited(house, await house.sign_up(), **limits)
    ada, again, bob = [await arrive(house, zap, {"who": who}) for who in ("ada", "ada", "bob")]
    assert await Worker(house).claimed() == [ada, bob]
    assert (await parked(house))[again] == "throttle"


async def test_what_has_begun_is_never_held_up(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **SLOW)
    first, _ = [await arrive(house, zap) for _ in range(2)]
    worker = Worker(house)
    (lease,) = await worker.claim()
    await worker.wait(lease, seconds=-1)
    assert await worker.claimed() == [first]


async def test_a_throttle_that_was_taken_away_holds_nobody(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account, **SLOW)
    came = [await arrive(house, zap) for _ in range(3)]
    worker = Worker(house)
    await worker.claimed()
    definition = {"trigger": {"kind": "webhook"}, "steps": [{"id": "end", "kind": "stop"}]}
    await house.client.put(
        f"/api/v1/zaps/{zap.id}/draft",
        json={"revision": zap.draft_revision, "definition": definition},
        headers=account.headers,
    )
    published = await house.client.post(f"/api/v1/zaps/{zap.id}/publish", headers=account.headers)
    assert published.status_code == 200, published.text
    await make_due(house, *came[1:])
    assert await worker.claimed() == came[1:]


async def test_throttle_and_concurrency_hold_together(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **SLOW, concurrency={"limit": 1})
    first, second, third = [await arrive(house, zap) for _ in range(3)]
    worker = Worker(house)
    (lease,) = await worker.claim()
    assert await parked(house) == {first: None, second: "limit", third: "limit"}
    await worker.end(lease)
    assert await worker.claimed() == []
    assert await parked(house) == {second: "throttle", third: "limit"}
    await _pass(house, GAP)
    assert await worker.claimed() == [second]


async def _pass(house: House, time: dt.timedelta) -> None:
    """All that is remembered is so much longer ago."""
    async with house.db.transaction() as session:
        for gate in await session.scalars(select(Gate)):
            if gate.last_start_at is not None and gate.next_start_at is not None:
                gate.last_start_at -= time
                gate.next_start_at -= time
        slotted = select(OutboxEntry).where(col(OutboxEntry.parked) == "throttle")
        for entry in await session.scalars(slotted):
            entry.due_at -= time
            entry.rank_at = leases.rank(entry.due_at, entry.priority)
