"""ARQ as the carrier of wake-ups: its worker, told by a doorbell instead of a half-second poll.

Stock ARQ finds a job after 250 ms on average and ends its process when Redis goes away; this one
blocks on a list, starts a job in a few, and comes back when Redis does.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from arq.connections import ArqRedis
from arq.cron import cron
from arq.worker import Worker, func
from redis.asyncio import Redis

from flowforge.infra.signals import (
    WAKE_FUNCTION,
    Trouble,
    doorbell,
    pack,
    queue_name,
    unpack,
)

log = structlog.get_logger()

# How long to block on the doorbell; ARQ's cron is looked at this often.
LISTEN_SECONDS = 1
RECONNECT_SECONDS = 0.5
END_SECONDS = 2.0

Job = Callable[[], Any]


class DoorbellWorker(Worker):
    """An ARQ worker that sleeps until the doorbell rings."""

    bell: str

    async def main(self) -> None:
        """Serve jobs until cancelled; outages of Redis are waited out."""
        is_out = False
        task = asyncio.current_task()
        try:
            # The client swallows a cancellation that comes while it connects: asked here as well,
            # or whoever cancels us would wait for ever.
            while task is None or not task.cancelling():
                try:
                    await self._poll_iteration()
                    is_out = False
                    await self.pool.blpop([self.bell], timeout=LISTEN_SECONDS)  # type: ignore[misc]
                except Trouble as problem:
                    if not is_out:
                        log.warning("redis is away: wake-ups pause", error=type(problem).__name__)
                    is_out = True
                    await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            await self._end_jobs()

    async def _end_jobs(self) -> None:
        """Jobs are short; one that went on would open connections that nobody closes."""
        if self.tasks:
            _, late = await asyncio.wait(self.tasks.values(), timeout=END_SECONDS)
            for job in late:
                job.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def carrier(redis: Redis, prefix: str, *, wake: Callable[[], None], sweep: Job) -> DoorbellWorker:
    """A worker that calls ``wake`` for every wake-up, and ``sweep`` once a minute."""

    async def on_wake(context: dict[Any, Any]) -> None:
        wake()

    async def on_sweep(context: dict[Any, Any]) -> None:
        await sweep()

    worker = DoorbellWorker(
        functions=[func(on_wake, name=WAKE_FUNCTION, keep_result=0, max_tries=1)],  # type: ignore[arg-type]
        cron_jobs=[cron(on_sweep, name="sweep", second=0, keep_result=0, max_tries=1)],  # type: ignore[arg-type]
        redis_pool=ArqRedis(
            redis.connection_pool,
            job_serializer=pack,
            job_deserializer=unpack,
            default_queue_name=queue_name(prefix),
        ),
        queue_name=queue_name(prefix),
        handle_signals=False,
        poll_delay=0,
        keep_result=0,
        job_timeout=30,
        health_check_key=f"{prefix}:carrier",
        job_serializer=pack,
        job_deserializer=unpack,
    )
    worker.bell = doorbell(prefix)
    return worker
