"""Polls as people see them: how it stands with one, what its looks brought, a look just to see.

Promise: a look just to see stores nothing, and no position moves.
"""

import datetime as dt
import time
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.actions import POLLERS
from flowforge.engine.triggers import PollSettings, settings_of
from flowforge.errors import Conflict, Invalid
from flowforge.infra.db import utc_now
from flowforge.models import Timer, Zap
from flowforge.services import poll_inputs, trigger_words, zaps
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.looking import Failure, Looker

MOST_SAMPLES = 5


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class PollState(_View):
    """``due_at``: None while it is switched off. ``failures``: in a row; ``error``: the last one.
    ``has_position``: the first look is over, so that what is new fires.
    """

    trigger: str
    every_seconds: int
    due_at: dt.datetime | None
    last_at: dt.datetime | None
    failures: int
    error: str | None
    has_position: bool


class PollWords(_View):
    """What a poll looks at, and how often. ``state`` is None before it was ever switched on."""

    name: str
    sentence: str
    state: PollState | None


class FoundItem(_View):
    """``data`` is what ``trigger.body`` would be."""

    key: str
    data: Any
    at: dt.datetime | None


class Tried(_View):
    """What a look brought that stored nothing; ``error``: why it failed."""

    items: tuple[FoundItem, ...]
    error: str | None
    took_ms: int


async def state(session: AsyncSession, actor: Actor, zap_id: str) -> PollState | None:
    """None where the zap, as it is live, does not poll."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    timer = await session.scalar(_timer(zap.id))
    return None if timer is None else _view(timer)


async def in_words(session: AsyncSession, actor: Actor, zap_id: str) -> PollWords | None:
    """The poll of a zap, as it is live; before the first publish, as it is drafted. None where the
    zap has none.
    """
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    trigger = zap.trigger or zap.draft.get("trigger") or {}
    if trigger.get("kind") != "poll":
        return None
    timer = await session.scalar(_timer(zap.id))
    known = POLLERS.get(str(settings_of(trigger).get("trigger", "")))
    return PollWords(
        name=known.name if known else "Poll",
        sentence=trigger_words.tells(trigger),
        state=None if timer is None else _view(timer),
    )


async def poll_now(session: AsyncSession, actor: Actor, zap_id: str) -> PollState:
    """Due at once, whatever it waits for.

    Raises: Conflict where the zap does not poll at all.
    """
    require(actor, Permission.OPERATE)
    zap = await zaps.locked(session, actor, zap_id)
    timer = await session.scalar(_timer(zap.id).with_for_update())
    if timer is None or timer.due_at is None:
        raise Conflict(
            "This zap does not poll. Publish it with a polling trigger, and switch it on.",
            code="not_polling",
        )
    timer.due_at = min(timer.due_at, utc_now())
    session.add(timer)
    await session.flush()
    return _view(timer)


async def drafted(session: AsyncSession, actor: Actor, zap_id: str) -> PollSettings:
    """What the draft says of its poll, found fit to be looked with.

    Raises: Invalid with ``details`` of what is missing or wrong.
    """
    require(actor, Permission.EDIT)
    zap = await own(session, actor, Zap, zap_id)
    trigger = zap.draft.get("trigger") or {}
    if trigger.get("kind") != "poll":
        message = "The draft has no polling trigger."
        raise Invalid(message, details=[{"path": "trigger.kind", "message": message}])
    try:
        settings = PollSettings.model_validate(settings_of(trigger))
    except ValidationError as problem:
        raise Invalid("The settings of the trigger cannot be read.") from problem
    if found := poll_inputs.problems(settings):
        raise Invalid(found[0]["message"], details=found)
    return settings


async def try_out(looker: Looker, settings: PollSettings, zap_id: str) -> Tried:
    """A few of those that are there already; to be called outside of any transaction."""
    begun = time.monotonic()
    outcome = await looker.try_out(settings, zap_id)
    took_ms = round((time.monotonic() - begun) * 1000)
    if isinstance(outcome, Failure):
        return Tried(items=(), error=outcome.reason, took_ms=took_ms)
    found = [FoundItem(key=one.key, data=one.data, at=one.at) for one in outcome.found]
    return Tried(items=tuple(found[-MOST_SAMPLES:]), error=None, took_ms=took_ms)


def _timer(zap_id: str) -> Any:
    return select(Timer).where(col(Timer.zap_id) == zap_id, col(Timer.kind) == "poll")


def _view(timer: Timer) -> PollState:
    return PollState(
        trigger=str(timer.settings.get("trigger", "")),
        every_seconds=PollSettings.model_validate(timer.settings).every_seconds,
        due_at=timer.due_at,
        last_at=timer.last_at,
        failures=timer.failures,
        error=timer.error,
        has_position=timer.cursor is not None,
    )
