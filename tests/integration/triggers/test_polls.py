"""Polls: everything new fires once, whoever dies; what fails is seen and comes ever less often."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from flowforge.infra import failpoints
from flowforge.services import versions, zaps
from flowforge.services.polls import MOST_SLOTS, backoff_seconds
from tests.house import House
from tests.integration.triggers.polling import (
    bodies_of,
    definition,
    let_the_lease_run_out,
    loop,
    make_due,
    polling,
    republish,
    runs_of,
    slots_of,
    timer_of,
    turn,
)
from tests.servers.feeds import Site, dripping, endless, rss, running_site
from tests.zapping import ended, events_of, working


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as site:
        site.body = rss(1, 2)
        yield site


async def test_the_first_look_fires_nothing_and_three_new_entries_fire_once_each(
    house: House, site: Site
) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    assert await runs_of(house, zap) == []
    site.body = rss(1, 2, 3, 4, 5)
    await turn(house, zap)
    await turn(house, zap)
    bodies = await bodies_of(house, zap)
    assert [body["title"] for body in bodies] == ["Post 3", "Post 4", "Post 5"]
    runs = await runs_of(house, zap)
    assert len(runs) == 3
    async with working(house):
        assert {(await ended(house, run.id)).status for run in runs} == {"succeeded"}
    first, found, empty = await slots_of(house, zap)
    assert (first.status, first.found, first.reason) == (
        "ran",
        0,
        "The first look: what is there already starts no runs.",
    )
    assert (found.status, found.found, empty.status, empty.found) == ("ran", 3, "ran", 0)
    assert empty.took_ms is not None


async def test_polls_that_find_nothing_share_a_row(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    for _ in range(5):
        await turn(house, zap)
    first, empty = await slots_of(house, zap)
    assert empty.planned_at > first.planned_at
    assert empty.fired_at is not None
    assert empty.fired_at > empty.planned_at
    timer = await timer_of(house, zap)
    assert timer.due_at is not None
    assert (timer.due_at - empty.fired_at).total_seconds() == pytest.approx(300, abs=1)


async def test_an_unchanged_feed_is_not_sent_again(house: House, site: Site) -> None:
    ada = await house.sign_up()
    site.headers |= {"ETag": '"v1"', "Last-Modified": "Sat, 01 Aug 2026 10:00:00 GMT"}

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"v1"':
            return web.Response(status=304)
        return web.Response(text=rss(1, 2), headers=site.headers)

    site.answer = answer
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    await turn(house, zap)
    assert site.asked[1]["If-Modified-Since"] == "Sat, 01 Aug 2026 10:00:00 GMT"
    site.answer, site.body = None, rss(1, 2, 3)
    await turn(house, zap)
    assert len(await runs_of(house, zap)) == 1


@pytest.mark.parametrize("place", ["poll.before_store", "poll.before_commit", "poll.after_commit"])
async def test_whoever_dies_between_fetch_and_store_loses_nothing_and_doubles_nothing(
    house: House, site: Site, place: str
) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    site.body = rss(1, 2, 3, 4, 5)
    failpoints.arm(f"{place}=error")
    try:
        await turn(house, zap)
    finally:
        failpoints.arm("")
    stored = 3 if place == "poll.after_commit" else 0
    assert len(await runs_of(house, zap)) == stored
    await let_the_lease_run_out(house, zap)
    await turn(house, zap)
    assert len(await runs_of(house, zap)) == 3
    assert len(await events_of(house, zap)) == 3


async def test_two_workers_at_once_look_once(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    site.body = rss(1, 2, 3, 4, 5)
    await make_due(house, zap)
    loops = [loop(house), loop(house)]
    await asyncio.gather(*(each.look() for each in loops))
    await asyncio.gather(*(each.finish() for each in loops))
    assert len(site.asked) == 2
    assert len(await runs_of(house, zap)) == 3


async def test_a_worker_that_was_presumed_dead_stores_nothing(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    gate, asked = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if not asked.is_set():
            asked.set()
            await gate.wait()
        return web.Response(text=rss(1, 2, 3), content_type="application/xml")

    site.answer = answer
    await make_due(house, zap)
    slow, quick = loop(house), loop(house)
    await slow.look()
    await asked.wait()
    await let_the_lease_run_out(house, zap)
    await quick.look()
    await quick.finish()
    gate.set()
    await slow.finish()
    assert len(await runs_of(house, zap)) == 1
    assert [slot.found for slot in await slots_of(house, zap)] == [0, 1]


async def test_publishing_again_keeps_the_position(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    site.body = rss(1, 2, 3)
    changed = definition("rss", url=site.url, every_seconds=60)
    await republish(house, ada, zap, changed)
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=False)
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=True)
    await turn(house, zap)
    assert [body["title"] for body in await bodies_of(house, zap)] == ["Post 3"]


async def test_another_place_begins_anew(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    await republish(house, ada, zap, definition("rss", url=f"{site.url}?other"))
    site.body = rss(7, 8, 9)
    await turn(house, zap)
    assert await runs_of(house, zap) == []
    site.body = rss(7, 8, 9, 10)
    await turn(house, zap)
    assert len(await runs_of(house, zap)) == 1


async def test_publishing_while_it_is_looked_keeps_what_was_found(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    gate, asked = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        asked.set()
        await gate.wait()
        return web.Response(text=rss(1, 2, 3), content_type="application/xml")

    site.answer = answer
    await make_due(house, zap)
    slow = loop(house)
    await slow.look()
    await asked.wait()
    await republish(house, ada, zap, definition("rss", url=site.url, every_seconds=60))
    gate.set()
    await slow.finish()
    assert await runs_of(house, zap) == []
    await turn(house, zap)
    assert len(await runs_of(house, zap)) == 1


async def test_a_failing_poll_is_seen_backs_off_and_loses_nothing(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    site.status, site.body = 503, "away"
    waits = []
    for _ in range(3):
        await turn(house, zap)
        timer = await timer_of(house, zap)
        assert timer.due_at is not None
        assert timer.last_at is not None
        waits.append((timer.due_at - timer.last_at).total_seconds())
    assert (timer.failures, timer.error) == (3, "Fetching the feed failed with status 503: away")
    assert [round(wait / 100) for wait in waits] != [3, 3, 3]
    assert 480 <= waits[0] <= 720
    assert 1920 <= waits[2] <= 2880
    slots = await slots_of(house, zap)
    assert [slot.status for slot in slots] == ["ran", "failed", "failed", "failed"]
    site.status, site.body = 200, rss(1, 2, 3)
    await turn(house, zap)
    timer = await timer_of(house, zap)
    assert (timer.failures, timer.error) == (0, None)
    assert len(await runs_of(house, zap)) == 1


async def test_the_wait_that_is_asked_for_is_kept(house: House, site: Site) -> None:
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    site.status, site.headers = 429, {"Retry-After": "9000"}
    await turn(house, zap)
    timer = await timer_of(house, zap)
    assert timer.due_at is not None
    assert timer.last_at is not None
    assert (timer.due_at - timer.last_at).total_seconds() >= 9000


def test_the_wait_after_failures_doubles_up_to_an_hour() -> None:
    assert [backoff_seconds(300, n) for n in (1, 2, 3, 4, 99)] == [600, 1200, 2400, 3600, 3600]
    assert backoff_seconds(86_400, 5) == 86_400


Evil = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def packed_bomb(request: web.Request) -> web.Response:
    raw = gzip.compress(b"<rss>" + b" " * 200_000_000)
    return web.Response(body=raw, headers={"Content-Encoding": "gzip"})


async def in_circles(request: web.Request) -> web.Response:
    raise web.HTTPFound(str(request.url))


async def inside(request: web.Request) -> web.Response:
    raise web.HTTPFound("http://169.254.169.254/latest/meta-data")


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize(
    ("evil", "said"),
    [
        (endless, "too large"),
        (packed_bomb, "too large"),
        (dripping, "did not answer in time"),
        (in_circles, "redirects in a circle"),
        (inside, "not an address that zaps may call"),
    ],
)
async def test_an_evil_feed_is_a_failed_poll_in_time(
    house: House, site: Site, evil: Evil, said: str
) -> None:
    ada = await house.sign_up()
    site.answer = evil
    zap = await polling(house, ada, url=site.url)
    begun = time.monotonic()
    await turn(house, zap, longest_seconds=3)
    assert time.monotonic() - begun < 10
    (slot,) = await slots_of(house, zap)
    assert (slot.status, slot.found) == ("failed", 0)
    assert said in (slot.reason or ""), slot.reason
    assert (await timer_of(house, zap)).failures == 1


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_web_page_is_a_failed_poll_that_names_the_feed(house: House, site: Site) -> None:
    ada = await house.sign_up()
    site.body = (
        '<!DOCTYPE html><html><link rel="alternate" type="application/rss+xml" href="/feed.xml">'
    )
    zap = await polling(house, ada, url=site.url)
    await turn(house, zap)
    (slot,) = await slots_of(house, zap)
    assert slot.reason == (
        "This address gives a web page, not a feed. It names its feed: /feed.xml"
    )


@pytest.mark.parametrize("database", ["sqlite"])
async def test_the_ledger_keeps_the_newest_rows(
    house: House, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_SLOTS == 200
    monkeypatch.setattr("flowforge.services.polls.MOST_SLOTS", 3)
    ada = await house.sign_up()
    zap = await polling(house, ada, url=site.url)
    site.status = 500
    for _ in range(6):
        await turn(house, zap)
    assert len(await slots_of(house, zap)) == 3


async def test_a_list_in_json_is_polled(house: House, site: Site) -> None:
    ada = await house.sign_up()
    site.body = json.dumps({"data": {"orders": [{"no": 2}, {"no": 1}]}})
    zap = await polling(
        house,
        ada,
        "http_list",
        url=site.url,
        items="data.orders",
        id_field="no",
        authorization="Bearer abc",
        headers={"X-Shop": "7"},
    )
    await turn(house, zap)
    assert (site.asked[0]["Authorization"], site.asked[0]["X-Shop"]) == ("Bearer abc", "7")
    site.body = json.dumps({"data": {"orders": [{"no": 4}, {"no": 3}, {"no": 2}]}})
    await turn(house, zap)
    assert await bodies_of(house, zap) == [{"no": 3}, {"no": 4}]


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<html>", "The answer is no JSON. It begins: <html>"),
        ("[NaN]", "The answer is no JSON"),
        ("[" * 100_000, "The answer is no JSON"),
        ('{"orders": 1, "x": 2}', "There is no list at 'data', but nothing."),
        ('{"data": {"b": []}}', "There is no list at 'data', but an object with b."),
        ('{"data": [1]}', "Entry 1 of the list has no 'id'."),
        ('{"data": [{"id": null}]}', "Entry 1 of the list has no 'id'."),
        ('{"data": [{"id": 1, "at": "soon"}]}', "Entry 1 of the list has no time at 'at'."),
        ('{"data": [{"id": 1, "at": 1e300}]}', "Entry 1 of the list has no time at 'at'."),
        ('{"data": [{"id": 1, "at": "' + "9" * 400 + '"}]}', "has no time at 'at'."),
    ],
)
async def test_a_list_that_is_none_is_a_failed_poll(
    house: House, site: Site, body: str, said: str
) -> None:
    ada = await house.sign_up()
    site.body = body
    zap = await polling(house, ada, "http_list", url=site.url, items="data", time_field="at")
    await turn(house, zap)
    (slot,) = await slots_of(house, zap)
    assert slot.status == "failed"
    assert said in (slot.reason or ""), slot.reason


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize(
    ("trigger", "inputs", "path", "said"),
    [
        ("", {}, "trigger.settings.trigger", "Choose what is looked at."),
        ("telex", {}, "trigger.settings.trigger", "There is no polling trigger 'telex'"),
        ("rss", {}, "trigger.settings.inputs.url", "This is required."),
        ("rss", {"url": "ftp://x"}, "trigger.settings.inputs.url", "Must be a full URL"),
        ("rss", {"url": "https://x.y", "z": 1}, "trigger.settings.inputs.z", "no input 'z'"),
        ("imap", {"host": "h", "user": "u"}, "trigger.settings.inputs.password", "required"),
        (
            "http_list",
            {"url": "https://x.y", "order": "random"},
            "trigger.settings.inputs.order",
            "'newest_first'",
        ),
    ],
)
async def test_publishing_names_what_is_wrong_with_a_poll(
    house: House, trigger: str, inputs: dict[str, Any], path: str, said: str
) -> None:
    ada = await house.sign_up()
    async with house.db.transaction() as session:
        zap = await zaps.create(
            session, ada.actor, name="P", definition=definition(trigger, **inputs)
        )
        found = await versions.problems(session, ada.actor, zap.definition)
    assert [problem["path"] for problem in found] == [path]
    assert said in found[0]["message"]
