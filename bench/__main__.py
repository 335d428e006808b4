"""``python -m bench``: acks, runs, latency and memory, beside the bare limit in the same run.

Needs gcc, and PostgreSQL at ``BENCH_POSTGRESQL`` (a server URL; the database ``flowforge_bench`` is
made anew) or ``--sqlite``; ``engine`` needs nothing. Everything runs on this machine: quote ratios,
not digits.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from bench import drivers, engine, paced, processes, schedules, waiting
from bench.processes import started
from flowforge.config import load_settings

SERVER = os.environ.get("BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")
REDIS = os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379/14")
DATABASE = "flowforge_bench"
HOOKS_PORT, BARE_PORT, SINK_PORT = 38100, 38101, 38102
PYTHON = sys.executable


@dataclass(frozen=True)
class Stack:
    """A FlowForge under test: its settings, and the hook URL of each zap by number of steps."""

    env: dict[str, str]
    folder: Path
    hooks: dict[str, str]

    @contextmanager
    def intake(self) -> Iterator[int]:
        command = [PYTHON, "-m", "flowforge", "hooks", "--port", str(HOOKS_PORT)]
        ready = f"http://127.0.0.1:{HOOKS_PORT}/health"
        with started(command, self.env, self.folder / "hooks.log", ready) as process:
            yield process.pid

    @contextmanager
    def worker(self) -> Iterator[int]:
        command = [PYTHON, "-m", "flowforge", "worker"]
        with started(command, self.env, self.folder / "worker.log") as process:
            time.sleep(2.5)
            yield process.pid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["acks", "runs", "latency"])
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--schedules", type=int, default=10_000)
    arguments = parser.parse_args()
    if arguments.parts == ["engine"]:
        engine.main()
        return
    drivers.build()
    with tempfile.TemporaryDirectory(prefix="flowforge-bench-") as folder:
        stack = asyncio.run(prepare(Path(folder), sqlite=arguments.sqlite))
        kind = "SQLite" if arguments.sqlite else "PostgreSQL"
        print(f"{kind}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
        if "acks" in arguments.parts:
            acks(stack, arguments, bare=not arguments.sqlite)
        if "paced" in arguments.parts:
            steady(stack, arguments)
        if set(arguments.parts) & {"runs", "latency", "waiting", "sync"}:
            # Afresh: nobody has worked on what the acks left behind.
            stack = asyncio.run(prepare(Path(folder) / "runs", sqlite=arguments.sqlite))
        if "runs" in arguments.parts:
            runs(stack, arguments)
        if "latency" in arguments.parts:
            latency(stack)
        if "sync" in arguments.parts:
            sync(stack, arguments)
        if "waiting" in arguments.parts:
            waits(stack)
        if "schedules" in arguments.parts:
            stack = asyncio.run(prepare(Path(folder) / "clock", sqlite=arguments.sqlite))
            clock(stack, arguments)


async def prepare(folder: Path, *, sqlite: bool) -> Stack:
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    env = {
        "FLOWFORGE_DATA_DIR": str(folder / "data"),
        "FLOWFORGE_REDIS_URL": REDIS,
        "FLOWFORGE_REDIS_PREFIX": f"bench{os.getpid()}",
        "FLOWFORGE_SECRET_KEY": "bench " * 6,
        "FLOWFORGE_ENCRYPTION_KEY": "bench " * 6,
        "FLOWFORGE_HOOK_RATE_LIMIT": "off",
        "FLOWFORGE_EGRESS_ALLOW": "127.0.0.0/8",
        "FLOWFORGE_PORT": str(HOOKS_PORT),
        "FLOWFORGE_LOG_LEVEL": "warning",
    }
    if not sqlite:
        await _fresh_database()
        env["FLOWFORGE_DATABASE_URL"] = f"{SERVER}/{DATABASE}"
    os.environ.update(env)
    load_settings.cache_clear()
    from bench.zaps import make_zaps  # noqa: PLC0415 - reads the settings set above

    hooks = await make_zaps(f"http://127.0.0.1:{SINK_PORT}", f"http://127.0.0.1:{HOOKS_PORT}")
    return Stack(env, folder, hooks)


async def _fresh_database() -> None:
    import asyncpg  # noqa: PLC0415

    connection = await asyncpg.connect(f"{SERVER}/postgres")
    await connection.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
    await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    await connection.close()


def acks(stack: Stack, arguments: argparse.Namespace, *, bare: bool) -> None:
    """Ours and the bare endpoint in turn, round by round; no worker runs meanwhile."""
    found: dict[str, list[float]] = {}
    with stack.intake() as ours, _bare(stack, wanted=bare) as other:
        targets = {"flowforge": (stack.hooks["none"], ours)}
        if other is not None:
            targets["bare"] = (f"http://127.0.0.1:{BARE_PORT}/run", other)
        for connections in (1, 16, 64):
            for _ in range(arguments.rounds):
                for name, (url, pid) in targets.items():
                    drivers.load(url, 4, 50)
                    before = processes.cpu_seconds([pid])
                    result = drivers.load(url, connections, 400_000, arguments.seconds)
                    spent = processes.cpu_seconds([pid]) - before
                    found.setdefault(f"{name} {connections}", []).append(result["rps"])
                    emit(
                        "ack",
                        target=name,
                        **{k: result[k] for k in ("conns", "ok", "non2xx", "rps", "p50", "p99")},
                        cpu_ms=round(spent * 1000 / max(1, result["ok"]), 3),
                    )
    medians = {name: statistics.median(values) for name, values in found.items()}
    for connections in (1, 16, 64):
        if f"bare {connections}" in medians:
            ratio = medians[f"flowforge {connections}"] / medians[f"bare {connections}"]
            emit("ack ratio", conns=connections, ours_to_bare=round(ratio, 2))


@contextmanager
def _bare(stack: Stack, *, wanted: bool) -> Iterator[int | None]:
    if not wanted:
        yield None
        return
    command = [
        PYTHON, "-m", "granian", "--interface", "asgi", "--port", str(BARE_PORT),
        "--no-access-log", "--log-level", "warning", "bench.bare.app:app",
    ]  # fmt: skip
    env = {"DSN": f"{SERVER}/{DATABASE}"}
    ready = f"http://127.0.0.1:{BARE_PORT}/health"
    with started(command, env, stack.folder / "bare.log", ready) as process:
        yield process.pid


def runs(stack: Stack, arguments: argparse.Namespace) -> None:
    """Completed runs a second while webhooks come in, one worker process."""
    sink = drivers.Sink(SINK_PORT)
    with (
        started(sink.command, {}, stack.folder / "sink.log", sink.url + "/stats"),
        stack.intake() as intake,
        stack.worker() as worker,
    ):
        for name, steps in (("one", 1), ("three", 3)):
            for _ in range(arguments.rounds):
                processes.quiesce([intake, worker])
                sink.reset()
                before = processes.cpu_seconds([worker]), processes.cpu_seconds([intake])
                sent, _ = drivers.load_timed(stack.hooks[name], 16, arguments.runs)
                wanted = arguments.runs * steps
                end = time.monotonic() + 120
                while sink.stats()["unique"] < wanted and time.monotonic() < end:
                    time.sleep(0.05)
                stats = sink.stats()
                seconds = (stats["last_ns"] - sent["t0_ns"]) / 1e9
                after = processes.cpu_seconds([worker]), processes.cpu_seconds([intake])
                emit(
                    "runs",
                    steps=steps,
                    complete=stats["unique"] == wanted,
                    dup=stats["dup"],
                    runs_per_s=round(arguments.runs / seconds, 1),
                    ack_rps=sent["rps"],
                    worker_cpu_ms=round((after[0] - before[0]) * 1000 / arguments.runs, 2),
                    intake_cpu_ms=round((after[1] - before[1]) * 1000 / arguments.runs, 2),
                )


def latency(stack: Stack) -> None:
    """One webhook at a time on an idle system: POST to ack, and POST to first outgoing request."""
    sink = drivers.Sink(SINK_PORT)
    with (
        started(sink.command, {}, stack.folder / "sink.log", sink.url + "/stats"),
        stack.intake() as intake,
        stack.worker() as worker,
    ):
        processes.quiesce([intake, worker])
        sink.reset()
        sent, acked = drivers.one_by_one(stack.hooks["three"], sink, 60, 3)
        first, last = sink.arrivals(1), sink.arrivals(3)
        to_first = [(first[i] - began) / 1e6 for i, began in enumerate(sent) if i in first][10:]
        to_last = [(last[i] - began) / 1e6 for i, began in enumerate(sent) if i in last][10:]
        emit(
            "latency",
            samples=len(to_first),
            ack_p50=_quantile(acked[10:], 0.5),
            first_p50=_quantile(to_first, 0.5),
            first_p95=_quantile(to_first, 0.95),
            third_p50=_quantile(to_last, 0.5),
        )


def sync(stack: Stack, arguments: argparse.Namespace) -> None:
    """Round trips of a zap that is one reply step: alone, and 32 at once."""
    with stack.intake() as intake, stack.worker() as worker:
        processes.quiesce([intake, worker])
        drivers.load(stack.hooks["sync"], 1, 20)
        for connections in (1, 32):
            for _ in range(arguments.rounds):
                found = drivers.load(stack.hooks["sync"], connections, 400_000, arguments.seconds)
                fields = ("conns", "ok", "non2xx", "rps", "p50", "p99")
                emit("sync", **{name: found[name] for name in fields})


def steady(stack: Stack, arguments: argparse.Namespace) -> None:
    """500 webhooks a second, sent when they are due and not when the last is answered."""
    with stack.intake():
        drivers.load(stack.hooks["none"], 16, 1000)
        for _ in range(arguments.rounds):
            took = asyncio.run(paced.send(stack.hooks["none"], 500, arguments.seconds))
            emit(
                "paced",
                per_second=500,
                sent=len(took),
                **{f"p{part}": _quantile(took, part / 100) for part in (50, 99)},
                longest=round(max(took), 1),
            )


def waits(stack: Stack) -> None:
    """What runs that wait cost; PostgreSQL only."""
    sink = drivers.Sink(SINK_PORT)
    with (
        started(sink.command, {}, stack.folder / "sink.log", sink.url + "/stats"),
        stack.intake(),
        stack.worker() as worker,
    ):
        pattern, database = (
            f"{stack.env['FLOWFORGE_REDIS_PREFIX']}*",
            stack.env["FLOWFORGE_DATABASE_URL"],
        )
        redis = Redis.from_url(REDIS)
        keys = lambda: sum(1 for _ in redis.scan_iter(match=pattern, count=1000))  # noqa: E731
        for row in waiting.measure(database, keys, worker, stack.hooks["waits"], sink):
            emit("waiting", **row)


def clock(stack: Stack, arguments: argparse.Namespace) -> None:
    """Many schedules due at one moment, one worker process that also performs their runs."""
    asyncio.run(schedules.make(arguments.schedules))
    with stack.worker() as worker:
        processes.quiesce([worker])
        emit("schedules", **asyncio.run(schedules.measure()))


def _quantile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 2)


def emit(test: str, **fields: Any) -> None:
    print(json.dumps({"test": test, **fields}), flush=True)


main()
