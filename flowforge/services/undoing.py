"""Undo and redo: a zap's draft goes back and forth through its gestures, each time as a new
revision. What is live, and what was published, stays.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.errors import Conflict
from flowforge.models import Snapshot, Zap
from flowforge.services import revisions, snapshots, zaps
from flowforge.services.access import Actor, Permission, require


async def undo(
    session: AsyncSession, actor: Actor, zap_id: str, revision: int | None = None
) -> Zap:
    """The zap as it was before the last gesture. ``revision``: the one that was read, if any was.

    Raises: Conflict ``nothing_to_undo``, or ``stale_revision``.
    """
    zap = await _held(session, actor, zap_id, revision)
    last = await snapshots.newest(session, zap.id)
    if last is None:
        raise Conflict("There is nothing to undo.", code="nothing_to_undo")
    return await _swapped(session, actor, zap, last)


async def redo(
    session: AsyncSession, actor: Actor, zap_id: str, revision: int | None = None
) -> Zap:
    """The zap with the gesture that was undone last done again.

    Raises: Conflict ``nothing_to_redo``, or ``stale_revision``.
    """
    zap = await _held(session, actor, zap_id, revision)
    following = await snapshots.undone(session, zap.id)
    if following is None:
        raise Conflict("There is nothing to redo.", code="nothing_to_redo")
    return await _swapped(session, actor, zap, following)


async def _held(session: AsyncSession, actor: Actor, zap_id: str, revision: int | None) -> Zap:
    require(actor, Permission.EDIT)
    zap = await zaps.locked(session, actor, zap_id)
    if revision is not None:
        revisions.require_newest(zap, revision)
    return zap


async def _swapped(session: AsyncSession, actor: Actor, zap: Zap, snapshot: Snapshot) -> Zap:
    other = snapshots.swap(snapshot, zap.draft, zap.draft_revision)
    session.add(snapshot)
    revisions.stamp(session, zap, actor.user_id)
    await zaps.redraft(session, zap, other)
    return zap
