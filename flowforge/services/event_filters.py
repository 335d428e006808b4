"""Which events are meant: one filter for the inbox, plans and batches, so that all three agree."""

import datetime as dt
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import NotFound
from flowforge.models import Event, Zap
from flowforge.services import search
from flowforge.services.access import Actor

VERDICTS = ("accepted", "duplicate", "rejected", "held", "filtered")
TRIGGERS = ("webhook", "test", "manual", "form", "schedule", "poll", "app", "error")
MOST_IDS = 1000
# Reading bodies is what a search costs: so many events are looked at for one page.
WINDOW = 1000
LARGEST_SEARCHED = 64 * 1024


class EventFilter(BaseModel):
    """``verdict`` and ``trigger`` may name several, separated by commas; ``since <= received_at <
    until``; ``q`` is a part of the event's id, reason, dedupe key or body (up to 64 kB).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    zap_id: Annotated[str | None, Field(max_length=100)] = None
    verdict: Annotated[str | None, Field(max_length=200)] = None
    trigger: Annotated[str | None, Field(max_length=200)] = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    q: Annotated[str | None, Field(max_length=search.LONGEST)] = None
    ids: Annotated[
        list[Annotated[str, Field(max_length=100)]] | None, Field(max_length=MOST_IDS)
    ] = None

    @property
    def says_nothing(self) -> bool:
        """Whether all events are meant."""
        return not any(self.model_dump(exclude_none=True).values())


def conditions(project_id: str, wanted: EventFilter) -> list[Any]:
    """What holds of the rows of ``Event`` that are meant, but for the search.

    Raises: Invalid for a verdict or trigger that is none.
    """
    found: list[Any] = [col(Event.project_id) == project_id]
    if wanted.zap_id is not None:
        found.append(col(Event.zap_id) == search.storable(wanted.zap_id))
    if wanted.verdict:
        found.append(col(Event.verdict).in_(search.words(wanted.verdict, VERDICTS, "verdict")))
    if wanted.trigger:
        found.append(col(Event.trigger).in_(search.words(wanted.trigger, TRIGGERS, "trigger")))
    if wanted.since is not None:
        found.append(col(Event.received_at) >= search.in_utc(wanted.since))
    if wanted.until is not None:
        found.append(col(Event.received_at) < search.in_utc(wanted.until))
    if wanted.ids is not None:
        found.append(col(Event.id).in_([search.storable(each) for each in wanted.ids]))
    return found


def sought(words: str) -> Any:
    """The events that have ``words`` in them."""
    return or_(
        search.contains(Event.id, words),
        search.contains(Event.reason, words),
        search.contains(Event.dedupe_key, words),
        search.document_contains(Event.body, words),
        and_(col(Event.size) <= LARGEST_SEARCHED, search.bytes_contain(Event.raw, words)),
    )


async def floor_of(
    session: AsyncSession, among: list[Any], *, below: str | None, window: int
) -> str | None:
    """The id at which a look at ``window`` events, the newest ``below`` that id, ends; None where
    there are not so many.
    """
    query = select(col(Event.id)).where(*among)
    if below is not None:
        query = query.where(col(Event.id) < below)
    found: str | None = await session.scalar(
        query.order_by(col(Event.id).desc()).offset(window - 1).limit(1)
    )
    return found


async def require_zap(session: AsyncSession, actor: Actor, wanted: EventFilter) -> None:
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
