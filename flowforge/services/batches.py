"""Batches: many old runs to be run again, or ended, or events to be run, one page at a time.

Promises: a batch is about the runs (or events) that there were when it was made, and never about
its own; a page and the place where the next begins commit together, so that whoever dies, none is
taken twice or left out; what one of it is refused for is counted by its reason.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict, Invalid, NotFound
from flowforge.infra.db import utc_now
from flowforge.infra.signals import Signals
from flowforge.models import Batch, Run
from flowforge.services import (
    ending,
    event_batches,
    figures,
    leases,
    paging,
    replays,
    retries,
    run_filters,
)
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.event_filters import EventFilter
from flowforge.services.paging import Page
from flowforge.services.plans import Plans
from flowforge.services.replays import Terms
from flowforge.services.retries import Again
from flowforge.services.run_filters import RunFilter

OfRuns = Literal["replay", "cancel"]
Kind = Literal["replay", "cancel", "events"]

PAGE = 100
REPLAY = Again(begin=retries.START, version="live")


class Plan(BaseModel):
    """What a batch would be about: how many runs, begun from when to when; or events, received."""

    model_config = ConfigDict(frozen=True)

    count: int
    oldest: dt.datetime | None
    newest: dt.datetime | None


class BatchView(BaseModel):
    """``total``: runs (or, of kind ``events``, events) that were meant when it was made; of those ``started`` were run again (or
    ended), ``failed`` were not, for the reasons in ``refused`` (code -> number). ``status``: running,
    done or cancelled; what a cancelled one had started goes on.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: Kind
    filter: dict[str, Any]
    mode: dict[str, Any] | None
    status: str
    total: int
    started: int
    failed: int
    refused: dict[str, int]
    created_at: dt.datetime
    finished_at: dt.datetime | None


async def plan(
    session: AsyncSession, actor: Actor, kind: OfRuns, wanted: RunFilter, how: Again = REPLAY
) -> Plan:
    """What the same request would do, without doing it."""
    require(actor, Permission.OPERATE)
    count, oldest, newest, _ = await _measure(session, actor, kind, wanted, how)
    return Plan(count=count, oldest=oldest, newest=newest)


async def start(
    session: AsyncSession, actor: Actor, kind: OfRuns, wanted: RunFilter, how: Again = REPLAY
) -> str:
    """Have all runs that fit run again, or end; the batch's id. Workers do it, page by page.

    Raises: Invalid for a filter that says nothing; Conflict where no run fits.
    """
    require(actor, Permission.OPERATE)
    count, _, _, last = await _measure(session, actor, kind, wanted, how)
    if not count:
        raise Conflict("No run fits this filter.", code="nothing_to_do")
    request = {
        "kind": kind,
        "filter": wanted.model_dump(mode="json", exclude_none=True),
        "mode": how.model_dump(by_alias=True, exclude={"inputs"}) if kind == "replay" else None,
        "last": last,
    }
    return await _keep(session, actor, request, count)


async def plan_events(session: AsyncSession, actor: Actor, wanted: EventFilter) -> Plan:
    """How many events ``start_events`` would run."""
    require(actor, Permission.OPERATE)
    found = await event_batches.measure(session, actor, wanted)
    return Plan(count=found.count, oldest=found.oldest, newest=found.newest)


async def start_events(session: AsyncSession, actor: Actor, wanted: EventFilter) -> str:
    """Have the live version run for all events that fit and can; the batch's id.

    Raises: Invalid for a filter that says nothing; Conflict where no event fits.
    """
    require(actor, Permission.OPERATE)
    found = await event_batches.measure(session, actor, wanted)
    if not found.count:
        raise Conflict("No event that can run fits this filter.", code="nothing_to_do")
    request = {
        "kind": "events",
        "filter": wanted.model_dump(mode="json", exclude_none=True),
        "mode": None,
        "last": found.last,
        "floor": found.floor,
    }
    return await _keep(session, actor, request, found.count)


