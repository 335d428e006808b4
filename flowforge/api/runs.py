"""Routes of ``/api/v1/runs``: the history, one run with its values, ending it and running it again."""

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from flowforge.api import doors
from flowforge.api.lists import Cursor, Limit, Listed, Search, listed
from flowforge.services import attempts, ending, paging, replays, retries, runs
from flowforge.services.access import Actor, Permission
from flowforge.services.attempts import AttemptPage
from flowforge.services.retries import Again
from flowforge.services.run_filters import Environment, RunFilter
from flowforge.services.runs import RunCounts, RunDetail, RunSummary

router = APIRouter(prefix="/api/v1", tags=["runs"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]
Status = Annotated[
    str | None, Query(max_length=200, description="One or more, separated by commas")
]
ZapId = Annotated[str | None, Query(max_length=100)]
StepId = Annotated[
    str | None, Query(max_length=100, description="The id of a step that the run failed at")
]
ErrorCode = Annotated[str | None, Query(max_length=100)]


class Begun(BaseModel):
    """The run that was begun."""

    run_id: str


class RetriedRun(RunDetail):
    """The run that goes on: the same one, opened again, or a new one with ``replay_of``."""

    run_id: str


def wanted_runs(
    *,
    zap_id: ZapId = None,
    status: Status = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    q: Search = None,
    failed_step: StepId = None,
    error_code: ErrorCode = None,
    environment: Environment = "production",
) -> RunFilter:
    """The filter that a query names."""
    return RunFilter(
        zap_id=zap_id,
        status=status,
        since=since,
        until=until,
        q=q,
        failed_step=failed_step,
        error_code=error_code,
        environment=environment,
    )


Wanted = Annotated[RunFilter, Depends(wanted_runs)]


@router.get("/runs")
async def list_runs(
    actor: Reader,
    session: doors.Reading,
    wanted: Wanted,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[RunSummary]:
    """Newest first. ``q``: the whole id of a run or of its event; or ``key:`` and the whole dedupe key
    of its event; or a part of the run's id, of its error's message, of its event or of what a step
    gave. For such a part, a step or a code, a page looks at a bounded number of runs: it may be
    short, even empty, and have a next one.
    """
    return listed(await runs.list_runs(session, actor, wanted, limit=limit, cursor=cursor))


@router.get("/runs/counts")
async def count_runs(actor: Reader, session: doors.Reading, wanted: Wanted) -> RunCounts:
    """How many runs the same filter finds, by status. Of each up to 10,000 are counted, and with a
    part that is sought, a step or a code only as far back as one page of the list looks: then
    ``is_exact`` is false, and these are so many at least.
    """
    return await runs.count_runs(session, actor, wanted)


@router.get("/zaps/{zap_id}/runs")
async def list_runs_of_zap(
    *,
    actor: Reader,
    session: doors.Reading,
    zap_id: str,
    status: Status = None,
    environment: Environment = "production",
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[RunSummary]:
    wanted = RunFilter.model_construct(
        zap_id=zap_id,
        status=status,
        environment=environment,
    )
    return listed(await runs.list_runs(session, actor, wanted, limit=limit, cursor=cursor))


@router.get("/runs/{run_id}")
async def get_run(actor: Reader, session: doors.Reading, run_id: str) -> RunDetail:
    return await runs.get_run(session, actor, run_id)


@router.get("/runs/{run_id}/attempts")
async def list_attempts(
    *,
    actor: Reader,
    session: doors.Reading,
    run_id: str,
    path_prefix: Annotated[str | None, Query(max_length=500)] = None,
    status: Status = None,
    limit: Annotated[int, Query(description=f"1 to {attempts.MOST}")] = attempts.MOST,
    cursor: Cursor = None,
) -> AttemptPage:
    """In the order in which they began. A page also ends where its values are large together."""
    return await attempts.list_attempts(
        session,
        actor,
        run_id,
        path_prefix=path_prefix,
        status=status,
        limit=limit,
        cursor=cursor,
    )


@router.get(
    "/runs/{run_id}/attempts/{attempt_id}/{part}",
    response_class=StreamingResponse,
    responses={200: {"description": "Any JSON", "content": {"application/json": {}}}},
)
async def get_value(
    actor: Reader,
    session: doors.Reading,
    run_id: str,
    attempt_id: str,
    part: Literal["input", "output"],
) -> StreamingResponse:
    """All of an attempt's input or output, however large."""
    pieces = await attempts.value(session, actor, run_id, attempt_id, part)
    return StreamingResponse(pieces, media_type="application/json")


@router.post("/runs/{run_id}/cancel")
async def cancel(
    actor: Operator, running: doors.Running, session: doors.Transaction, run_id: str
) -> RunDetail:
    """Ends the run for good, also one that is running. 409 where it has ended already."""
    await ending.cancel(session, actor, running.signals, run_id)
    return await runs.get_run(session, actor, run_id)


@router.post("/runs/{run_id}/retry", status_code=202)
async def retry(
    actor: Operator,
    running: doors.Running,
    session: doors.Transaction,
    run_id: str,
    how: Again | None = None,
) -> RetriedRun:
    """Goes on from where the run failed; or runs anew from the start, or from one of its steps."""
    found = await retries.retry(session, actor, running.signals, run_id, how or Again())
    run = await runs.get_run(session, actor, found)
    return RetriedRun(**dict(run), run_id=found)


@router.post("/runs/{run_id}/replay", status_code=202)
async def replay(
    actor: Operator, running: doors.Running, session: doors.Transaction, run_id: str
) -> Begun:
    """A new run of the live version, with what the old one was begun with."""
    return Begun(run_id=await replays.replay(session, actor, running.signals, run_id))
