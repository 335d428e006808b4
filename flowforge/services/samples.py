"""What the data picker shows: real values from the zap's latest event and latest outputs."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.models import Attempt, Event, Run, Zap
from flowforge.services import events
from flowforge.services.access import Actor, Permission, own, require

# Older runs are of other versions more often than they are of use.
LATEST_RUNS = 50


async def samples(session: AsyncSession, actor: Actor, zap_id: str) -> dict[str, Any]:
    """``{"trigger": … or None, "steps": {step id: output}}``.

    The trigger is the newest event's that fits, so also one that came before the zap was live
    (held); each step's output is that of its newest success.
    """
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    event = await session.scalar(
        select(Event)
        .where(col(Event.zap_id) == zap.id, col(Event.verdict).in_(("accepted", "held")))
        .order_by(col(Event.id).desc())
        .limit(1)
    )
    return {
        "trigger": await events.trigger_of(event) if event else None,
        "steps": await _outputs(session, zap),
    }


async def _outputs(session: AsyncSession, zap: Zap) -> dict[str, Any]:
    latest = (
        select(col(Run.id))
        .where(col(Run.zap_id) == zap.id)
        .order_by(col(Run.id).desc())
        .limit(LATEST_RUNS)
        .scalar_subquery()
    )
    newest = (
        select(func.max(col(Attempt.id)))
        .where(col(Attempt.run_id).in_(latest), col(Attempt.status) == "succeeded")
        .group_by(col(Attempt.step_id))
        .scalar_subquery()
    )
    rows = await session.execute(
        select(col(Attempt.step_id), col(Attempt.output)).where(col(Attempt.id).in_(newest))
    )
    return dict(rows.all())
