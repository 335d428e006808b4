"""Zaps put in order: into a folder, and with tags on them."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.services import folders, tags, zaps
from flowforge.services.access import Actor, Permission, require
from flowforge.services.zap_views import ZapView


async def move(session: AsyncSession, actor: Actor, zap_id: str, folder_id: str | None) -> ZapView:
    """The zap in that folder; None: in none. Raises: NotFound for a folder as for a zap."""
    require(actor, Permission.EDIT)
    folder = await folders.locked(session, actor, folder_id) if folder_id is not None else None
    zap = await zaps.locked(session, actor, zap_id)
    zap.folder_id = folder.id if folder is not None else None
    return await zaps.touched(session, zap)


async def retag(session: AsyncSession, actor: Actor, zap_id: str, names: Sequence[str]) -> ZapView:
    """The zap with these tags and no others. Raises: Invalid."""
    require(actor, Permission.EDIT)
    zap = await zaps.locked(session, actor, zap_id)
    await tags.replace(session, zap, names)
    return await zaps.touched(session, zap)
