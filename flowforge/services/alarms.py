"""The alarm of a schedule that does not run: who is silent for too long, and whom that concerns.

Promise: a zap's owner is told once, and again only after it has run in between.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.config import Settings
from flowforge.engine import schedule_words
from flowforge.engine.triggers import ScheduleSettings
from flowforge.infra.db import db_now
from flowforge.infra.mail import Message
from flowforge.models import Run, Timer, User, Zap
from flowforge.services import letters

LARGEST_BATCH = 100

# Ids are in order of creation: of a zap's runs the newest that began is found at once.
_LAST_START = (
    select(col(Run.started_at))
    .where(
        col(Run.zap_id) == col(Timer.zap_id),
        col(Run.started_at).is_not(None),
        col(Run.environment) == "production",
    )
    .order_by(col(Run.id).desc())
    .limit(1)
    .correlate(Timer)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class AlarmMail:
    """A mail to be sent now. ``key`` is equal over tries: the transport sends it once."""

    timer_id: str
    message: Message
    key: str


async def silent_since(session: AsyncSession, timer: Timer) -> dt.datetime:
    """When a run of its zap began last, or when the timer was armed after that."""
    query = select(Timer, _LAST_START).where(col(Timer.id) == timer.id)
    _, last = (await session.execute(query)).one()
    return _since(timer, last)


async def raise_due(session: AsyncSession, settings: Settings) -> list[AlarmMail]:
    """Those that have been silent for too long, marked as told; what has run since is marked no
    more. Two workers at once each see different ones.
    """
    watched = (
        select(Timer, _LAST_START, db_now())
        .where(col(Timer.alarm_after_seconds).is_not(None), col(Timer.due_at).is_not(None))
        .order_by(col(Timer.id))
    )
    found = {
        timer.id: (_since(timer, last), now)
        for timer, last, now in (await session.execute(watched)).all()
        if _changes(timer, _since(timer, last), now)
    }
    late = []
    # Only what changes is locked: whoever fires needs the rows.
    chosen = sorted(found)[:LARGEST_BATCH]
    query = select(Timer).where(col(Timer.id).in_(chosen)).with_for_update(skip_locked=True)
    locked = await session.scalars(query.execution_options(populate_existing=True))
    for timer in locked if chosen else ():
        since, now = found[timer.id]
        if _is_late(timer, since, now):
            timer.alarmed_at = now
            late.append((timer, since))
        elif timer.alarmed_at is not None and since > timer.alarmed_at:
            timer.alarmed_at = None
    await session.flush()
    return await _mails(session, settings, late)


async def not_told(session: AsyncSession, timer_id: str) -> None:
    """The mail did not leave: it is tried again."""
    await session.execute(update(Timer).where(col(Timer.id) == timer_id).values(alarmed_at=None))


def _since(timer: Timer, last: dt.datetime | None) -> dt.datetime:
    armed = timer.armed_at or timer.created_at
    return armed if last is None else max(armed, last)


def _is_late(timer: Timer, since: dt.datetime, now: dt.datetime) -> bool:
    """For too long, and nobody was told of this silence."""
    is_told = timer.alarmed_at is not None and timer.alarmed_at >= since
    limit = timer.alarm_after_seconds
    return not is_told and limit is not None and (now - since).total_seconds() > limit


def _changes(timer: Timer, since: dt.datetime, now: dt.datetime) -> bool:
    ended = timer.alarmed_at is not None and since > timer.alarmed_at
    return ended or _is_late(timer, since, now)


async def _mails(
    session: AsyncSession, settings: Settings, late: Sequence[tuple[Timer, dt.datetime]]
) -> list[AlarmMail]:
    found = await session.execute(
        select(col(Zap.id), col(Zap.name), User)
        .join(User, col(User.id) == col(Zap.owner_id))
        .where(
            col(Zap.id).in_([timer.zap_id for timer, _ in late]),
            col(User.deactivated_at).is_(None),
        )
    )
    owners = {zap_id: (name, user) for zap_id, name, user in found.all()}
    mails = []
    for timer, since in late:
        if timer.zap_id not in owners:
            continue
        zap_name, user = owners[timer.zap_id]
        message = letters.does_not_run(
            settings,
            user.name,
            user.email,
            zap_name=zap_name,
            zap_id=timer.zap_id,
            since=f"{since.day} {since:%B %Y, %H:%M} UTC",
            schedule=schedule_words.sentence(ScheduleSettings.model_validate(timer.settings)),
        )
        mails.append(AlarmMail(timer.id, message, f"alarm:{timer.id}:{since.timestamp():.0f}"))
    return mails
