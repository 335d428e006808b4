"""What a step that starts another zap may choose from: the project's zaps, and what the chosen one
asks for.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine.triggers import settings_of
from flowforge.models import Zap
from flowforge.services import search as searching
from flowforge.services.access import Actor
from flowforge.services.form_shapes import Found
from flowforge.services.questions import ASKING

MOST_OFFERED = 50
# How the answer to a question is given in a form of ours.
_WIDGETS = {
    "long_text": "textarea",
    "number": "number",
    "yes_no": "checkbox",
    "choice": "select",
    "file": "file",
}


async def find(  # noqa: PLR0917 - whose, for which control, and what is looked for
    session: AsyncSession,
    actor: Actor,
    step: Mapping[str, Any],
    name: str,
    search: str,
    asks: str,
    zap_id: str,
) -> Found:
    if name == "zap_id":
        return await _zaps(session, actor, str(step.get("zap_id") or ""), search, asks, zap_id)
    return Found(asks, "ready", schema=await _asked(session, actor, str(step.get("zap_id") or "")))


async def _zaps(  # noqa: PLR0917
    session: AsyncSession, actor: Actor, chosen: str, search: str, asks: str, zap_id: str
) -> Found:
    """By name. The chosen one is among them whatever is looked for; the zap itself is not: it would
    start itself.
    """
    query = (
        select(col(Zap.id), col(Zap.name))
        .where(col(Zap.project_id) == actor.project_id, col(Zap.deleted_at).is_(None))
        .order_by(col(Zap.name), col(Zap.id))
    )
    offered = query.where(col(Zap.id) != zap_id)
    if search:
        offered = offered.where(searching.contains(col(Zap.name), search))
    found = [(key, name) for key, name in await session.execute(offered.limit(MOST_OFFERED + 1))]
    options = found[:MOST_OFFERED]
    if chosen and searching.storable(chosen) == chosen and chosen not in dict(options):
        known = (await session.execute(query.where(col(Zap.id) == chosen))).first()
        options += [(known.id, known.name)] if known else []
    return Found(asks, "ready", options=tuple(options), has_more=len(found) > MOST_OFFERED)


async def _asked(session: AsyncSession, actor: Actor, chosen: str) -> Mapping[str, Any] | None:
    """The form of what the chosen zap asks for; None where it asks for nothing in particular."""
    if not chosen or searching.storable(chosen) != chosen:
        return None
    trigger = await session.scalar(
        select(col(Zap.trigger)).where(
            col(Zap.id) == chosen,
            col(Zap.project_id) == actor.project_id,
            col(Zap.deleted_at).is_(None),
        )
    )
    trigger = trigger or {}
    fields = settings_of(trigger).get("fields") if trigger.get("kind") in ASKING else None
    if not fields:
        return None
    properties = {str(one["name"]): _control(one, order) for order, one in enumerate(fields)}
    required = [str(one["name"]) for one in fields if one.get("required")]
    return {"properties": properties, "required": required}


def _control(one: Mapping[str, Any], order: int) -> dict[str, Any]:
    kind = str(one.get("kind", "text"))
    control = {
        "title": str(one.get("label") or one["name"]),
        "widget": _WIDGETS.get(kind, "text"),
        "description": str(one.get("help") or ""),
        "order": order,
    }
    if kind == "number":
        control["type"] = "number"
    if kind == "choice":
        control["enum"] = list(map(str, one.get("options") or ()))
    return control
