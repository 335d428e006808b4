"""What a draft has that the live version has not: how much, what, and the way back."""

import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict
from flowforge.models import Version, Zap
from flowforge.services import change_words, diffs, zaps
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.change_words import Changes
from flowforge.services.zap_views import ZapView

_NEVER = "This zap was never published, so there is no live version to compare with."


async def count(session: AsyncSession, zap: ZapView) -> int:
    """How many changes ``zap``, which the caller has read, waits to publish; 0 before the first."""
    if zap.live_version is None or not zap.has_draft_changes:
        return 0
    live = await _live(session, zap.id, zap.live_version)
    found = await asyncio.to_thread(diffs.diff, live, zap.definition)
    return len(found.changes) + found.left_off


async def changes(session: AsyncSession, actor: Actor, zap_id: str) -> Changes:
    """What publishing would change. Raises: Conflict ``never_published``."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    if zap.live_version is None:
        raise Conflict(_NEVER, code="never_published")
    live = await _live(session, zap.id, zap.live_version)
    return await asyncio.to_thread(change_words.changes, live, zap.draft)


async def discard(session: AsyncSession, actor: Actor, zap_id: str) -> ZapView:
    """The zap with its live version as the draft, which is a gesture that can be undone.

    Raises: Conflict ``never_published``.
    """
    require(actor, Permission.EDIT)
    zap = await zaps.locked(session, actor, zap_id)
    if zap.live_version is None:
        raise Conflict(_NEVER, code="never_published")
    live = await _live(session, zap.id, zap.live_version)
    return await zaps.change_draft(session, actor, zap, live, what="discard all changes")


async def _live(session: AsyncSession, zap_id: str, number: int) -> dict[str, object]:
    found = await session.scalars(
        select(col(Version.definition)).where(
            col(Version.zap_id) == zap_id, col(Version.number) == number
        )
    )
    definition: dict[str, object] = found.one()
    return definition
