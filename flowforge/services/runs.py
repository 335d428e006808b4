"""Reading runs: lists that stay put while runs arrive, and one run with every attempt.

Promise: what is shown is what is stored, secrets taken out; a page costs a fixed number of queries.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Invalid, NotFound
from flowforge.models import Attempt, Event, Run, Version, Zap
from flowforge.services import drafts, events, figures, paging, search
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.paging import Page


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class RunSummary(_View):
    """A line of the history. ``steps`` counts the steps of the version, ``attempts`` the tries."""

    id: str
    zap_id: str
    zap_name: str
    version: int
    status: str
    event_id: str
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    duration_ms: int | None
    steps: int
    attempts: int
    error: dict[str, Any] | None
    replay_of: str | None


class AttemptView(_View):
    """One try of one step. ``retry_at``: when the next try of it is due."""

    id: str
    path: str
    step_id: str
    kind: str
    action: str | None
    name: str
    number: int
    status: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    duration_ms: int | None
    input: Any
    output: Any
    error: dict[str, Any] | None
    retry_at: dt.datetime | None


class RunDetail(_View):
    """A run with its attempts in the order they began.

    ``attempts`` takes the place of the summary's number; ``attempt_count`` keeps it.
    """

    id: str
    zap_id: str
    zap_name: str
    version: int
    status: str
    event_id: str
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    duration_ms: int | None
    steps: int
    attempt_count: int
    error: dict[str, Any] | None
    replay_of: str | None
    attempts: list[AttemptView]
    trigger: dict[str, Any]
    definition: dict[str, Any]


async def list_runs(
    session: AsyncSession,
    actor: Actor,
    *,
    zap_id: str | None = None,
    status: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    q: str | None = None,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[RunSummary]:
    """Runs of the project, newest first.

    ``status`` may name several, separated by commas; ``since <= created_at < until``; ``q`` is a
    part of the run's id or of its error's message.

    Raises: NotFound for a zap that is not the project's, Invalid for a status that is none.
    """
    require(actor, Permission.READ)
    query = select(Run).where(col(Run.project_id) == actor.project_id)
    if zap_id is not None:
        query = query.where(col(Run.zap_id) == await _known_zap(session, actor, zap_id))
    if status:
        query = query.where(col(Run.status).in_(_statuses(status)))
    if since is not None:
        query = query.where(col(Run.created_at) >= _in_utc(since))
    if until is not None:
        query = query.where(col(Run.created_at) < _in_utc(until))
    if q:
        query = query.where(search.contains(Run.id, q) | search.message_contains(Run.error, q))
    found: Page[Run] = await paging.page(
        session, query, Run.id, limit=limit, cursor=cursor, view=lambda run: run
    )
    return Page(data=await _summaries(session, found.data), next=found.next)


async def get_run(session: AsyncSession, actor: Actor, run_id: str) -> RunDetail:
    """One run, also of a zap that was deleted."""
    require(actor, Permission.READ)
    run = await own(session, actor, Run, run_id)
    (summary,) = await _summaries(session, [run])
    rows = await session.scalars(
        select(Attempt)
        .where(col(Attempt.run_id) == run.id)
        .order_by(col(Attempt.started_at), col(Attempt.id))
    )
    definition = (await definitions_of(session, [run])).get((run.zap_id, run.version), {})
    names = {step["id"]: drafts.step_name(step) for step in drafts.all_steps(definition)}
    shared = summary.model_dump(exclude={"attempts"})
    return RunDetail(
        **shared,
        attempt_count=summary.attempts,
        attempts=[_attempt(row, names.get(row.step_id, row.step_id)) for row in rows],
        trigger=await events.trigger_of(await own(session, actor, Event, run.event_id)),
        definition=drafts.without_secrets(definition),
    )


async def _known_zap(session: AsyncSession, actor: Actor, zap_id: str) -> str:
    """``zap_id`` if it is the project's, deleted or not: history outlives the zap."""
    found = await session.scalar(
        select(col(Zap.id)).where(col(Zap.id) == zap_id, col(Zap.project_id) == actor.project_id)
    )
    if found is None:
        raise NotFound("Zap not found")
    return found


def _statuses(given: str) -> list[str]:
    wanted = [part.strip() for part in given.split(",") if part.strip()]
    unknown = [part for part in wanted if part not in figures.STATUSES]
    if unknown or not wanted:
        message = f"must be one or more of {', '.join(figures.STATUSES)}"
        raise Invalid(f"status {message}", details=[{"path": "status", "message": message}])
    return wanted


def _in_utc(moment: dt.datetime) -> dt.datetime:
    """A time without a zone is taken as UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


async def _summaries(session: AsyncSession, runs: Sequence[Run]) -> list[RunSummary]:
    if not runs:
        return []
    ids = [run.id for run in runs]
    named = await session.execute(
        select(col(Zap.id), col(Zap.name)).where(col(Zap.id).in_({run.zap_id for run in runs}))
    )
    names = {zap_id: name for zap_id, name in named.all()}  # noqa: C416 - rows are not pairs
    counted = await session.execute(
        select(col(Attempt.run_id), func.count())
        .where(col(Attempt.run_id).in_(ids))
        .group_by(col(Attempt.run_id))
    )
    counts = {run_id: count for run_id, count in counted.all()}  # noqa: C416
    definitions = await definitions_of(session, runs)
    return [
        RunSummary(
            **run.model_dump(exclude={"project_id"}),
            zap_name=names.get(run.zap_id, ""),
            duration_ms=_milliseconds(run.started_at or run.created_at, run.finished_at),
            steps=len(drafts.all_steps(definitions.get((run.zap_id, run.version), {}))),
            attempts=counts.get(run.id, 0),
        )
        for run in runs
    ]


async def definitions_of(
    session: AsyncSession, runs: Sequence[Run]
) -> dict[tuple[str, int], dict[str, Any]]:
    """The definitions that these runs run, by zap id and version. The caller owns the runs."""
    wanted = {(run.zap_id, run.version) for run in runs}
    rows = await session.scalars(
        select(Version).where(tuple_(col(Version.zap_id), col(Version.number)).in_(list(wanted)))
    )
    return {(row.zap_id, row.number): row.definition for row in rows}


def _attempt(row: Attempt, name: str) -> AttemptView:
    return AttemptView(
        **row.model_dump(exclude={"run_id"}),
        name=name,
        duration_ms=_milliseconds(row.started_at, row.finished_at),
    )


def _milliseconds(begin: dt.datetime | None, end: dt.datetime | None) -> int | None:
    if begin is None or end is None:
        return None
    return max(0, round((end - begin).total_seconds() * 1000))
