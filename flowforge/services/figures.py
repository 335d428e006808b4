"""Figures about runs, counted for many zaps at once: a page of zaps costs three queries."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.db import utc_now
from flowforge.models import OutboxEntry, Run

WINDOW = dt.timedelta(days=7)
ENDED = ("succeeded", "failed", "cancelled", "timed_out")
STATUSES = ("queued", "running", "waiting", *ENDED)
# Tests of drafts are shown where somebody asks for them, and counted nowhere.
_IS_REAL = col(Run.environment) == "production"


@dataclass(frozen=True)
class RunFigures:
    """``success_rate``: share of succeeded among the runs that ended, of those begun in the last
    7 days; None where none ended.
    """

    total: int = 0
    success_rate: float | None = None
    last_id: str | None = None
    last_status: str | None = None
    last_at: dt.datetime | None = None


NONE = RunFigures()


async def of_zaps(session: AsyncSession, zap_ids: Sequence[str]) -> dict[str, RunFigures]:
    """Figures of each of these zaps that ever ran. The caller owns the zaps."""
    if not zap_ids:
        return {}
    counted = await session.execute(
        select(col(Run.zap_id), func.count(), func.max(col(Run.id)))
        .where(col(Run.zap_id).in_(zap_ids), _IS_REAL)
        .group_by(col(Run.zap_id))
    )
    totals = {zap_id: (total, last_id) for zap_id, total, last_id in counted.all()}
    rates = await _rates(session, zap_ids)
    found = await session.execute(
        select(col(Run.id), col(Run.status), col(Run.created_at)).where(
            col(Run.id).in_([last_id for _, last_id in totals.values()])
        )
    )
    last = {run_id: (status, created_at) for run_id, status, created_at in found.all()}
    return {
        zap_id: RunFigures(total, rates.get(zap_id), last_id, *last.get(last_id, (None, None)))
        for zap_id, (total, last_id) in totals.items()
    }


async def _rates(session: AsyncSession, zap_ids: Sequence[str]) -> dict[str, float]:
    is_ended = col(Run.status).in_(ENDED)
    counted = await session.execute(
        select(
            col(Run.zap_id),
            func.sum(case((is_ended, 1), else_=0)),
            func.sum(case((col(Run.status) == "succeeded", 1), else_=0)),
        )
        .where(
            col(Run.zap_id).in_(zap_ids),
            col(Run.id) >= first_id_after(utc_now() - WINDOW),
            _IS_REAL,
        )
        .group_by(col(Run.zap_id))
    )
    return {zap_id: good / ended for zap_id, ended, good in counted.all() if ended}


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
