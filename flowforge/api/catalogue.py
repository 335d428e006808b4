"""The catalogue: every app with its actions and triggers, derived from the code."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from flowforge.actions import APPS, POLLERS, REGISTRY, catalogue
from flowforge.api import doors
from flowforge.services.access import Permission

router = APIRouter(prefix="/api/v1", tags=["apps"])


class AppView(BaseModel):
    """``inputs`` and ``output`` of an action and of a polling trigger are JSON Schemas."""

    key: str
    name: str
    icon: str
    actions: list[dict[str, Any]]
    triggers: list[dict[str, Any]]


_APPS = [AppView.model_validate(entry) for entry in catalogue(REGISTRY, APPS, POLLERS)]


@router.get("/apps", dependencies=[doors.permitted(Permission.READ)])
async def list_apps() -> list[AppView]:
    return _APPS
