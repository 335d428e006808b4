"""The carrier ends when it is told to, whatever it is doing at that moment."""

import asyncio

import pytest
from redis.asyncio import Redis

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
