"""Routes of the inbox: what a zap received, and what became of it."""

from typing import Annotated

from fastapi import APIRouter

from flowforge.api import doors
from flowforge.api.lists import Cursor, Limit, Listed, listed
from flowforge.services import events, paging
from flowforge.services.access import Actor, Permission
from flowforge.services.events import EventSummary, EventView

router = APIRouter(prefix="/api/v1", tags=["events"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]


@router.get("/zaps/{zap_id}/events")
async def list_events(
    actor: Reader,
    session: doors.Reading,
    zap_id: str,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[EventSummary]:
    return listed(await events.list_events(session, actor, zap_id, limit=limit, cursor=cursor))


@router.get("/events/{event_id}")
async def get_event(actor: Reader, session: doors.Reading, event_id: str) -> EventView:
    return await events.get_event(session, actor, event_id)
