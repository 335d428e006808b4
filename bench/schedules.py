"""How long it takes to fire many schedules that are due at one moment.

One real zap is published; its rows are then copied in the database.
"""

import asyncio
import datetime as dt
import time
from typing import Any

from sqlalchemy import Table, func, insert, select, update
from sqlmodel import SQLModel, col

from flowforge.config import load_settings
from flowforge.infra.db import Database, new_id, utc_now
from flowforge.infra.runtime import Runtime, open_runtime
from flowforge.models import Event, OutboxEntry, Run, Slot, Timer, User, Zap
from flowforge.services import versions, zaps
from flowforge.services.access import Actor, Role

LEAD_SECONDS = 5.0
_PATIENCE_SECONDS = 120.0
_PER_STATEMENT = 500
_TRIGGER = {
    "kind": "schedule",
    "settings": {"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"},
}
_STEPS = [{"id": "pass", "kind": "filter", "when": {"any": []}}]


async def make(number: int) -> None:
    """So many live zaps with a schedule, none of which is due."""
    async with open_runtime(load_settings()) as runtime:
        first = await _first(runtime)
        async with runtime.db.transaction() as session:
            originals = {
                table: dict(
                    (await session.execute(select(table).where(key == first))).mappings().one()
                )
                for table, key in _keys()
            }
        ids = [new_id() for _ in range(number - 1)]
        for begin in range(0, len(ids), _PER_STATEMENT):
            async with runtime.db.transaction() as session:
                for table, row in originals.items():
                    copies = [
                        _copy(table, row, zap_id) for zap_id in ids[begin : begin + _PER_STATEMENT]
                    ]
                    await session.execute(insert(table), copies)


async def measure() -> dict[str, Any]:
    """All due at one moment, with workers already there: seconds until the last slot is stored."""
    async with open_runtime(load_settings()) as runtime:
        due_at = utc_now() + dt.timedelta(seconds=LEAD_SECONDS)
        async with runtime.db.transaction() as session:
            await session.execute(update(Timer).values(due_at=due_at))
            number = await session.scalar(select(func.count()).select_from(Timer)) or 0
        await asyncio.sleep((due_at - utc_now()).total_seconds())
        began = time.monotonic()
        fired = await _until(runtime.db, Slot, number, began)
        ended = await _until(runtime.db, OutboxEntry, 0, began)
        async with runtime.db.reading() as session:
            late = await session.scalar(select(func.max(col(Slot.fired_at))))
            rows = {
                table.__tablename__: await session.scalar(select(func.count()).select_from(table))
                for table in (Slot, Event, Run)
            }
    return {
        "schedules": number,
        "all_fired_s": round(fired, 2),
        "last_taken_s": round((late - due_at).total_seconds(), 2) if late else None,
        "runs_done_s": round(ended, 2),
        **rows,
    }


async def _until(database: Database, table: Any, number: int, began: float) -> float:
    """Seconds since ``began`` until the table has so many rows."""
    while time.monotonic() - began < _PATIENCE_SECONDS:
        async with database.reading() as session:
            if await session.scalar(select(func.count()).select_from(table)) == number:
                return time.monotonic() - began
        await asyncio.sleep(0.05)
    raise SystemExit(f"{table.__tablename__} never had {number} rows")


async def _first(runtime: Runtime) -> str:
    async with runtime.db.transaction() as session:
        zap = (await session.scalars(select(Zap).limit(1))).one()
        owner = (await session.scalars(select(User).where(col(User.id) == zap.owner_id))).one()
        assert owner.id is not None
        actor = Actor(owner.id, zap.project_id, Role.ADMIN, "")
        made = await zaps.create(
            session, actor, name="clock", definition={"trigger": _TRIGGER, "steps": _STEPS}
        )
        await versions.publish(session, actor, made.id)
        return made.id


def _keys() -> list[tuple[Table, Any]]:
    tables = SQLModel.metadata.tables
    return [
        (tables[name], tables[name].c[key])
        for name, key in (("zap", "id"), ("version", "zap_id"), ("timer", "zap_id"))
    ]


def _copy(table: Table, row: dict[str, Any], zap_id: str) -> dict[str, Any]:
    if table.name == "zap":
        return {**row, "id": zap_id, "hook_id": zap_id}
    return {**row, "id": new_id(), "zap_id": zap_id}
