"""Schedulers that die between taking and firing: every time fires, and none twice."""

import asyncio
import datetime as dt
import signal

from sqlalchemy import func, select, update
from sqlmodel import col

from flowforge.infra.db import utc_now
from flowforge.models import Event, Run, Slot, Timer
from flowforge.services import versions, zaps
from tests.chaos.site import Site

NUMBER = 30
STOP = {"id": "end", "kind": "stop"}
YEARLY = {"kind": "schedule", "settings": {"cron": "0 0 1 1 *"}}


async def test_a_time_fires_once_whoever_dies_before_its_commit(site: Site) -> None:
    ada = await site.house.sign_up()
    for number in range(NUMBER):
        async with site.house.db.transaction() as session:
            definition = {"trigger": YEARLY, "steps": [STOP]}
            zap = await zaps.create(
                session, ada.actor, name=f"Clock {number}", definition=definition
            )
            await versions.publish(session, ada.actor, zap.id)
    due_at = utc_now() - dt.timedelta(seconds=1)
    async with site.house.db.transaction() as session:
        await session.execute(update(Timer).values(due_at=due_at))
    # One after the other: the second takes over what the lease of the first no longer covers.
    for _ in range(2):
        child = await site.born("schedule.before_commit=kill")
        assert await child.ended(40) == -signal.SIGKILL
    assert await counted(site, Slot) == await counted(site, Event) == 0
    await site.worker()
    async with asyncio.timeout(30):
        while await unfinished(site):  # noqa: ASYNC110 - it ends in another process
            await asyncio.sleep(0.2)
    async with site.house.db.reading() as session:
        slots = list(await session.scalars(select(Slot)))
    assert len({(slot.zap_id, slot.planned_at) for slot in slots}) == len(slots)
    assert {slot.status for slot in slots} == {"ran"}
    assert {slot.planned_at for slot in slots} == {due_at}
    assert len(slots) == NUMBER
    assert len(slots) == await counted(site, Run) == await counted(site, Event)


async def unfinished(site: Site) -> bool:
    """Whether a time is due, or a run has not ended."""
    async with site.house.db.reading() as session:
        due = select(func.count()).select_from(Timer).where(col(Timer.due_at) <= utc_now())
        going = select(func.count()).select_from(Run).where(col(Run.finished_at).is_(None))
        return bool(await session.scalar(due) or await session.scalar(going))


async def counted(site: Site, table: type[Slot | Run | Event]) -> int:
    async with site.house.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0
