"""What the builder works on: a zap's draft with everything that its page shows of it.

Promise: an edit is one gesture on the newest draft, refused when somebody else was quicker.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.models import Zap
from flowforge.services import (
    cards,
    drafts,
    events,
    hinting,
    insertion,
    revisions,
    samples,
    snapshots,
    trigger_samples,
    undoing,
    unpublished,
    versions,
    zap_views,
    zaps,
)
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.cards import Line, ProblemLine, Target
from flowforge.services.editing import Draft
from flowforge.services.event_filters import EventFilter
from flowforge.services.hinting import HintLine
from flowforge.services.insertion import DataGroup
from flowforge.services.snapshots import Offered
from flowforge.services.trigger_samples import EventLine
from flowforge.services.zap_views import ZapView

Gesture = Callable[[Draft], Draft]


@dataclass(frozen=True)
class Bench:
    """A zap as its builder shows it."""

    zap: ZapView
    lines: list[Line]
    problems: list[ProblemLine]
    offered: Offered


class Readiness(NamedTuple):
    """What publishing a draft would mean. ``changes``: how many wait for it."""

    hints: list[HintLine]
    changes: int


@dataclass(frozen=True)
class Received:
    """The newest request that a zap's trigger received; ``id`` is empty for none."""

    id: str = ""
    method: str = ""
    verdict: str = ""
    reason: str = ""
    received_at: str = ""
    body: Any = None
    run_id: str = ""


class Requests(NamedTuple):
    """The last events, and the data by hand that stands for them, if somebody wrote any."""

    lines: list[EventLine]
    is_by_hand: bool
    data: Any


async def look(session: AsyncSession, actor: Actor, zap_id: str) -> Bench:
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    return await bench(session, actor, await zap_views.bare(session, zap))


async def edit(
    session: AsyncSession,
    actor: Actor,
    zap_id: str,
    revision: int,
    gesture: Gesture,
    *,
    joins: bool = True,
) -> Bench:
    """The zap after ``gesture``; one that changes nothing saves nothing. ``joins``: typing on in a
    field is one gesture, for it saves itself meanwhile.

    Raises: Conflict ``stale_revision`` if the draft is not the one of ``revision`` any more.
    """
    require(actor, Permission.EDIT)
    zap = await zaps.locked(session, actor, zap_id)
    revisions.require_newest(zap, revision)
    draft = gesture(zap.draft)
    if draft != zap.draft:
        readable = drafts.readable(draft)
        await zaps.gesture(session, actor, zap, readable, joins=joins)
    return await bench(session, actor, await zap_views.bare(session, zap))


async def undo(session: AsyncSession, actor: Actor, zap_id: str, revision: int) -> Bench:
    """Raises: Conflict, as ``undoing.undo`` does."""
    zap = await undoing.undo(session, actor, zap_id, revision)
    return await bench(session, actor, await zap_views.bare(session, zap))


async def redo(session: AsyncSession, actor: Actor, zap_id: str, revision: int) -> Bench:
    """Raises: Conflict, as ``undoing.redo`` does."""
    zap = await undoing.redo(session, actor, zap_id, revision)
    return await bench(session, actor, await zap_views.bare(session, zap))


async def bench(session: AsyncSession, actor: Actor, zap: ZapView) -> Bench:
    problems = await versions.problems(session, actor, zap.definition)
    found = cards.problem_lines(zap.definition, problems)
    offered = await snapshots.offered(session, zap.id)
    return Bench(zap, cards.lines(zap.definition, found), found, offered)


async def readiness(session: AsyncSession, actor: Actor, zap_id: str) -> Readiness:
    require(actor, Permission.READ)
    zap = await zap_views.bare(session, await own(session, actor, Zap, zap_id))
    hints = await hinting.hints(session, actor, zap.id, zap.definition)
    return Readiness(hinting.lines(zap.definition, hints), await unpublished.count(session, zap))


async def data(session: AsyncSession, actor: Actor, zap: ZapView, card: str) -> list[DataGroup]:
    """What ``card`` may insert, with real values where there are any."""
    if card == cards.TRIGGER:
        return []
    found = await samples.samples(session, actor, zap.id)
    return insertion.groups(zap.definition, found, card)


async def targets(
    session: AsyncSession, actor: Actor, zap_id: str, steps: Collection[str]
) -> list[Target]:
    """The lists that the steps may be moved to. Raises: NotFound."""
    zap = await zaps.get(session, actor, zap_id)
    return cards.targets(zap.definition, steps)


async def received(session: AsyncSession, actor: Actor, zap_id: str) -> Received:
    page = await events.list_events(session, actor, EventFilter(zap_id=zap_id), limit=1)
    if not page.data:
        return Received()
    event = await events.get_event(session, actor, page.data[0].id)
    return Received(
        id=event.id,
        method=event.method,
        verdict=event.verdict,
        reason=event.reason or "",
        received_at=_iso(event.received_at),
        body=event.body,
        run_id=event.run_ids[0] if event.run_ids else "",
    )


async def requests(session: AsyncSession, actor: Actor, zap_id: str) -> Requests:
    """What may stand for the trigger."""
    found = await trigger_samples.last_events(session, actor, zap_id)
    is_by_hand, data = await trigger_samples.by_hand(session, actor, zap_id)
    return Requests(found, is_by_hand, data)


def _iso(moment: dt.datetime) -> str:
    return moment.isoformat()