async def list_batches(
    session: AsyncSession,
    actor: Actor,
    *,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[BatchView]:
    require(actor, Permission.READ)
    query = select(Batch).where(col(Batch.project_id) == actor.project_id)
    return await paging.page(session, query, Batch.id, limit=limit, cursor=cursor, view=_view)


async def get_batch(session: AsyncSession, actor: Actor, batch_id: str) -> BatchView:
    require(actor, Permission.READ)
    return _view(await own(session, actor, Batch, batch_id))


async def cancel(session: AsyncSession, actor: Actor, batch_id: str) -> BatchView:
    """Start nothing more of it. What it has started goes on.

    Raises: Conflict where it is over.
    """
    require(actor, Permission.OPERATE)
    # Locked: a page that is being worked on counts.
    batch = await session.scalar(
        select(Batch)
        .where(col(Batch.id) == batch_id, col(Batch.project_id) == actor.project_id)
        .with_for_update()
    )
    if batch is None:
        raise NotFound("Batch not found")
    if batch.status != "running":
        raise Conflict(f"The batch is over: {batch.status}.", code="batch_ended")
    batch.status, batch.finished_at = "cancelled", utc_now()
    await session.flush()
    return _view(batch)


async def is_any_running(session: AsyncSession) -> bool:
    """Whether there is anything for ``work``: looked at without taking a lock."""
    query = select(col(Batch.id)).where(col(Batch.status) == "running").limit(1)
    return await session.scalar(query) is not None


async def work(session: AsyncSession, signals: Signals) -> bool:
    """Deal with one page of some batch; False where none has anything left to do.

    A batch that another worker has in hand is passed over.
    """
    batch = await session.scalar(
        select(Batch)
        .where(col(Batch.status) == "running")
        # A large batch must not keep the others from beginning.
        .order_by(func.random())
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if batch is None:
        return False
    met, refused = await _next(session, signals, batch)
    batch.failed += refused.total()
    batch.started += len(met) - refused.total()
    counted = Counter(batch.request["refused"]) + refused
    batch.request = {**batch.request, "refused": dict(counted)}
    if met:
        batch.cursor = met[-1]
    if len(met) < PAGE:
        batch.status, batch.finished_at = "done", utc_now()
    await session.flush()
    return True


async def _keep(session: AsyncSession, actor: Actor, request: dict[str, Any], total: int) -> str:
    batch = Batch(
        project_id=actor.project_id,
        created_by=actor.user_id,
        request={**request, "refused": {}},
        total=total,
    )
    session.add(batch)
    await session.flush()
    return batch.id


async def _next(
    session: AsyncSession, signals: Signals, batch: Batch
) -> tuple[list[str], Counter[str]]:
    """Deal with the next page: the ids of what was met there, and what was refused."""
    if batch.request["kind"] == "events":
        events = await event_batches.page(session, batch, PAGE)
        ids = [event.id for event in events]
        return ids, await event_batches.replay(session, signals, batch, events)
    runs = await _page(session, batch)
    return [run.id for run in runs], await _deal_with(session, signals, batch, runs)


async def _page(session: AsyncSession, batch: Batch) -> Sequence[Run]:
    wanted = RunFilter.model_validate(batch.request["filter"])
    query = select(Run).where(
        *_meant(batch.project_id, batch.request["kind"], wanted, _mode(batch)),
        col(Run.id) <= batch.request["last"],
        or_(col(Run.batch_id).is_(None), col(Run.batch_id) != batch.id),
    )
    if batch.cursor is not None:
        query = query.where(col(Run.id) > batch.cursor)
    return (await session.scalars(query.order_by(col(Run.id)).limit(PAGE))).all()


async def _deal_with(
    session: AsyncSession, signals: Signals, batch: Batch, runs: Sequence[Run]
) -> Counter[str]:
    """Run these again, or end them; how many were refused, by the code of the reason."""
    if batch.request["kind"] == "cancel":
        ended = await ending.end(session, [run.id for run in runs])
        ending.tell(session, signals, ended)
        late = sum(run.id not in ended.run_ids for run in runs)
        return Counter({"run_ended": late} if late else {})
    terms = Terms(priority=leases.PATIENT, batch_id=batch.id, plans=Plans())
    how = _mode(batch)
    refused: Counter[str] = Counter()
    begun = []
    for run in runs:
        try:
            # What one is refused for must not undo what was written for the others.
            async with session.begin_nested():
                begun.append(await retries.again(session, run, how, terms))
        except (Conflict, Invalid, NotFound) as problem:
            refused[problem.code] += 1
    replays.tell(session, signals, *begun)
    return refused


async def _measure(
    session: AsyncSession, actor: Actor, kind: OfRuns, wanted: RunFilter, how: Again
) -> tuple[int, dt.datetime | None, dt.datetime | None, str | None]:
    """How many runs are meant, from when to when, and the last of them."""
    if wanted.says_nothing:
        message = "Say which runs are meant: by zap, status, time or another of the filters."
        raise Invalid(message, details=[{"path": "filter", "message": message}])
    if how.inputs is not None:
        message = "Inputs are edited for one run at a time."
        raise Invalid(message, details=[{"path": "mode.inputs", "message": message}])
    await run_filters.require_zap(session, actor, wanted)
    found = await session.execute(
        select(
            func.count(),
            func.min(col(Run.created_at)),
            func.max(col(Run.created_at)),
            func.max(col(Run.id)),
        ).where(*_meant(actor.project_id, kind, wanted, how))
    )
    count, oldest, newest, last = found.one()
    return count, oldest, newest, last


def _meant(project_id: str, kind: Kind, wanted: RunFilter, how: Again) -> list[Any]:
    """Only what can be run again, or ended, at all."""
    if kind == "cancel":
        able: Sequence[str] = ending.LIVE
    else:
        able = retries.RETRIED if how.begin == retries.FAILED else figures.ENDED
    return [*run_filters.conditions(project_id, wanted), col(Run.status).in_(able)]


def _mode(batch: Batch) -> Again:
    return Again.model_validate(batch.request["mode"] or {})


def _view(batch: Batch) -> BatchView:
    request = batch.request
    return BatchView(
        id=batch.id,
        kind=request["kind"],
        filter=request["filter"],
        mode=request["mode"],
        status=batch.status,
        total=batch.total,
        started=batch.started,
        failed=batch.failed,
        refused=request["refused"],
        created_at=batch.created_at,
        finished_at=batch.finished_at,
    )
