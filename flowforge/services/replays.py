"""New runs of old events. The run that is repeated stays as it was.

Promise: a replay does everything again, on the version that is live now, with the bytes that came.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict
from flowforge.infra import runtime
from flowforge.infra.db import after_commit
from flowforge.infra.signals import Signals
from flowforge.models import Event, Run, Zap
from flowforge.services import events, leases, payload
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.limits import entry, needs_trigger, read_limits
from flowforge.services.plans import Plans

PRODUCTION, TEST = "production", "test"

NOT_REPLAYABLE = {
    "duplicate": "This event repeats event {duplicate_of}: replay that one.",
    "rejected": "This event was rejected, so no run can begin with it: {reason}",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms runs begin: of a batch they are patient and carry its id."""

    priority: int = leases.USUAL
    batch_id: str | None = None
    plans: Plans = field(default_factory=Plans)


async def replay(session: AsyncSession, actor: Actor, signals: Signals, run_id: str) -> str:
    """Do again what a run did, on the live version; the new run's id.

    Raises: Conflict where nothing is live, or what was received is no longer stored.
    """
    require(actor, Permission.OPERATE)
    run = await own(session, actor, Run, run_id)
    new = await again(session, run, Terms())
    tell(session, signals, new)
    return new.id


async def again(session: AsyncSession, run: Run, terms: Terms) -> Run:
    """The replay of ``run``, which the caller owns."""
    zap = await zap_of(session, run)
    event = await event_of(session, run)
    return await begin(session, zap, event, live_version(zap), terms, repeats=run)


async def replay_event(session: AsyncSession, actor: Actor, signals: Signals, event_id: str) -> str:
    """Run the live version for an event, whether it ever ran or was held; the new run's id.

    Raises: Conflict for a duplicate or a rejected one, or where nothing is live.
    """
    require(actor, Permission.OPERATE)
    event = await own(session, actor, Event, event_id)
    zap = await own(session, actor, Zap, event.zap_id)
    run = await of_event(session, zap, event, Terms())
    tell(session, signals, run)
    return run.id


async def of_event(session: AsyncSession, zap: Zap, event: Event, terms: Terms) -> Run:
    """A run of the live version of ``zap`` for ``event``; the caller owns both.

    Raises: Conflict for a duplicate or a rejected one, or where nothing is live.
    """
    if event.verdict in NOT_REPLAYABLE:
        said = NOT_REPLAYABLE[event.verdict]
        raise Conflict(
            said.format(duplicate_of=event.duplicate_of, reason=event.reason),
            code=f"event_{event.verdict}",
        )
    await require_stored(event)
    environment = TEST if event.trigger == TEST else PRODUCTION
    first = await session.scalar(
        select(Run)
        # A test of an event that was held is not what its first real run repeats.
        .where(col(Run.event_id) == event.id, col(Run.environment) == environment)
        .order_by(col(Run.id))
        .limit(1)
    )
    return await begin(session, zap, event, live_version(zap), terms, repeats=first)


async def begin(
    session: AsyncSession,
    zap: Zap,
    event: Event,
    version: int,
    terms: Terms,
    *,
    repeats: Run | None,
    inputs: Any = None,
    reply: Any = None,
) -> Run:
    """A new run of ``version`` for ``event``, promised to be worked on. ``repeats`` is the run that
    it takes after; without one nothing has run for the event yet.
    """
    run = Run(
        project_id=zap.project_id,
        zap_id=zap.id,
        version=version,
        event_id=event.id,
        status="queued",
        environment=_environment(event, repeats),
        replay_of=repeats.id if repeats is not None else None,
        batch_id=terms.batch_id,
        inputs=inputs or None,
        reply=reply,
    )
    session.add(run)
    await session.flush()
    session.add(await promise(zap, event, run, terms))
    await session.flush()
    return run


async def promise(zap: Zap, event: Event, run: Run, terms: Terms) -> Any:
    """The outbox entry of ``run``, in its place at the limits of its zap."""
    raw = b""
    limits = read_limits(zap.limits)
    if run.environment != TEST and needs_trigger(limits, is_debounced=False):
        raw = await events.raw_of(event)
    priority = leases.URGENT if run.environment == TEST else terms.priority
    return entry(run, zap.limits, partial(payload.trigger_data, event, raw), priority)


def _environment(event: Event, repeats: Run | None) -> str:
    if repeats is not None:
        return repeats.environment
    return TEST if event.trigger == TEST else PRODUCTION


async def zap_of(session: AsyncSession, run: Run) -> Zap:
    """Raises: Conflict where the zap was deleted."""
    return not_deleted((await session.scalars(select(Zap).where(col(Zap.id) == run.zap_id))).one())


def not_deleted(zap: Zap) -> Zap:
    """Raises: Conflict where the zap was deleted."""
    if zap.deleted_at is not None:
        raise Conflict("The zap was deleted: its runs can be read, not run.", code="zap_deleted")
    return zap


async def event_of(session: AsyncSession, run: Run) -> Event:
    """What the run was begun with.

    Raises: Conflict where that is no longer stored.
    """
    event = (await session.scalars(select(Event).where(col(Event.id) == run.event_id))).one()
    await require_stored(event)
    return event


async def require_stored(event: Event) -> None:
    """Raises: Conflict where what was received is gone."""
    blobs = runtime.current().blobs
    is_gone = event.raw is None and event.blob_key is None and event.size > 0
    if event.blob_key is not None:
        is_gone = bool(await blobs.missing([event.blob_key]))
    if is_gone:
        raise Conflict(
            "What was received is no longer stored, so it cannot be run again.", code="event_gone"
        )


def live_version(zap: Zap) -> int:
    """Raises: Conflict where nothing is live."""
    if zap.live_version is None:
        raise Conflict("Publish the zap first: nothing of it is live.", code="not_published")
    return zap.live_version


def tell(session: AsyncSession, signals: Signals, *runs: Run) -> None:
    """After the commit: pages look again, and a worker takes it on."""
    topics = {f"run:{run.id}" for run in runs}
    topics |= {f"zap:{run.zap_id}" for run in runs} | {f"project:{run.project_id}" for run in runs}

    async def ring() -> None:
        signals.send(topics, wake=True)

    after_commit(session, ring)
