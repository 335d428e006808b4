"""How the app trigger of a draft stands: the URL that its app needs, and whether it was told of it."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.engine.triggers import settings_of
from flowforge.models import Zap
from flowforge.services import app_sources, registrations
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.app_sources import APPS, AppSourceView
from flowforge.services.registrations import RegistrationView


class AppStanding(BaseModel):
    """``source`` is None while no app is chosen. ``registers``: the draft says where the app is to be
    told; ``registration``: how it stands with that, of what is live.
    """

    model_config = ConfigDict(frozen=True)

    source: AppSourceView | None
    registers: bool
    registration: RegistrationView | None


async def of_zap(session: AsyncSession, actor: Actor, zap_id: str) -> AppStanding | None:
    """None where the draft has another trigger."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    return await of_draft(session, actor, zap_id, zap.draft)


async def of_draft(
    session: AsyncSession, actor: Actor, zap_id: str, draft: Mapping[str, Any]
) -> AppStanding | None:
    """The same of a ``draft`` that was read already."""
    trigger = draft.get("trigger") or {}
    if trigger.get("kind") != "app":
        return None
    settings = settings_of(trigger)
    app = str(settings.get("app") or "")
    return AppStanding(
        source=await app_sources.get_source(session, actor, app) if app in APPS else None,
        registers=bool(settings.get("register_at")),
        registration=await registrations.view(session, actor, zap_id),
    )
