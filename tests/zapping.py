"""Zaps for tests: a published one in two lines, and a worker that runs beside the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from flowforge.jobs.carrier import carrier
from flowforge.jobs.outbox import OutboxLoop
from flowforge.jobs.worker import build_loop
from flowforge.models import Attempt, Event, OutboxEntry, Run
from flowforge.services import versions, zaps
from flowforge.services.zap_views import ZapView
from tests.house import Account, House

ENDED = {"succeeded", "failed", "cancelled", "timed_out"}
# A name that is found nowhere by chance.
ZAP_NAME = "Ledger of Ada"
QUICK = {"attempts": 3, "first_wait": 0.05, "factor": 1.0, "longest_wait": 1.0}


def hook(step_id: str, url: str, **more: Any) -> dict[str, Any]:
    """An action step that posts the trigger's body to ``url``."""
    step = {
        "id": step_id,
        "kind": "action",
        "action": "webhook",
        "inputs": {"url": url, "body": "{{ trigger.body }}"},
        "retry": QUICK,
    }
    return {**step, **more}


async def published(house: House, account: Account, *steps: dict[str, Any], **more: Any) -> ZapView:
    """A live zap with a webhook trigger and ``steps``; ``more`` of its definition, as limits."""
    definition = {"trigger": {"kind": "webhook"}, "steps": list(steps), **more}
    async with house.db.transaction() as session:
        zap = await zaps.create(session, account.actor, name=ZAP_NAME, definition=definition)
        await versions.publish(session, account.actor, zap.id)
        return await zaps.get(session, account.actor, zap.id)


def path_of(zap: ZapView) -> str:
    """The path of its seed-style hook."""
    return "/" + zap.webhook_url.split("/", 3)[3]


@asynccontextmanager
async def working(house: House) -> AsyncIterator[OutboxLoop]:
    """A worker with its carrier, in this event loop."""
    loop = build_loop(house.runtime)
    tasks = [asyncio.create_task(loop.run())]
    if house.runtime.redis is not None:

        async def nothing() -> None:
            return None

        arq = carrier(
            house.runtime.redis, house.settings.redis_prefix, wake=loop.wake, sweep=nothing
        )
        tasks.append(asyncio.create_task(arq.main()))
    try:
        yield loop
    finally:
        loop.stop()
        await tasks[0]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_of(house: House, run_id: str) -> Run:
    async with house.db.reading() as session:
        run: Run = (await session.scalars(select(Run).where(col(Run.id) == run_id))).one()
        return run


async def ended(house: House, run_id: str, *, within_seconds: float = 15) -> Run:
    """The run once it has ended."""
    async with asyncio.timeout(within_seconds):
        while (run := await run_of(house, run_id)).status not in ENDED:  # noqa: ASYNC110 - it ends in another task or process
            await asyncio.sleep(0.02)
    return run


async def attempts_of(house: House, run_id: str) -> list[Attempt]:
    async with house.db.reading() as session:
        query = select(Attempt).where(col(Attempt.run_id) == run_id).order_by(col(Attempt.id))
        return list((await session.scalars(query)).all())


async def events_of(house: House, zap: ZapView) -> list[Event]:
    async with house.db.reading() as session:
        query = select(Event).where(col(Event.zap_id) == zap.id).order_by(col(Event.id))
        return list((await session.scalars(query)).all())


async def owed(house: House) -> int:
    """How many outbox entries there are."""
    async with house.db.reading() as session:
        return len((await session.scalars(select(col(OutboxEntry.run_id)))).all())
