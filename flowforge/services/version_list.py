"""The versions of a zap as people read them: who made each, why, how it ran; and two side by side.

Promise: the list reads no definition, so that hundreds of versions cost what one does.
"""

import asyncio
import datetime as dt
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.db import utc_now
from flowforge.models import Run, User, Version, Zap
from flowforge.services import change_words, figures, uniting, versions
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.change_words import Changes
from flowforge.services.uniting import United

PER_PAGE = 50
WINDOW = dt.timedelta(days=7)
DRAFT = "draft"
_IS_REAL = col(Run.environment) == "production"


@dataclass(frozen=True)
class VersionLine:
    """``by`` is a name, empty for a person who is gone. ``ended`` and ``succeeded`` count its runs of
    the last 7 days.
    """

    number: int
    at: dt.datetime
    by: str
    note: str
    is_live: bool
    ended: int
    succeeded: int


@dataclass(frozen=True)
class VersionPage:
    """``green``: the version of the newest run that succeeded, 0 for none."""

    lines: list[VersionLine]
    has_more: bool
    green: int


@dataclass(frozen=True)
class Comparison:
    """What makes the later of the earlier, and both as one to be drawn."""

    changes: Changes
    both: United


async def page(
    session: AsyncSession, actor: Actor, zap_id: str, below: int | None = None
) -> VersionPage:
    """The newest versions, or the newest of those with a number ``below`` that one."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    query = (
        select(col(Version.number), col(Version.created_at), col(User.name), col(Version.note))
        .join(User, col(User.id) == col(Version.published_by), isouter=True)
        .where(col(Version.zap_id) == zap.id, col(Version.number) > 0)
        .order_by(col(Version.number).desc())
        .limit(PER_PAGE + 1)
    )
    if below is not None:
        query = query.where(col(Version.number) < below)
    rows = (await session.execute(query)).all()
    counted = await _figures(session, zap)
    lines = [
        VersionLine(
            number,
            at,
            name or "",
            note or "",
            number == zap.live_version,
            *counted.get(number, (0, 0)),
        )
        for number, at, name, note in rows[:PER_PAGE]
    ]
    return VersionPage(lines, len(rows) > PER_PAGE, await _green(session, zap))


async def side_by_side(
    session: AsyncSession, actor: Actor, zap_id: str, before: str, after: str
) -> Comparison:
    """Each is "draft" or a version's number. Raises: NotFound for a version that is not there."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    one = await versions.definition_at(session, zap, before)
    other = await versions.definition_at(session, zap, after)
    found = await asyncio.to_thread(change_words.changes, one, other)
    return Comparison(found, uniting.united(one, other))


async def _figures(session: AsyncSession, zap: Zap) -> dict[int, tuple[int, int]]:
    rows = await session.execute(
        select(
            col(Run.version),
            func.count(),
            func.sum(case((col(Run.status) == "succeeded", 1), else_=0)),
        )
        .where(
            col(Run.zap_id) == zap.id,
            col(Run.id) >= figures.first_id_after(utc_now() - WINDOW),
            col(Run.status).in_(figures.ENDED),
            _IS_REAL,
        )
        .group_by(col(Run.version))
    )
    return {version: (ended, good) for version, ended, good in rows}


async def _green(session: AsyncSession, zap: Zap) -> int:
    found = await session.scalar(
        select(col(Run.version))
        .where(col(Run.zap_id) == zap.id, col(Run.status) == "succeeded", _IS_REAL)
        .order_by(col(Run.id).desc())
        .limit(1)
    )
    return found or 0
