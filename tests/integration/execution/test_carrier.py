"""The carrier ends when it is told to, whatever it is doing at that moment."""

import asyncio
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from flowforge.infra.signals import Signals, doorbell, queue_name
from flowforge.jobs.carrier import carrier
from tests import house as building


@pytest.fixture(autouse=True)
async def _redis() -> None:
    await building.ping_redis()


async def test_a_carrier_that_is_cancelled_at_any_moment_ends() -> None:
    """Each turn cancels it a little later on its way through connecting and listening."""

    async def nothing() -> None:
        return None

    for turns in range(60):
        async with Redis.from_url(building.REDIS) as redis:
            worker = carrier(redis, "test:carrier", wake=lambda: None, sweep=nothing)
            task = asyncio.create_task(worker.main())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=5)
            assert done, f"still alive when cancelled after {turns} turns of the loop"
            await asyncio.gather(task, return_exceptions=True)


async def test_no_job_goes_on_after_its_carrier() -> None:
    """It would open connections again that were closed behind it."""
    begun = asyncio.Event()

    async def nothing() -> None:
        return None

    async with Redis.from_url(building.REDIS) as redis:
        prefix = f"test:{uuid4().hex}"
        signals = Signals(redis, prefix)
        worker = carrier(redis, prefix, wake=begun.set, sweep=nothing)
        task = asyncio.create_task(worker.main())
        signals.send(wake=True)
        async with asyncio.timeout(5):
            await begun.wait()
        jobs = list(worker.tasks.values())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert jobs
        assert all(job.done() for job in jobs)
        await signals.close()
        await redis.delete(doorbell(prefix), queue_name(prefix))
