"""The routes of polls: how it stands, look now, look just to see."""

from collections.abc import AsyncIterator

import pytest

from tests.house import House
from tests.integration.triggers.polling import (
    definition,
    loop,
    polling,
    runs_of,
    slots_of,
    timer_of,
    turn,
)
from tests.servers.feeds import Site, rss, running_site
from tests.zapping import events_of, published


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as site:
        site.body = rss(1, 2, 3, 4, 5, 6, 7)
        yield site


async def test_how_a_poll_stands_can_be_seen(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    url = f"/api/v1/zaps/{zap.id}/polls"
    before = (await house.client.get(url, headers=ada.headers)).json()
    assert before["state"]["has_position"] is False
    await turn(house, zap)
    site.status, site.body = 500, "no"
    await turn(house, zap)
    ledger = (await house.client.get(url, headers=ada.headers)).json()
    state = ledger["state"]
    assert (state["trigger"], state["failures"], state["has_position"]) == ("rss", 1, True)
    assert state["error"] == "Fetching the feed failed with status 500: no"
    assert [(slot["status"], slot["found"]) for slot in ledger["data"]] == [
        ("failed", 0),
        ("ran", 0),
    ]


async def test_a_poll_comes_at_once_where_it_is_asked_for(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    answer = await house.client.post(f"/api/v1/zaps/{zap.id}/poll", headers=ada.headers)
    assert answer.status_code == 202, answer.text
    asked = len(site.asked)
    working = loop(house)
    await working.look()
    await working.finish()
    assert len(site.asked) == asked + 1


async def test_a_zap_that_does_not_poll_says_so(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, {"id": "end", "kind": "stop"})
    answer = await house.client.post(f"/api/v1/zaps/{zap.id}/poll", headers=ada.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_polling")
    ledger = await house.client.get(f"/api/v1/zaps/{zap.id}/polls", headers=ada.headers)
    assert ledger.json() == {"state": None, "data": [], "next": None}
    tried = await house.client.post(f"/api/v1/zaps/{zap.id}/poll/test", headers=ada.headers)
    assert tried.status_code == 422


async def test_a_look_just_to_see_shows_five_and_stores_nothing(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    url = f"/api/v1/zaps/{zap.id}/poll/test"
    tried = (await house.client.post(url, headers=ada.headers)).json()
    assert [item["data"]["title"] for item in tried["items"]] == [
        f"Post {n}" for n in (3, 4, 5, 6, 7)
    ]
    assert tried["error"] is None
    assert (await timer_of(house, zap)).cursor is None
    assert await slots_of(house, zap) == []
    assert await events_of(house, zap) == []
    assert await runs_of(house, zap) == []
    site.body = "<html>"
    tried = (await house.client.post(url, headers=ada.headers)).json()
    assert tried["items"] == []
    assert tried["error"] == "This address gives a web page, not a feed."


async def test_a_draft_that_cannot_be_looked_with_names_the_field(house: House) -> None:
    ada = await house.sign_up()
    made = await house.client.post(
        "/api/v1/zaps",
        headers=ada.headers,
        json={"name": "P", "definition": definition("rss", url="nowhere")},
    )
    zap_id = made.json()["id"]
    tried = await house.client.post(f"/api/v1/zaps/{zap_id}/poll/test", headers=ada.headers)
    assert tried.status_code == 422
    assert tried.json()["error"]["details"][0]["path"] == "trigger.settings.inputs.url"


async def test_strangers_see_no_poll(house: House, site: Site) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    zap = await polling(house, ada, url=site.url)
    for method, path in (("GET", "polls"), ("POST", "poll"), ("POST", "poll/test")):
        url = f"/api/v1/zaps/{zap.id}/{path}"
        assert (await house.client.request(method, url)).status_code == 401
        answer = await house.client.request(method, url, headers=eve.headers)
        assert answer.status_code == 404
    assert site.asked == []
