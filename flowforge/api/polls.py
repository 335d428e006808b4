"""Routes of polls: how it stands with one, look now, look just to see."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from flowforge.api import doors
from flowforge.api.lists import Cursor, Limit
from flowforge.services import paging, poll_views, schedules
from flowforge.services.access import Actor, Permission
from flowforge.services.looking import looker
from flowforge.services.poll_views import PollState, Tried
from flowforge.services.schedules import SlotView

router = APIRouter(prefix="/api/v1/zaps", tags=["polls"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]
Editor = Annotated[Actor, doors.permitted(Permission.EDIT)]


class PollLedger(BaseModel):
    """``state`` is null where the zap does not poll. ``data``: its slots, newest first; looks in a
    row that found nothing share one, from ``planned_at`` of the first to ``fired_at`` of the last.
    """

    state: PollState | None
    data: Sequence[SlotView]
    next: str | None


@router.get("/{zap_id}/polls")
async def list_polls(
    actor: Reader,
    session: doors.Reading,
    zap_id: str,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PollLedger:
    """How it stands with the poll of a zap, and what its looks brought."""
    state = await poll_views.state(session, actor, zap_id)
    page = await schedules.list_slots(session, actor, zap_id, limit=limit, cursor=cursor)
    return PollLedger(state=state, data=page.data, next=page.next)


@router.post("/{zap_id}/poll", status_code=202)
async def poll_now(actor: Operator, session: doors.Transaction, zap_id: str) -> PollState:
    """Look at once. A look that fails shows in the ledger, as any other."""
    return await poll_views.poll_now(session, actor, zap_id)


@router.post("/{zap_id}/poll/test")
async def test_poll(actor: Editor, running: doors.Running, zap_id: str) -> Tried:
    """Look as the draft says, and show up to five of those that are there: nothing is stored."""
    async with running.db.reading() as session:
        settings = await poll_views.drafted(session, actor, zap_id)
    return await poll_views.try_out(looker(running), settings, zap_id)
