"""What stands for a zap's trigger while it is built: the newest event, one that a person chose, or
data written by hand.

Promise: a chosen event that is gone gives way to the newest one; the data picker, the test of a step
and a test run all see the same.
"""

import datetime as dt
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import case, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only
from sqlmodel import col

from flowforge.errors import Conflict, Invalid, Malformed, NotFound
from flowforge.infra import documents
from flowforge.infra.db import utc_now
from flowforge.infra.redaction import redact
from flowforge.models import Event, Sample, Zap
from flowforge.services import events, payload, zaps
from flowforge.services.access import Actor, Permission, own, require

MOST_LISTED = 50
LARGEST_BYTES = 256 * 1024
LONGEST_PREVIEW = 160
# Of what is larger no beginning is shown: what is secret in it could not be told.
LARGEST_LOOKED_AT = 16 * 1024
# No step can have this id.
PLACE = "@trigger"
_MAY_STAND = ("accepted", "held", "filtered")
_NEWEST = ("accepted", "held")
_TOLD = ("id", "trigger", "verdict", "method", "size", "received_at")
_COLUMNS = (*_TOLD, "content_type")


class EventLine(BaseModel):
    """One of the last events: ``preview`` is the beginning of its body, secrets taken out;
    ``is_sample``: a person has chosen it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    trigger: str
    verdict: str
    method: str
    size: int
    received_at: dt.datetime
    preview: str
    is_sample: bool


class Stands(NamedTuple):
    """What stands for the trigger. ``event`` None: ``body`` does, which is None where nothing came
    yet. ``is_chosen``: a person said so.
    """

    event: Event | None = None
    body: Any = None
    is_chosen: bool = False


async def of(session: AsyncSession, zap: Zap) -> Stands:
    """The caller owns the zap."""
    row = await session.scalar(
        select(Sample).where(col(Sample.zap_id) == zap.id, col(Sample.step_id) == PLACE)
    )
    chosen = None if row is None else row.input
    if isinstance(chosen, dict) and "event_id" in chosen:
        event = await _event(session, zap, chosen["event_id"])
        if event is not None:
            return Stands(event, is_chosen=True)
    elif row is not None:
        return Stands(body=row.output, is_chosen=True)
    newest: Event | None = await session.scalar(
        select(Event)
        .where(col(Event.zap_id) == zap.id, col(Event.verdict).in_(_NEWEST))
        .order_by(col(Event.id).desc())
        .limit(1)
    )
    return Stands(newest)


async def shown(session: AsyncSession, zap: Zap) -> dict[str, Any] | None:
    """``{method, headers, query, body, raw_body}`` for a person's eyes; None for nothing yet."""
    found = await of(session, zap)
    if found.event is not None:
        received = await events.trigger_of(found.event)
        return received | {"body": redact(received["body"])}
    return _by_hand(redact(found.body)) if found.is_chosen else None


async def value(session: AsyncSession, zap: Zap) -> dict[str, Any]:
    """What the steps of a run that it began would see."""
    found = await of(session, zap)
    if found.event is None:
        return _by_hand(found.body) if found.is_chosen else _by_hand(None) | {"raw_body": ""}
    try:
        return dict(payload.trigger_data(found.event, await events.raw_of(found.event)))
    except Malformed:
        return await events.trigger_of(found.event)


async def last_events(session: AsyncSession, actor: Actor, zap_id: str) -> list[EventLine]:
    """The last events that may stand for the trigger, newest first."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    found = await of(session, zap)
    chosen_id = found.event.id if found.event is not None and found.is_chosen else None
    raw = case((col(Event.size) <= LARGEST_LOOKED_AT, col(Event.raw)))
    rows = await session.execute(
        select(Event, raw)
        .where(col(Event.zap_id) == zap.id, col(Event.verdict).in_(_MAY_STAND))
        .options(load_only(*(getattr(Event, name) for name in _COLUMNS)))
        .order_by(col(Event.id).desc())
        .limit(MOST_LISTED)
    )
    return [
        EventLine(
            **{name: getattr(event, name) for name in _TOLD},
            preview=_preview(body, event.content_type),
            is_sample=chosen_id == event.id,
        )
        for event, body in rows
    ]


async def by_hand(session: AsyncSession, actor: Actor, zap_id: str) -> tuple[bool, Any]:
    """Whether data that somebody wrote stands for the trigger, and that data, secrets taken out."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    found = await of(session, zap)
    return found.is_chosen and found.event is None, redact(found.body)


async def body(session: AsyncSession, actor: Actor, zap_id: str) -> Any:
    """``trigger.body`` of what stands for the trigger now, secrets taken out; {} for nothing."""
    require(actor, Permission.READ)
    found = await shown(session, await own(session, actor, Zap, zap_id))
    return redact(found["body"]) if found is not None else {}


async def choose(session: AsyncSession, actor: Actor, zap_id: str, event_id: str) -> None:
    """The event stands for the trigger from now on.

    Raises: NotFound for one that is not the zap's, Conflict for one that was turned away.
    """
    require(actor, Permission.EDIT)
    zap = await zaps.locked(session, actor, zap_id)
    event = await _event(session, zap, event_id)
    if event is None:
        raise NotFound("Event not found")
    if event.verdict not in _MAY_STAND:
        raise Conflict(f"This event was {event.verdict}: it is no sample.", code="event_rejected")
    await _keep(session, zap, {"event_id": event.id}, None)


async def write(session: AsyncSession, actor: Actor, zap_id: str, body: Any) -> None:
    """``body`` stands for ``trigger.body`` from now on, whatever comes in.

    Raises: Invalid for more than 256 KB.
    """
    require(actor, Permission.EDIT)
    zap = await zaps.locked(session, actor, zap_id)
    if len(documents.dump(body).encode()) > LARGEST_BYTES:
        said = f"More than {LARGEST_BYTES // 1024} KB are no sample. Leave out what is alike."
        raise Invalid(said, details=[{"path": "data", "message": said}])
    await _keep(session, zap, {"by_hand": True}, body)


async def forget(session: AsyncSession, actor: Actor, zap_id: str) -> None:
    """The newest event stands for the trigger again."""
    require(actor, Permission.EDIT)
    zap = await zaps.locked(session, actor, zap_id)
    await session.execute(
        delete(Sample).where(col(Sample.zap_id) == zap.id, col(Sample.step_id) == PLACE)
    )


async def _keep(session: AsyncSession, zap: Zap, chosen: dict[str, Any], output: Any) -> None:
    await session.merge(
        Sample(
            zap_id=zap.id,
            step_id=PLACE,
            project_id=zap.project_id,
            input=chosen,
            output=output,
            updated_at=utc_now(),
        )
    )
    await session.flush()


async def _event(session: AsyncSession, zap: Zap, event_id: str) -> Event | None:
    found: Event | None = await session.scalar(
        select(Event).where(col(Event.id) == event_id, col(Event.zap_id) == zap.id)
    )
    return found


def _by_hand(body: Any) -> dict[str, Any]:
    return {
        "method": "",
        "headers": {},
        "query": {},
        "body": body,
        "raw_body": documents.dump(body),
    }


def _preview(raw: bytes | None, content_type: str) -> str:
    if not raw:
        return ""
    try:
        body = payload.read_body(raw, content_type)
    except Malformed:
        return ""
    text = body if isinstance(body, str) else documents.dump(redact(body))
    line = " ".join(text[: LONGEST_PREVIEW * 4].split())
    return line if len(line) <= LONGEST_PREVIEW else f"{line[: LONGEST_PREVIEW - 1]}…"
