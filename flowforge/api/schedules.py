"""Routes of schedules: when a zap fires next, what became of its times, a preview for whoever sets
one.
"""

from typing import Annotated

from fastapi import APIRouter

from flowforge.api import doors
from flowforge.api.lists import Cursor, Limit, Listed, listed
from flowforge.engine.triggers import ScheduleSettings
from flowforge.services import paging, schedules
from flowforge.services.access import Actor, Permission
from flowforge.services.schedules import Preview, ScheduleView, SlotView

router = APIRouter(prefix="/api/v1", tags=["schedules"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]


@router.get("/zaps/{zap_id}/schedule")
async def get_schedule(actor: Reader, session: doors.Reading, zap_id: str) -> ScheduleView:
    """When the zap fires next, the state of its timer, and its alarm."""
    return await schedules.get(session, actor, zap_id)


@router.get("/zaps/{zap_id}/slots")
async def list_slots(
    actor: Reader,
    session: doors.Reading,
    zap_id: str,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[SlotView]:
    """What became of each time at which the zap was due."""
    found = await schedules.list_slots(session, actor, zap_id, limit=limit, cursor=cursor)
    return listed(found)


@router.post("/schedules/preview")
async def preview_schedule(actor: Reader, body: ScheduleSettings) -> Preview:
    """The next five times of a schedule, and what it says in words."""
    return schedules.preview(body)
