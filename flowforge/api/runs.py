"""Routes of ``/api/v1/runs``: the history, one run, and ending it."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query

from flowforge.api import doors
from flowforge.api.lists import Cursor, Limit, Listed, Search, listed
from flowforge.services import execution, paging, runs
from flowforge.services.access import Actor, Permission
from flowforge.services.runs import RunDetail, RunSummary

router = APIRouter(prefix="/api/v1", tags=["runs"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]
Status = Annotated[
    str | None, Query(max_length=200, description="One or more, separated by commas")
]
ZapId = Annotated[str | None, Query(max_length=100)]


@router.get("/runs")
async def list_runs(
    *,
    actor: Reader,
    session: doors.Reading,
    zap_id: ZapId = None,
    status: Status = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    q: Search = None,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[RunSummary]:
    """Newest first. ``q``: a part of the run's id or of its error's message."""
    page = await runs.list_runs(
        session,
        actor,
        zap_id=zap_id,
        status=status,
        since=since,
        until=until,
        q=q,
        limit=limit,
        cursor=cursor,
    )
    return listed(page)


@router.get("/zaps/{zap_id}/runs")
async def list_runs_of_zap(
    *,
    actor: Reader,
    session: doors.Reading,
    zap_id: str,
    status: Status = None,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[RunSummary]:
    page = await runs.list_runs(
        session, actor, zap_id=zap_id, status=status, limit=limit, cursor=cursor
    )
    return listed(page)


@router.get("/runs/{run_id}")
async def get_run(actor: Reader, session: doors.Reading, run_id: str) -> RunDetail:
    return await runs.get_run(session, actor, run_id)


@router.post("/runs/{run_id}/cancel")
async def cancel(
    actor: Operator, running: doors.Running, session: doors.Transaction, run_id: str
) -> RunDetail:
    """Ends the run for good, also one that is running. 409 where it has ended already."""
    await execution.cancel(session, actor, running.signals, run_id)
    return await runs.get_run(session, actor, run_id)
