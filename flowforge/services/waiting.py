"""Why a run is where it is, in a sentence: every way of waiting has its reason."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.db import db_now
from flowforge.models import Attempt, OutboxEntry, Project, Run, Zap
from flowforge.services import gates, workers
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.limits import read_limits

Reason = Literal[
    "limit",
    "throttle",
    "paused",
    "future",
    "no_worker",
    "busy",
    "working",
    "waiting_for_approval",
    "waiting_for_zap",
    "delay",
    "retry",
    "ended",
]


class Why(BaseModel):
    """``position``: it is so many-th in the line that it stands in; ``until``: when that is over,
    where it is known.
    """

    model_config = ConfigDict(frozen=True)

    reason: Reason
    message: str
    position: int | None = None
    until: dt.datetime | None = None


async def why(session: AsyncSession, actor: Actor, run_id: str) -> Why:
    """What the run waits for now."""
    require(actor, Permission.READ)
    run = await own(session, actor, Run, run_id)
    entry = await session.scalar(select(OutboxEntry).where(col(OutboxEntry.run_id) == run.id))
    if entry is None:
        return Why(reason="ended", message=f"The run has ended: {run.status}.")
    now = (await session.execute(select(db_now()))).scalar_one()
    if entry.lease_until is not None and entry.lease_until > now:
        return Why(reason="working", message=f"Worker {entry.worker} is working on it.")
    if entry.due_at <= now:
        return await _why_due(session, run, entry, now)
    if entry.parked is not None:
        return await _why_parked(session, run, entry)
    if run.status == "queued":
        said = "It begins later, unless an event with the same key comes first and takes its place."
        return Why(reason="future", message=said, until=entry.due_at)
    return await _why_sleeping(session, run, entry)


async def in_short(session: AsyncSession, actor: Actor, run_ids: Sequence[str]) -> dict[str, Why]:
    """What each of these runs of the project waits for, in a few words and two queries; what is being
    worked on, or owes nothing, is not there.
    """
    require(actor, Permission.READ)
    if not run_ids:
        return {}
    now = (await session.execute(select(db_now()))).scalar_one()
    rows = await session.execute(
        select(OutboxEntry, col(Run.status), col(Zap.paused_at), col(Run.environment))
        .join(Run, col(Run.id) == col(OutboxEntry.run_id))
        .join(Zap, col(Zap.id) == col(Run.zap_id))
        .where(col(OutboxEntry.run_id).in_(run_ids), col(Run.project_id) == actor.project_id)
    )
    found: dict[str, Why] = {}
    asleep: list[OutboxEntry] = []
    for entry, status, paused_at, environment in rows.all():
        if entry.lease_until is not None and entry.lease_until > now:
            continue
        is_paused = bool(paused_at) and status == "queued" and environment != "test"
        if is_paused or entry.parked == "paused":
            found[entry.run_id] = Why(reason="paused", message="Its zap is paused")
        elif entry.due_at <= now:
            found[entry.run_id] = Why(reason="busy", message="Waits for a worker")
        elif entry.parked == "throttle":
            said = "One after the other"
            found[entry.run_id] = Why(reason="throttle", message=said, until=entry.due_at)
        elif entry.parked is not None:
            found[entry.run_id] = Why(reason="limit", message="Others come first")
        elif status == "queued":
            said = "Begins later"
            found[entry.run_id] = Why(reason="future", message=said, until=entry.due_at)
        else:
            asleep.append(entry)
    return found | await _sleeping_in_short(session, asleep)


async def _sleeping_in_short(
    session: AsyncSession, entries: Sequence[OutboxEntry]
) -> dict[str, Why]:
    wakes = await _wakes(session, [entry.run_id for entry in entries])
    found: dict[str, Why] = {}
    for entry in entries:
        mine = wakes.get(entry.run_id, {})
        if "approval" in mine:
            said = Why(
                reason="waiting_for_approval",
                message="Waits for an approval",
                until=mine["approval"],
            )
        elif "zap" in mine:
            said = Why(reason="waiting_for_zap", message="Waits for another run")
        elif "delay" in mine:
            said = Why(reason="delay", message="Waits for its time", until=mine["delay"])
        else:
            said = Why(reason="retry", message="Tries again", until=entry.due_at)
        found[entry.run_id] = said
    return found


async def _wakes(session: AsyncSession, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By run and kind of step: when what waits in it goes on, the first of each."""
    if not run_ids:
        return {}
    rows = await session.execute(
        select(col(Attempt.run_id), col(Attempt.kind), func.min(col(Attempt.wake_at)))
        .where(
            col(Attempt.run_id).in_(run_ids),
            col(Attempt.status) == "running",
            col(Attempt.kind).in_(("approval", "zap", "delay")),
        )
        .group_by(col(Attempt.run_id), col(Attempt.kind))
    )
    found: dict[str, dict[str, Any]] = {}
    for run_id, kind, wake_at in rows.all():
        found.setdefault(run_id, {})[kind] = wake_at
    return found


