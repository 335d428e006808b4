"""``python -m bench.arq_wakeups``: from enqueueing to starting a no-op job, stock ARQ and ours.

Each worker is a process of its own on an otherwise empty queue. The jobs of both come at the same
irregular moments; nothing waits for them. Takes less than a minute.
"""

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.asyncio import Redis

from bench.processes import cpu_seconds, started
from flowforge.infra.signals import Signals, pack, queue_name, unpack
from flowforge.jobs.carrier import carrier

REDIS = os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379/14")
JOBS = 200
GAPS_SECONDS = (0.02, 0.12)
IDLE_SECONDS = 8.0
SEED = 7


def stock(redis: Redis, prefix: str, ring: Callable[[], None]) -> Worker:
    """ARQ as it comes, but for the serialiser: half a second between two looks."""

    async def wake(context: dict[Any, Any]) -> None:
        ring()

    return Worker(
        functions=[func(wake, name="wake", keep_result=0)],  # type: ignore[arg-type]
        redis_pool=_arq(redis, prefix),
        queue_name=queue_name(prefix),
        handle_signals=False,
        poll_delay=0.5,
        keep_result=0,
        job_serializer=pack,
        job_deserializer=unpack,
    )


def ours(redis: Redis, prefix: str, ring: Callable[[], None]) -> Worker:
    async def nothing() -> None:
        return

    return carrier(redis, prefix, wake=ring, sweep=nothing)


async def serve(kind: str, prefix: str, out: Path) -> None:
    """Write the moment of each start (CLOCK_MONOTONIC ns, the same in all processes)."""
    redis = Redis.from_url(REDIS)
    with out.open("w", buffering=1) as lines:

        def ring() -> None:
            lines.write(f"{time.monotonic_ns()}\n")

        await {"stock": stock, "ours": ours}[kind](redis, prefix, ring).main()


async def measure(kind: str, folder: Path) -> None:
    prefix = f"bench:{uuid4().hex}"
    out = folder / f"{kind}.txt"
    redis = Redis.from_url(REDIS)
    command = [sys.executable, "-m", "bench.arq_wakeups", "--serve", kind, prefix, str(out)]
    with started(command, {}, folder / f"{kind}.log") as process:
        await asyncio.sleep(4)
        before = cpu_seconds([process.pid])
        await asyncio.sleep(IDLE_SECONDS)
        idle = (cpu_seconds([process.pid]) - before) / IDLE_SECONDS
        sent = await _send_all(kind, redis, prefix)
        await asyncio.sleep(1)
    begun = [int(line) for line in out.read_text().splitlines()]
    keys = [key async for key in redis.scan_iter(match=f"*{prefix}*", count=1000)]
    if keys:
        await redis.delete(*keys)
    await redis.aclose()
    if len(begun) != JOBS:
        raise SystemExit(
            f"{kind}: {len(begun)} of {JOBS} jobs began, see {out.with_suffix('.log')}"
        )
    waits = sorted((end - start) / 1e6 for start, end in zip(sent, begun, strict=True))
    print(
        f"{kind:<6} median {statistics.median(waits):7.2f} ms   "
        f"p95 {waits[int(JOBS * 0.95)]:7.2f} ms   idle {100 * idle:.1f} % of a core",
        flush=True,
    )


async def _send_all(kind: str, redis: Redis, prefix: str) -> list[int]:
    """The same gaps for both kinds; each job is sent the way its worker expects."""
    gaps = random.Random(SEED)
    signals = Signals(redis, prefix)
    arq = _arq(redis, prefix)
    sent = []
    for _ in range(JOBS):
        sent.append(time.monotonic_ns())
        if kind == "ours":
            signals.send(wake=True)
        else:
            await arq.enqueue_job("wake")
        await asyncio.sleep(gaps.uniform(*GAPS_SECONDS))
    await signals.close()
    return sent


def _arq(redis: Redis, prefix: str) -> ArqRedis:
    return ArqRedis(
        redis.connection_pool,
        job_serializer=pack,
        job_deserializer=unpack,
        default_queue_name=queue_name(prefix),
    )


async def compare() -> None:
    print(f"{JOBS} jobs, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="flowforge-wakeups-") as folder:
        for kind in ("stock", "ours"):
            await measure(kind, Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", nargs=3, metavar=("KIND", "PREFIX", "OUT"))
    given = parser.parse_args().serve
    asyncio.run(serve(given[0], given[1], Path(given[2])) if given else compare())


if __name__ == "__main__":
    main()
