"""Runs of a draft, to see whether it works: real steps, counted in no figure.

Promise: what is tried is the draft as it is now, whatever is live and whatever is edited meanwhile.
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict, NotFound
from flowforge.infra import documents
from flowforge.infra.db import after_commit, utc_now
from flowforge.infra.signals import Signals
from flowforge.models import Event, OutboxEntry, Run, Zap
from flowforge.services import leases, trigger_samples, versions, zaps
from flowforge.services.access import Actor, Permission, own, require

ENVIRONMENT = "test"


async def start(
    session: AsyncSession, actor: Actor, signals: Signals, zap_id: str, given: dict[str, Any]
) -> str:
    """Start a test run of the draft; the run's id.

    ``given`` has an ``input`` (it becomes ``trigger.body``) or the ``event_id`` of something that
    the zap received, or is empty: then it is what the zap received last.

    Raises: Invalid with everything that keeps the draft from being run, NotFound for an event that
    is not this zap's, Conflict for one that was rejected.
    """
    require(actor, Permission.OPERATE)
    # Locked: the draft that is frozen is the one whose revision gives it its number.
    zap = await zaps.locked(session, actor, zap_id)
    await versions.require_complete(session, actor, zap, "tested")
    event = await _event(session, actor, zap, given)
    return await begin(session, actor, signals, zap, event)


async def begin(
    session: AsyncSession, actor: Actor, signals: Signals, zap: Zap, event: Event
) -> str:
    """Start a test run of the draft of ``zap`` (locked by the caller) for ``event``; its id."""
    now = utc_now()
    run = Run(
        project_id=zap.project_id,
        zap_id=zap.id,
        version=await versions.freeze_for_test(session, actor, zap),
        event_id=event.id,
        status="queued",
        environment=ENVIRONMENT,
        replay_of=await _first_run(session, event),
        created_at=now,
    )
    session.add(run)
    await session.flush()
    session.add(
        OutboxEntry(
            run_id=run.id,
            project_id=zap.project_id,
            zap_id=zap.id,
            due_at=now,
            rank_at=leases.rank(now, leases.URGENT),
            priority=leases.URGENT,
        )
    )

    async def ring() -> None:
        signals.send({f"zap:{zap.id}", f"project:{zap.project_id}"}, wake=True)

    after_commit(session, ring)
    return run.id


async def _event(session: AsyncSession, actor: Actor, zap: Zap, given: dict[str, Any]) -> Event:
    if given.get("event_id") is not None:
        event = await own(session, actor, Event, given["event_id"])
        if event.zap_id != zap.id:
            raise NotFound("Event not found")
        if event.verdict == "rejected":
            raise Conflict(
                f"This event was rejected, so no run can begin with it: {event.reason}",
                code="event_rejected",
            )
        return event
    if "input" in given:
        return await _new_event(session, zap, given["input"])
    chosen = await trigger_samples.of(session, zap)
    return chosen.event or await _new_event(session, zap, chosen.body)


async def _new_event(session: AsyncSession, zap: Zap, data: Any) -> Event:
    raw = documents.dump(data).encode()
    event = Event(
        project_id=zap.project_id,
        zap_id=zap.id,
        trigger=ENVIRONMENT,
        verdict="accepted",
        content_type="application/json",
        headers={},
        query={},
        raw=raw,
        size=len(raw),
    )
    session.add(event)
    await session.flush()
    return event


async def _first_run(session: AsyncSession, event: Event) -> str | None:
    """The run that the event started; None where there is none. Only that one repeats nothing."""
    found: str | None = await session.scalar(
        select(col(Run.id))
        .where(col(Run.event_id) == event.id, col(Run.replay_of).is_(None))
        .order_by(col(Run.id))
        .limit(1)
    )
    return found
