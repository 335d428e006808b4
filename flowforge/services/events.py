"""The inbox: everything a zap's trigger received, and what became of it."""

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import col

from flowforge.errors import Malformed
from flowforge.infra import runtime
from flowforge.infra.redaction import redact
from flowforge.models import Event, Run, Zap
from flowforge.services import paging, payload
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.paging import Page

_HEAVY: tuple[Any, ...] = (Event.raw, Event.body, Event.headers, Event.query)


class EventSummary(BaseModel):
    """A line of the inbox. ``verdict``: accepted, duplicate, rejected, held or filtered."""

    model_config = ConfigDict(frozen=True)

    id: str
    zap_id: str
    trigger: str
    verdict: str
    reason: str | None
    dedupe_key: str | None
    duplicate_of: str | None
    method: str
    source_ip: str
    content_type: str
    size: int
    received_at: dt.datetime


class EventView(EventSummary):
    """An event with what it carried. Headers that are secrets are redacted; ``run_ids`` of a
    duplicate are those of the event it repeats.
    """

    headers: dict[str, Any]
    query: dict[str, Any]
    body: Any
    raw_body: str | None
    run_ids: list[str]


async def list_events(
    session: AsyncSession,
    actor: Actor,
    zap_id: str,
    *,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[EventSummary]:
    """What the zap received, newest first."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    query = (
        select(Event)
        .where(col(Event.zap_id) == zap.id)
        # A page of bodies could be gigabytes.
        .options(*(defer(each) for each in _HEAVY))
    )
    return await paging.page(session, query, Event.id, limit=limit, cursor=cursor, view=_summary)


async def get_event(session: AsyncSession, actor: Actor, event_id: str) -> EventView:
    require(actor, Permission.READ)
    event = await own(session, actor, Event, event_id)
    accepted_id = event.duplicate_of or event.id
    run_ids = await session.scalars(
        select(col(Run.id)).where(col(Run.event_id) == accepted_id).order_by(col(Run.id))
    )
    received = await trigger_of(event)
    return EventView(
        **_summary(event).model_dump(),
        headers=received["headers"],
        query=received["query"],
        body=received["body"],
        raw_body=received["raw_body"],
        run_ids=list(run_ids),
    )


async def trigger_of(event: Event) -> dict[str, Any]:
    """``{method, headers, query, body, raw_body}`` for a person's eyes: what a step sees, secret
    headers redacted; a body that could not be read is its text. The caller owns the event.
    """
    raw = await raw_of(event)
    try:
        data = payload.trigger_data(event, raw)
    except Malformed:
        text = payload.read_text(raw)
        data = {"method": event.method, "body": text, "raw_body": text}
    data["headers"] = redact(event.headers or {})
    data["query"] = redact(event.query or {})
    return data


async def raw_of(event: Event) -> bytes:
    """The bytes that came, from the row or, where large, from their blob."""
    if event.blob_key is not None:
        return await runtime.current().blobs.get(event.blob_key)
    return event.raw or b""


def _summary(event: Event) -> EventSummary:
    return EventSummary.model_validate(event, from_attributes=True)
