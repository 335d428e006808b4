"""Which runs are meant: one filter for lists, counts and batches, so that all three agree."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import NotFound
from flowforge.models import Run, Zap
from flowforge.services import figures, search
from flowforge.services.access import Actor

Environment = Literal["production", "test", "all"]
MOST_IDS = 1000


class RunFilter(BaseModel):
    """``status`` may name several, separated by commas; ``since <= created_at < until``; ``q`` is a
    part of the run's id or of its error's message, ``error_code`` the whole code of its error.
    Tests of drafts are left out, unless ``environment`` says otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    zap_id: Annotated[str | None, Field(max_length=100)] = None
    status: Annotated[str | None, Field(max_length=200)] = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    q: Annotated[str | None, Field(max_length=search.LONGEST)] = None
    ids: Annotated[
        list[Annotated[str, Field(max_length=100)]] | None, Field(max_length=MOST_IDS)
    ] = None
    error_code: Annotated[str | None, Field(max_length=100)] = None
    environment: Environment = "production"

    @property
    def says_nothing(self) -> bool:
        """Whether all runs are meant."""
        return not self.model_dump(exclude={"environment"}, exclude_none=True)


def conditions(project_id: str, wanted: RunFilter) -> list[Any]:
    """What holds of the rows of ``Run`` that are meant.

    Raises: Invalid for a status that is none.
    """
    found: list[Any] = [col(Run.project_id) == project_id]
    if wanted.environment != "all":
        found.append(col(Run.environment) == wanted.environment)
    if wanted.zap_id is not None:
        found.append(col(Run.zap_id) == search.storable(wanted.zap_id))
    if wanted.status:
        found.append(col(Run.status).in_(search.words(wanted.status, figures.STATUSES, "status")))
    if wanted.since is not None:
        found.append(col(Run.created_at) >= search.in_utc(wanted.since))
    if wanted.until is not None:
        found.append(col(Run.created_at) < search.in_utc(wanted.until))
    if wanted.q:
        found.append(
            search.contains(Run.id, wanted.q) | search.message_contains(Run.error, wanted.q)
        )
    if wanted.ids is not None:
        found.append(col(Run.id).in_([search.storable(each) for each in wanted.ids]))
    if wanted.error_code:
        # First what an index or a null answers: the code is taken out of a document's text.
        found.append(col(Run.error).is_not(None))
        found.append(search.code_of(Run.error) == search.storable(wanted.error_code))
    return found


async def require_zap(session: AsyncSession, actor: Actor, wanted: RunFilter) -> None:
    """Raises: NotFound for a zap that is not the project's; a deleted one is: history outlives it."""
    if wanted.zap_id is None:
        return
    known = await session.scalar(
        select(col(Zap.id)).where(
            col(Zap.id) == search.storable(wanted.zap_id), col(Zap.project_id) == actor.project_id
        )
    )
    if known is None:
        raise NotFound("Zap not found")
