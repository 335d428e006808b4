"""The route about how much ran and how well."""

from typing import Annotated

from fastapi import APIRouter, Query

from flowforge.api import doors
from flowforge.infra.db import utc_now
from flowforge.services import usage
from flowforge.services.access import Actor, Permission
from flowforge.services.usage import UsageView

router = APIRouter(prefix="/api/v1", tags=["usage"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]


@router.get("/usage")
async def get_usage(
    *,
    actor: Reader,
    session: doors.Reading,
    days: Annotated[int, Query(description=f"1 to {usage.MOST_DAYS}, today among them")] = 30,
    time_zone: Annotated[str, Query(max_length=100)] = "UTC",
    zap_id: Annotated[str | None, Query(max_length=100)] = None,
) -> UsageView:
    """Runs by day, zap and status; each number is the one that the list of runs finds."""
    return await usage.of_project(
        session, actor, days=days, time_zone=time_zone, zap_id=zap_id, now=utc_now()
    )
