"""Steps inside steps, end to end: what runs, in which order, and what is on record of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.flows import branch, loop, parallel, router, stop, when
from tests.house import House
from tests.zapping import attempts_of, ended, hook, owed, path_of, published, working


async def fire(house: House, path: str, body: object) -> str:
    answer = await house.client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["zapRunId"]
    return run_id


@pytest.fixture
def sink(httpserver: HTTPServer) -> Callable[[], list[Any]]:
    """The bodies that steps have posted, in their order; each is answered with itself."""
    seen: list[Any] = []

    def echo(request: Request) -> Response:
        seen.append(request.json)
        return Response(json.dumps(request.json), content_type="application/json")

    httpserver.expect_request("/echo").respond_with_handler(echo)
    return lambda: seen


@dataclass
class Stuck:
    """A target that answers only when it is told to."""

    url: str
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    free: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def stuck() -> AsyncIterator[Stuck]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        target.arrived.set()
        await target.free.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    target = Stuck(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    try:
        yield target
    finally:
        target.free.set()
        server.close()


async def is_on_record(house: House, run_id: str, path: str) -> None:
    async with asyncio.timeout(10):
        while path not in {row.path for row in await attempts_of(house, run_id)}:  # noqa: ASYNC110 - another task writes it
            await asyncio.sleep(0.02)


def say(step_id: str, server: HTTPServer, body: Any, **more: Any) -> dict[str, Any]:
    """A step that posts ``body``."""
    step = hook(step_id, server.url_for("/echo"), **more)
    step["inputs"]["body"] = body
    return step


async def test_parallel_steps_in_a_loop_in_a_router_each_run_once(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    left = say("left", httpserver, {"l": "{{ item.n }}", "i": "{{ index }}"})
    right = say("right", httpserver, {"r": "{{ item.n }}"})
    each = loop("each", "{{ trigger.body.items }}", parallel("both", a=[left], b=[right]))
    after = say(
        "after",
        httpserver,
        {"count": "{{ steps.each.count }}", "second": "{{ steps.each.iterations[1].left.body }}"},
    )
    way = router(
        "way",
        branch(when("{{ trigger.body.kind }}", "TEXT_EXACTLY_MATCHES", "many"), each, after),
        fallback=[say("other", httpserver, {"other": True})],
    )
    zap = await published(house, ada, way)
    async with working(house):
        many = await fire(house, path_of(zap), {"kind": "many", "items": [{"n": 1}, {"n": 2}]})
        run = await ended(house, many)
        one = await ended(house, await fire(house, path_of(zap), {"kind": "one"}))
    assert (run.status, run.error) == ("succeeded", None)
    assert one.status == "succeeded"
    said = sink()
    assert sorted(map(json.dumps, said[:4])) == sorted(
        map(json.dumps, [{"l": 1, "i": 1}, {"r": 1}, {"l": 2, "i": 2}, {"r": 2}])
    )
    assert said[4:] == [{"count": 2, "second": {"l": 2, "i": 2}}, {"other": True}]
    rows = {row.path: row for row in await attempts_of(house, many)}
    assert {path: row.status for path, row in rows.items()} == dict.fromkeys(
        [
            "way",
            "each",
            "each[1]/both",
            "each[1]/left",
            "each[1]/right",
            "each[2]/both",
            "each[2]/left",
            "each[2]/right",
            "after",
        ],
        "succeeded",
    )
    assert rows["each"].output == {
        "count": 2,
        "succeeded": 2,
        "failed": 0,
        "ended_early": False,
    }
    ends = sorted(rows.values(), key=lambda row: row.seq or 0)
    assert [row.seq for row in ends] == list(range(1, 10)), "every end has a place of its own"
    assert [row.path for row in ends][-2:] == ["each", "after"]
    assert await owed(house) == 0


async def test_an_item_that_fails_ends_its_round_only(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    httpserver.expect_request("/gone").respond_with_data("gone", status=404)
    ada = await house.sign_up()
    first = hook("first", "{{ item }}")
    second = say("second", httpserver, {"n": "{{ index }}"})
    each = loop("each", "{{ trigger.body }}", first, second, on_item_error="continue")
    why = say("why", httpserver, {"why": "{{ steps.each.iterations[0].first.error.code }}"})
    zap = await published(house, ada, each, why)
    async with working(house):
        urls = [httpserver.url_for("/gone"), httpserver.url_for("/echo")]
        run = await ended(house, await fire(house, path_of(zap), urls))
    assert run.status == "succeeded"
    assert sink() == [urls, {"n": 2}, {"why": "refused"}]
    rows = {row.path: row for row in await attempts_of(house, run.id)}
    assert rows["each"].output["failed"] == 1
    assert rows["each[1]/first"].status == "failed"
    assert "each[1]/second" not in rows


async def test_a_loop_runs_as_many_rounds_at_once_as_it_may(house: House) -> None:
    now, most, total = 0, 0, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most, total
        await reader.readuntil(b"\r\n\r\n")
        now, total = now + 1, total + 1
        most = max(most, now)
        if total >= 3:
            enough.set()
        await enough.wait()
        now -= 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    enough = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    ada = await house.sign_up()
    zap = await published(
        house, ada, loop("each", list(range(10)), hook("send", url), concurrency=3)
    )
    async with working(house):
        # The first three answer only when all three are there.
        run = await ended(house, await fire(house, path_of(zap), {}))
    server.close()
    assert run.status == "succeeded"
    assert (most, total) == (3, 10)


async def test_break_ends_the_loop_and_lets_rounds_beside_it_finish(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    async with stuck() as target:
        slow = hook("slow", "{{ item }}")
        leave = {
            "id": "leave",
            "kind": "break",
            "when": when("{{ index }}", "NUMBER_IS_EQUAL_TO", 2),
        }
        each = loop("each", "{{ trigger.body }}", slow, leave, concurrency=2)
        zap = await published(house, ada, each, say("after", httpserver, {"after": True}))
        urls = [target.url, *[httpserver.url_for("/echo")] * 4]
        async with working(house):
            run_id = await fire(house, path_of(zap), urls)
            await target.arrived.wait()
            await is_on_record(house, run_id, "each[2]/leave")
            target.free.set()
            run = await ended(house, run_id)
    assert run.status == "succeeded"
    rows = {row.path: row for row in await attempts_of(house, run_id)}
    assert rows["each[1]/slow"].status == "succeeded"
    assert not [path for path in rows if path.startswith("each[3]")]
    assert rows["each"].output["ended_early"] is True
    assert sink()[-1] == {"after": True}


async def test_stop_in_a_branch_awaits_the_attempt_in_flight_and_starts_nothing_more(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    async with stuck() as target:
        slow = [hook("slow", target.url), say("never", httpserver, {"never": True})]
        quick = [say("quick", httpserver, {"quick": True}), stop("enough")]
        zap = await published(house, ada, parallel("both", a=slow, b=quick))
        async with working(house):
            run_id = await fire(house, path_of(zap), {})
            await is_on_record(house, run_id, "enough")
            target.free.set()
            run = await ended(house, run_id)
    assert (run.status, run.error) == ("succeeded", None)
    rows = {row.path: row.status for row in await attempts_of(house, run_id)}
    assert rows == {
        "both": "skipped",
        "slow": "succeeded",
        "quick": "succeeded",
        "enough": "succeeded",
    }
    assert sink() == [{"quick": True}]


async def test_a_retry_in_one_branch_keeps_nobody_waiting_in_the_other(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    httpserver.expect_ordered_request("/flaky").respond_with_data("busy", status=503)
    httpserver.expect_ordered_request("/flaky").respond_with_data("ok")
    ada = await house.sign_up()
    async with stuck() as target:
        flaky = hook("flaky", httpserver.url_for("/flaky"))
        blocks = parallel("both", a=[flaky, say("b", httpserver, 1)], c=[hook("slow", target.url)])
        zap = await published(house, ada, blocks)
        async with working(house):
            run_id = await fire(house, path_of(zap), {})
            # The branch that retries comes to its end while the other is still at work.
            async with asyncio.timeout(10):
                while sink() != [1]:  # noqa: ASYNC110 - another task adds to it
                    await asyncio.sleep(0.02)
            rows = {(row.path, row.number): row.status for row in await attempts_of(house, run_id)}
            assert rows["flaky", 1] == "failed"
            assert rows["flaky", 2] == "succeeded"
            assert rows["slow", 1] == "running"
            target.free.set()
            assert (await ended(house, run_id)).status == "succeeded"


async def test_a_failure_in_one_branch_gives_up_the_waits_of_the_other(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/gone").respond_with_data("gone", status=404)
    ada = await house.sign_up()
    sleepy = {"id": "sleepy", "kind": "delay", "seconds": 3600}
    bad = hook("bad", httpserver.url_for("/gone"))
    zap = await published(house, ada, parallel("both", a=[sleepy], b=[bad]))
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {}))
    assert (run.status, run.error["code"]) == ("failed", "refused")
    rows = {row.path: row for row in await attempts_of(house, run.id)}
    assert rows["sleepy"].status == "skipped"
    assert rows["sleepy"].error["code"] == "given_up"
    assert rows["sleepy"].finished_at is not None
    assert rows["both"].status == "skipped"
    assert await owed(house) == 0


@pytest.mark.parametrize("changes", [{"worker_concurrency": 4}])
async def test_a_wide_block_opens_no_more_attempts_than_can_be_at_work(house: House) -> None:
    """An attempt that is on record as running may have taken effect: those that wait for a free
    slot have not, and must not be taken for it when a worker dies.
    """
    ada = await house.sign_up()
    async with stuck() as target:
        each = loop("each", list(range(50)), hook("send", target.url), concurrency=50)
        zap = await published(house, ada, each)
        async with working(house):
            run_id = await fire(house, path_of(zap), {})
            await target.arrived.wait()
            open_rows = [row for row in await attempts_of(house, run_id) if row.path != "each"]
            most = house.settings.worker_concurrency
            assert 1 <= len(open_rows) <= most
            target.free.set()
            run = await ended(house, run_id)
    assert run.status == "succeeded"
