"""Schedules as people see them: what was said, when it fires next, what became of its times.

Promise: what is shown comes from the timer that fires and the slots that were written, and from
nothing else.
"""

import datetime as dt
from itertools import islice
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine import schedule, schedule_words
from flowforge.engine.schedule import Rhythm
from flowforge.engine.triggers import ScheduleSettings
from flowforge.errors import Invalid
from flowforge.infra.db import utc_now
from flowforge.models import Slot, Timer, Zap
from flowforge.services import alarms, paging
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.paging import Page

NEXT = 5


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Preview(_View):
    """``sentence``: the schedule in words. ``next``: fewer than five where there are no more."""

    sentence: str
    timezone: str
    next: tuple[dt.datetime, ...]


class TimerView(_View):
    """``due_at``: None while it is switched off. ``error``: why it cannot go on."""

    due_at: dt.datetime | None
    last_at: dt.datetime | None
    armed_at: dt.datetime | None
    error: str | None


class AlarmView(_View):
    """``since``: when a run began last, or when it was switched on after that; it rings
    ``after_seconds`` later. ``alarmed_at``: when the owner was told.
    """

    after_seconds: int
    since: dt.datetime
    is_ringing: bool
    alarmed_at: dt.datetime | None


class ScheduleView(_View):
    """``settings`` is None where the zap has no schedule; ``next`` is empty while it is off."""

    zap_id: str
    zap_name: str
    enabled: bool
    paused_at: dt.datetime | None
    settings: dict[str, Any] | None
    sentence: str
    timezone: str
    next: tuple[dt.datetime, ...]
    timer: TimerView | None
    alarm: AlarmView | None


class SlotView(_View):
    """One time and what became of it: ran, missed or skipped, and failed for a poll; ``reason``
    says why. ``found``: events that it brought. ``late_seconds``: how long after its time.
    """

    id: str
    kind: str
    planned_at: dt.datetime
    status: str
    reason: str | None
    found: int
    run_id: str | None
    fired_at: dt.datetime | None
    late_seconds: float | None
    took_ms: int | None


def preview(settings: ScheduleSettings, after: dt.datetime | None = None) -> Preview:
    """What the settings come to.

    Raises: Invalid with ``details`` naming the field that says nothing, or nothing that is known.
    """
    found = [{"path": field, "message": message} for field, message in schedule.problems(settings)]
    if found:
        raise Invalid(found[0]["message"], details=found)
    times = schedule.next_times(schedule.read(settings), after or utc_now(), NEXT)
    return Preview(
        sentence=schedule_words.sentence(settings),
        timezone=settings.timezone,
        next=tuple(times),
    )


async def get(session: AsyncSession, actor: Actor, zap_id: str) -> ScheduleView:
    """The schedule of a zap, as it is live; before the first publish, as it is drafted."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    trigger = zap.trigger or zap.draft.get("trigger") or {}
    if trigger.get("kind") != "schedule":
        return _view(zap, None)
    timer = await session.scalar(
        select(Timer).where(col(Timer.zap_id) == zap.id, col(Timer.kind) == "schedule")
    )
    settings = ScheduleSettings.model_validate(trigger.get("settings") or {})
    alarm = await _alarm(session, timer) if timer is not None else None
    return _view(zap, settings, timer, alarm)


async def list_slots(
    session: AsyncSession,
    actor: Actor,
    zap_id: str,
    *,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[SlotView]:
    """The ledger of a zap's clock, newest first."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    query = select(Slot).where(col(Slot.zap_id) == zap.id)
    return await paging.page(session, query, Slot.id, limit=limit, cursor=cursor, view=_slot)


async def _alarm(session: AsyncSession, timer: Timer) -> AlarmView | None:
    if timer.alarm_after_seconds is None or timer.due_at is None:
        return None
    since = await alarms.silent_since(session, timer)
    silent = (utc_now() - since).total_seconds()
    return AlarmView(
        after_seconds=timer.alarm_after_seconds,
        since=since,
        is_ringing=silent > timer.alarm_after_seconds,
        alarmed_at=timer.alarmed_at,
    )


def _view(
    zap: Zap,
    settings: ScheduleSettings | None,
    timer: Timer | None = None,
    alarm: AlarmView | None = None,
) -> ScheduleView:
    return ScheduleView(
        zap_id=zap.id,
        zap_name=zap.name,
        enabled=zap.enabled,
        paused_at=zap.paused_at,
        settings=settings.model_dump(mode="json", exclude_none=True) if settings else None,
        sentence=schedule_words.sentence(settings) if settings else "",
        timezone=settings.timezone if settings else "",
        next=_next(settings, timer),
        timer=TimerView.model_validate(timer, from_attributes=True) if timer else None,
        alarm=alarm,
    )


def _next(settings: ScheduleSettings | None, timer: Timer | None) -> tuple[dt.datetime, ...]:
    if settings is None or timer is None or timer.due_at is None:
        return ()
    try:
        rhythm: Rhythm = schedule.read(settings)
    except ValueError:
        return (timer.due_at,)  # its zone is not known any more: ``timer.error`` says so
    return (timer.due_at, *islice(schedule.times(rhythm, timer.due_at), NEXT - 1))


def _slot(slot: Slot) -> SlotView:
    late = None if slot.fired_at is None else (slot.fired_at - slot.planned_at).total_seconds()
    return SlotView(
        id=slot.id,
        kind=slot.kind,
        planned_at=slot.planned_at,
        status=slot.status,
        reason=slot.reason,
        found=slot.found,
        run_id=slot.run_id,
        fired_at=slot.fired_at,
        late_seconds=None if late is None else round(max(late, 0.0), 3),
        took_ms=slot.took_ms,
    )
