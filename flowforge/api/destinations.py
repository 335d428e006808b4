"""Routes of ``/api/v1/event-destinations``: who is told what happens, and how that went."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from flowforge.api import doors
from flowforge.api.lists import Cursor, Limit, Listed, listed
from flowforge.infra.db import utc_now
from flowforge.services import deliveries, delivery_log, destinations, paging
from flowforge.services.access import Actor, Permission
from flowforge.services.delivery_log import DeliveryView
from flowforge.services.destinations import DestinationView, NewDestinationView

router = APIRouter(prefix="/api/v1/event-destinations", tags=["destinations"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]
Manager = Annotated[Actor, doors.permitted(Permission.MANAGE)]

LONGEST_TYPED = 10_000
Typed = Annotated[str, Field(max_length=LONGEST_TYPED)]
Kinds = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=50)]
Headers = Annotated[dict[Typed, Typed | None], Field(max_length=50)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NewDestination(_Body):
    """``kinds``: such as ``run.failed``, ``zap.*`` or ``*``. ``headers``: sent along, shown never."""

    name: Typed
    url: Typed
    kinds: Kinds
    headers: Headers = {}
    enabled: StrictBool = True


class DestinationChange(_Body):
    """What is left out stays. ``headers`` takes the place of all there were; null keeps a value."""

    name: Typed | None = None
    url: Typed | None = None
    kinds: Kinds | None = None
    headers: Headers | None = None
    enabled: StrictBool | None = None


@router.get("")
async def list_destinations(
    actor: Reader,
    session: doors.Reading,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[DestinationView]:
    found = await destinations.list_destinations(session, actor, limit=limit, cursor=cursor)
    return listed(found)


@router.post("", status_code=201)
async def create_destination(
    actor: Manager, running: doors.Running, session: doors.Transaction, body: NewDestination
) -> NewDestinationView:
    """With ``secret``, which is shown this once: whoever receives verifies by it."""
    return await destinations.create(
        session,
        actor,
        running,
        name=body.name,
        url=body.url,
        kinds=body.kinds,
        headers=body.headers,
        enabled=body.enabled,
    )


@router.get("/{destination_id}")
async def get_destination(
    actor: Reader, session: doors.Reading, destination_id: str
) -> DestinationView:
    return await destinations.get(session, actor, destination_id)


@router.patch("/{destination_id}")
async def change_destination(
    actor: Manager,
    running: doors.Running,
    session: doors.Transaction,
    destination_id: str,
    body: DestinationChange,
) -> DestinationView:
    """Switched on again, it is sent what it is owed."""
    return await destinations.change(
        session,
        actor,
        running,
        destination_id,
        name=body.name,
        url=body.url,
        kinds=body.kinds,
        headers=body.headers,
        enabled=body.enabled,
    )


@router.delete("/{destination_id}", status_code=204)
async def delete_destination(
    actor: Manager, running: doors.Running, session: doors.Transaction, destination_id: str
) -> None:
    await destinations.delete(session, actor, running, destination_id)


@router.post("/{destination_id}/rotate")
async def rotate_secret(
    actor: Manager, running: doors.Running, session: doors.Transaction, destination_id: str
) -> NewDestinationView:
    """A new secret. For a day the one before signs too."""
    return await destinations.rotate(session, actor, running, destination_id)


@router.post("/{destination_id}/test")
async def test_destination(
    actor: Manager, running: doors.Running, destination_id: str
) -> DeliveryView:
    """Sends a delivery of kind ``destination.test`` now, once, and answers what came of it."""
    async with running.db.transaction() as session:
        parcel = await delivery_log.begin_test(session, actor, running, destination_id)
    outcome = await deliveries.send(running.http, parcel, utc_now())
    async with running.db.transaction() as session:
        return await delivery_log.keep_test(session, actor, running, parcel, outcome)


@router.get("/{destination_id}/deliveries")
async def list_deliveries(
    actor: Reader,
    session: doors.Reading,
    destination_id: str,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[DeliveryView]:
    found = await delivery_log.list_deliveries(
        session, actor, destination_id, limit=limit, cursor=cursor
    )
    return listed(found)


@router.post("/{destination_id}/deliveries/{delivery_id}/retry")
async def retry_delivery(
    actor: Operator,
    running: doors.Running,
    session: doors.Transaction,
    destination_id: str,
    delivery_id: str,
) -> DeliveryView:
    """Due again now, under the same webhook-id. 409 while its destination is switched off."""
    return await delivery_log.retry(session, actor, running, destination_id, delivery_id)
