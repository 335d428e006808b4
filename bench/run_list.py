"""``python -m bench.run_list [--sqlite] [--runs N]``: what one look at the run list costs, by view, in
a project with many runs of 200 zaps over 90 days; and one at the usage page and the dashboard's figures.

The rows are made here and written in bulk to a database of its own, at ``BENCH_POSTGRESQL`` or in a
temporary file; a look is what the page asks: rows and counts. ``--plans`` prints what the database
makes of the slowest statement of each. No Redis, no server, no worker.
"""

import argparse
import asyncio
import datetime as dt
import json
import os
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import event, insert, text

from flowforge.infra import migrations
from flowforge.infra.db import Database
from flowforge.jobs.tallies import keep_tallies
from flowforge.models import Attempt, Event, Project, Run, User, Version, Zap
from flowforge.services import health, runs, tallying, usage, zap_figures
from flowforge.services.access import Actor, Role
from flowforge.services.run_filters import RunFilter

SERVER = os.environ.get("BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")
DATABASE = "flowforge_bench_runs"
ZAPS, DAYS = 200, 90
PORTION = 5_000
STATUSES = ("succeeded", "failed", "cancelled", "timed_out")
WEIGHTS = (940, 50, 9, 1)
STEPS = ("fetch", "send")
NEEDLE = "needle"
_DEFINITION = {
    "trigger": {"kind": "webhook"},
    "steps": [{"id": step, "kind": "stop"} for step in STEPS],
}
Look = Callable[[Database, Actor], Awaitable[object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--plans", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowforge-bench-") as folder:
        asyncio.run(_measure(arguments, Path(folder)))


async def _measure(arguments: argparse.Namespace, folder: Path) -> None:
    if arguments.sqlite:
        url = f"sqlite+aiosqlite:///{folder / 'runs.db'}"
    else:
        await _fresh_database()
        url = f"{SERVER}/{DATABASE}".replace("postgresql://", "postgresql+asyncpg://", 1)
    await migrations.upgrade(url)
    db = Database(url)
    began = time.monotonic()
    actor, zap_ids = await _fill(db, arguments.runs)
    if not db.is_sqlite:
        async with db.engine.connect() as connection:
            autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await autocommit.execute(text("VACUUM ANALYZE"))
    _emit("filled", runs=arguments.runs, seconds=round(time.monotonic() - began))
    began = time.monotonic()
    while await _days_left(db):
        await keep_tallies(db)
    _emit("tallied", seconds=round(time.monotonic() - began))
    for name, look in _views(zap_ids).items():
        took = []
        for _ in range(arguments.rounds):
            began = time.perf_counter()
            await look(db, actor)
            took.append((time.perf_counter() - began) * 1e3)
        ordered = sorted(took)
        p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        _emit(name, p50=round(statistics.median(took), 1), p95=round(p95, 1))
        if arguments.plans:
            await _explain(db, actor, look)
    await db.close()


def _views(zap_ids: list[str]) -> dict[str, Look]:
    """What is looked at, by name."""
    now = dt.datetime.now(dt.UTC)
    month = {"since": now - dt.timedelta(days=60), "until": now - dt.timedelta(days=30)}
    return {
        "all": _list(RunFilter()),
        "by zap": _list(RunFilter(zap_id=zap_ids[7])),
        "by zap and status": _list(RunFilter(zap_id=zap_ids[7], status="timed_out")),
        "by status, most": _list(RunFilter(status="succeeded")),
        "by status, few": _list(RunFilter(status="failed,timed_out")),
        "by status, none": _list(RunFilter(status="queued,running,waiting")),
        "tests": _list(RunFilter(environment="test")),
        "by dates": _list(RunFilter(**month)),
        "by dates and status": _list(RunFilter(**month, status="failed,timed_out")),
        "by failed step, many": _list(RunFilter(failed_step="send")),
        "by failed step, none": _list(RunFilter(failed_step="nowhere")),
        "by code of the error": _list(RunFilter(error_code="refused")),
        "search: whole id": _list(RunFilter(q=str(uuid.uuid4()))),
        "search: key": _list(RunFilter(q="key:order-77")),
        "search: words found": _list(RunFilter(q=NEEDLE)),
        "search: words not found": _list(RunFilter(q="nothing has these words")),
        "usage: 90 days": _usage(days=90),
        "usage: 30 days": _usage(days=30),
        "usage: 90 days of a zap": _usage(days=90, zap_id=zap_ids[7]),
        "figures of 100 zaps": _figures(zap_ids[:100]),
        "a week's health of 100 zaps": _health(zap_ids[:100]),
    }


async def _days_left(db: Database) -> bool:
    """Whether there is more to count than the last half hour."""
    async with db.reading() as session:
        mark = await tallying.mark(session)
    return mark is None or mark < dt.datetime.now(dt.UTC) - dt.timedelta(minutes=30)


def _usage(**how: Any) -> Look:
    async def look(db: Database, actor: Actor) -> None:
        async with db.reading() as session:
            now = dt.datetime.now(dt.UTC)
            await usage.of_project(session, actor, time_zone="Europe/Berlin", now=now, **how)

    return look


def _health(zap_ids: list[str]) -> Look:
    async def look(db: Database, actor: Actor) -> None:
        async with db.reading() as session:
            await health.of_zaps(session, actor.project_id, zap_ids, dt.datetime.now(dt.UTC))

    return look


def _figures(zap_ids: list[str]) -> Look:
    async def look(db: Database, actor: Actor) -> None:
        async with db.reading() as session:
            await zap_figures.of_zaps(session, actor.project_id, zap_ids)

    return look


def _list(wanted: RunFilter) -> Look:
    """As the page does it: a search is not counted."""

    async def look(db: Database, actor: Actor) -> None:
        async with db.reading() as session:
            await runs.list_runs(session, actor, wanted)
            if wanted.window is None:
                await runs.count_runs(session, actor, wanted)

    return look


async def _fresh_database() -> None:
    connection = await asyncpg.connect(f"{SERVER}/postgres")
    await connection.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
    await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    await connection.close()


async def _fill(db: Database, number: int) -> tuple[Actor, list[str]]:
    chance = random.Random(7)
    async with db.transaction() as session:
        user = User(name="Bench", email="bench@example.com", password_hash="!")
        session.add(user)
        await session.flush()
        assert user.id is not None
        project = Project(name="Bench")
        session.add(project)
        await session.flush()
        zaps = [
            Zap(project_id=project.id, owner_id=user.id, name=f"Zap {n}", draft=_DEFINITION)
            for n in range(ZAPS)
        ]
        session.add_all(zaps)
        await session.flush()
        session.add_all(Version(zap_id=zap.id, number=1, definition=_DEFINITION) for zap in zaps)
        zap_ids, project_id, user_id = [zap.id for zap in zaps], project.id, user.id
    made = _rows(chance, project_id, zap_ids, number)
    while portion := [row for row, _ in zip(made, range(PORTION), strict=False)]:
        for place, model in enumerate((Event, Run, Attempt)):
            rows = [one for row in portion for one in row[place]]
            await _write(db, model, rows)
    return Actor(user_id, project_id, Role.ADMIN, "bench"), zap_ids


async def _write(db: Database, model: Any, rows: list[dict[str, Any]]) -> None:
    if db.is_sqlite:
        async with db.transaction() as session:
            await session.execute(insert(model), rows)
        return
    table = model.__tablename__
    columns = list(rows[0])
    async with db.driver() as raw:
        records = [
            tuple(json.dumps(v) if isinstance(v, dict) else v for v in row.values()) for row in rows
        ]
        await raw.copy_records_to_table(table, records=records, columns=columns)


def _rows(
    chance: random.Random, project_id: str, zap_ids: list[str], number: int
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]]:
    """An event, its run and that one's two attempts at a time, the oldest first."""
    now = dt.datetime.now(dt.UTC)
    gap = dt.timedelta(days=DAYS) / number
    for n in range(number):
        at = now - gap * (number - n)
        # Squared: a few zaps have most of the runs.
        zap_id = zap_ids[int(len(zap_ids) * chance.random() ** 2)]
        (status,) = chance.choices(STATUSES, WEIGHTS)
        event_id, run_id = _id(chance, at), _id(chance, at)
        ended = at + dt.timedelta(milliseconds=chance.expovariate(1 / 800))
        word = NEEDLE if n % 997 == 0 else "hay"
        raw = json.dumps({"order": n, "customer": f"person {n % 5000}", "note": word}).encode()
        error = None if status == "succeeded" else {"code": "refused", "message": f"No, {n}."}
        received = {
            "id": event_id, "project_id": project_id, "zap_id": zap_id, "trigger": "webhook",
            "verdict": "accepted", "dedupe_key": f"order-{n}", "method": "POST", "source_ip": "",
            "content_type": "application/json", "raw": raw, "size": len(raw), "received_at": at,
        }  # fmt: skip
        run = {
            "id": run_id, "project_id": project_id, "zap_id": zap_id, "version": 1,
            "event_id": event_id, "status": status, "error": error, "environment": "production",
            "created_at": at, "started_at": at, "finished_at": ended,
        }  # fmt: skip
        tries = [
            {
                "id": _id(chance, at), "run_id": run_id, "path": step, "step_id": step,
                "kind": "action", "number": 1, "seq": seq, "started_at": at, "finished_at": ended,
                "status": "failed" if error and step == STEPS[-1] else "succeeded",
                "output": {"ok": True, "n": n}, "error": error if step == STEPS[-1] else None,
            }
            for seq, step in enumerate(STEPS)
        ]  # fmt: skip
        yield [received], [run], tries


