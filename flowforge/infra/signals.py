"""What is said after a commit: "there is due work" to a worker, "look again" to open pages.

Both go through Redis and both may be lost at any time: a lost wake-up costs latency (the
worker's own timer finds the work), lost news cost a page one second. Nothing here raises, waits
or retries for its caller.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import structlog
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from arq.utils import timestamp_ms
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import RedisError

from flowforge.infra.db import new_id

log = structlog.get_logger()

# Under load wake-ups would outnumber batches of work; one per gap wakes the same worker as well.
SMALLEST_GAP_SECONDS = 0.02
SEND_TIMEOUT_SECONDS = 2.0
QUIET_POLL_SECONDS = 1.0
MOST_WAITING_WAKES = 100
WAKE_FUNCTION = "wake"
JOB_LIFE_MS = 60_000

Trouble = (RedisError, OSError, TimeoutError)


def queue_name(prefix: str) -> str:
    return f"{prefix}:queue"


def doorbell(prefix: str) -> str:
    """The list on which a waiting worker blocks."""
    return f"{prefix}:doorbell"


def news_channel(prefix: str) -> str:
    return f"{prefix}:news"


def pack(job: dict[str, Any]) -> bytes:
    """ARQ's default serialiser is pickle, which would let a writer of Redis run code."""
    return orjson.dumps(job)


unpack: Callable[[bytes], dict[str, Any]] = orjson.loads


class Signals:
    """Sends wake-ups and news of one process, coalesced; hears the news for its pages."""

    def __init__(self, redis: Redis | None, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._arq = _arq(redis.connection_pool, prefix) if redis is not None else None
        self._topics: set[str] = set()
        self._wake = False
        self._sender: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._subscriptions: set[Subscription] = set()
        self._is_out = False
        self._is_closed = False

    def send(self, topics: Iterable[str] = (), *, wake: bool = False) -> None:
        """Say it soon; returns at once. ``topics`` are like ``run:<id>`` or ``zap:<id>``."""
        if self._arq is None or self._is_closed:
            return
        self._topics.update(topics)
        self._wake = self._wake or wake
        if self._sender is None and (self._topics or self._wake):
            self._sender = asyncio.create_task(self._send_all())

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator["Subscription"]:
        """Hear when something of ``topics`` changed. Without Redis: every second, blindly."""
        subscription = Subscription(frozenset(topics), is_blind=self._redis is None)
        self._subscriptions.add(subscription)
        if self._listener is None and self._redis is not None:
            self._listener = asyncio.create_task(self._listen())
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def close(self) -> None:
        self._is_closed = True
        for task in (self._sender, self._listener):
            if task is not None:
                task.cancel()
        await asyncio.gather(
            *(task for task in (self._sender, self._listener) if task), return_exceptions=True
        )

    async def _send_all(self) -> None:
        try:
            while self._topics or self._wake:
                topics, self._topics = self._topics, set()
                wake, self._wake = self._wake, False
                try:
                    async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                        await self._send_once(topics, wake=wake)
                    self._is_out = False
                except Trouble as problem:
                    self._note_outage(problem)
                await asyncio.sleep(SMALLEST_GAP_SECONDS)
        finally:
            self._sender = None

    async def _send_once(self, topics: set[str], *, wake: bool) -> None:
        assert self._arq is not None  # noqa: S101 - send() checked
        async with self._arq.pipeline(transaction=False) as pipe:
            if wake:
                self._put_job(pipe)
                pipe.lpush(doorbell(self._prefix), b"1")
                # Bounded: nobody may be listening for a long time.
                pipe.ltrim(doorbell(self._prefix), 0, 15)
            if topics:
                pipe.publish(news_channel(self._prefix), "\n".join(topics))
            await pipe.execute()

    def _put_job(self, pipe: Any) -> None:
        """What ``ArqRedis.enqueue_job`` writes, without asking first whether the id is taken: it
        is new. One round trip instead of three.
        """
        job_id, now = new_id(), timestamp_ms()
        job = serialize_job(WAKE_FUNCTION, (), {}, None, now, serializer=pack)
        queue = queue_name(self._prefix)
        pipe.psetex(job_key_prefix + job_id, JOB_LIFE_MS, job)
        pipe.zadd(queue, {job_id: now})
        # Without a worker nobody takes them out: what waits must not grow through the night.
        pipe.zremrangebyrank(queue, 0, -MOST_WAITING_WAKES - 1)

    async def _listen(self) -> None:
        assert self._redis is not None  # noqa: S101 - subscribe() checked
        # The client swallows a cancellation that comes while it connects: what ends this is the
        # flag, or whoever closes would wait for ever.
        while not self._is_closed:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(news_channel(self._prefix))
                    # Whatever was said while nobody listened is lost: everyone looks once.
                    self._tell(None)
                    while not self._is_closed:
                        message = await pubsub.get_message(
                            ignore_subscribe_messages=True, timeout=QUIET_POLL_SECONDS
                        )
                        if message is not None:
                            self._tell(set(message["data"].decode().split("\n")))
            except Trouble as problem:
                self._note_outage(problem)
                self._tell(None)
                await asyncio.sleep(QUIET_POLL_SECONDS)

    def _tell(self, topics: set[str] | None) -> None:
        for subscription in self._subscriptions:
            if topics is None or not subscription.topics.isdisjoint(topics):
                subscription.changed.set()

    def _note_outage(self, problem: BaseException) -> None:
        if not self._is_out:
            log.warning("redis is away: work is found by timer", error=type(problem).__name__)
        self._is_out = True


class Subscription:
    """One page's ear."""

    def __init__(self, topics: frozenset[str], *, is_blind: bool) -> None:
        self.topics = topics
        self.changed = asyncio.Event()
        self._is_blind = is_blind

    async def wait(self, timeout_seconds: float) -> bool:
        """True if it is time to look again, False if nothing was heard for so long."""
        if self._is_blind:
            await asyncio.sleep(min(timeout_seconds, QUIET_POLL_SECONDS))
            return True
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.changed.wait()
        except TimeoutError:
            return False
        self.changed.clear()
        return True


def _arq(pool: ConnectionPool, prefix: str) -> ArqRedis:
    return ArqRedis(
        pool, job_serializer=pack, job_deserializer=unpack, default_queue_name=queue_name(prefix)
    )
