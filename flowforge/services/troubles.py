"""What is wrong with what fires a zap, in one line each: for lists, without a look at their pages."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.models import Registration, Timer

_SILENT = "It has not run for longer than it may."


async def of_zaps(session: AsyncSession, zap_ids: Sequence[str]) -> dict[str, str]:
    """By zap, for those that have any: a poll or a registration that fails, a silent schedule."""
    timers = await session.execute(
        select(col(Timer.zap_id), col(Timer.failures), col(Timer.error)).where(
            col(Timer.zap_id).in_(zap_ids),
            col(Timer.due_at).is_not(None),
            or_(col(Timer.failures) > 0, col(Timer.alarmed_at).is_not(None)),
        )
    )
    found = {
        zap_id: f"The last look failed: {error or ''}".strip() if failures else _SILENT
        for zap_id, failures, error in timers
    }
    refused = await session.execute(
        select(col(Registration.zap_id), col(Registration.error)).where(
            col(Registration.zap_id).in_(zap_ids), col(Registration.status) == "failed"
        )
    )
    return found | {zap_id: error or "Its hook could not be made." for zap_id, error in refused}
