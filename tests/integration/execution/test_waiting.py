"""Runs that wait: on record, in nobody's hands, and woken when it is time."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select, update
from sqlmodel import col
from werkzeug import Request, Response

from flowforge.infra.db import utc_now
from flowforge.models import Attempt, OutboxEntry, Run
from tests.flows import delay, loop, parallel
from tests.house import House
from tests.zapping import attempts_of, ended, hook, owed, path_of, published, run_of, working

LONG = 3600.0


async def fire(house: House, path: str, body: object = None) -> str:
    answer = await house.client.post(path, json=body or {})
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["zapRunId"]
    return run_id


@pytest.fixture
def sink(httpserver: HTTPServer) -> Callable[[], list[Any]]:
    """The bodies that steps have posted, in their order."""
    seen: list[Any] = []

    def echo(request: Request) -> Response:
        seen.append(request.json)
        return Response(json.dumps(request.json), content_type="application/json")

    httpserver.expect_request("/echo").respond_with_handler(echo)
    return lambda: seen


def say(step_id: str, server: HTTPServer, body: Any) -> dict[str, Any]:
    step = hook(step_id, server.url_for("/echo"))
    step["inputs"]["body"] = body
    return step


async def entry_of(house: House, run_id: str) -> OutboxEntry:
    async with house.db.reading() as session:
        query = select(OutboxEntry).where(col(OutboxEntry.run_id) == run_id)
        found: OutboxEntry = (await session.scalars(query)).one()
        return found


async def waits(house: House, run_id: str) -> OutboxEntry:
    """The run's outbox entry once it waits and nobody holds it."""
    async with asyncio.timeout(15):
        while True:
            run, entry = await run_of(house, run_id), await entry_of(house, run_id)
            if run.status == "waiting" and entry.lease_until is None:
                return entry
            await asyncio.sleep(0.02)


async def let_time_pass(house: House, run_id: str, path: str) -> None:
    """As if the moment for which ``path`` waits had come."""
    past = utc_now() - dt.timedelta(seconds=1)
    async with house.db.transaction() as session:
        await session.execute(
            update(Attempt)
            .where(col(Attempt.run_id) == run_id, col(Attempt.path) == path)
            .values(wake_at=past)
        )
        await session.execute(
            update(OutboxEntry)
            .where(col(OutboxEntry.run_id) == run_id)
            .values(due_at=past, rank_at=past)
        )


async def test_a_run_that_waits_is_in_nobodys_hands(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, delay("rest", LONG), say("after", httpserver, 1))
    async with working(house) as worker:
        run_id = await fire(house, path_of(zap))
        entry = await waits(house, run_id)
        async with asyncio.timeout(5):
            while worker.held:  # noqa: ASYNC110 - its task ends after the commit
                await asyncio.sleep(0.01)
        (row,) = await attempts_of(house, run_id)
        assert (row.status, row.kind, row.input) == ("running", "delay", {"seconds": LONG})
        assert row.wake_at == entry.due_at
        assert abs((row.wake_at - row.started_at).total_seconds() - LONG) < 5
        await let_time_pass(house, run_id, "rest")
        worker.wake()
        run = await ended(house, run_id)
    assert run.status == "succeeded"
    assert sink() == [1]
    assert [row.status for row in await attempts_of(house, run_id)] == ["succeeded", "succeeded"]


async def test_a_delay_is_over_when_it_says_and_not_before(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    zap = await published(
        house, ada, delay("rest", "{{ trigger.body.s }}"), say("b", httpserver, 1)
    )
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {"s": 0.7}))
    rest, after = await attempts_of(house, run.id)
    assert (after.started_at - rest.started_at).total_seconds() >= 0.69


@pytest.mark.parametrize("until", ["2020-01-01T00:00:00Z", "Wed, 01 Jan 2020 00:00:00 +0000"])
async def test_a_moment_that_is_past_is_waited_for_by_nobody(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]], until: str
) -> None:
    ada = await house.sign_up()
    rest = delay("rest", until="{{ trigger.body.at }}")
    zap = await published(house, ada, rest, delay("none", 0), say("after", httpserver, 1))
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {"at": until}))
    assert run.status == "succeeded"
    assert [row.status for row in await attempts_of(house, run.id)] == ["succeeded"] * 3
    assert [row.seq for row in await attempts_of(house, run.id)] == [1, 2, 3]
    assert sink() == [1]


