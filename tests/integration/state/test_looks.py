"""The page of a poll: what its looks brought, why they failed, and a look right now."""

from collections.abc import AsyncIterator

import pytest

from flowforge.services import zaps
from flowforge.state.schedule import Schedule
from tests.house import House
from tests.integration.state.tabs import call, tab
from tests.integration.triggers.polling import definition, loop, polling, turn
from tests.servers.feeds import Site, rss, running_site
from tests.zapping import published


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as site:
        site.body = rss(1, 2)
        yield site


async def test_each_look_is_a_line_with_what_it_brought(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    page = tab(Schedule, ada, f"/zaps/{zap.id}/schedule")
    await turn(house, zap)
    site.body = rss(1, 2, 3, 4)
    await turn(house, zap)
    await turn(house, zap)
    site.status, site.body = 500, "no"
    await turn(house, zap)
    await call(page, "load_more")
    said = [(line.look, line.words, line.reason) for line in page.lines]
    assert said == [
        ("failed", "Failed", "Fetching the feed failed with status 500: no"),
        ("skipped", "Nothing new", ""),
        ("succeeded", "2 new", ""),
        ("skipped", "Nothing new", "The first look: what is there already starts no runs."),
    ]
    assert page.lines[2].run_path == f"/zaps/{zap.id}/runs"
    assert (page.poll.failures, page.poll.is_first) == ("look", False)
    assert page.poll.error == "Fetching the feed failed with status 500: no"
    assert page.poll.sentence == f"Every 5 minutes: {site.url}"
    assert page.poll.due_at > page.poll.last_at
    assert not page.is_scheduled


async def test_a_look_is_asked_for_from_the_page(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    page = tab(Schedule, ada, f"/zaps/{zap.id}/schedule")
    assert "looks now" in await call(page, "look_now")
    asked, working = len(site.asked), loop(house)
    await working.look()
    await working.finish()
    assert len(site.asked) == asked + 1


async def test_a_poll_that_was_never_published_or_is_off_says_when_it_looks(
    house: House, site: Site
) -> None:
    ada = await house.sign_up()
    async with house.db.transaction() as session:
        drafted = await zaps.create(
            session, ada.actor, name="P", definition=definition("rss", url=site.url)
        )
    page = tab(Schedule, ada, f"/zaps/{drafted.id}/schedule")
    await call(page, "load_more")
    assert (page.poll.is_there, page.poll.due_at, page.poll.is_first) == (True, "", True)
    assert "does not poll" in await call(page, "look_now")
    live = await polling(house, ada, url=site.url)
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, live.id, enabled=False)
    page = tab(Schedule, ada, f"/zaps/{live.id}/schedule")
    await call(page, "load_more")
    assert (page.poll.is_there, page.poll.due_at, page.is_on) == (True, "", False)


async def test_a_zap_without_a_poll_shows_none(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, {"id": "end", "kind": "stop"})
    page = tab(Schedule, ada, f"/zaps/{zap.id}/schedule")
    await call(page, "load_more")
    assert not page.poll.is_there
