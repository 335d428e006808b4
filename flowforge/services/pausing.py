"""Pausing a zap: its events are kept and its runs begin later, in the order they came.

A run is parked by the claim that would have begun it, so that pausing touches one row and nothing
that was accepted meanwhile can slip through.
"""

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.bulk import within
from flowforge.infra.db import after_commit, utc_now
from flowforge.infra.signals import Signals
from flowforge.models import OutboxEntry, Run, Zap
from flowforge.services import leases, zaps
from flowforge.services.access import Actor, Permission, require
from flowforge.services.zap_views import ZapView

_OUTBOX: Table = OutboxEntry.__table__  # type: ignore[attr-defined]


async def pause(session: AsyncSession, actor: Actor, zap_id: str) -> ZapView:
    """The zap, paused: what has begun goes on, nothing else begins. Twice is once."""
    require(actor, Permission.OPERATE)
    zap = await zaps.locked(session, actor, zap_id)
    zap.paused_at = zap.paused_at or utc_now()
    return await zaps.touched(session, zap)


async def resume(session: AsyncSession, actor: Actor, signals: Signals, zap_id: str) -> ZapView:
    """The zap, at work again: what waited is due now, in the order it came."""
    require(actor, Permission.OPERATE)
    zap = await zaps.locked(session, actor, zap_id)
    zap.paused_at = None
    view = await zaps.touched(session, zap)
    await _let_go_on(session, zap)

    async def ring() -> None:
        signals.send({f"zap:{zap.id}", f"project:{zap.project_id}"}, wake=True)

    after_commit(session, ring)
    return view


async def _let_go_on(session: AsyncSession, zap: Zap) -> None:
    """Each goes where it stood: its rank is that of the time at which it came."""
    rows = await session.execute(
        select(col(Run.id), col(Run.created_at), col(OutboxEntry.priority))
        .join(OutboxEntry, col(OutboxEntry.run_id) == Run.id)
        .where(
            col(OutboxEntry.project_id) == zap.project_id,
            col(OutboxEntry.parked) == "paused",
            col(OutboxEntry.zap_id) == zap.id,
        )
    )
    now = utc_now()
    entries = [
        (run_id, now, leases.rank(came_at, priority), None)
        for run_id, came_at, priority in rows.all()
    ]
    tx = await within(session)
    await tx.update(_OUTBOX, "run_id", ("due_at", "rank_at", "parked"), entries)
