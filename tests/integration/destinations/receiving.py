"""A destination for tests: a real receiver, the postman, and what the database says of both."""

import datetime as dt
import json
from typing import Any

from pytest_httpserver import HTTPServer
from sqlalchemy import select, text
from sqlmodel import col
from standardwebhooks import Webhook
from werkzeug import Request

from flowforge.jobs.notices import Postman
from flowforge.models import Delivery, Destination, Notice
from flowforge.services import destinations, versions, zaps
from flowforge.services.destinations import NewDestinationView
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.zapping import ZAP_NAME, hook

PATH = "/hooks"
STOP = {"id": "end", "kind": "stop"}
# A step without an address: its run fails.
BROKEN = hook("broken", "{{ trigger.body.nothing }}", retry={"attempts": 1})


async def made(house: House, account: Account, url: str, *kinds: str) -> NewDestinationView:
    async with house.db.transaction() as session:
        return await destinations.create(
            session,
            account.actor,
            house.runtime,
            name="CRM",
            url=url,
            kinds=list(kinds or ("*",)),
            headers={"X-Key": "s3cret-value"},
        )


async def failing_zap(house: House, account: Account, **trigger: Any) -> ZapView:
    return await zap_of(house, account, BROKEN, **trigger)


async def zap_of(house: House, account: Account, *steps: dict[str, Any], **trigger: Any) -> ZapView:
    definition = {"trigger": {"kind": "webhook", **trigger}, "steps": list(steps)}
    async with house.db.transaction() as session:
        zap = await zaps.create(session, account.actor, name=ZAP_NAME, definition=definition)
        await versions.publish(session, account.actor, zap.id)
        return await zaps.get(session, account.actor, zap.id)


async def posted(house: House) -> None:
    """All that is due is passed on and sent once."""
    postman = Postman(house.runtime)
    while await postman.look():
        await postman.finish()
    await postman.finish()


async def passed_on(house: House) -> None:
    await Postman(house.runtime).pass_on()


async def due_again(house: House) -> None:
    """As if all waits and leases had ended."""
    async with house.db.transaction() as session:
        for delivery in await session.scalars(select(Delivery)):
            past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
            delivery.due_at = delivery.due_at and past
            delivery.lease_until = delivery.lease_until and past


async def all_deliveries(house: House) -> list[Delivery]:
    async with house.db.reading() as session:
        return list((await session.scalars(select(Delivery).order_by(col(Delivery.id)))).all())


async def the_delivery(house: House) -> Delivery:
    (found,) = await all_deliveries(house)
    return found


async def all_notices(house: House) -> list[Notice]:
    async with house.db.reading() as session:
        return list((await session.scalars(select(Notice).order_by(col(Notice.id)))).all())


async def destination_row(house: House, destination_id: str) -> Destination:
    async with house.db.reading() as session:
        query = select(Destination).where(col(Destination.id) == destination_id)
        found: Destination = (await session.scalars(query)).one()
        return found


async def fails_since(house: House, destination_id: str, ago: dt.timedelta) -> None:
    async with house.db.transaction() as session:
        query = select(Destination).where(col(Destination.id) == destination_id)
        (await session.scalars(query)).one().failing_since = dt.datetime.now(dt.UTC) - ago


async def count(house: House, table: str) -> int:
    async with house.db.reading() as session:
        return int(await session.scalar(text(f'SELECT count(*) FROM "{table}"')) or 0)


def requests(httpserver: HTTPServer) -> list[Request]:
    return [request for request, _ in httpserver.log if request.path == PATH]


def verified(request: Request, secret: str) -> Any:
    """What it says, found genuine by somebody else's verifier."""
    Webhook(secret).verify(request.get_data(), dict(request.headers))
    return json.loads(request.get_data())
