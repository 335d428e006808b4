"""The queue of a project: how much there is of what, and what came to a bad end."""

import datetime as dt
from collections import Counter

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.db import db_now
from flowforge.models import OutboxEntry, Run
from flowforge.services import figures, leases, search, workers
from flowforge.services.access import Actor, Permission, require

REMEMBERED = dt.timedelta(days=30)
PRIORITIES = {leases.URGENT: "high", leases.USUAL: "normal", leases.PATIENT: "low"}
REASONS = {"limit": "limit", "project": "limit", "throttle": "throttle", "paused": "paused"}
PLACES = ("due", "leased", "sleeping", "limit", "throttle", "paused")
_MOST_CODES = 100


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class DeadLetters(_View):
    """How many runs failed for the same reason; ``code`` is that of their errors."""

    code: str
    count: int


class QueueView(_View):
    """What the project owes. ``due``: could be taken now; ``leased``: is being worked on;
    ``sleeping``: waits for a time, an approval or another zap; ``parked``: waits for a limit, a
    throttle or a paused zap. These four are all of it, and so are ``by_status`` and
    ``by_priority``. ``dead_letters``: failed runs of the last 30 days.
    """

    due: int
    leased: int
    sleeping: int
    parked: dict[str, int]
    by_status: dict[str, int]
    by_priority: dict[str, int]
    oldest_due_seconds: float
    workers: int
    dead_letters: list[DeadLetters]


async def overview(session: AsyncSession, actor: Actor) -> QueueView:
    require(actor, Permission.READ)
    now = (await session.execute(select(db_now()))).scalar_one()
    is_leased = func.coalesce(col(OutboxEntry.lease_until) > now, False)
    is_due = col(OutboxEntry.due_at) <= now
    groups = await session.execute(
        select(
            col(Run.status),
            col(OutboxEntry.priority),
            col(OutboxEntry.parked),
            is_leased,
            is_due,
            func.count(),
            func.min(col(OutboxEntry.due_at)),
        )
        .join(Run, col(Run.id) == OutboxEntry.run_id)
        .where(col(OutboxEntry.project_id) == actor.project_id)
        .group_by(col(Run.status), col(OutboxEntry.priority), col(OutboxEntry.parked))
        .group_by(is_leased, is_due)
    )
    places, statuses, priorities = Counter[str](), Counter[str](), Counter[str]()
    oldest = now
    for status, priority, parked, leased, due, count, since in groups.all():
        place = _place(parked, is_leased=leased, is_due=due)
        places[place] += count
        statuses[status] += count
        priorities[PRIORITIES.get(priority, "normal")] += count
        if place == "due":
            oldest = min(oldest, since)
    return QueueView(
        due=places["due"],
        leased=places["leased"],
        sleeping=places["sleeping"],
        parked={reason: places[reason] for reason in ("limit", "throttle", "paused")},
        by_status={status: statuses[status] for status in ("queued", "running", "waiting")},
        by_priority={name: priorities[name] for name in PRIORITIES.values()},
        oldest_due_seconds=(now - oldest).total_seconds(),
        workers=len(await workers.alive(session)),
        dead_letters=await _dead_letters(session, actor, now),
    )


async def depth(session: AsyncSession) -> dict[str, int]:
    """How many entries there are of each place, over all projects: for operators."""
    now = (await session.execute(select(db_now()))).scalar_one()
    is_leased = func.coalesce(col(OutboxEntry.lease_until) > now, False)
    is_due = col(OutboxEntry.due_at) <= now
    parked = col(OutboxEntry.parked)
    groups = await session.execute(
        select(parked, is_leased, is_due, func.count()).group_by(parked, is_leased, is_due)
    )
    places = Counter(dict.fromkeys(PLACES, 0))
    for reason, leased, due, count in groups.all():
        places[_place(reason, is_leased=leased, is_due=due)] += count
    return dict(places)


def _place(parked: str | None, *, is_leased: bool, is_due: bool) -> str:
    if is_leased:
        return "leased"
    if is_due:
        return "due"
    return REASONS.get(parked or "", "sleeping")


async def _dead_letters(session: AsyncSession, actor: Actor, now: dt.datetime) -> list[DeadLetters]:
    code = func.coalesce(search.code_of(col(Run.error)), "")
    counted = await session.execute(
        select(code, func.count())
        .where(
            col(Run.project_id) == actor.project_id,
            col(Run.id) >= figures.first_id_after(now - REMEMBERED),
            col(Run.status) == "failed",
            col(Run.environment) == "production",
        )
        .group_by(code)
        .order_by(func.count().desc(), code)
        .limit(_MOST_CODES)
    )
    return [DeadLetters(code=name, count=count) for name, count in counted.all()]
