"""Routes about many runs at once: a plan with its number, the batch that does it, stopping it."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from flowforge.api import doors
from flowforge.api.lists import Cursor, Limit, Listed, listed
from flowforge.services import batches, paging
from flowforge.services.access import Actor, Permission
from flowforge.services.batches import BatchView, Plan
from flowforge.services.retries import Again
from flowforge.services.run_filters import RunFilter

router = APIRouter(prefix="/api/v1", tags=["runs"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]


class ManyRuns(BaseModel):
    """``dry_run``: only say how many runs are meant."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    filter: RunFilter
    dry_run: bool = False


class ManyReplays(ManyRuns):
    """``mode``: as for the retry of one run; without it every run is replayed."""

    mode: Again = batches.REPLAY


class StartedBatch(BaseModel):
    batch_id: str


@router.post("/runs/replay")
async def replay_runs(
    actor: Operator, session: doors.Transaction, body: ManyReplays
) -> Plan | StartedBatch:
    """Runs all that fit again, those that have ended; with ``dry_run`` says how many these are."""
    if body.dry_run:
        return await batches.plan(session, actor, "replay", body.filter, body.mode)
    found = await batches.start(session, actor, "replay", body.filter, body.mode)
    return StartedBatch(batch_id=found)


@router.post("/runs/cancel")
async def cancel_runs(
    actor: Operator, session: doors.Transaction, body: ManyRuns
) -> Plan | StartedBatch:
    """Ends all that fit and have not ended; with ``dry_run`` says how many these are."""
    if body.dry_run:
        return await batches.plan(session, actor, "cancel", body.filter)
    return StartedBatch(batch_id=await batches.start(session, actor, "cancel", body.filter))


@router.get("/batches")
async def list_batches(
    actor: Reader,
    session: doors.Reading,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[BatchView]:
    return listed(await batches.list_batches(session, actor, limit=limit, cursor=cursor))


@router.get("/batches/{batch_id}")
async def get_batch(actor: Reader, session: doors.Reading, batch_id: str) -> BatchView:
    return await batches.get_batch(session, actor, batch_id)


@router.post("/batches/{batch_id}/cancel")
async def cancel_batch(actor: Operator, session: doors.Transaction, batch_id: str) -> BatchView:
    """Starts nothing more of it; what it has started goes on."""
    return await batches.cancel(session, actor, batch_id)
