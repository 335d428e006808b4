"""The list of zaps says what is wrong with what fires them, for as long as it is."""

import datetime as dt

from sqlalchemy import update
from sqlmodel import col

from flowforge.models import Registration, Timer
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.integration.triggers.polling import polling, turn
from tests.servers.feeds import rss, running_site
from tests.zapping import published

STOP = {"id": "end", "kind": "stop"}


async def troubles(house: House, account: Account) -> dict[str, tuple[str, str]]:
    """By zap: what it waits for, and what is wrong."""
    answer = await house.client.get("/api/v1/zaps", headers=account.headers)
    return {one["id"]: (one["trigger_tells"], one["trouble"]) for one in answer.json()["data"]}


async def scheduled(house: House, account: Account) -> ZapView:
    trigger = {"kind": "schedule", "settings": {"cron": "*/5 * * * *", "timezone": "UTC"}}
    return await published(house, account, STOP, trigger=trigger)


async def test_a_poll_that_fails_is_in_the_list_until_it_succeeds(house: House) -> None:
    ada = await house.sign_up()
    async with running_site() as site:
        site.body = "<html><body>Not a feed</body></html>"
        zap = await polling(house, ada, url=site.url)
        fine = await scheduled(house, ada)
        assert (await troubles(house, ada))[zap.id][1] == ""
        await turn(house, zap)
        found = await troubles(house, ada)
        assert found[zap.id][1].startswith("The last look failed: ")
        assert site.url in found[zap.id][0]
        assert found[fine.id] == ("Every 5 minutes, UTC", "")
        site.body = rss(1)
        await turn(house, zap)
        assert (await troubles(house, ada))[zap.id][1] == ""


async def test_silence_and_refused_hooks_are_in_the_list(house: House) -> None:
    ada = await house.sign_up()
    silent, refused = await scheduled(house, ada), await published(house, ada, STOP)
    async with house.db.transaction() as session:
        await session.execute(
            update(Timer)
            .where(col(Timer.zap_id) == silent.id)
            .values(alarmed_at=dt.datetime.now(dt.UTC))
        )
        session.add(
            Registration(
                zap_id=refused.id,
                project_id=ada.actor.project_id,
                app="github",
                status="failed",
                error="GitHub does not accept the token.",
            )
        )
    found = await troubles(house, ada)
    assert found[silent.id][1] == "It has not run for longer than it may."
    assert found[refused.id][1] == "GitHub does not accept the token."


async def test_what_is_switched_off_has_no_trouble(house: House) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url="http://127.0.0.1:1/")
    await turn(house, zap)
    assert (await troubles(house, ada))[zap.id][1] != ""
    answer = await house.client.patch(
        f"/api/v1/zaps/{zap.id}", json={"enabled": False}, headers=ada.headers
    )
    assert answer.status_code == 200, answer.text
    assert (await troubles(house, ada))[zap.id][1] == ""
