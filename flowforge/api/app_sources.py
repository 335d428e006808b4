"""Routes of ``/api/v1/app-sources``: the apps that send a project everything to one URL."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from flowforge.api import doors
from flowforge.services import app_sources
from flowforge.services.access import Actor, Permission
from flowforge.services.app_sources import AppSourceView, NewSecrets

router = APIRouter(prefix="/api/v1/app-sources", tags=["app sources"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Editor = Annotated[Actor, doors.permitted(Permission.EDIT)]


class AppSources(BaseModel):
    data: list[AppSourceView]


@router.get("")
async def list_sources(actor: Reader, session: doors.Reading) -> AppSources:
    """Every app that can send; ``url`` is set where it has a secret."""
    return AppSources(data=await app_sources.list_sources(session, actor))


@router.get("/{app}")
async def get_source(actor: Reader, session: doors.Reading, app: str) -> AppSourceView:
    return await app_sources.get_source(session, actor, app)


@router.put("/{app}")
async def put_source(
    actor: Editor, session: doors.Transaction, app: str, given: NewSecrets
) -> AppSourceView:
    """The secret with which the app signs; it is never shown again."""
    return await app_sources.put_source(session, actor, app, given)


@router.delete("/{app}", status_code=204)
async def delete_source(actor: Editor, session: doors.Transaction, app: str) -> None:
    """Its URL is dead at once."""
    await app_sources.delete_source(session, actor, app)
