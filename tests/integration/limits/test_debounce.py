"""Of a burst of events only the last one runs; the others are there to be seen."""

import asyncio

from sqlmodel import col

from flowforge.infra.bulk import bulk
from flowforge.models import OutboxEntry
from flowforge.services import debouncing
from tests.house import Account, House
from tests.integration.limits.line import (
    Worker,
    arrive,
    entries,
    limited,
    make_due,
    parked,
    set_on,
)
from tests.zapping import run_of

QUIET = {"debounce": {"seconds": 60}}
BY_WHO = {"debounce": {"seconds": 60, "key": "{{ trigger.body.who }}"}}


async def statuses(house: House, run_ids: list[str]) -> list[str]:
    return [(await run_of(house, run_id)).status for run_id in run_ids]


async def test_of_a_burst_the_last_one_runs_and_the_others_say_which(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account, **QUIET)
    came = sorted(await asyncio.gather(*(arrive(house, zap) for _ in range(20))))
    last = await arrive(house, zap)
    assert await statuses(house, came) == ["cancelled"] * 20
    error = (await run_of(house, came[-1])).error
    assert error["code"] == "superseded"
    assert last in error["message"]
    worker = Worker(house)
    assert await worker.claimed() == []
    (entry,) = (await entries(house)).values()
    run = await run_of(house, last)
    assert 59 < (entry.due_at - run.created_at).total_seconds() < 61
    await make_due(house, last)
    assert await worker.claimed() == [last]
    shown = await house.client.get(f"/api/v1/runs/{came[0]}", headers=account.headers)
    assert shown.json()["error"]["code"] == "superseded"


async def test_where_intake_could_not_whoever_claims_ends_the_older_ones(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **QUIET)
    first = await arrive(house, zap)
    # As if somebody had it in hand at that moment.
    await set_on(house, OutboxEntry, col(OutboxEntry.run_id) == first, debounce=None)
    second = await arrive(house, zap)
    key = (await entries(house))[second].debounce
    await set_on(house, OutboxEntry, col(OutboxEntry.run_id) == first, debounce=key)
    assert await statuses(house, [first, second]) == ["queued", "queued"]
    await make_due(house, first, second)
    assert await Worker(house).claimed() == [second]
    assert await statuses(house, [first]) == ["cancelled"]


async def test_what_has_begun_is_not_taken_back(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **QUIET)
    first = await arrive(house, zap)
    await make_due(house, first)
    worker = Worker(house)
    (lease,) = await worker.claim()
    await worker.wait(lease, seconds=3600)
    second = await arrive(house, zap)
    assert await statuses(house, [first, second]) == ["waiting", "queued"]


async def test_keys_do_not_replace_each_other(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **BY_WHO)
    came = [await arrive(house, zap, {"who": who}) for who in ("ada", "bob", "ada")]
    assert await statuses(house, came) == ["cancelled", "queued", "queued"]


async def test_a_duplicate_replaces_nothing(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **QUIET)
    first = await arrive(house, zap, **{"X-Idempotency-Key": "one"})
    again = await arrive(house, zap, **{"X-Idempotency-Key": "one"})
    assert again == first
    assert await statuses(house, [first]) == ["queued"]


async def test_what_is_started_by_hand_begins_at_once_and_replaces_nothing(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account, **QUIET)
    first = await arrive(house, zap)
    started = await _start(house, account, zap.id)
    assert await Worker(house).claimed() == [started]
    assert await statuses(house, [first]) == ["queued"]


async def test_one_that_stood_at_a_gate_gives_its_place_on(house: House) -> None:
    limits = {**BY_WHO, "concurrency": {"limit": 1}}
    zap = await limited(house, await house.sign_up(), **limits)
    busy, replaced, other = [await arrive(house, zap, {"who": who}) for who in ("a", "b", "c")]
    await make_due(house, busy, replaced, other)
    worker = Worker(house)
    (lease,) = await worker.claim()
    assert await parked(house) == {busy: None, replaced: "limit", other: "limit"}
    # Let in, and not begun: now a later event takes its place, and with it nobody's.
    await worker.end(lease)
    assert (await entries(house))[replaced].admitted
    later = await arrive(house, zap, {"who": "b"})
    assert await statuses(house, [replaced]) == ["cancelled"]
    assert await worker.claimed() == [other]
    assert await statuses(house, [later]) == ["queued"]


async def test_superseding_touches_nothing_that_somebody_holds(house: House) -> None:
    zap = await limited(house, await house.sign_up(), **QUIET)
    first = await arrive(house, zap)
    await make_due(house, first)
    await Worker(house).claim()
    key = (await entries(house))[first].debounce
    assert key is not None
    async with bulk(house.db) as tx:
        assert await debouncing.supersede(tx, {key: "ffffffff"}) == []
    assert await statuses(house, [first]) == ["running"]


async def _start(house: House, account: Account, zap_id: str) -> str:
    started = await house.client.post(
        f"/api/v1/zaps/{zap_id}/run", json={}, headers=account.headers
    )
    run_id: str = started.json()["run_id"]
    return run_id
