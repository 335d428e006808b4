"""Workers that die while they tell, deliver or poll: everything is told, and nothing found twice."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from sqlmodel import col

from flowforge.models import Event, Run
from flowforge.services import zaps
from flowforge.services.zap_views import ZapView
from tests.chaos.ledger import settled
from tests.chaos.processes import Child
from tests.chaos.site import Site
from tests.house import House
from tests.integration.destinations import receiving
from tests.integration.destinations.receiving import (
    BROKEN,
    PATH,
    STOP,
    all_deliveries,
    all_notices,
    due_again,
    requests,
    verified,
    zap_of,
)
from tests.integration.triggers.polling import (
    bodies_of,
    let_the_lease_run_out,
    make_due,
    polling,
    slots_of,
    timer_of,
    turn,
)
from tests.servers.feeds import Site as Feed
from tests.servers.feeds import rss, running_site
from tests.zapping import events_of

NUMBER = 12


async def killed_at(site: Site, place: str) -> None:
    """A worker is born, and dies there."""
    child = await site.born(f"{place}=kill")
    await is_dead(child)


async def is_dead(child: Child) -> None:
    assert await child.ended(30) == -signal.SIGKILL, child.said[-3000:]


async def all_delivered(house: House) -> None:
    async with asyncio.timeout(30):
        while {one.status for one in await all_deliveries(house)} != {"delivered"}:  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(0.1)


async def test_every_notice_arrives_whoever_dies_between_telling_and_noting(
    site: Site, httpserver: HTTPServer
) -> None:
    """At least once, and each time under the id by which a receiver knows it again."""
    httpserver.expect_request(PATH).respond_with_data("")
    ada = await site.house.sign_up()
    destination = await receiving.made(site.house, ada, httpserver.url_for(PATH), "zap.created")
    async with site.house.db.transaction() as session:
        for number in range(NUMBER):
            await zaps.create(session, ada.actor, name=f"Zap {number}")
    told = {one.id for one in await all_notices(site.house)}
    assert len(told) == NUMBER
    for _ in range(2):
        await killed_at(site, "tell.before_commit")
        assert {one.id for one in await all_notices(site.house)} == told
        assert await all_deliveries(site.house) == []
    for _ in range(2):
        await killed_at(site, "deliver.after_send")
        # It took the effect with it: only the receiver knows of one of them.
        owed = await all_deliveries(site.house)
        assert len(owed) == NUMBER
        assert {one.status for one in owed} & {"pending"}
        await due_again(site.house)
    await site.workers(2)
    await all_delivered(site.house)
    assert await all_notices(site.house) == []
    sent = requests(httpserver)
    ids = [request.headers["webhook-id"] for request in sent]
    owed = await all_deliveries(site.house)
    assert set(ids) == {one.id for one in owed}
    assert len(ids) > NUMBER, "nothing was sent twice: nobody died where it hurts"
    assert {one.notice_id for one in owed} == told
    assert len(owed) == NUMBER
    names = {verified(one, destination.secret)["data"]["zap"]["name"] for one in sent}
    assert names == {f"Zap {number}" for number in range(NUMBER)}
    said = {(request.headers["webhook-id"], request.get_data()) for request in sent}
    assert len(said) == NUMBER, "what came again is not what came before"


async def test_a_failure_fires_its_zap_once_whoever_dies_while_telling(site: Site) -> None:
    ada = await site.house.sign_up()
    watcher = await zap_of(site.house, ada, STOP, kind="error")
    broken = await zap_of(site.house, ada, BROKEN)
    acks = await site.fire(broken, NUMBER)
    for _ in range(2):
        await killed_at(site, "tell.before_commit")
        assert await events_of(site.house, watcher) == []
    await site.workers(2)
    async with asyncio.timeout(30):
        while len(await events_of(site.house, watcher)) < NUMBER:  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(0.1)
    await settled(site.house, within_seconds=20)
    assert await all_notices(site.house) == []
    events = await events_of(site.house, watcher)
    assert [event.verdict for event in events] == ["accepted"] * NUMBER
    async with site.house.db.reading() as session:
        query = select(Run).where(col(Run.zap_id) == watcher.id)
        runs = list(await session.scalars(query))
    assert sorted(run.event_id for run in runs) == sorted(event.id for event in events)
    assert {run.status for run in runs} == {"succeeded"}
    assert len({event.dedupe_key for event in events}) == len(acks.runs) == NUMBER


@pytest.fixture
async def feed() -> AsyncIterator[Feed]:
    async with running_site() as feed:
        yield feed


POLLS = ["poll.before_store", "poll.before_commit", "poll.after_commit"]


async def test_a_poll_that_dies_anywhere_finds_everything_once(site: Site, feed: Feed) -> None:
    ada = await site.house.sign_up()
    feed.body = rss(1, 2)
    zap = await polling(site.house, ada, url=feed.url)
    await turn(site.house, zap)
    newest = 2
    for place in (*POLLS, *POLLS):
        newest += 3
        feed.body = rss(*range(1, newest + 1))
        before = await position(site.house, zap)
        await let_the_lease_run_out(site.house, zap)
        await make_due(site.house, zap)
        await killed_at(site, place)
        # The position moved with what was found before it, or neither did.
        cursor, found, slots = await position(site.house, zap)
        if place == "poll.after_commit":
            assert cursor != before[0]
            assert (found, slots) == (newest - 2, before[2] + 1)
        else:
            assert (cursor, found, slots) == before
    await let_the_lease_run_out(site.house, zap)
    await make_due(site.house, zap)
    await site.workers(2)
    await settled(site.house, within_seconds=20)
    bodies = await bodies_of(site.house, zap)
    assert [body["title"] for body in bodies] == [f"Post {n}" for n in range(3, newest + 1)]
    assert {event.verdict for event in await events_of(site.house, zap)} == {"accepted"}
    slots_after = await slots_of(site.house, zap)
    assert len({slot.planned_at for slot in slots_after}) == len(slots_after)
    async with site.house.db.reading() as session:
        runs = list(await session.scalars(select(Run)))
        events = list(await session.scalars(select(col(Event.id))))
    assert sorted(run.event_id for run in runs) == sorted(events)
    assert {run.status for run in runs} == {"succeeded"}


async def position(house: House, zap: ZapView) -> tuple[object, int, int]:
    """Where the poll stands, how many events it has stored, and how many turns."""
    timer = await timer_of(house, zap)
    return timer.cursor, len(await events_of(house, zap)), len(await slots_of(house, zap))
