"""The statuses of runs, what their ids tell of time, and how much work there is."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.db import utc_now
from flowforge.models import OutboxEntry, Run

ENDED = ("succeeded", "failed", "cancelled", "timed_out")
STATUSES = ("queued", "running", "waiting", *ENDED)


def first_id_after(moment: dt.datetime) -> str:
    """The smallest id that a row created at ``moment`` can have: ids carry their time, so a range
    of time is a range of the index that is there anyway.
    """
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return str(uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62)))


@dataclass(frozen=True)
class QueueFigures:
    """``due``: entries that a worker could take or has taken now; ``waiting``: those of later.

    ``last_hour``: runs begun in the last hour, by status.
    """

    due: int
    waiting: int
    oldest_seconds: float
    last_hour: dict[str, int]


async def of_queue(session: AsyncSession) -> QueueFigures:
    """How much work there is, over all projects: for operators."""
    now = utc_now()
    is_due = col(OutboxEntry.due_at) <= now
    due, waiting, oldest = (
        await session.execute(
            select(
                func.coalesce(func.sum(case((is_due, 1), else_=0)), 0),
                func.coalesce(func.sum(case((is_due, 0), else_=1)), 0),
                func.min(col(OutboxEntry.due_at)),
            )
        )
    ).one()
    counted = await session.execute(
        select(col(Run.status), func.count())
        .where(col(Run.id) >= first_id_after(now - dt.timedelta(hours=1)))
        .group_by(col(Run.status))
    )
    return QueueFigures(
        due=due,
        waiting=waiting,
        oldest_seconds=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
        last_hour=dict.fromkeys(STATUSES, 0) | dict(counted.all()),
    )
