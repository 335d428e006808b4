"""Folders: a project's zaps in order.

Promises: a name is in a project once, whatever its case; a folder that goes takes no zap with it, its
zaps are uncategorised from then on.
"""

import datetime as dt

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import col

from flowforge.errors import Conflict, NotFound
from flowforge.models import Folder, Zap
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.labels import key_of, label

LONGEST = 60
MOST = 200
# Where a zap without a folder is, in filters; no folder has this id.
NONE = "none"


class FolderView(BaseModel):
    """``zaps``: how many are in it."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    zaps: int
    created_at: dt.datetime


async def list_folders(session: AsyncSession, actor: Actor) -> list[FolderView]:
    """All of the project, by name."""
    require(actor, Permission.READ)
    rows = await session.execute(
        select(Folder, func.count(col(Zap.id)))
        .outerjoin(Zap, (col(Zap.folder_id) == col(Folder.id)) & col(Zap.deleted_at).is_(None))
        .where(col(Folder.project_id) == actor.project_id)
        .group_by(col(Folder.id))
        .order_by(col(Folder.key))
    )
    return [_view(folder, count) for folder, count in rows.all()]


async def create(session: AsyncSession, actor: Actor, name: str) -> FolderView:
    """Raises: Invalid; Conflict ``folder_exists``, ``too_many_folders``."""
    require(actor, Permission.EDIT)
    named = label(name, LONGEST, missing="Give the folder a name.")
    there = await session.scalar(
        select(func.count()).select_from(Folder).where(col(Folder.project_id) == actor.project_id)
    )
    if (there or 0) >= MOST:
        said = f"A project has at most {MOST} folders. Delete one first."
        raise Conflict(said, code="too_many_folders")
    folder = Folder(project_id=actor.project_id, name=named, key=key_of(named))
    await _kept(session, folder)
    return _view(folder, 0)


async def rename(session: AsyncSession, actor: Actor, folder_id: str, name: str) -> FolderView:
    """Raises: NotFound, Invalid, Conflict ``folder_exists``."""
    require(actor, Permission.EDIT)
    named = label(name, LONGEST, missing="Give the folder a name.")
    folder = await locked(session, actor, folder_id)
    folder.name, folder.key = named, key_of(named)
    await _kept(session, folder)
    return _view(folder, await _count(session, folder_id))


async def delete(session: AsyncSession, actor: Actor, folder_id: str) -> None:
    """Its zaps stay, and are uncategorised. Raises: NotFound."""
    require(actor, Permission.EDIT)
    folder = await locked(session, actor, folder_id)
    await session.execute(
        update(Zap)
        .where(col(Zap.project_id) == actor.project_id, col(Zap.folder_id) == folder.id)
        .values(folder_id=None)
    )
    await session.delete(folder)
    await session.flush()


async def inside(session: AsyncSession, actor: Actor, folder_id: str) -> ColumnElement[bool]:
    """What holds for zaps in the folder; of ``none``: for those in no folder. Raises: NotFound."""
    if folder_id == NONE:
        return col(Zap.folder_id).is_(None)
    await own(session, actor, Folder, folder_id)
    return col(Zap.folder_id) == folder_id


async def locked(session: AsyncSession, actor: Actor, folder_id: str) -> Folder:
    """The actor's folder, held until the end of the transaction: nobody is moved into one that
    goes. Raises: NotFound.
    """
    folder = await session.scalar(
        select(Folder)
        .where(col(Folder.id) == folder_id, col(Folder.project_id) == actor.project_id)
        .with_for_update()
    )
    if folder is None:
        raise NotFound("Folder not found")
    return folder


async def _kept(session: AsyncSession, folder: Folder) -> None:
    name = folder.name
    try:
        async with session.begin_nested():
            session.add(folder)
    except IntegrityError as problem:
        message = f"There is a folder “{name}” already."
        raise Conflict(
            message, code="folder_exists", details=[{"path": "name", "message": message}]
        ) from problem


async def _count(session: AsyncSession, folder_id: str) -> int:
    query = select(func.count()).where(
        col(Zap.folder_id) == folder_id, col(Zap.deleted_at).is_(None)
    )
    return await session.scalar(query) or 0


def _view(folder: Folder, count: int) -> FolderView:
    return FolderView(id=folder.id, name=folder.name, zaps=count, created_at=folder.created_at)