async def _why_due(session: AsyncSession, run: Run, entry: OutboxEntry, now: dt.datetime) -> Why:
    zap = await session.scalar(select(Zap).where(col(Zap.id) == run.zap_id))
    if zap is not None and zap.paused_at and run.status == "queued" and run.environment != "test":
        return _paused()
    before = await _count(
        session,
        col(OutboxEntry.rank_at) < entry.rank_at,
        col(OutboxEntry.due_at) <= now,
        col(OutboxEntry.lease_until).is_(None) | (col(OutboxEntry.lease_until) <= now),
    )
    if not await workers.alive(session):
        said = "It is due, and no worker has been seen for a minute. Start one."
        return Why(reason="no_worker", message=said, position=before + 1)
    said = "It is due, and begins as soon as a worker has a place free."
    return Why(reason="busy", message=said, position=before + 1)


async def _why_parked(session: AsyncSession, run: Run, entry: OutboxEntry) -> Why:
    match entry.parked:
        case "paused":
            return _paused()
        case "throttle":
            said = "Its zap lets runs begin one after the other, and this is its time."
            return Why(reason="throttle", message=said, until=entry.due_at)
        case "project":
            project = await session.scalar(select(Project).where(col(Project.id) == run.project_id))
            limit = gates.places(project.concurrency if project is not None else None)
            before = await _count(
                session,
                col(OutboxEntry.project_id) == run.project_id,
                col(OutboxEntry.parked) == "project",
                col(OutboxEntry.run_id) < run.id,
            )
            said = f"Its project has at most {_runs(limit)} worked on at a time, and others were first."
            return Why(reason="limit", message=said, position=before + 1)
    zap = await session.scalar(select(Zap).where(col(Zap.id) == run.zap_id))
    limits = read_limits(zap.limits if zap is not None else None)
    limit = limits.concurrency.limit if limits.concurrency is not None else 0
    before = await _count(
        session,
        col(OutboxEntry.gate) == entry.gate,
        col(OutboxEntry.parked) == "limit",
        col(OutboxEntry.run_id) < run.id,
    )
    keyed = (
        " with the same key" if limits.concurrency is not None and limits.concurrency.key else ""
    )
    said = f"Its zap has at most {_runs(limit)}{keyed} at a time, and others were first."
    return Why(reason="limit", message=said, position=before + 1)


async def _why_sleeping(session: AsyncSession, run: Run, entry: OutboxEntry) -> Why:
    """What it waits for that comes next; of several kinds, people before zaps before clocks."""
    wakes = (await _wakes(session, [run.id])).get(run.id, {})
    if "approval" in wakes:
        said = "It waits for somebody to approve or reject."
        return Why(reason="waiting_for_approval", message=said, until=wakes["approval"])
    if "zap" in wakes:
        said = "It waits for a run of another zap to end."
        return Why(reason="waiting_for_zap", message=said)
    if "delay" in wakes:
        said = "It waits for a time that one of its steps named."
        return Why(reason="delay", message=said, until=wakes["delay"])
    said = "A step failed and is tried again then."
    return Why(reason="retry", message=said, until=entry.due_at)


async def _count(session: AsyncSession, *conditions: Any) -> int:
    query = select(func.count()).select_from(OutboxEntry).where(*conditions)
    return int((await session.execute(query)).scalar_one())


def _paused() -> Why:
    said = "Its zap is paused. It begins, in the order it came, when the zap is resumed."
    return Why(reason="paused", message=said)


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
