"""The deliveries of a destination as a person sees them: listed, tried again, tested."""

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict, NotFound
from flowforge.infra import documents
from flowforge.infra.db import db_now, new_id, utc_now
from flowforge.infra.runtime import Runtime
from flowforge.models import Delivery, Destination
from flowforge.services import deliveries, paging, telling
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.deliveries import Outcome, Parcel
from flowforge.services.paging import Page

TEST_KIND = "destination.test"
KEPT = dt.timedelta(days=30)


class DeliveryView(BaseModel):
    """``status``: pending, delivered, failed or dropped. ``id`` is the webhook-id; ``due_at`` is
    when it is tried next: null for never, and for one that waits for its destination to be
    switched on again.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    destination_id: str
    kind: str
    status: str
    attempts: int
    status_code: int | None
    error: str | None
    payload: Any
    due_at: dt.datetime | None
    created_at: dt.datetime
    finished_at: dt.datetime | None


async def list_deliveries(
    session: AsyncSession,
    actor: Actor,
    destination_id: str,
    *,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[DeliveryView]:
    require(actor, Permission.READ)
    destination = await own(session, actor, Destination, destination_id)
    query = select(Delivery).where(col(Delivery.destination_id) == destination.id)
    return await paging.page(session, query, Delivery.id, limit=limit, cursor=cursor, view=_view)


async def retry(
    session: AsyncSession, actor: Actor, running: Runtime, destination_id: str, delivery_id: str
) -> DeliveryView:
    """The delivery once more from its first try, under the same webhook-id.

    Raises: Conflict ``destination_disabled``, or ``delivery_in_hand`` while it is being sent.
    """
    require(actor, Permission.OPERATE)
    destination = await own(session, actor, Destination, destination_id)
    if not destination.enabled:
        raise Conflict(
            "The destination is switched off. Switch it on, and it gets what it is owed.",
            code="destination_disabled",
        )
    found = (
        await session.execute(
            select(Delivery, db_now())
            .where(col(Delivery.id) == delivery_id, col(Delivery.destination_id) == destination.id)
            .with_for_update(of=Delivery)
        )
    ).first()
    if found is None:
        raise NotFound("Delivery not found")
    delivery, now = found
    if delivery.lease_until is not None and delivery.lease_until > now:
        raise Conflict("It is being sent right now.", code="delivery_in_hand")
    delivery.status, delivery.attempts, delivery.due_at = "pending", 0, now
    delivery.finished_at = delivery.lease_until = None
    # Whoever still has it in hand has it no longer.
    delivery.fence += 1
    await session.flush()
    deliveries.tell(session, running, destination.project_id)
    return _view(delivery)


async def begin_test(
    session: AsyncSession, actor: Actor, running: Runtime, destination_id: str
) -> Parcel:
    """A delivery that says it is a test, to be sent by the caller now and by nobody else."""
    require(actor, Permission.MANAGE)
    destination = await own(session, actor, Destination, destination_id)
    now = utc_now()
    told = {"destination": {"id": destination.id, "name": destination.name}, "by": actor.user_id}
    payload = telling.envelope(TEST_KIND, now, told)
    delivery = Delivery(
        project_id=destination.project_id,
        destination_id=destination.id,
        notice_id=new_id(),
        kind=TEST_KIND,
        payload=payload,
        status="dropped",
        attempts=1,
        error="Whoever tested it left before it was sent.",
        created_at=now,
    )
    session.add(delivery)
    await session.flush()
    return deliveries.parcel(
        running.vault,
        {
            "id": delivery.id,
            "fence": delivery.fence,
            "attempts": delivery.attempts,
            "payload": documents.dump(payload),
        },
        {
            "id": destination.id,
            "url": destination.url,
            "sealed_secret": destination.sealed_secret,
            "sealed_headers": destination.sealed_headers,
        },
    )


async def keep_test(
    session: AsyncSession, actor: Actor, running: Runtime, parcel: Parcel, outcome: Outcome
) -> DeliveryView:
    """What came of a test. It says nothing about what the destination is owed."""
    require(actor, Permission.MANAGE)
    delivery = await own(session, actor, Delivery, parcel.id)
    deliveries.note_try(delivery, outcome, utc_now())
    await session.flush()
    deliveries.tell(session, running, delivery.project_id)
    return _view(delivery)


async def remove_old(session: AsyncSession) -> None:
    """For the sweep: what is over for so long, and what nobody switched on for."""
    await session.execute(delete(Delivery).where(col(Delivery.created_at) < utc_now() - KEPT))


def _view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        id=delivery.id,
        destination_id=delivery.destination_id,
        kind=delivery.kind,
        status=delivery.status,
        attempts=delivery.attempts,
        status_code=delivery.status_code,
        error=delivery.error,
        payload=delivery.payload,
        due_at=delivery.due_at,
        created_at=delivery.created_at,
        finished_at=delivery.finished_at,
    )
