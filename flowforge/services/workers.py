"""Who works: each worker says so every few seconds, and is forgotten when it stopped saying it."""

import datetime as dt
from dataclasses import dataclass

import structlog
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.bulk import bulk
from flowforge.infra.db import Database, db_now
from flowforge.models import WorkerEntry
from flowforge.services.access import Actor, Permission, require

log = structlog.get_logger()

GONE_AFTER = dt.timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Identity:
    """A worker process, as it was started."""

    name: str
    host: str
    pid: int
    release: str
    concurrency: int


class WorkerView(BaseModel):
    """``held``: runs that it is working on."""

    model_config = ConfigDict(frozen=True)

    name: str
    host: str
    pid: int
    release: str
    concurrency: int
    held: int
    started_at: dt.datetime
    seen_at: dt.datetime


async def beat(database: Database, worker: Identity, held: int) -> None:
    """Say that the worker is alive, and forget those that have not said so for a minute. What one
    that froze keeps from others is theirs again.
    """
    if ended := await database.end_frozen():
        log.warning("connections that stood still were ended", number=ended)
    async with bulk(database) as tx:
        await tx.fetch(
            "INSERT INTO worker (name, host, pid, release, concurrency, held, started_at, seen_at) "  # noqa: S608 - our own constants
            f"VALUES (:name, :host, :pid, :release, :concurrency, :held, {tx.now}, {tx.now}) "
            "ON CONFLICT (name) DO UPDATE SET held = excluded.held, seen_at = excluded.seen_at "
            "RETURNING name",
            name=worker.name,
            host=worker.host,
            pid=worker.pid,
            release=worker.release,
            concurrency=worker.concurrency,
            held=held,
        )
        await tx.fetch(
            f"DELETE FROM worker WHERE seen_at <= {tx.seconds_from_now('gone')} RETURNING name",  # noqa: S608 - our own constants
            gone=-GONE_AFTER.total_seconds(),
        )


async def leave(database: Database, name: str) -> None:
    """The worker stops of its own accord."""
    async with bulk(database) as tx:
        await tx.fetch("DELETE FROM worker WHERE name = :name RETURNING name", name=name)


async def list_workers(session: AsyncSession, actor: Actor) -> list[WorkerView]:
    """Those that were seen within the last minute, oldest first."""
    require(actor, Permission.READ)
    return [WorkerView.model_validate(row, from_attributes=True) for row in await alive(session)]


async def alive(session: AsyncSession) -> list[WorkerEntry]:
    now = (await session.execute(select(db_now()))).scalar_one()
    rows = await session.scalars(
        select(WorkerEntry)
        .where(col(WorkerEntry.seen_at) > now - GONE_AFTER)
        .order_by(col(WorkerEntry.started_at), col(WorkerEntry.name))
    )
    return list(rows)
