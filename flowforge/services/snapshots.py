"""Snapshots: for each gesture on a draft, the draft on its other side, to go back and forth.

Promises: a gesture ends what was undone before it; of a zap the last ``MOST`` gestures are kept,
together at most ``MOST_BYTES``; nothing stands in a snapshot that did not stand in the draft, where
secrets are sealed. Whoever calls holds the lock of the zap.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra import documents
from flowforge.infra.db import utc_now
from flowforge.models import Snapshot
from flowforge.services.editing_words import Told

MOST = 100
MOST_BYTES = 8 * 1024 * 1024
# What one person types into one field without a longer pause is one gesture.
PAUSE = dt.timedelta(seconds=5)


@dataclass(frozen=True)
class Offered:
    """What the next undo and the next redo would be about, in words; empty for nothing."""

    undo: str = ""
    redo: str = ""


async def note(
    session: AsyncSession,
    zap_id: str,
    before: Any,
    told: Told,
    user_id: int,
    *,
    joins: bool = False,
    revision: int | None = None,
) -> None:
    """A gesture that began with the draft ``before``. ``joins``: it is one with the last gesture
    where that was about the same field, by the same person, within ``PAUSE``. ``revision``: what
    ``before`` was as a draft.
    """
    await session.execute(
        delete(Snapshot).where(col(Snapshot.zap_id) == zap_id, col(Snapshot.is_undone))
    )
    last = await newest(session, zap_id)
    if joins and last is not None and _goes_on(last, told, user_id):
        last.created_at = utc_now()
    else:
        session.add(
            Snapshot(
                zap_id=zap_id,
                number=last.number + 1 if last is not None else 1,
                what=told.what,
                field=told.field,
                definition=before,
                size=len(documents.dump(before).encode()),
                user_id=user_id,
                revision=revision,
            )
        )
    await session.flush()
    await _trim(session, zap_id)


async def newest(session: AsyncSession, zap_id: str) -> Snapshot | None:
    """The gesture that undo would take back."""
    found: Snapshot | None = await session.scalar(
        select(Snapshot)
        .where(col(Snapshot.zap_id) == zap_id, col(Snapshot.is_undone).is_(False))
        .order_by(col(Snapshot.number).desc())
        .limit(1)
    )
    return found


async def undone(session: AsyncSession, zap_id: str) -> Snapshot | None:
    """The gesture that redo would do again."""
    found: Snapshot | None = await session.scalar(
        select(Snapshot)
        .where(col(Snapshot.zap_id) == zap_id, col(Snapshot.is_undone))
        .order_by(col(Snapshot.number))
        .limit(1)
    )
    return found


def swap(snapshot: Snapshot, draft: Any, revision: int) -> Any:
    """The draft on the gesture's other side; ``draft`` of ``revision`` takes its place."""
    other = snapshot.definition
    snapshot.definition, snapshot.revision = draft, revision
    snapshot.size = len(documents.dump(draft).encode())
    snapshot.is_undone = not snapshot.is_undone
    return other


async def offered(session: AsyncSession, zap_id: str) -> Offered:
    rows = await session.execute(
        select(col(Snapshot.what), col(Snapshot.is_undone))
        .where(col(Snapshot.zap_id) == zap_id)
        .order_by(col(Snapshot.number))
    )
    undo = redo = ""
    for what, is_undone in rows:
        if not is_undone:
            undo = what
        elif not redo:
            redo = what
    return Offered(undo, redo)


async def of_revision(session: AsyncSession, zap_id: str, revision: int) -> Any:
    """The draft as it was at ``revision``, or at the beginning of the typing that it was in the
    midst of; None where it is not kept.
    """
    return await session.scalar(
        select(col(Snapshot.definition))
        .where(col(Snapshot.zap_id) == zap_id, col(Snapshot.revision) <= revision)
        .order_by(col(Snapshot.revision).desc())
        .limit(1)
    )


async def forget(session: AsyncSession, zap_id: str) -> None:
    """Of a zap that is deleted there is nothing to undo."""
    await session.execute(delete(Snapshot).where(col(Snapshot.zap_id) == zap_id))


def _goes_on(last: Snapshot, told: Told, user_id: int) -> bool:
    is_same = (last.field, last.what, last.user_id) == (told.field, told.what, user_id)
    return bool(told.field) and is_same and utc_now() - last.created_at < PAUSE


async def _trim(session: AsyncSession, zap_id: str) -> None:
    """Forget the oldest gestures, but never the last one."""
    rows = await session.execute(
        select(col(Snapshot.number), col(Snapshot.size))
        .where(col(Snapshot.zap_id) == zap_id)
        .order_by(col(Snapshot.number).desc())
    )
    kept = 0
    for place, (number, size) in enumerate(rows):
        kept += size
        if place >= MOST or (place > 0 and kept > MOST_BYTES):
            await session.execute(
                delete(Snapshot).where(
                    col(Snapshot.zap_id) == zap_id, col(Snapshot.number) <= number
                )
            )
            return
