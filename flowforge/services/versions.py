"""Versions: the draft frozen under a number. Rows are written once and never changed.

Promises: two publishes at once get two numbers or share one, never an error; publishing a draft
that equals the live version makes no new one.
"""

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Invalid, NotFound
from flowforge.infra import documents
from flowforge.models import Version, Zap
from flowforge.services import drafts, paging, zaps
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.paging import Page
from flowforge.services.zaps import ZapView

_LARGEST_NUMBER = 2**31 - 1


class VersionView(BaseModel):
    """``live``: the one that new runs use. ``published_by`` is a user id; None: a user gone."""

    model_config = ConfigDict(frozen=True)

    id: str
    zap_id: str
    number: int
    definition: dict[str, Any]
    published_by: int | None
    created_at: dt.datetime
    live: bool


async def publish(session: AsyncSession, actor: Actor, zap_id: str) -> VersionView:
    """The draft as the live version, and the zap switched on.

    A draft that equals the live version adds no number: that version is returned.

    Raises: Invalid with ``details`` naming path and field of everything that is missing or wrong.
    """
    require(actor, Permission.OPERATE)
    # Locked: the next publish of this zap counts on from this one's number.
    zap = await zaps.locked(session, actor, zap_id)
    found = drafts.problems(zap.draft)
    if found:
        many = f"{len(found)} problems" if len(found) > 1 else "1 problem"
        raise Invalid(f"This zap cannot be published yet: {many}.", details=list(found))
    return await go_live(session, actor, zap)


async def go_live(session: AsyncSession, actor: Actor, zap: Zap) -> VersionView:
    """``zap`` (locked by the caller, who also answers for its draft) with its draft live."""
    live = await _live(session, zap)
    if live is None or documents.dump(live.definition) != documents.dump(zap.draft):
        live = await _freeze(session, zap, actor)
    zap.live_version = live.number
    zap.enabled = True
    await zaps.touched(session, zap)
    return _view(live, zap)


async def list_versions(
    session: AsyncSession,
    actor: Actor,
    zap_id: str,
    *,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[VersionView]:
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    query = select(Version).where(col(Version.zap_id) == zap.id)
    return await paging.page(
        session,
        query,
        Version.id,
        limit=limit,
        cursor=cursor,
        view=lambda version: _view(version, zap),
    )


async def get_version(session: AsyncSession, actor: Actor, zap_id: str, number: int) -> VersionView:
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    return _view(await _numbered(session, zap, number), zap)


async def restore(session: AsyncSession, actor: Actor, zap_id: str, number: int) -> ZapView:
    """The zap with that version copied into its draft; the live version stays as it is."""
    require(actor, Permission.EDIT)
    zap = await zaps.locked(session, actor, zap_id)
    version = await _numbered(session, zap, number)
    return await zaps.redraft(session, zap, version.definition)


async def _live(session: AsyncSession, zap: Zap) -> Version | None:
    return None if zap.live_version is None else await _numbered(session, zap, zap.live_version)


async def _freeze(session: AsyncSession, zap: Zap, actor: Actor) -> Version:
    highest = await session.scalar(
        select(func.max(col(Version.number))).where(col(Version.zap_id) == zap.id)
    )
    version = Version(
        zap_id=zap.id,
        number=(highest or 0) + 1,
        definition=zap.draft,
        published_by=actor.user_id,
    )
    session.add(version)
    await session.flush()
    return version


async def _numbered(session: AsyncSession, zap: Zap, number: int) -> Version:
    version = None
    if 0 < number <= _LARGEST_NUMBER:
        version = await session.scalar(
            select(Version).where(col(Version.zap_id) == zap.id, col(Version.number) == number)
        )
    if version is None:
        raise NotFound("Version not found")
    return version


def _view(version: Version, zap: Zap) -> VersionView:
    return VersionView(
        id=version.id,
        zap_id=version.zap_id,
        number=version.number,
        definition=version.definition,
        published_by=version.published_by,
        created_at=version.created_at,
        live=version.number == zap.live_version,
    )
