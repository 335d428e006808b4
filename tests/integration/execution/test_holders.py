"""Workers that die, break, or are slow: what others find, and what becomes of their runs."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select, text, update
from sqlmodel import col
from werkzeug import Request, Response

from flowforge.infra.blobs import Blobs
from flowforge.infra.db import utc_now
from flowforge.jobs.outbox import OutboxLoop
from flowforge.models import Attempt, OutboxEntry, Run
from flowforge.services import leases
from flowforge.services.execution import Ledger, Settled
from flowforge.services.writes import RunKey, Writes
from tests.claiming import claims_of, take_all
from tests.flows import branch, call, delay, loop, parallel, reply, router, when
from tests.house import House
from tests.zapping import attempts_of, ended, hook, owed, path_of, published, run_of, working


async def fire(house: House, path: str, body: object = None) -> str:
    answer = await house.client.post(path, json=body or {})
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["zapRunId"]
    return run_id


@pytest.fixture
def effects(httpserver: HTTPServer) -> Callable[[], dict[str, Any]]:
    """What steps have posted, by their idempotency key: a receiver that honours it."""
    seen: dict[str, Any] = {}

    def echo(request: Request) -> Response:
        seen.setdefault(request.headers["Idempotency-Key"], request.json)
        return Response(json.dumps(request.json), content_type="application/json")

    httpserver.expect_request("/echo").respond_with_handler(echo)
    return lambda: seen


def say(step_id: str, server: HTTPServer, body: Any, **more: Any) -> dict[str, Any]:
    step = hook(step_id, server.url_for("/echo"), **more)
    step["retry"] = {**step["retry"], "attempts": 10}
    step["inputs"]["body"] = body
    return step


def everything(server: HTTPServer, other: str) -> list[dict[str, Any]]:
    """One of each, inside one another."""
    yes = when("{{ trigger.body.items }}")
    both = parallel("both", a=[say("a", server, "{{ item }}")], b=[delay("rest", 0.05)])
    each = loop("each", "{{ trigger.body.items }}", both, say("c", server, "{{ index }}"))
    return [
        say("first", server, "first"),
        router("way", branch(yes, each)),
        call("ask", other, "{{ steps.each.count }}"),
        say("last", server, "{{ steps.ask.output }}"),
    ]


@pytest.mark.parametrize("changes", [{"lease_seconds": 1.0}])
@pytest.mark.parametrize("when_it_dies", ["before", "after"])
async def test_a_worker_may_die_at_every_settlement(
    house: House,
    httpserver: HTTPServer,
    effects: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    when_it_dies: str,
) -> None:
    """Of every two that are tried the first finds the holder gone, just before or just after it
    is written.
    """
    ada = await house.sign_up()
    other = await published(house, ada, reply("answer", "{{ trigger.body }}"))
    zap = await published(house, ada, *everything(httpserver, other.id))
    settle, tried = Ledger.settle, 0

    async def dies(ledger: Ledger, key: RunKey, writes: Writes, news: int = 0) -> Settled:
        nonlocal tried
        tried += 1
        if tried % 2 == 0:
            return await settle(ledger, key, writes, news)
        if when_it_dies == "after":
            await settle(ledger, key, writes, news)
        raise RuntimeError("the process is gone")

    monkeypatch.setattr(Ledger, "settle", dies)
    run_id = await fire(house, path_of(zap), {"items": [1, 2]})
    async with working(house):
        run = await ended(house, run_id, within_seconds=55)
    assert (run.status, run.error) == ("succeeded", None)
    assert effects() == {
        f"{run_id}:first": "first",
        f"{run_id}:each[1]/a": 1,
        f"{run_id}:each[1]/c": 1,
        f"{run_id}:each[2]/a": 2,
        f"{run_id}:each[2]/c": 2,
        f"{run_id}:last": 2,
    }
    rows = await attempts_of(house, run_id)
    succeeded = [row.path for row in rows if row.status == "succeeded"]
    assert len(succeeded) == len(set(succeeded)), "one success for each path"
    assert not [row for row in rows if row.status == "running"]
    ends = [row.seq for row in rows]
    assert len(ends) == len(set(ends)), "no two ends have the same place"
    assert await owed(house) == 0


async def let_leases_end(house: House) -> None:
    past = utc_now() - dt.timedelta(seconds=1)
    async with house.db.transaction() as session:
        await session.execute(update(OutboxEntry).values(lease_until=past))


async def test_a_run_that_kills_workers_while_it_is_taken_up_comes_to_an_end(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, delay("rest", 3600))
    run_id = await fire(house, path_of(zap))
    async with house.db.transaction() as session:
        await session.execute(
            update(OutboxEntry).values(crashes=4, lease_until=utc_now() - dt.timedelta(seconds=1))
        )
    async with working(house):
        run = await ended(house, run_id)
    assert (run.status, run.error["code"]) == ("failed", "worker_lost")
    assert "5 workers" in run.error["message"]
    assert await owed(house) == 0


async def test_a_settlement_forgives_the_crashes_before_it(
    house: House, httpserver: HTTPServer, effects: Callable[[], dict[str, Any]]
) -> None:
    ada = await house.sign_up()
    hangs = hook("hangs", "http://127.0.0.1:1/", retry={"attempts": 2, "first_wait": 3600})
    zap = await published(house, ada, say("first", httpserver, 1), hangs)
    run_id = await fire(house, path_of(zap))
    async with house.db.transaction() as session:
        await session.execute(
            update(OutboxEntry).values(crashes=3, lease_until=utc_now() - dt.timedelta(seconds=1))
        )
    async with working(house):
        async with asyncio.timeout(10):
            while (await run_of(house, run_id)).status != "waiting":  # noqa: ASYNC110 - another task writes it
                await asyncio.sleep(0.02)
    async with house.db.reading() as session:
        entry = (await session.scalars(select(OutboxEntry))).one()
    assert entry.crashes == 0


async def test_a_version_of_a_newer_release_is_left_to_its_workers(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, delay("rest", 0))
    definition = {
        "trigger": {"kind": "webhook"},
        "steps": [router("way", branch(when(1), {"id": "new", "kind": "teleport"}))],
    }
    async with house.db.transaction() as session:
        await session.execute(
            text("UPDATE version SET definition = :text"), {"text": json.dumps(definition)}
        )
    run_id = await fire(house, path_of(zap))
    claims = claims_of(house, "old")
    assert await take_all(claims) == []
    async with house.db.reading() as session:
        entry = (await session.scalars(select(OutboxEntry))).one()
    assert entry.lease_until is None
    assert entry.due_at > utc_now()
    assert (await run_of(house, run_id)).status == "queued"


async def test_a_file_that_cannot_be_read_now_is_read_later(
    house: House,
    httpserver: HTTPServer,
    effects: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its disk is away, not the file: no run fails for that."""
    ada = await house.sign_up()
    zap = await published(house, ada, say("first", httpserver, "{{ trigger.body.text | size }}"))
    get, away = Blobs.get, [True]

    async def reads(blobs: Blobs, key: str) -> bytes:
        if away:
            raise OSError(5, "Input/output error")
        return await get(blobs, key)

    monkeypatch.setattr(Blobs, "get", reads)
    run_id = await fire(house, path_of(zap), {"text": "x" * 3_000_000})
    async with working(house) as worker:
        async with asyncio.timeout(10):
            while await fence_of(house) < 1 or worker.held:  # noqa: ASYNC110 - another task claims it
                await asyncio.sleep(0.02)
        assert (await run_of(house, run_id)).status == "queued"
        away.clear()
        past = utc_now() - dt.timedelta(seconds=1)
        async with house.db.transaction() as session:
            await session.execute(update(OutboxEntry).values(due_at=past, rank_at=past))
        worker.wake()
        assert (await ended(house, run_id)).status == "succeeded"
    assert effects() == {f"{run_id}:first": 3_000_000}


