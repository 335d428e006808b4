"""Wake-ups and news: coalesced, bounded, and never anybody's problem when Redis is away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from flowforge.infra import signals as room
from flowforge.infra.signals import Signals, doorbell, news_channel, queue_name
from flowforge.jobs.carrier import carrier
from tests import house as building
from tests.chaos.processes import OwnRedis


@asynccontextmanager
async def opened(url: str = building.REDIS) -> AsyncIterator[tuple[Signals, Redis, str]]:
    prefix = f"test:{uuid4().hex}"
    redis = Redis.from_url(
        url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 1)
    )
    signals = Signals(redis, prefix)
    try:
        yield signals, redis, prefix
    finally:
        await signals.close()
        if url == building.REDIS:
            await redis.delete(doorbell(prefix), queue_name(prefix))
        await redis.aclose()


@pytest.fixture(autouse=True)
async def _redis() -> None:
    await building.ping_redis()


async def quiet(signals: Signals) -> None:
    async with asyncio.timeout(5):
        while signals._sender is not None:  # noqa: ASYNC110 - nobody else waits for it
            await asyncio.sleep(0.005)


async def test_whoever_listens_can_be_closed_at_any_moment() -> None:
    """Each turn closes a little later on the listener's way through connecting."""
    for turns in range(60):
        async with opened() as (signals, _, _), signals.subscribe("run:1"):
            for _ in range(turns):
                await asyncio.sleep(0)
            async with asyncio.timeout(5):
                await signals.close()


async def test_what_is_said_at_once_is_sent_once() -> None:
    async with opened() as (signals, redis, prefix), redis.pubsub() as pubsub:
        await pubsub.subscribe(news_channel(prefix))
        await pubsub.get_message(timeout=2)
        for number in range(1000):
            signals.send({f"run:{number % 3}"}, wake=True)
        await quiet(signals)
        message = await pubsub.get_message(timeout=2, ignore_subscribe_messages=True)
        assert message is not None
        assert set(message["data"].split(b"\n")) == {b"run:0", b"run:1", b"run:2"}
        assert await pubsub.get_message(timeout=0.1) is None
        assert await redis.llen(doorbell(prefix)) == 1  # type: ignore[misc]
        assert await redis.zcard(queue_name(prefix)) == 1


async def test_wake_ups_that_nobody_takes_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SMALLEST_GAP_SECONDS", 0)
    monkeypatch.setattr(room, "MOST_WAITING_WAKES", 20)
    async with opened() as (signals, redis, prefix):
        for _ in range(60):
            signals.send(wake=True)
            await quiet(signals)
        assert await redis.zcard(queue_name(prefix)) == 20
        assert await redis.llen(doorbell(prefix)) <= 16  # type: ignore[misc]


async def test_redis_being_away_raises_nothing_and_holds_nobody_up() -> None:
    async with opened("redis://127.0.0.1:1/0") as (signals, _, _):
        took = []
        for _ in range(5):
            began = time.monotonic()
            for _ in range(100):
                signals.send({"run:1"}, wake=True)
            took.append(time.monotonic() - began)
        # Of several, for the machine itself may stand still.
        assert min(took) < 0.1
        await quiet(signals)
        async with signals.subscribe("run:1") as subscription:
            assert await subscription.wait(3), "whoever cannot hear looks"


async def test_a_subscription_hears_its_topics_and_no_others() -> None:
    async with opened() as (signals, _, _):
        async with signals.subscribe("run:1", "zap:1") as mine, signals.subscribe("run:2") as other:
            assert await mine.wait(5), "everyone looks once at the start"
            assert await other.wait(5)
            signals.send({"zap:1"})
            assert await mine.wait(5)
            assert not await other.wait(0.2)
            assert not await mine.wait(0.05), "and it was told once"
        signals.send({"zap:1"})
        await quiet(signals)
        assert not mine.changed.is_set()


async def test_without_redis_a_subscription_looks_every_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "QUIET_POLL_SECONDS", 0.05)
    signals = Signals(None, "test")
    signals.send({"run:1"}, wake=True)
    async with signals.subscribe("run:1") as subscription:
        began = time.monotonic()
        assert await subscription.wait(10)
        assert time.monotonic() - began < 5
    await signals.close()


async def test_carrier_and_news_come_back_with_redis(tmp_path: Path) -> None:
    server = OwnRedis(tmp_path)
    await server.start()
    woken = asyncio.Event()

    async def nothing() -> None:
        return None

    async def rings(signals: Signals, within_seconds: float) -> None:
        woken.clear()
        async with asyncio.timeout(within_seconds):
            while not woken.is_set():
                signals.send(wake=True)
                await asyncio.sleep(0.05)

    async with opened(server.url) as (signals, redis, prefix):
        worker = carrier(redis, prefix, wake=woken.set, sweep=nothing)
        carrying = asyncio.create_task(worker.main())
        try:
            await rings(signals, 10)
            async with signals.subscribe("run:1") as subscription:
                assert await subscription.wait(5)
                server.kill()
                await asyncio.sleep(0.3)
                assert not carrying.done()
                await server.start()
                await rings(signals, 15)
                async with asyncio.timeout(10):
                    while subscription.changed.is_set() or not await subscription.wait(0.3):
                        subscription.changed.clear()
                        signals.send({"run:1"})
                await server.flush()
                await rings(signals, 10)
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)
            server.kill()
