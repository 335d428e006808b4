"""Routes about who begins when: the queue, why a run waits, pausing, workers, projects."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from flowforge.api import doors
from flowforge.services import pausing, projects, queue, waiting, workers
from flowforge.services.access import Actor, Permission
from flowforge.services.projects import ProjectView
from flowforge.services.queue import QueueView
from flowforge.services.waiting import Why
from flowforge.services.workers import WorkerView
from flowforge.services.zap_views import ZapView

router = APIRouter(prefix="/api/v1", tags=["queue"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]
Manager = Annotated[Actor, doors.permitted(Permission.MANAGE)]


class ProjectChange(BaseModel):
    """``concurrency``: runs worked on at a time; null: as many as the operator allows."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    concurrency: Annotated[StrictInt, Field(ge=1, le=100_000)] | None


class Projects(BaseModel):
    data: list[ProjectView]


class Workers(BaseModel):
    data: list[WorkerView]


@router.get("/queue")
async def get_queue(actor: Reader, session: doors.Reading) -> QueueView:
    """What the project owes now, and its failed runs of 30 days by reason."""
    return await queue.overview(session, actor)


@router.get("/workers")
async def list_workers(actor: Reader, session: doors.Reading) -> Workers:
    """The workers that were seen within the last minute."""
    return Workers(data=await workers.list_workers(session, actor))


@router.get("/runs/{run_id}/why")
async def why(actor: Reader, session: doors.Reading, run_id: str) -> Why:
    """What the run waits for."""
    return await waiting.why(session, actor, run_id)


@router.post("/zaps/{zap_id}/pause")
async def pause(actor: Operator, session: doors.Transaction, zap_id: str) -> ZapView:
    """Events are kept and their runs wait; what has begun goes on."""
    return await pausing.pause(session, actor, zap_id)


@router.post("/zaps/{zap_id}/resume")
async def resume(
    actor: Operator, running: doors.Running, session: doors.Transaction, zap_id: str
) -> ZapView:
    """What waited begins, in the order it came."""
    return await pausing.resume(session, actor, running.signals, zap_id)


@router.get("/projects")
async def list_projects(actor: Reader, session: doors.Reading) -> Projects:
    """The projects that you belong to."""
    return Projects(data=await projects.list_projects(session, actor))


@router.get("/projects/{project_id}")
async def get_project(actor: Reader, session: doors.Reading, project_id: str) -> ProjectView:
    return await projects.get(session, actor, project_id)


@router.patch("/projects/{project_id}")
async def change_project(
    *,
    actor: Manager,
    running: doors.Running,
    session: doors.Transaction,
    project_id: str,
    body: ProjectChange,
) -> ProjectView:
    """At most so many of its runs are worked on from now on; those at work go on."""
    return await projects.set_concurrency(
        session, actor, running.signals, project_id, body.concurrency
    )
