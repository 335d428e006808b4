"""What tests of polls share: a zap that polls, its turns, and what came of them."""

import datetime as dt
import json
from typing import Any

from sqlalchemy import select, update
from sqlmodel import col

from flowforge.infra.db import utc_now
from flowforge.jobs.timers import TimerLoop, Work
from flowforge.models import Run, Slot, Timer
from flowforge.services import versions, zaps
from flowforge.services.looking import Looker, looker
from flowforge.services.polls import Polls
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.zapping import events_of

STOP = {"id": "end", "kind": "stop"}


def definition(trigger: str, *, every_seconds: int = 300, **inputs: Any) -> dict[str, Any]:
    settings = {"trigger": trigger, "inputs": inputs, "every_seconds": every_seconds}
    return {"trigger": {"kind": "poll", "settings": settings}, "steps": [STOP]}


async def polling(house: House, owner: Account, trigger: str = "rss", **inputs: Any) -> ZapView:
    """A live zap that polls, before its first look."""
    async with house.db.transaction() as session:
        zap = await zaps.create(
            session, owner.actor, name="Poll", definition=definition(trigger, **inputs)
        )
        await versions.publish(session, owner.actor, zap.id)
        return await zaps.get(session, owner.actor, zap.id)


async def republish(house: House, owner: Account, zap: ZapView, changed: dict[str, Any]) -> None:
    async with house.db.transaction() as session:
        current = await zaps.get(session, owner.actor, zap.id)
        await zaps.save_draft(
            session, owner.actor, zap.id, revision=current.draft_revision, definition=changed
        )
        await versions.publish(session, owner.actor, zap.id)


async def timer_of(house: House, zap: ZapView) -> Timer:
    async with house.db.reading() as session:
        query = select(Timer).where(col(Timer.zap_id) == zap.id)
        timer: Timer = (await session.scalars(query)).one()
        return timer


async def slots_of(house: House, zap: ZapView) -> list[Slot]:
    async with house.db.reading() as session:
        query = select(Slot).where(col(Slot.zap_id) == zap.id).order_by(col(Slot.id))
        return list(await session.scalars(query))


async def runs_of(house: House, zap: ZapView) -> list[Run]:
    async with house.db.reading() as session:
        return list(await session.scalars(select(Run).where(col(Run.zap_id) == zap.id)))


async def bodies_of(house: House, zap: ZapView) -> list[Any]:
    return [json.loads(event.raw or b"null") for event in await events_of(house, zap)]


async def make_due(house: House, zap: ZapView) -> None:
    async with house.db.transaction() as session:
        moment = utc_now() - dt.timedelta(seconds=1)
        await session.execute(
            update(Timer).where(col(Timer.zap_id) == zap.id).values(due_at=moment)
        )


async def let_the_lease_run_out(house: House, zap: ZapView) -> None:
    async with house.db.transaction() as session:
        await session.execute(
            update(Timer).where(col(Timer.zap_id) == zap.id).values(lease_until=None)
        )


def loop(house: House, longest_seconds: float | None = None) -> TimerLoop:
    asked = looker(house.runtime)
    if longest_seconds is not None:
        asked = Looker(house.runtime, longest_seconds)
        house.runtime.lodgers[f"looker {id(asked)}"] = asked
    polls = Polls(house.db, house.runtime.signals, asked)
    return TimerLoop(house.db, {"poll": Work(polls.take_turns, at_once=20, lease_seconds=90)})


async def turn(house: House, zap: ZapView, *, longest_seconds: float | None = None) -> None:
    """The zap's poll, now, and all that comes of it."""
    await make_due(house, zap)
    working = loop(house, longest_seconds)
    await working.look()
    await working.finish()
