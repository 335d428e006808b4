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

from flowforge.infra.redaction import redact
from flowforge.models import Attempt, Event, OutboxEntry, Run, Version, Zap
from flowforge.services import approvals, attempts, drafts, events, figures, paging, run_filters
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.approvals import ApprovalView
from flowforge.services.attempts import AttemptView, ValueRef, milliseconds
from flowforge.services.paging import Page
from flowforge.services.run_filters import RunFilter

__all__ = ["AttemptView", "RunCounts", "RunDetail", "RunSummary", "ValueRef", "definitions_of"]

EVERYTHING = RunFilter()
# Of one status; what is beyond is said to be so many at least.
MOST_COUNTED = 10_000


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
    parent_run_id: str | None
    batch_id: str | None
    environment: str
    retries: int


class RunCounts(_View):
    """``by_status`` has every status, also those that no run is in. ``is_exact``: these are all of
    them, and not so many at least.
    """

    total: int
    by_status: dict[str, int]
    is_exact: bool


class RunDetail(_View):
    """A run with its attempts in the order they began: the first page of them.

    ``attempts`` takes the place of the summary's number; ``attempt_count`` keeps it, and
    ``attempts_next`` is the cursor of the following page. ``child_run_ids``: the runs that its steps
    called, by path; ``approvals``: what it asks. ``wake_at``: when a run that waits goes on.
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
    parent_run_id: str | None
    batch_id: str | None
    environment: str
    retries: int
    deadline_at: dt.datetime | None
    wake_at: dt.datetime | None
    reply: Any
    child_run_ids: dict[str, str]
    approvals: list[ApprovalView]
    attempts: Sequence[AttemptView]
    attempts_next: str | None
    trigger: dict[str, Any]
    definition: dict[str, Any]


async def list_runs(
    session: AsyncSession,
    actor: Actor,
    wanted: RunFilter = EVERYTHING,
    *,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[RunSummary]:
    """Runs of the project, newest first. Where words, a step or a code are sought, a page may be
    short, even empty, and have a next one: each looks at a bounded number of runs.

    Raises: NotFound for a zap that is not the project's, Invalid for a status that is none.
    """
    require(actor, Permission.READ)
    await run_filters.require_zap(session, actor, wanted)
    await run_filters.plan_afresh(session)
    below = paging.id_in(cursor) if cursor is not None else None
    floor = await run_filters.floor_of(session, actor.project_id, wanted, below=below)
    newest = run_filters.newest(actor.project_id, wanted, limit=limit + 1, below=below, floor=floor)
    found: Page[Run] = await paging.page(
        session,
        select(Run).where(col(Run.id).in_(newest)),
        Run.id,
        limit=limit,
        cursor=cursor,
        view=lambda run: run,
    )
    following = found.next
    if following is None and floor is not None:
        following = paging.cursor_behind(floor)
    return Page(data=await _summaries(session, found.data), next=following)


async def count_runs(session: AsyncSession, actor: Actor, wanted: RunFilter) -> RunCounts:
    """How many runs the same filter finds, by status: up to ``MOST_COUNTED`` of each, and only as
    far back as one page of the list looks.
    """
    require(actor, Permission.READ)
    await run_filters.require_zap(session, actor, wanted)
    await run_filters.plan_afresh(session)
    floor = await run_filters.floor_of(session, actor.project_id, wanted)
    query = run_filters.counted(actor.project_id, wanted, most=MOST_COUNTED + 1, floor=floor)
    by_status = dict.fromkeys(figures.STATUSES, 0)
    for status, number in (await session.execute(query)).all():
        by_status[status] += number
    is_exact = floor is None and max(by_status.values()) <= MOST_COUNTED
    by_status = {status: min(number, MOST_COUNTED) for status, number in by_status.items()}
    return RunCounts(total=sum(by_status.values()), by_status=by_status, is_exact=is_exact)


async def get_run(session: AsyncSession, actor: Actor, run_id: str) -> RunDetail:
    """One run, also of a zap that was deleted."""
    require(actor, Permission.READ)
    run = await own(session, actor, Run, run_id)
    (summary,) = await _summaries(session, [run])
    definition = (await definitions_of(session, [run])).get((run.zap_id, run.version), {})
    page = await attempts.page_of(session, run, definition)
    return RunDetail(
        **summary.model_dump(exclude={"attempts"}),
        attempt_count=summary.attempts,
        deadline_at=run.deadline_at,
        wake_at=await _wake_at(session, run),
        reply=redact(run.reply),
        child_run_ids=await _children(session, run),
        approvals=await approvals.of_run(session, actor, run.id),
        attempts=page.data,
        attempts_next=page.next,
        trigger=await events.trigger_of(await own(session, actor, Event, run.event_id)),
        definition=drafts.without_secrets(definition),
    )


async def _wake_at(session: AsyncSession, run: Run) -> dt.datetime | None:
    """When a run that waits goes on by itself."""
    if run.status != "waiting":
        return None
    found: dt.datetime | None = await session.scalar(
        select(col(OutboxEntry.due_at)).where(col(OutboxEntry.run_id) == run.id)
    )
    return found


async def _children(session: AsyncSession, run: Run) -> dict[str, str]:
    """The runs that steps of ``run`` called, by path: the last one where one was called again."""
    query = select(col(Run.parent_path), col(Run.id)).where(col(Run.parent_run_id) == run.id)
    rows = await session.execute(query.order_by(col(Run.id)))
    return {path: run_id for path, run_id in rows.all() if path is not None}


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
            duration_ms=milliseconds(run.started_at or run.created_at, run.finished_at),
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
