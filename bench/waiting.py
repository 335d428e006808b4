"""What runs that wait cost: memory, processor time and Redis keys, and how long waking some takes.

One real run is brought to its delay; its rows are then copied in the database.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg

from bench import drivers, processes

IDLE_SECONDS = 10.0
WOKEN = 500
_PATIENCE_SECONDS = 120.0

_COPIES = (
    """INSERT INTO event (id, project_id, zap_id, trigger, verdict, method, source_ip, content_type,
    headers, query, raw, size, received_at) SELECT 'e' || n, e.project_id, e.zap_id, e.trigger,
    e.verdict, e.method, e.source_ip, e.content_type, e.headers, e.query, e.raw, e.size,
    e.received_at FROM event e JOIN run r ON r.event_id = e.id, generate_series(1, $2) AS n
    WHERE r.id = $1""",
    """INSERT INTO run (id, project_id, zap_id, version, event_id, status, environment, depth, retries,
    created_at, started_at, deadline_at) SELECT 'r' || n, project_id, zap_id, version, 'e' || n, status,
    environment, depth, retries, created_at, started_at, deadline_at
    FROM run, generate_series(1, $2) AS n WHERE id = $1""",
    """INSERT INTO attempt (id, run_id, path, step_id, kind, number, status, input, output, seq,
    wake_at, started_at) SELECT 'a' || n, 'r' || n, path, step_id, kind, number, status, input, output,
    seq, wake_at, started_at FROM attempt, generate_series(1, $2) AS n WHERE run_id = $1""",
    """INSERT INTO outbox (run_id, project_id, zap_id, due_at, rank_at, priority, fence, news, crashes,
    admitted) SELECT 'r' || n, project_id, zap_id, due_at, rank_at, priority, fence, news, crashes,
    admitted FROM outbox, generate_series(1, $2) AS n WHERE run_id = $1""",
)
_WAKE = (
    "UPDATE attempt SET wake_at = now() WHERE id = ANY($1::text[])",
    "UPDATE outbox SET due_at = now(), rank_at = now() WHERE run_id = ANY($1::text[])",
)


def measure(
    database: str, keys: Callable[[], int], worker: int, hook: str, sink: drivers.Sink
) -> Iterator[dict[str, Any]]:
    """Rows with none waiting, then with ten and a hundred thousand. ``hook``: of a zap that waits a
    day, then calls the sink. ``keys`` counts what is in Redis.
    """
    waiting = asyncio.run(_first(database, hook))
    known = 0
    for number in (0, 10_000, 100_000):
        if number:
            asyncio.run(_copy(database, waiting, known, number))
            known = number
        processes.quiesce([worker])
        before = processes.cpu_seconds([worker])
        time.sleep(IDLE_SECONDS)
        spent = processes.cpu_seconds([worker]) - before
        rss, _ = processes.memory_mib([worker])
        woken = min(WOKEN, number)
        yield {
            "runs": number,
            "idle_percent": round(100 * spent / IDLE_SECONDS, 1),
            "worker_mib": round(rss),
            "redis_keys": keys(),
            "woken": woken,
            "woken_ms": _wake(database, sink, woken) if woken else None,
        }


async def _first(database: str, hook: str) -> str:
    """The id of a run that has come to its delay."""
    drivers.load(hook, 1, 1)
    connection = await asyncpg.connect(database)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                found = await connection.fetchval("SELECT id FROM run WHERE status = 'waiting'")
                if found is not None:
                    return str(found)
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def _copy(database: str, run_id: str, known: int, number: int) -> None:
    connection = await asyncpg.connect(database)
    try:
        for statement in _COPIES:
            begun = statement.replace("generate_series(1,", f"generate_series({known + 1},")
            await connection.execute(begun, run_id, number)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def _wake(database: str, sink: drivers.Sink, number: int) -> int:
    """Milliseconds from the moment at which they are due until the last has called the sink."""
    sink.reset()
    began = time.monotonic()
    asyncio.run(_due(database, number))
    # All are copies of one event, so to the sink they are one call and its repetitions.
    while (calls := _calls(sink)) < number:
        if time.monotonic() - began > _PATIENCE_SECONDS:
            raise SystemExit(f"only {calls} of {number} runs were woken")
        time.sleep(0.02)
    return round((time.monotonic() - began) * 1000)


def _calls(sink: drivers.Sink) -> int:
    stats = sink.stats()
    return int(stats["unique"]) + int(stats["dup"])


async def _due(database: str, number: int) -> None:
    connection = await asyncpg.connect(database)
    rows = await connection.fetch(
        "SELECT run_id FROM outbox WHERE run_id LIKE 'r%' AND due_at > now() LIMIT $1", number
    )
    ids = [row["run_id"] for row in rows]
    async with connection.transaction():
        await connection.execute(_WAKE[0], [f"a{run_id[1:]}" for run_id in ids])
        await connection.execute(_WAKE[1], ids)
    await connection.close()
