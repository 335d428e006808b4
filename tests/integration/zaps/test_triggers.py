"""What intake knows of a zap's trigger: the live version's, until the first publish the draft's."""

from typing import Any

from sqlalchemy import select
from sqlmodel import col

from flowforge.models import Zap
from flowforge.services import versions, zaps
from tests.house import Account, House
from tests.zapping import hook

NOWHERE = "http://127.0.0.1:1/"


def definition(trigger: dict[str, Any] | None) -> dict[str, Any]:
    return {"trigger": trigger, "steps": [hook("one", NOWHERE)]}


async def row(house: House, zap_id: str) -> Zap:
    async with house.db.reading() as session:
        zap: Zap = (await session.scalars(select(Zap).where(col(Zap.id) == zap_id))).one()
        return zap


async def created(house: House, ada: Account, trigger: dict[str, Any] | None) -> str:
    async with house.db.transaction() as session:
        made = await zaps.create(session, ada.actor, name="Test", definition=definition(trigger))
        return made.id


async def saved(house: House, ada: Account, zap_id: str, trigger: dict[str, Any]) -> None:
    async with house.db.transaction() as session:
        zap = await zaps.locked(session, ada.actor, zap_id)
        await zaps.redraft(session, zap, definition(trigger))


async def publish(house: House, ada: Account, zap_id: str) -> None:
    async with house.db.transaction() as session:
        await versions.publish(session, ada.actor, zap_id)


async def test_the_draft_counts_until_something_is_live(house: House) -> None:
    ada = await house.sign_up()
    zap_id = await created(house, ada, {"kind": "webhook", "methods": ["PUT"]})
    assert (await row(house, zap_id)).trigger == {
        "kind": "webhook",
        "settings": {"methods": ["PUT"]},
    }
    await saved(house, ada, zap_id, {"kind": "webhook", "settings": {"methods": ["POST"]}})
    assert (await row(house, zap_id)).trigger["settings"] == {"methods": ["POST"]}
    await publish(house, ada, zap_id)
    await saved(house, ada, zap_id, {"kind": "webhook", "settings": {"methods": ["GET"]}})
    assert (await row(house, zap_id)).trigger["settings"] == {"methods": ["POST"]}
    await publish(house, ada, zap_id)
    assert (await row(house, zap_id)).trigger["settings"] == {"methods": ["GET"]}


async def test_a_zap_without_a_trigger_has_none(house: House) -> None:
    ada = await house.sign_up()
    assert (await row(house, await created(house, ada, None))).trigger is None


async def test_the_app_of_a_live_app_trigger_is_its_key(house: House) -> None:
    ada = await house.sign_up()
    zap_id = await created(house, ada, {"kind": "app", "app": "github", "event": "push"})
    assert (await row(house, zap_id)).trigger_key is None
    await publish(house, ada, zap_id)
    assert (await row(house, zap_id)).trigger_key == "github"
    await saved(house, ada, zap_id, {"kind": "webhook"})
    assert (await row(house, zap_id)).trigger_key == "github"
    await publish(house, ada, zap_id)
    assert (await row(house, zap_id)).trigger_key is None


async def test_what_the_first_api_gave_along_is_not_carried_into_intake(house: House) -> None:
    ada = await house.sign_up()
    given = {"kind": "webhook", "settings": {"metadata": {"much": "x" * 1000}}}
    assert (await row(house, await created(house, ada, given))).trigger["settings"] == {}
