"""Projects: the ones that a person belongs to, and how much of the house one may use."""

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import NotFound
from flowforge.infra.bulk import within
from flowforge.infra.db import after_commit
from flowforge.infra.signals import Signals
from flowforge.models import Member, Project
from flowforge.services import admission, gates
from flowforge.services.access import Actor, Permission, require


class ProjectView(BaseModel):
    """``concurrency``: how many of its runs may be worked on at a time, as its admin set it;
    ``places`` what holds, given the operator's own limit. Null: as many as there are.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    role: str
    concurrency: int | None
    places: int | None


async def list_projects(session: AsyncSession, actor: Actor) -> list[ProjectView]:
    """Those that the actor is a member of."""
    require(actor, Permission.READ)
    rows = await session.execute(
        select(Project, col(Member.role))
        .join(Member, col(Member.project_id) == col(Project.id))
        .where(col(Member.user_id) == actor.user_id)
        .order_by(col(Project.id))
    )
    return [_view(project, role) for project, role in rows.all()]


async def get(session: AsyncSession, actor: Actor, project_id: str) -> ProjectView:
    require(actor, Permission.READ)
    return _view(await _own(session, actor, project_id), actor.role)


async def set_concurrency(
    session: AsyncSession, actor: Actor, signals: Signals, project_id: str, limit: int | None
) -> ProjectView:
    """At most ``limit`` of its runs are worked on from now on; those at work go on. None: no limit
    but the operator's.
    """
    require(actor, Permission.MANAGE)
    project = await _own(session, actor, project_id)
    project.concurrency = limit
    await session.flush()
    await admission.leave(await within(session), [gates.project_gate(project.id)])

    async def ring() -> None:
        signals.send({f"project:{project.id}"}, wake=True)

    after_commit(session, ring)
    return _view(project, actor.role)


async def _own(session: AsyncSession, actor: Actor, project_id: str) -> Project:
    """The actor acts in one project at a time; any other is not there."""
    project = await session.scalar(
        select(Project).where(col(Project.id) == project_id, col(Project.id) == actor.project_id)
    )
    if project is None:
        raise NotFound("Project not found")
    return project


def _view(project: Project, role: str) -> ProjectView:
    return ProjectView(
        id=project.id,
        name=project.name,
        role=role,
        concurrency=project.concurrency,
        places=gates.places(project.concurrency) or None,
    )
