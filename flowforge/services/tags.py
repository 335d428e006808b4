"""Tags: words on zaps, to find them by.

Promises: a zap has a word once, whatever its case; words that no zap has are nowhere.
"""

from collections import defaultdict
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import col

from flowforge.errors import Invalid
from flowforge.models import Tag, Zap
from flowforge.services.access import Actor, Permission, require
from flowforge.services.labels import key_of, label

MOST = 20
LONGEST = 40
MOST_LISTED = 500


class TagView(BaseModel):
    """``zaps``: how many have it."""

    model_config = ConfigDict(frozen=True)

    name: str
    zaps: int


async def list_tags(session: AsyncSession, actor: Actor) -> list[TagView]:
    """The project's, by name; of those that differ in case alone, one spelling."""
    require(actor, Permission.READ)
    rows = await session.execute(
        select(func.min(col(Tag.name)), func.count())
        .join(Zap, (col(Zap.id) == col(Tag.zap_id)) & col(Zap.deleted_at).is_(None))
        .where(col(Tag.project_id) == actor.project_id)
        .group_by(col(Tag.key))
        .order_by(col(Tag.key))
        .limit(MOST_LISTED)
    )
    return [TagView(name=name, zaps=count) for name, count in rows.all()]


async def replace(session: AsyncSession, zap: Zap, names: Sequence[str]) -> None:
    """``zap`` (locked by the caller, who may edit it) has these tags and no others.

    Raises: Invalid naming the word that is wrong, and for more than 20.
    """
    wanted: dict[str, str] = {}
    for place, name in enumerate(names):
        cleaned = label(name, LONGEST, path=f"tags.{place}", missing="Write the tag.")
        wanted.setdefault(key_of(cleaned), cleaned)
    if len(wanted) > MOST:
        message = f"A zap has at most {MOST} tags."
        raise Invalid(message, details=[{"path": "tags", "message": message}])
    await session.execute(delete(Tag).where(col(Tag.zap_id) == zap.id))
    session.add_all(
        Tag(zap_id=zap.id, key=key, project_id=zap.project_id, name=name)
        for key, name in wanted.items()
    )
    await session.flush()


async def of_zaps(session: AsyncSession, zap_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The tags of each of these zaps that has any, by name. The caller owns the zaps."""
    rows = await session.execute(
        select(col(Tag.zap_id), col(Tag.name))
        .where(col(Tag.zap_id).in_(zap_ids))
        .order_by(col(Tag.key))
    )
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for zap_id, name in rows.all():
        found[zap_id] += (name,)
    return dict(found)


def having(actor: Actor, name: str) -> ColumnElement[bool]:
    """What holds for the actor's zaps that have the tag, whatever its case."""
    return exists().where(
        col(Tag.zap_id) == col(Zap.id),
        col(Tag.project_id) == actor.project_id,
        col(Tag.key) == key_of(name),
    )