async def fence_of(house: House) -> int:
    async with house.db.reading() as session:
        fence: int = (await session.scalars(select(col(OutboxEntry.fence)))).one()
        return fence


@pytest.mark.parametrize("changes", [{"run_timeout_seconds": 1.0}])
async def test_steps_that_run_out_of_time_together_end_their_run_once(house: House) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    ada = await house.sign_up()
    zap = await published(house, ada, parallel("all", **{n: [hook(n, url)] for n in "abcd"}))
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap)))
    server.close()
    assert (run.status, run.error["code"]) == ("timed_out", "run_timeout")
    rows = {row.path: row.status for row in await attempts_of(house, run.id)}
    assert rows == {"all": "skipped"} | dict.fromkeys("abcd", "unknown")
    assert await owed(house) == 0


@pytest.mark.parametrize("changes", [{"lease_seconds": 1.5}])
async def test_what_works_on_a_cancelled_run_is_interrupted(house: House) -> None:
    gone = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        gone.set()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", url))
    async with working(house) as worker:
        run_id = await fire(house, path_of(zap))
        async with asyncio.timeout(10):
            while not await attempts_of(house, run_id):  # noqa: ASYNC110 - another task opens it
                await asyncio.sleep(0.02)
        answer = await house.client.post(f"/api/v1/runs/{run_id}/cancel", headers=ada.headers)
        assert answer.status_code < 300, answer.text
        async with asyncio.timeout(10):
            await gone.wait()
            while worker.held:  # noqa: ASYNC110 - its task ends a moment later
                await asyncio.sleep(0.01)
    server.close()
    assert (await run_of(house, run_id)).status == "cancelled"


