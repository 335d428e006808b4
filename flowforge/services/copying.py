"""A zap once more: what somebody made of it and how they filed it, nothing of what it did."""

from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.errors import NotFound
from flowforge.infra import runtime
from flowforge.models import Zap
from flowforge.services import folders, sealing, tags, zaps
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.zap_views import ZapView

_COPY = "Copy of "


async def duplicate(session: AsyncSession, actor: Actor, zap_id: str) -> ZapView:
    """A copy of the draft under a name of its own, in the same folder and with the same tags:
    switched off, unpublished, without runs.
    """
    require(actor, Permission.EDIT)
    zap = await own(session, actor, Zap, zap_id)
    name = f"{_COPY}{zap.name}"[: zaps.LONGEST_NAME]
    draft = sealing.plain(zap.draft, zap.id, runtime.current().vault)
    made = await zaps.create(session, actor, name=name, definition=draft)
    copy = await zaps.locked(session, actor, made.id)
    copy.folder_id = await _folder(session, actor, zap)
    await tags.replace(session, copy, (await tags.of_zaps(session, [zap.id])).get(zap.id, ()))
    return await zaps.touched(session, copy)


async def _folder(session: AsyncSession, actor: Actor, zap: Zap) -> str | None:
    """The zap's, held so that nobody deletes it meanwhile; None where somebody was quicker."""
    if zap.folder_id is None:
        return None
    try:
        return (await folders.locked(session, actor, zap.folder_id)).id
    except NotFound:
        return None
