"""Routes of what an app was told of a zap: how it stands with it, and now, please."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from flowforge.api import doors
from flowforge.services import registrations
from flowforge.services.access import Actor, Permission
from flowforge.services.registrations import RegistrationView

router = APIRouter(prefix="/api/v1/zaps", tags=["registrations"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]


class Registered(BaseModel):
    """``registration`` is null where no app was ever to be told of the zap."""

    registration: RegistrationView | None


@router.get("/{zap_id}/registration")
async def get_registration(actor: Reader, session: doors.Reading, zap_id: str) -> Registered:
    """How it stands with the zap's hook at its app."""
    return Registered(registration=await registrations.view(session, actor, zap_id))


@router.post("/{zap_id}/registration/retry", status_code=202)
async def retry_registration(
    actor: Operator, session: doors.Transaction, zap_id: str
) -> RegistrationView:
    """Look at it at once. What comes of that shows in the registration."""
    return await registrations.retry(session, actor, zap_id)