@pytest.mark.parametrize(("given", "code"), [("soon", "bad_delay"), (-1, "bad_delay")])
async def test_a_delay_that_makes_no_sense_fails_with_a_sentence(
    house: House, given: Any, code: str
) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, delay("rest", "{{ trigger.body.s }}"))
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {"s": given}))
    assert (run.status, run.error["code"]) == ("failed", code)
    assert json.dumps(given) in run.error["message"]


async def test_delays_in_a_loop_outlive_the_workers(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    """Every round is waited for by another worker than the one that began it."""
    ada = await house.sign_up()
    said = say("said", httpserver, {"n": "{{ item.n }}"})
    after = say("after", httpserver, {"all": "{{ steps.each.succeeded }}"})
    zap = await published(
        house, ada, loop("each", "{{ trigger.body }}", delay("rest", LONG), said), after
    )
    run_id = await fire(house, path_of(zap), [{"n": n} for n in (1, 2, 3)])
    for number in (1, 2, 3):
        async with working(house):
            await waits(house, run_id)
        assert sink() == [{"n": n} for n in range(1, number)]
        await let_time_pass(house, run_id, f"each[{number}]/rest")
    async with working(house):
        run = await ended(house, run_id)
    assert run.status == "succeeded"
    assert sink() == [{"n": 1}, {"n": 2}, {"n": 3}, {"all": 3}]
    rows = await attempts_of(house, run_id)
    assert sorted(row.seq for row in rows if row.seq) == list(range(1, 9))


async def test_delays_in_parallel_wake_each_at_its_time(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    zap = await published(
        house,
        ada,
        parallel(
            "both",
            late=[delay("long", LONG), say("second", httpserver, "late")],
            soon=[delay("short", LONG / 2), say("first", httpserver, "soon")],
        ),
    )
    async with working(house) as worker:
        run_id = await fire(house, path_of(zap))
        entry = await waits(house, run_id)
        rows = {row.path: row for row in await attempts_of(house, run_id)}
        assert entry.due_at == rows["short"].wake_at
        await let_time_pass(house, run_id, "short")
        worker.wake()
        async with asyncio.timeout(10):
            while sink() != ["soon"]:  # noqa: ASYNC110 - another task adds to it
                await asyncio.sleep(0.02)
        entry = await waits(house, run_id)
        assert entry.due_at == rows["long"].wake_at
        await let_time_pass(house, run_id, "long")
        worker.wake()
        run = await ended(house, run_id)
    assert run.status == "succeeded"
    assert sink() == ["soon", "late"]


async def test_a_run_that_is_looked_at_too_early_goes_on_waiting(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, delay("rest", LONG))
    async with working(house) as worker:
        run_id = await fire(house, path_of(zap))
        before = await waits(house, run_id)
        async with house.db.transaction() as session:
            await session.execute(update(OutboxEntry).values(due_at=utc_now(), rank_at=utc_now()))
        worker.wake()
        async with asyncio.timeout(10):
            while (await entry_of(house, run_id)).fence == before.fence:  # noqa: ASYNC110 - another task claims it
                await asyncio.sleep(0.02)
        after = await waits(house, run_id)
    assert after.fence == before.fence + 1
    assert after.due_at == before.due_at
    (row,) = await attempts_of(house, run_id)
    assert (row.status, row.number) == ("running", 1)


async def test_a_promised_retry_is_waited_for_without_a_worker(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_ordered_request("/").respond_with_data("busy", status=503)
    httpserver.expect_ordered_request("/").respond_with_data("ok")
    ada = await house.sign_up()
    patient = {"attempts": 2, "first_wait": LONG, "longest_wait": LONG}
    zap = await published(house, ada, hook("one", httpserver.url_for("/"), retry=patient))
    async with working(house) as worker:
        run_id = await fire(house, path_of(zap))
        entry = await waits(house, run_id)
        (row,) = await attempts_of(house, run_id)
        assert row.retry_at == entry.due_at
        past = utc_now() - dt.timedelta(seconds=1)
        async with house.db.transaction() as session:
            await session.execute(update(Attempt).values(retry_at=past))
            await session.execute(update(OutboxEntry).values(due_at=past, rank_at=past))
        worker.wake()
        assert (await ended(house, run_id)).status == "succeeded"
    assert [row.number for row in await attempts_of(house, run_id)] == [1, 2]


async def in_the_past(house: House, run_id: str) -> None:
    past = utc_now() - dt.timedelta(seconds=1)
    async with house.db.transaction() as session:
        await session.execute(update(Run).where(col(Run.id) == run_id).values(deadline_at=past))
        await session.execute(update(OutboxEntry).values(due_at=past, rank_at=past))


async def test_a_deadline_ends_a_run_that_waits(house: House) -> None:
    ada = await house.sign_up()
    rests = parallel("both", a=[delay("one", LONG)], b=[delay("two", LONG)])
    zap = await published(house, ada, rests, limits={"deadline_seconds": 60})
    async with working(house) as worker:
        run_id = await fire(house, path_of(zap))
        entry = await waits(house, run_id)
        run = await run_of(house, run_id)
        assert run.started_at is not None
        assert run.deadline_at is not None
        assert run.deadline_at == entry.due_at
        assert abs((run.deadline_at - run.started_at).total_seconds() - 60) < 1
        await in_the_past(house, run_id)
        worker.wake()
        run = await ended(house, run_id)
    assert (run.status, run.error["code"]) == ("timed_out", "deadline")
    rows = {row.path: row.status for row in await attempts_of(house, run_id)}
    assert rows == {"both": "skipped", "one": "skipped", "two": "skipped"}
    assert await owed(house) == 0


async def test_a_deadline_ends_a_run_that_never_rests(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    forever = {"id": "on", "kind": "loop", "count": 100_000, "steps": [say("s", httpserver, 1)]}
    zap = await published(house, ada, forever, limits={"deadline_seconds": 0.5})
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap)))
    assert (run.status, run.error["code"]) == ("timed_out", "deadline")
    assert len(sink()) < 2_000
    assert not [row for row in await attempts_of(house, run.id) if row.status == "running"]
    assert await owed(house) == 0


@pytest.mark.parametrize("changes", [{"run_timeout_seconds": 1.0}])
async def test_waiting_does_not_count_as_work(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    zap = await published(
        house, ada, say("a", httpserver, 1), delay("rest", 1.2), say("b", httpserver, 2)
    )
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap)))
    assert run.status == "succeeded"


