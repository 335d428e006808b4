"""Many events to be run at once: which of them can be, and one page of a batch of them.

Promise: what was rejected and what repeats another is never among them; what was filtered, or sent
as a test, only where the filter names it.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict, Invalid, NotFound
from flowforge.infra.signals import Signals
from flowforge.models import Batch, Event, Zap
from flowforge.services import event_filters, leases, replays
from flowforge.services.access import Actor
from flowforge.services.event_filters import EventFilter
from flowforge.services.plans import Plans
from flowforge.services.replays import Terms

# A search reads bodies: it is about the newest so many events that fit otherwise.
MOST_SEARCHED = 20_000
_ABLE = ("accepted", "held", "filtered")


@dataclass(frozen=True, slots=True)
class Found:
    """What a filter finds: how many events, from when to when, and between which ids."""

    count: int
    oldest: dt.datetime | None
    newest: dt.datetime | None
    last: str | None
    floor: str | None


async def measure(session: AsyncSession, actor: Actor, wanted: EventFilter) -> Found:
    """How many events would run.

    Raises: Invalid for a filter that says nothing; NotFound for somebody else's zap.
    """
    if wanted.says_nothing:
        message = "Say which events are meant: by zap, verdict, time or another of the filters."
        raise Invalid(message, details=[{"path": "filter", "message": message}])
    await event_filters.require_zap(session, actor, wanted)
    floor = None
    if wanted.q:
        floor = await event_filters.floor_of(
            session, _able(actor.project_id, wanted), below=None, window=MOST_SEARCHED
        )
    found = await session.execute(
        select(
            func.count(),
            func.min(col(Event.received_at)),
            func.max(col(Event.received_at)),
            func.max(col(Event.id)),
        ).where(*_meant(actor.project_id, wanted, floor))
    )
    count, oldest, newest, last = found.one()
    return Found(count, oldest, newest, last, floor)


async def page(session: AsyncSession, batch: Batch, size: int) -> Sequence[Event]:
    """The next events of the batch, the oldest first."""
    wanted = EventFilter.model_validate(batch.request["filter"])
    query = select(Event).where(
        *_meant(batch.project_id, wanted, batch.request.get("floor")),
        col(Event.id) <= batch.request["last"],
    )
    if batch.cursor is not None:
        query = query.where(col(Event.id) > batch.cursor)
    return (await session.scalars(query.order_by(col(Event.id)).limit(size))).all()


async def replay(
    session: AsyncSession, signals: Signals, batch: Batch, events: Sequence[Event]
) -> Counter[str]:
    """Begin a run for each; how many were refused, by the code of the reason."""
    terms = Terms(priority=leases.PATIENT, batch_id=batch.id, plans=Plans())
    rows = await session.scalars(
        select(Zap).where(col(Zap.id).in_({event.zap_id for event in events}))
    )
    zaps = {zap.id: zap for zap in rows}
    refused: Counter[str] = Counter()
    begun = []
    for event in events:
        try:
            # What one is refused for must not undo what was written for the others.
            async with session.begin_nested():
                zap = replays.not_deleted(zaps[event.zap_id])
                begun.append(await replays.of_event(session, zap, event, terms))
        except (Conflict, Invalid, NotFound) as problem:
            refused[problem.code] += 1
    replays.tell(session, signals, *begun)
    return refused


def _able(project_id: str, wanted: EventFilter) -> list[Any]:
    """Those that can run at all, and are meant to."""
    found = [
        *event_filters.conditions(project_id, wanted),
        col(Event.verdict).in_(_ABLE),
    ]
    if not wanted.verdict:
        found.append(col(Event.verdict) != "filtered")
    if not wanted.trigger:
        found.append(col(Event.trigger) != "test")
    return found


def _meant(project_id: str, wanted: EventFilter, floor: str | None) -> list[Any]:
    found = _able(project_id, wanted)
    if wanted.q:
        found.append(event_filters.sought(wanted.q))
    if floor is not None:
        found.append(col(Event.id) >= floor)
    return found
