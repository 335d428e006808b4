"""Routes of the inbox: what triggers received, why it did or did not run, and running it again."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from flowforge.api import doors
from flowforge.api.batches import StartedBatch
from flowforge.api.lists import Cursor, Limit, Listed, Search, listed
from flowforge.services import batches, events, paging, replays
from flowforge.services.access import Actor, Permission
from flowforge.services.batches import Plan
from flowforge.services.event_filters import EventFilter
from flowforge.services.events import EventSummary, EventView

router = APIRouter(prefix="/api/v1", tags=["events"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]
Words = Annotated[str | None, Query(max_length=200, description="One or more, separated by commas")]


class Replayed(BaseModel):
    """The run that the event began anew."""

    run_id: str


class ManyEvents(BaseModel):
    """``dry_run``: only say how many events are meant."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    filter: EventFilter
    dry_run: bool = False


def wanted_events(
    *,
    zap_id: Annotated[str | None, Query(max_length=100)] = None,
    verdict: Words = None,
    trigger: Words = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    q: Search = None,
) -> EventFilter:
    """The filter that a query names."""
    return EventFilter(
        zap_id=zap_id, verdict=verdict, trigger=trigger, since=since, until=until, q=q
    )


Wanted = Annotated[EventFilter, Depends(wanted_events)]


@router.get("/events")
async def list_events(
    actor: Reader,
    session: doors.Reading,
    wanted: Wanted,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[EventSummary]:
    """Newest first. ``q``: a part of the id, reason, dedupe key or body (up to 64 kB). A page of a
    search looks at a bounded number of events: it may be short and have a next one all the same.
    """
    return listed(await events.list_events(session, actor, wanted, limit=limit, cursor=cursor))


@router.get("/zaps/{zap_id}/events")
async def list_events_of_zap(
    actor: Reader,
    session: doors.Reading,
    zap_id: str,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[EventSummary]:
    wanted = EventFilter.model_construct(zap_id=zap_id)
    return listed(await events.list_events(session, actor, wanted, limit=limit, cursor=cursor))


@router.post("/events/replay")
async def replay_events(
    actor: Operator, session: doors.Transaction, body: ManyEvents
) -> Plan | StartedBatch:
    """Runs the live version for all that fit; with ``dry_run`` says how many these are. Rejected
    and repeated events are left out; filtered ones and tests where the filter does not name them.
    """
    if body.dry_run:
        return await batches.plan_events(session, actor, body.filter)
    return StartedBatch(batch_id=await batches.start_events(session, actor, body.filter))


@router.get("/events/{event_id}")
async def get_event(actor: Reader, session: doors.Reading, event_id: str) -> EventView:
    """With ``why``: its way from received to its steps, with the time of each station."""
    return await events.get_event(session, actor, event_id)


@router.get(
    "/events/{event_id}/raw",
    response_class=StreamingResponse,
    responses={200: {"description": "The bytes", "content": {"application/octet-stream": {}}}},
)
async def get_raw(actor: Reader, session: doors.Reading, event_id: str) -> StreamingResponse:
    """The bytes that came, as an attachment. 404 for uploads: their files are kept instead."""
    found = await events.raw_body(session, actor, event_id)
    headers = {**found.headers, "Content-Length": str(found.size)}
    return StreamingResponse(found.pieces, headers=headers)


@router.get(
    "/events/{event_id}/{part}",
    response_class=Response,
    responses={200: {"description": "Any JSON", "content": {"application/json": {}}}},
)
async def get_part(
    actor: Reader, session: doors.Reading, event_id: str, part: events.Part
) -> Response:
    """All of what steps see of it as ``trigger.body``, ``headers`` or ``query``, secrets taken out."""
    content = await events.part(session, actor, event_id, part)
    return Response(content, media_type="application/json")


@router.post("/events/{event_id}/replay", status_code=202)
async def replay(
    actor: Operator, running: doors.Running, session: doors.Transaction, event_id: str
) -> Replayed:
    """A run of the live version, also for an event that was held. 409 for one that was rejected or
    repeats another.
    """
    run_id = await replays.replay_event(session, actor, running.signals, event_id)
    return Replayed(run_id=run_id)