async def test_a_thousand_runs_that_wait_hold_nothing(house: House) -> None:
    """No lease, no task, no key in Redis; and one look at what is due finds none of them."""
    ada = await house.sign_up()
    zap = await published(house, ada, delay("rest", LONG))
    redis = house.runtime.redis
    assert redis is not None
    prefix = house.settings.redis_prefix
    async with working(house) as worker:
        for _ in range(10):
            await asyncio.gather(*(fire(house, path_of(zap)) for _ in range(100)))
        async with asyncio.timeout(40):
            while await _not_waiting(house):  # noqa: ASYNC110 - another task claims them
                await asyncio.sleep(0.05)
            while worker.held:  # noqa: ASYNC110 - its tasks end after the commit
                await asyncio.sleep(0.01)
        keys = [key async for key in redis.scan_iter(match=f"{prefix}*", count=1000)]
        assert len(keys) <= 5, keys
    async with house.db.reading() as session:
        leased = select(OutboxEntry).where(col(OutboxEntry.lease_until).is_not(None))
        assert (await session.scalars(leased)).all() == []
    assert await owed(house) == 1000


async def _not_waiting(house: House) -> int:
    async with house.db.reading() as session:
        query = select(col(Run.id)).where(col(Run.status) != "waiting")
        return len((await session.scalars(query)).all())
