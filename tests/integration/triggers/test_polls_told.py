"""A poll that begins to fail, and one that works again, are told of once each."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from flowforge.infra import failpoints
from flowforge.services import notices, zaps
from flowforge.services.polls import TOLD_AFTER
from flowforge.services.zap_views import ZapView
from tests.house import House
from tests.integration.destinations.receiving import all_deliveries, all_notices, made, passed_on
from tests.integration.triggers.polling import (
    definition,
    let_the_lease_run_out,
    polling,
    republish,
    turn,
)
from tests.servers.feeds import Site, rss, running_site

NOWHERE = "http://127.0.0.1:1/"
KINDS = ("zap.poll_failed", "zap.poll_recovered")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as site:
        site.body = rss(1, 2)
        yield site


async def turns(house: House, zap: ZapView, count: int) -> None:
    for _ in range(count):
        await turn(house, zap)


def breaks(site: Site) -> None:
    site.status, site.body = 500, "no"


def works(site: Site) -> None:
    site.status, site.body = 200, rss(1, 2)


async def told(house: House) -> list[tuple[str, Any]]:
    await passed_on(house)
    return [(one.kind, one.payload["data"]) for one in await all_deliveries(house)]


async def test_the_third_failure_in_a_row_and_the_recovery_are_told_once(
    house: House, site: Site
) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE, *KINDS)
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    breaks(site)
    await turns(house, zap, TOLD_AFTER - 1)
    assert await told(house) == []
    await turns(house, zap, 3)
    ((kind, data),) = await told(house)
    assert kind == "zap.poll_failed"
    assert data["zap"] == {"id": zap.id, "name": "Poll", "version": 1, "enabled": True}
    assert data["poll"]["error"] == "Fetching the feed failed with status 500: no"
    assert (data["poll"]["trigger"], data["poll"]["failures"]) == ("rss", TOLD_AFTER)
    assert data["poll"]["next_at"]
    works(site)
    await turns(house, zap, 2)
    assert [kind for kind, _ in await told(house)] == list(KINDS)
    assert (await told(house))[1][1]["poll"]["failures"] == 0


async def test_a_hiccup_is_no_news(house: House, site: Site) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE)
    zap = await polling(house, ada, url=site.url)
    await told(house)
    before = len(await all_deliveries(house))
    for _ in range(2):
        breaks(site)
        await turns(house, zap, TOLD_AFTER - 1)
        works(site)
        await turn(house, zap)
    assert len(await told(house)) == before


async def test_what_is_mended_by_publishing_again_has_recovered(house: House, site: Site) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE, *KINDS)
    zap = await polling(house, ada, url=f"{site.url}?old")
    breaks(site)
    await turns(house, zap, TOLD_AFTER)
    works(site)
    await republish(house, ada, zap, definition("rss", url=site.url))
    await turn(house, zap)
    assert [kind for kind, _ in await told(house)] == list(KINDS)


async def test_switching_off_and_on_does_not_tell_of_the_same_trouble_again(
    house: House, site: Site
) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE, *KINDS)
    zap = await polling(house, ada, url=site.url)
    breaks(site)
    await turns(house, zap, TOLD_AFTER)
    for is_on in (False, True):
        async with house.db.transaction() as session:
            await zaps.set_enabled(session, ada.actor, zap.id, is_on)
    await turns(house, zap, TOLD_AFTER)
    assert [kind for kind, _ in await told(house)] == ["zap.poll_failed"]


@pytest.mark.parametrize("place", ["poll.before_commit", "poll.after_commit"])
async def test_whoever_dies_at_the_third_failure_tells_of_it_once(
    house: House, site: Site, place: str
) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE, *KINDS)
    zap = await polling(house, ada, url=site.url)
    breaks(site)
    await turns(house, zap, TOLD_AFTER - 1)
    failpoints.arm(f"{place}=error")
    try:
        await turn(house, zap)
    finally:
        failpoints.arm("")
    assert len(await all_notices(house)) == (place == "poll.after_commit")
    await let_the_lease_run_out(house, zap)
    await turn(house, zap)
    assert [kind for kind, _ in await told(house)] == ["zap.poll_failed"]


async def test_the_project_of_somebody_else_and_who_asked_for_other_kinds_hear_nothing(
    house: House, site: Site
) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    await made(house, eve, NOWHERE)
    await made(house, ada, NOWHERE, "run.*", "zap.published")
    zap = await polling(house, ada, url=site.url)
    await told(house)
    breaks(site)
    await turns(house, zap, TOLD_AFTER)
    assert await all_notices(house) == []


def test_they_belong_to_what_is_told_of_zaps() -> None:
    assert set(KINDS) <= set(notices.KINDS)
    assert all(notices.wanted(["zap.*"], kind) for kind in KINDS)
