"""Two who edit one draft: what the other one did since a revision, what one wanted meanwhile, and how
both become one draft.

Promise: nobody's change is lost without a word, and none is made on top of another unasked.
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict, Invalid, NotFound
from flowforge.models import User, Zap
from flowforge.services import change_words, snapshots
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.change_words import Changes
from flowforge.services.editing import Draft

Gesture = Callable[[Draft], Draft]
SOMEBODY = "Somebody"


@dataclass(frozen=True)
class Newest:
    """The newest draft's revision, and who made it; ``by`` is a name."""

    revision: int
    by: str
    is_me: bool
    at: dt.datetime | None


@dataclass(frozen=True)
class Clash:
    """``theirs`` is None where the draft of before is not kept. ``problem``: why mine cannot be done
    on top of theirs, or not all of it; empty for no reason.
    """

    newest: Newest
    theirs: Changes | None
    mine: Changes
    problem: str


async def newest(session: AsyncSession, actor: Actor, zap_id: str) -> Newest:
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    name = await session.scalar(select(col(User.name)).where(col(User.id) == zap.draft_by))
    return Newest(zap.draft_revision, name or SOMEBODY, zap.draft_by == actor.user_id, zap.draft_at)


async def touched(
    session: AsyncSession, actor: Actor, zap_id: str, revision: int, card: str
) -> bool:
    """Whether that step (or the trigger) is not what it was at ``revision``, or nobody knows."""
    zap = await own(session, actor, Zap, zap_id)
    before = await snapshots.of_revision(session, zap.id, revision)
    return before is None or _card(before, card) != _card(zap.draft, card)


async def clash(
    session: AsyncSession, actor: Actor, zap_id: str, revision: int, wanted: Sequence[Gesture]
) -> Clash:
    """``wanted`` was done on the draft of ``revision``, which is not the newest any more."""
    zap = await own(session, actor, Zap, zap_id)
    before = await snapshots.of_revision(session, zap.id, revision)
    who = await newest(session, actor, zap_id)
    theirs, mine, problem = await asyncio.to_thread(_sides, before, zap.draft, wanted)
    return Clash(who, theirs, mine, problem)


def performed(draft: Draft, wanted: Sequence[Gesture]) -> tuple[Draft, str]:
    """``draft`` after all gestures that can be done on it, and why the others cannot."""
    problem = ""
    for gesture in wanted:
        try:
            draft = gesture(draft)
        except (NotFound, Invalid, Conflict) as refusal:
            problem = refusal.message
    return draft, problem


def on_top(wanted: Sequence[Gesture]) -> Gesture:
    """All of them as one. What it raises: Conflict ``cannot_apply`` if any cannot be done."""

    def gesture(draft: Draft) -> Draft:
        after, problem = performed(draft, wanted)
        if problem:
            raise Conflict(problem, code="cannot_apply")
        return after

    return gesture


def _sides(
    before: Draft | None, after: Draft, wanted: Sequence[Gesture]
) -> tuple[Changes | None, Changes, str]:
    theirs = None if before is None else change_words.changes(before, after)
    base = after if before is None else before
    mine, _ = performed(base, wanted)
    _, problem = performed(after, wanted)
    return theirs, change_words.changes(base, mine, longest=change_words.LONGEST_OF_ALL), problem


def _card(draft: Draft, card: str) -> Any:
    """What the builder's panel shows of it; None for a step that is not there."""
    if card == change_words.TRIGGER:
        return draft.get("trigger")
    return change_words.step_alone(draft, card)