def _id(chance: random.Random, at: dt.datetime) -> str:
    """A UUIDv7 of that moment."""
    milliseconds = int(at.timestamp() * 1000)
    head = (milliseconds << 80) | (7 << 76) | (chance.getrandbits(12) << 64) | (2 << 62)
    return str(uuid.UUID(int=head | chance.getrandbits(62)))


async def _explain(db: Database, actor: Actor, look: Look) -> None:
    """Print the plan of the slowest statement of a look."""
    seen: list[tuple[float, str, Any]] = []
    began = 0.0

    def before(*_: Any) -> None:
        nonlocal began
        began = time.perf_counter()

    def after(_c: Any, _k: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append((time.perf_counter() - began, statement, parameters))

    engine = db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    await look(db, actor)
    event.remove(engine, "before_cursor_execute", before)
    event.remove(engine, "after_cursor_execute", after)
    seconds, statement, parameters = max(seen, key=lambda one: one[0])
    verb = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN (ANALYZE, BUFFERS)"
    async with db.engine.connect() as connection:
        found = await connection.exec_driver_sql(f"{verb} {statement}", parameters)
        print(f"  {seconds * 1e3:.1f} ms", *(row[-1] for row in found), sep="\n  ")


def _emit(test: str, **fields: Any) -> None:
    print(json.dumps({"test": test, **fields}), flush=True)


if __name__ == "__main__":
    main()
