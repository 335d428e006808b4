"""The dev mailbox: where mail lands on a machine without a mail transport."""

import datetime as dt

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from flowforge.api import doors
from flowforge.config import LOOPBACK_HOSTS
from flowforge.errors import NotFound
from flowforge.services import mailbox

router = APIRouter(prefix="/api/v1/dev", tags=["dev"])


class MailView(BaseModel):
    to: str
    subject: str
    text: str
    html: str
    sent_at: dt.datetime


@router.get("/mailbox", dependencies=[doors.public()])
async def newest(
    request: Request, running: doors.Running, session: doors.Reading
) -> list[MailView]:
    """Newest first, at most 200. 404 wherever somebody else could read it."""
    # A tunnel or a rebound name reaches a loopback address too, but not under its name.
    if request.url.hostname not in LOOPBACK_HOSTS:
        raise NotFound("There is nothing at this address.")
    mails = await mailbox.newest(session, running.settings)
    return [MailView.model_validate(mail, from_attributes=True) for mail in mails]