@pytest.mark.parametrize("changes", [{"worker_concurrency": 5}])
async def test_a_zap_with_a_slow_target_leaves_slots_to_others(
    house: House,
    httpserver: HTTPServer,
    effects: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flowforge.jobs.outbox.SLOW_SECONDS", 0.2)
    free = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await free.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    ada = await house.sign_up()
    slow = await published(house, ada, hook("one", url, retry={"attempts": 1}))
    quick = await published(house, ada, say("one", httpserver, 1))
    async with working(house) as worker:
        for _ in range(4):
            await fire(house, path_of(slow))
        async with asyncio.timeout(10):
            while worker.held < 4 or not worker.spares:  # noqa: ASYNC110 - another task takes them
                await asyncio.sleep(0.02)
        for _ in range(10):
            await fire(house, path_of(slow))
        run = await ended(house, await fire(house, path_of(quick)))
        assert run.status == "succeeded"
        assert worker.held == 4, "one slot is kept for the others"
        free.set()
        async with asyncio.timeout(20):
            while await owed(house):  # noqa: ASYNC110 - other tasks end them
                await asyncio.sleep(0.05)
    server.close()


@pytest.mark.parametrize("changes", [{"worker_concurrency": 5}])
async def test_a_zap_that_was_slow_before_gets_no_slot_of_the_others_at_once(
    house: House,
    httpserver: HTTPServer,
    effects: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flowforge.jobs.outbox.SLOW_SECONDS", 0.2)
    free, waits = asyncio.Event(), [0.3]

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(free.wait(), waits.pop() if waits else None)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    ada = await house.sign_up()
    slow = await published(house, ada, hook("one", url, retry={"attempts": 1}))
    quick = await published(house, ada, say("one", httpserver, 1))
    async with working(house) as worker:
        await ended(house, await fire(house, path_of(slow)))
        for _ in range(10):
            await fire(house, path_of(slow))
        run = await ended(house, await fire(house, path_of(quick)))
        assert run.status == "succeeded"
        assert worker.held == 4, "one slot is kept for the others"
        free.set()
        async with asyncio.timeout(20):
            while await owed(house):  # noqa: ASYNC110 - other tasks end them
                await asyncio.sleep(0.05)
    server.close()


async def test_a_worker_that_stops_gives_back_what_waits_and_begins_nothing(
    house: House, httpserver: HTTPServer, effects: Callable[[], dict[str, Any]]
) -> None:
    arrived, free = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await free.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", url), say("two", httpserver, 2))
    async with working(house) as worker:
        run_id = await fire(house, path_of(zap))
        await arrived.wait()
        worker.stop()
        free.set()
    assert isinstance(worker, OutboxLoop)
    assert [(r.path, r.status) for r in await attempts_of(house, run_id)] == [("one", "succeeded")]
    async with house.db.reading() as session:
        entry = (await session.scalars(select(OutboxEntry))).one()
        run = (await session.scalars(select(Run))).one()
    assert (entry.lease_until, run.status) == (None, "running")
    async with working(house):
        assert (await ended(house, run_id)).status == "succeeded"
    server.close()
    assert effects() == {f"{run_id}:two": 2}


async def test_an_attempt_that_was_open_when_its_worker_died_is_lost_in_each_branch(
    house: House, httpserver: HTTPServer, effects: Callable[[], dict[str, Any]]
) -> None:
    ada = await house.sign_up()
    block = parallel("both", a=[say("a", httpserver, "a")], b=[say("b", httpserver, "b")])
    zap = await published(house, ada, block)
    run_id = await fire(house, path_of(zap))
    (held,) = await take_all(claims_of(house, "doomed"))
    assert {perform.path for perform in held.todo} == {"a", "b"}
    await let_leases_end(house)
    async with working(house):
        assert (await ended(house, run_id)).status == "succeeded"
    rows = {(r.path, r.number): r.status for r in await attempts_of(house, run_id)}
    assert rows == {
        ("both", 1): "succeeded",
        ("a", 1): "unknown",
        ("a", 2): "succeeded",
        ("b", 1): "unknown",
        ("b", 2): "succeeded",
    }
    async with house.db.reading() as session:
        places = (await session.scalars(select(col(Attempt.seq)))).all()
    assert sorted(places) == [1, 2, 3, 4, 5]


async def test_who_was_only_slow_did_not_die_of_the_run(
    house: House, httpserver: HTTPServer, effects: Callable[[], dict[str, Any]]
) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, say("first", httpserver, 1))
    await fire(house, path_of(zap))
    slow, quick = claims_of(house, "slow"), claims_of(house, "quick")
    (held,) = await take_all(slow)
    await let_leases_end(house)
    (taken,) = await take_all(quick)
    assert (taken.key.fence, taken.crashes) == (held.key.fence + 1, 1)
    await slow.outlive(held)
    async with house.db.reading() as session:
        entry = (await session.scalars(select(OutboxEntry))).one()
    assert (entry.crashes, entry.worker, entry.fence) == (0, "quick", taken.key.fence)


async def test_a_lease_that_ran_out_is_kept_where_nobody_else_took_the_run(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("hangs", "http://127.0.0.1:1/"))
    run_id = await fire(house, path_of(zap))
    await claims_of(house, "late").take(10)
    await let_leases_end(house)
    assert await leases.renew(house.db, "late", 60.0) == {run_id: 0}
    assert (await claims_of(house, "other").take(10)).is_all
    async with house.db.reading() as session:
        entry = (await session.scalars(select(OutboxEntry))).one()
    assert (entry.worker, entry.crashes) == ("late", 0)
    await leases.give_back(house.db, run_id, entry.fence, 60)
    assert await leases.renew(house.db, "late", 60.0) == {}, "what was given back is nobody's"
