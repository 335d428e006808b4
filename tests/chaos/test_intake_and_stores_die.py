"""Intake is killed, Redis forgets everything, PostgreSQL ends its connections: under load."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from flowforge.services.zap_views import ZapView
from tests.chaos.acks import Acks
from tests.chaos.ledger import prove, settled
from tests.chaos.site import Site, until
from tests.zapping import path_of


@asynccontextmanager
async def under_load(site: Site, zap: ZapView, to: str, senders: int = 6) -> AsyncIterator[Acks]:
    """Senders that go on until the block is left."""
    acks = Acks()
    is_over = asyncio.Event()

    async def sender(number: int) -> None:
        async with site.client(to) as client:
            while not is_over.is_set():
                await acks.send(client, path_of(zap), number)
                await asyncio.sleep(0.03)

    tasks = [asyncio.create_task(sender(number)) for number in range(senders)]
    try:
        yield acks
    finally:
        is_over.set()
        await asyncio.gather(*tasks)


async def test_intake_killed_right_after_its_acknowledgements(site: Site) -> None:
    zap = await site.zap("one")
    process, address = await site.hooks()
    wanted = 200 + site.random.randrange(20)
    async with under_load(site, zap, address, senders=16) as acks:
        await until(lambda: len(acks.runs) >= wanted)
        process.kill()
        told = len(acks.runs)
    assert told >= 200
    await site.worker()
    await settled(site.house, within_seconds=20)
    runs = await prove(site.house, acks, site.sink)
    assert {run.status for run in runs.values()} == {"succeeded"}
    # What was stored without an acknowledgement is at most what was in flight.
    assert len(acks.runs) <= len(runs) <= len(acks.runs) + 16


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_body_over_the_limit_is_refused_and_its_sender_not_hung_up_on(site: Site) -> None:
    zap = await site.zap("one")
    _, address = await site.hooks()
    body = b"x" * (site.house.settings.hook_body_limit + 1)

    async def in_parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1024 * 1024):
            yield body[start : start + 1024 * 1024]

    async with site.client(address) as client:
        for content in (body, in_parts()):
            answer = await client.post(path_of(zap), content=content)
            assert answer.status_code == 413
            assert answer.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize("database", ["postgresql"])
async def test_redis_forgets_everything_and_dies_under_load(site: Site) -> None:
    zap = await site.zap("one", "two")
    _, address = await site.hooks()
    workers = await site.workers(2)
    async with under_load(site, zap, address) as acks:
        await until(lambda: len(acks.runs) >= 60)
        await site.redis.flush()
        await until(lambda: len(acks.runs) >= 120)
        site.redis.kill()
        while_away = len(acks.runs)
        await until(lambda: len(acks.runs) >= while_away + 60)
        await site.redis.start()
        await until(lambda: len(acks.runs) >= while_away + 120)
        await site.redis.flush()
    assert acks.other == {}, "intake must not notice"
    await settled(site.house, within_seconds=20)
    runs = await prove(site.house, acks, site.sink)
    assert {run.status for run in runs.values()} == {"succeeded"}
    assert [worker.exit_code for worker in workers] == [None, None]
    async with asyncio.timeout(10):
        while await site.redis.listeners() < 2:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("database", ["postgresql"])
async def test_postgresql_ends_all_connections_under_load(site: Site) -> None:
    zap = await site.zap("one", "two")
    site.sink.delay_seconds = 0.02
    intake, address = await site.hooks()
    workers = await site.workers(2)
    administrator = await asyncpg.connect(site.database_url)
    async with under_load(site, zap, address) as acks:
        for _ in range(4):
            known = len(acks.runs)
            await until(lambda known=known: len(acks.runs) >= known + 40)  # type: ignore[misc]
            await administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        known = len(acks.runs)
        await until(lambda: len(acks.runs) >= known + 40)
    await administrator.close()
    assert set(acks.other) <= {"503"}
    await settled(site.house, within_seconds=20)
    runs = await prove(site.house, acks, site.sink)
    assert {run.status for run in runs.values()} == {"succeeded"}
    assert [one.exit_code for one in (intake, *workers)] == [None, None, None]
