"""Zaps that GitHub is to be told of, and a worker's turn at them."""

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from flowforge.jobs.registrar import Registrar
from flowforge.models import AppSource, Registration
from flowforge.services import versions, zaps
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.servers.github import REPOSITORY, TOKEN
from tests.zapping import published

SECRET = "It's a Secret to Everybody"
SOURCE = "/api/v1/app-sources/github"
REPLY = {"id": "answer", "kind": "reply", "body": "{{ trigger.body }}"}


async def connected(house: House, **given: Any) -> Account:
    """Somebody whose project may tell GitHub."""
    ada = await house.sign_up()
    await put(house, ada, **({"secret": SECRET, "token": TOKEN} | given))
    return ada


async def put(house: House, account: Account, **given: Any) -> dict[str, Any]:
    answer = await house.client.put(SOURCE, json=given, headers=account.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def trigger(**settings: Any) -> dict[str, Any]:
    usual = {"app": "github", "event": "push", "register_at": REPOSITORY}
    return {"kind": "app", "settings": usual | settings}


async def registered(house: House, account: Account, **settings: Any) -> ZapView:
    """A live zap, and the worker has had its turn."""
    zap = await published(house, account, REPLY, trigger=trigger(**settings))
    await turned(house)
    return zap


async def republished(house: House, account: Account, zap: ZapView, **settings: Any) -> None:
    async with house.db.transaction() as session:
        held = await zaps.locked(session, account.actor, zap.id)
        definition = {"trigger": trigger(**settings), "steps": [REPLY]}
        await zaps.redraft(session, held, definition)
        await versions.publish(session, account.actor, zap.id)


async def switched(house: House, account: Account, zap: ZapView, *, on: bool) -> None:
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, account.actor, zap.id, enabled=on)


async def turned(house: House, registrar: Registrar | None = None) -> None:
    """All that is due has had a turn."""
    one = registrar or Registrar(house.runtime)
    while await one.look():
        await one.finish()
    await one.finish()


async def due_again(house: House) -> None:
    """As if all waits and leases had ended."""
    async with house.db.transaction() as session:
        for row in await session.scalars(select(Registration)):
            past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
            row.due_at = row.due_at and past
            row.lease_until = row.lease_until and past


async def row_of(house: House, zap: ZapView) -> Registration:
    async with house.db.reading() as session:
        query = select(Registration).where(col(Registration.zap_id) == zap.id)
        found: Registration = (await session.scalars(query)).one()
        return found


async def sources(house: House) -> list[AppSource]:
    async with house.db.reading() as session:
        return list((await session.scalars(select(AppSource))).all())


async def shown(house: House, account: Account, zap: ZapView) -> Any:
    """What the API says of it."""
    url = f"/api/v1/zaps/{zap.id}/registration"
    answer = await house.client.get(url, headers=account.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["registration"]
