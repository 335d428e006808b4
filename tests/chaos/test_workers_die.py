"""Workers that are killed, stopped, frozen or poisoned while runs are in their hands."""

import asyncio
import json
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url, select
from sqlmodel import col

from flowforge.models import Version
from tests.chaos.acks import Acks
from tests.chaos.ledger import prove, settled
from tests.chaos.processes import Child
from tests.chaos.sink import Hang
from tests.chaos.site import LEASE_SECONDS, Site, until
from tests.zapping import attempts_of, ended, hook, published, run_of


async def arrived(hang: Hang) -> None:
    assert await asyncio.to_thread(hang.arrived.wait, 15), "the sink was never called"


async def frozen(site: Site, child: Child) -> None:
    """Stops ``child``, but not while it writes into SQLite: that has one writer, who would keep
    all others out for as long as it stands still, and nobody to send it away."""
    while True:
        child.signal(signal.SIGSTOP)
        await asyncio.sleep(0.05)
        if not site.database_url.startswith("sqlite") or may_write(site.database_url):
            return
        child.signal(signal.SIGCONT)
        await asyncio.sleep(0.05)


def may_write(sqlite_url: str) -> bool:
    file = make_url(sqlite_url).database
    assert file is not None
    with closing(sqlite3.connect(file, timeout=0)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
    return True


async def test_a_worker_killed_in_the_second_of_three_steps(site: Site) -> None:
    zap = await site.zap("one", "two", "three")
    doomed = await site.worker()
    hang = site.sink.hang_once("two")
    acks = await site.fire(zap, 1)
    (run_id,) = acks.runs
    await arrived(hang)
    await site.worker()
    doomed.kill()
    killed_at = time.monotonic()
    run = await ended(site.house, run_id, within_seconds=20)
    took = time.monotonic() - killed_at
    assert run.status == "succeeded"
    assert took <= LEASE_SECONDS + 2, f"recovery took {took:.1f} s"
    assert {key: len(calls) for key, calls in site.sink.effects.items()} == {
        f"{run_id}:one": 1,
        f"{run_id}:two": 2,
        f"{run_id}:three": 1,
    }
    assert [(a.path, a.number, a.status) for a in await attempts_of(site.house, run_id)] == [
        ("one", 1, "succeeded"),
        ("two", 1, "unknown"),
        ("two", 2, "succeeded"),
        ("three", 1, "succeeded"),
    ]
    await prove(site.house, acks, site.sink)


async def test_a_worker_killed_under_load_at_a_random_moment(site: Site) -> None:
    zap = await site.zap("one", "two", "three")
    site.sink.delay_seconds = 0.02
    doomed, _ = await site.workers(2)
    acks = await site.fire(zap, 100)
    await asyncio.sleep(site.random.uniform(0.05, 0.8))
    doomed.kill()
    await settled(site.house, within_seconds=20)
    runs = await prove(site.house, acks, site.sink)
    assert {run.status for run in runs.values()} == {"succeeded"}
    assert len(runs) == 100


async def test_a_worker_that_is_told_to_stop_hands_its_runs_over(site: Site) -> None:
    zap = await site.zap("one", "two", "three")
    site.sink.delay_seconds = 0.1
    leaving, _ = await site.workers(2)
    acks = await site.fire(zap, 100)
    await asyncio.sleep(0.3)
    leaving.signal(signal.SIGTERM)
    assert await leaving.ended(10) == 0
    await settled(site.house, within_seconds=20)
    runs = await prove(site.house, acks, site.sink)
    assert {run.status for run in runs.values()} == {"succeeded"}
    # Nothing was cut off: nobody had to wait for a lease, and nothing was called twice.
    assert {len(calls) for calls in site.sink.effects.values()} == {1}
    for run_id in runs:
        assert {a.status for a in await attempts_of(site.house, run_id)} == {"succeeded"}


async def test_a_frozen_worker_comes_back_and_its_result_is_thrown_away(site: Site) -> None:
    zap = await site.zap("one", "two")
    zombie = await site.worker()
    first = site.sink.hang_once("one")
    acks = await site.fire(zap, 1)
    (run_id,) = acks.runs
    await arrived(first)
    await frozen(site, zombie)
    frozen_at = time.monotonic()
    second = site.sink.hang_once("two")
    other = await site.worker()
    await arrived(second)
    await asyncio.sleep(max(0.0, frozen_at + 2 * LEASE_SECONDS - time.monotonic()))
    # The run is alive, in other hands: only the fence tells the two workers apart.
    first.released.set()
    zombie.signal(signal.SIGCONT)
    # Whichever comes first: its step's end, or its look at its leases.
    await zombie.says("late result thrown away", "a run is no longer ours")
    assert [(a.path, a.number, a.status) for a in await attempts_of(site.house, run_id)] == [
        ("one", 1, "unknown"),
        ("one", 2, "succeeded"),
        ("two", 1, "running"),
    ]
    second.released.set()
    assert (await ended(site.house, run_id)).status == "succeeded"
    other.signal(signal.SIGTERM)
    assert await other.ended(15) == 0
    # And it is a good worker again.
    more = await site.fire(zap, 5)
    await settled(site.house, within_seconds=10)
    acks.runs.update(more.runs)
    runs = await prove(site.house, acks, site.sink)
    assert {run.status for run in runs.values()} == {"succeeded"}


POISON = """
import os
from flowforge import actions
from flowforge.actions.registry import Registry
from flowforge.actions.sdk import Context, Inputs, Output, action


class Nothing(Inputs):
    pass


class Done(Output):
    pass


@action("poison", name="Poison")
async def poison(ctx: Context[None], inputs: Nothing) -> Done:
    os._exit(66)


# Before anybody else has it by name.
actions.REGISTRY = Registry([*actions.REGISTRY.values(), poison])
from flowforge.jobs import worker

worker.main()
"""


async def _poisoned(site: Site) -> str:
    """A run whose only step kills the worker."""
    eve = await site.house.sign_up("eve@example.com", "Eve")
    zap = await published(site.house, eve, hook("one", site.sink.url("never")))
    async with site.house.db.transaction() as session:
        query = select(Version).where(col(Version.zap_id) == zap.id)
        version = (await session.scalars(query)).one()
        step = {**version.definition["steps"][0], "action": "poison", "inputs": {}}
        version.definition = {**version.definition, "steps": [step]}
    acks = await site.fire(zap, 1)
    (run_id,) = acks.runs
    return run_id


async def _supervise(site: Site, script: Path, deaths: list[int]) -> None:
    while True:
        child = site.start("worker", [sys.executable, str(script)])
        deaths.append(await child.ended(60))


@pytest.mark.parametrize("database", ["postgresql"])
async def test_a_step_that_kills_workers_ends_as_failed_and_the_others_live(site: Site) -> None:
    script = site.folder / "poisoned_worker.py"
    script.write_text(POISON)
    zap = await site.zap("one", "two")
    poisoned = await _poisoned(site)
    deaths: list[int] = []
    supervising = asyncio.create_task(_supervise(site, script, deaths))
    try:
        await until(lambda: bool(deaths))
        acks = await site.fire(zap, 10)
        await settled(site.house, within_seconds=25)
    finally:
        supervising.cancel()
    run = await run_of(site.house, poisoned)
    assert run.status == "failed"
    assert run.error["code"] == "worker_lost"
    assert deaths == [66, 66, 66]
    attempts = await attempts_of(site.house, poisoned)
    assert [(a.number, a.status) for a in attempts] == [
        (1, "unknown"),
        (2, "unknown"),
        (3, "unknown"),
    ]
    runs = await prove(site.house, acks, site.sink)
    assert {runs[run_id].status for run_id in acks.runs} == {"succeeded"}


@pytest.mark.parametrize("has_redis", [False])
async def test_without_redis_work_is_found_by_timer(site: Site) -> None:
    zap = await site.zap("one")
    await site.worker()
    acks = Acks()
    waits = []
    async with site.client() as client:
        for number in range(10):
            await acks.send(client, zap.webhook_url, number)
            sent_at = time.monotonic()
            while len(site.sink.effects) <= number:
                assert time.monotonic() - sent_at < 5
                await asyncio.sleep(0.01)
            waits.append(time.monotonic() - sent_at)
    assert sorted(waits)[5] < 0.6, waits
    await settled(site.house, within_seconds=5)
    runs = await prove(site.house, acks, site.sink)
    assert [json.loads(calls[0]) for calls in site.sink.effects.values()] == [
        {"n": number} for number in range(10)
    ]
    assert {run.status for run in runs.values()} == {"succeeded"}
