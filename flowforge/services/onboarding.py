"""The first five minutes: four steps from an empty project to a run, each ticked by what there is.

Promises: a tick is a fact of the database, never a memory of a click; what was ended, by its owner or
by being complete, comes back never. Looking costs two statements, and one once it is ended.
"""

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra import runtime
from flowforge.infra.db import utc_now
from flowforge.models import Event, Run, User, Zap
from flowforge.services import figures, search
from flowforge.services.access import Actor, Permission, require

_WEBHOOK = '{"kind":"webhook"'
_EXAMPLE = "-H 'Content-Type: application/json' -d '{\"name\": \"Ada\"}'"


class FirstSteps(BaseModel):
    """What was done in the project. ``zap_id``: its newest zap that a webhook fires, whose ``curl``
    sends it a request; ``run_id``: the newest run that ended. All three may be empty.
    """

    model_config = ConfigDict(frozen=True)

    has_zap: bool
    has_event: bool
    is_published: bool
    run_id: str
    zap_id: str
    curl: str

    @property
    def is_complete(self) -> bool:
        return self.has_zap and self.has_event and self.is_published and self.run_id != ""


async def of(session: AsyncSession, actor: Actor) -> FirstSteps | None:
    """None once they are ended."""
    require(actor, Permission.READ)
    ended_at = await session.scalar(
        select(col(User.first_steps_ended_at)).where(col(User.id) == actor.user_id)
    )
    if ended_at is not None:
        return None
    mine = col(Zap.project_id) == actor.project_id
    newest = (
        select(func.max(col(Zap.id)))
        .where(mine, col(Zap.deleted_at).is_(None), search.begins(Zap.trigger, _WEBHOOK))
        .scalar_subquery()
    )
    ended = select(func.max(col(Run.id))).where(
        col(Run.project_id) == actor.project_id,
        col(Run.environment) == "production",
        col(Run.status).in_(figures.ENDED),
    )
    row = (
        await session.execute(
            select(
                exists().where(mine),
                exists().where(col(Event.project_id) == actor.project_id),
                exists().where(mine, col(Zap.live_version).is_not(None)),
                ended.scalar_subquery(),
                col(Zap.id),
                col(Zap.owner_id),
                col(Zap.hook_id),
            )
            .select_from(User)
            .outerjoin(Zap, and_(mine, col(Zap.id) == newest))
            .where(col(User.id) == actor.user_id)
        )
    ).one()
    has_zap, has_event, is_published, run_id, zap_id, owner_id, hook_id = row
    return FirstSteps(
        has_zap=has_zap,
        has_event=has_event,
        is_published=is_published,
        run_id=run_id or "",
        zap_id=zap_id or "",
        curl=_curl(owner_id, hook_id) if zap_id else "",
    )


async def end(session: AsyncSession, actor: Actor) -> None:
    """For this person, for good."""
    require(actor, Permission.READ)
    await session.execute(
        update(User)
        .where(col(User.id) == actor.user_id, col(User.first_steps_ended_at).is_(None))
        .values(first_steps_ended_at=utc_now())
    )


def _curl(owner_id: int, hook_id: str) -> str:
    base = runtime.current().settings.effective_public_url
    return f"curl {base}/hooks/catch/{owner_id}/{hook_id} {_EXAMPLE}"
