"""The inbox: everything that triggers received, and what became of it.

Promise: a page costs a bounded look, also where it is searched; secrets in headers and queries are
redacted, only the bytes themselves are what came.
"""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import col

from flowforge.errors import Malformed, NotFound
from flowforge.infra import documents, runtime
from flowforge.infra.redaction import redact
from flowforge.models import Attempt, Event, Run, Zap
from flowforge.services import event_filters, event_story, files, paging, payload
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.event_filters import EventFilter
from flowforge.services.event_story import Stage, Tried
from flowforge.services.paging import Page

Part = Literal["body", "headers", "query"]
EVERYTHING = EventFilter()
# Of so many runs and so many attempts of each the story is told.
MOST_RUNS = 10
MOST_ATTEMPTS = 50
_HEAVY: tuple[Any, ...] = (Event.raw, Event.body, Event.headers, Event.query)


class EventSummary(BaseModel):
    """A line of the inbox. ``verdict``: accepted, duplicate, rejected, held or filtered.

    ``scheme`` is what proved the sender, ``status_code`` what it was answered and ``took_ms`` how
    long it waited for that; all three are null for what came before they were kept. ``runs``
    counts those that began with the event itself.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    zap_id: str
    zap_name: str
    trigger: str
    verdict: str
    reason: str | None
    dedupe_key: str | None
    duplicate_of: str | None
    method: str
    source_ip: str
    content_type: str
    size: int
    scheme: str | None
    status_code: int | None
    took_ms: int | None
    runs: int
    received_at: dt.datetime


class EventView(EventSummary):
    """An event with what it carried. Headers that are secrets are redacted; ``run_ids`` of a
    duplicate are those of the event it repeats. ``why`` tells its way, ``advice`` what can be done
    where it did not run. ``has_raw``: its bytes can be downloaded.
    """

    headers: dict[str, Any]
    query: dict[str, Any]
    body: Any
    raw_body: str | None
    has_raw: bool
    run_ids: list[str]
    advice: str | None
    why: list[Stage]


@dataclass(frozen=True)
class RawBody:
    """The bytes that came, about to be sent; always as an attachment of no type."""

    size: int
    pieces: AsyncIterator[bytes]
    headers: Mapping[str, str]


async def list_events(
    session: AsyncSession,
    actor: Actor,
    wanted: EventFilter = EVERYTHING,
    *,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[EventSummary]:
    """What the project received, newest first. A page of a search may be short, even empty, and
    have a next one: each looks at a bounded number of events.

    Raises: NotFound for a zap that is not the project's, Invalid for a verdict that is none.
    """
    require(actor, Permission.READ)
    await event_filters.require_zap(session, actor, wanted)
    among = event_filters.conditions(actor.project_id, wanted)
    # A page of bodies could be gigabytes.
    query = select(Event).options(*(defer(each) for each in _HEAVY))
    floor = None
    if wanted.q:
        below = paging.id_in(cursor) if cursor is not None else None
        floor = await event_filters.floor_of(
            session, among, below=below, window=event_filters.WINDOW
        )
        among = [*among, event_filters.sought(wanted.q)]
        if floor is not None:
            among.append(col(Event.id) >= floor)
    found: Page[Event] = await paging.page(
        session,
        query.where(*among),
        Event.id,
        limit=limit,
        cursor=cursor,
        view=lambda event: event,
    )
    following = found.next
    if following is None and floor is not None:
        following = paging.cursor_behind(floor)
    return Page(data=await _summaries(session, found.data), next=following)


async def get_event(session: AsyncSession, actor: Actor, event_id: str) -> EventView:
    require(actor, Permission.READ)
    event = await own(session, actor, Event, event_id)
    (summary,) = await _summaries(session, [event])
    accepted_id = event.duplicate_of or event.id
    run_ids = await session.scalars(
        select(col(Run.id)).where(col(Run.event_id) == accepted_id).order_by(col(Run.id))
    )
    runs = await _latest_runs(session, event)
    received = await trigger_of(event)
    return EventView(
        **summary.model_dump(),
        headers=received["headers"],
        query=received["query"],
        body=received["body"],
        raw_body=received["raw_body"],
        has_raw=_has_raw(event),
        run_ids=list(run_ids),
        advice=event_story.advice(event),
        why=event_story.story(event, runs, await _attempts(session, runs)),
    )


async def part(session: AsyncSession, actor: Actor, event_id: str, name: Part) -> bytes:
    """All of what steps see as ``trigger.body``, ``headers`` or ``query``, as JSON text, secrets
    taken out.
    """
    require(actor, Permission.READ)
    received = await trigger_of(await own(session, actor, Event, event_id))
    return await asyncio.to_thread(lambda: documents.dump(redact(received.get(name))).encode())


async def raw_body(session: AsyncSession, actor: Actor, event_id: str) -> RawBody:
    """The bytes of the event, exactly.

    Raises: NotFound where none were kept: of uploads the files are, each by itself.
    """
    require(actor, Permission.READ)
    event = await own(session, actor, Event, event_id)
    if not _has_raw(event):
        raise NotFound("No bytes are kept of this event.")
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="event-{event.id}.bin"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "Cache-Control": "private, no-store",
    }
    if event.blob_key is not None:
        kept = files.Download(event.blob_key, event.size, headers)
        pieces = await files.opened(runtime.current().blobs, kept)
        return RawBody(event.size, pieces, headers)
    raw = event.raw or b""
    return RawBody(len(raw), _one(raw), headers)


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


def _has_raw(event: Event) -> bool:
    return event.blob_key is not None or bool(event.raw)


async def _one(raw: bytes) -> AsyncIterator[bytes]:
    yield raw


async def _summaries(session: AsyncSession, events: Sequence[Event]) -> list[EventSummary]:
    if not events:
        return []
    named = await session.execute(
        select(col(Zap.id), col(Zap.name)).where(col(Zap.id).in_({one.zap_id for one in events}))
    )
    names = {zap_id: name for zap_id, name in named.all()}  # noqa: C416 - rows are not pairs
    counted = await session.execute(
        select(col(Run.event_id), func.count())
        .where(col(Run.event_id).in_([one.id for one in events]))
        .group_by(col(Run.event_id))
    )
    counts = {event_id: number for event_id, number in counted.all()}  # noqa: C416
    fields = EventSummary.model_fields.keys() - {"zap_name", "runs"}
    return [
        EventSummary(
            **{name: getattr(one, name) for name in fields},
            zap_name=names.get(one.zap_id, ""),
            runs=counts.get(one.id, 0),
        )
        for one in events
    ]


async def _latest_runs(session: AsyncSession, event: Event) -> list[Run]:
    """The latest runs that began with the event, in their order."""
    found = await session.scalars(
        select(Run)
        .where(col(Run.event_id) == event.id)
        .options(*(defer(each) for each in (Run.inputs, Run.reply)))
        .order_by(col(Run.id).desc())
        .limit(MOST_RUNS)
    )
    return list(reversed(found.all()))


async def _attempts(session: AsyncSession, runs: Sequence[Run]) -> Mapping[str, Sequence[Tried]]:
    """The first attempts of each run, without their values."""
    if not runs:
        return {}
    place = func.row_number().over(partition_by=col(Attempt.run_id), order_by=col(Attempt.id))
    numbered = (
        select(
            *(getattr(Attempt, name) for name in Tried._fields),
            place.label("place"),
        )
        .where(col(Attempt.run_id).in_([run.id for run in runs]))
        .subquery()
    )
    rows = await session.execute(select(numbered).where(numbered.c.place <= MOST_ATTEMPTS))
    found: defaultdict[str, list[Tried]] = defaultdict(list)
    for *values, _ in rows.all():
        tried = Tried(*values)
        found[tried.run_id].append(tried)
    return found
