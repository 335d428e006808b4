"""Which zaps a zap waits for that failures fire: offered by name, chosen one by one.

Promise: only zaps of the project can be chosen; one that was chosen is shown as long as it is, also
when it is gone or searched past.
"""

from collections.abc import Collection
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine.triggers import settings_of
from flowforge.models import Zap
from flowforge.services import search, trigger_forms
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.trigger_forms import Draft

# More than that is found by searching.
MOST_OFFERED = 50


class Watchable(BaseModel):
    """A zap that can be chosen. ``is_gone``: it was chosen, and deleted since."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    is_chosen: bool
    is_gone: bool = False


class Offer(NamedTuple):
    """The chosen ones first. ``has_more``: there are others with that in their name."""

    zaps: list[Watchable]
    has_more: bool


async def offer(session: AsyncSession, actor: Actor, zap_id: str, sought: str = "") -> Offer:
    """What the draft of ``zap_id`` may wait for: every other zap of the project, by name."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    chosen = chosen_of(zap.draft)
    query = (
        select(col(Zap.id), col(Zap.name))
        .where(col(Zap.project_id) == actor.project_id, col(Zap.deleted_at).is_(None))
        .order_by(col(Zap.name), col(Zap.id))
    )
    asked = [one for one in chosen if search.storable(one) == one]
    known = await session.execute(query.where(col(Zap.id).in_(asked)))
    names = {row.id: row.name for row in known}
    others = query.where(col(Zap.id) != zap.id, col(Zap.id).not_in(asked))
    if sought.strip():
        others = others.where(search.contains(col(Zap.name), sought.strip()))
    found = (await session.execute(others.limit(MOST_OFFERED + 1))).all()
    gone = [one for one in chosen if one not in names]
    offered = [Watchable(id=key, name=name, is_chosen=True) for key, name in names.items()]
    offered += [Watchable(id=key, name=key, is_chosen=True, is_gone=True) for key in gone]
    offered += [Watchable(id=key, name=name, is_chosen=False) for key, name in found[:MOST_OFFERED]]
    return Offer(offered, len(found) > MOST_OFFERED)


async def require_own(session: AsyncSession, actor: Actor, zap_id: str) -> None:
    """Raises: NotFound for a zap that is unknown, foreign or deleted."""
    require(actor, Permission.EDIT)
    await own(session, actor, Zap, zap_id)


def choose(draft: Draft, zap_id: str, is_chosen: bool) -> Draft:
    """The draft that waits for failures of ``zap_id`` as well, or no more. Raises: Invalid."""
    trigger = trigger_forms.trigger_of(draft)
    others = [one for one in chosen_of(draft) if one != zap_id]
    return _waiting_for(draft, settings_of(trigger), [*others, zap_id] if is_chosen else others)


def choose_all(draft: Draft) -> Draft:
    """The draft that waits for failures of every other zap. Raises: Invalid."""
    return _waiting_for(draft, settings_of(trigger_forms.trigger_of(draft)), [])


def chosen_of(draft: Draft) -> list[str]:
    """Ids, as the draft has them; none: it waits for all."""
    found = settings_of(draft.get("trigger")).get("zap_ids")
    return [str(one) for one in found] if isinstance(found, list | tuple) else []


def _waiting_for(draft: Draft, settings: dict[str, object], zap_ids: Collection[str]) -> Draft:
    rest = {name: value for name, value in settings.items() if name != "zap_ids"}
    return trigger_forms.with_settings(
        draft, {**rest, "zap_ids": list(zap_ids)} if zap_ids else rest
    )
