"""Values too large for a row: kept as files, read where somebody asks for them, and bounded."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import update
from sqlmodel import col
from werkzeug import Request, Response

from flowforge.infra import documents
from flowforge.infra.db import utc_now
from flowforge.models import Attempt, OutboxEntry
from tests.flows import branch, call, delay, loop, reply, router, when
from tests.house import House
from tests.zapping import attempts_of, ended, hook, path_of, published, run_of, working

MEGABYTE = 1024 * 1024


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
        return Response("{}", content_type="application/json")

    httpserver.expect_request("/echo").respond_with_handler(echo)
    return lambda: seen


def say(step_id: str, server: HTTPServer, body: Any) -> dict[str, Any]:
    step = hook(step_id, server.url_for("/echo"))
    step["inputs"]["body"] = body
    return step


def answering(httpserver: HTTPServer, value: Any) -> str:
    httpserver.expect_request("/large").respond_with_data(
        json.dumps(value), content_type="application/json"
    )
    return httpserver.url_for("/large")


ITEMS = [{"n": n, "text": "x" * 1100} for n in range(1000)]


async def test_a_large_output_is_a_file_that_later_steps_read(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    many = when("{{ steps.get.body | size }}", "NUMBER_IS_GREATER_THAN", 999)
    zap = await published(
        house,
        ada,
        hook("get", answering(httpserver, ITEMS)),
        delay("rest", 0.05),
        router("way", branch(many, say("last", httpserver, "{{ steps.get.body | last }}"))),
        say("first", httpserver, {"n": "{{ steps.get.body[0].n }}"}),
    )
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap)))
    assert (run.status, run.error) == ("succeeded", None)
    assert sink() == [ITEMS[-1], {"n": 0}]
    row = (await attempts_of(house, run.id))[0]
    assert row.output is None
    assert row.output_size is not None
    assert row.output_size > MEGABYTE
    assert row.output_blob is not None
    stored = documents.parse(await house.runtime.blobs.get(row.output_blob))
    assert stored["body"] == ITEMS


async def test_a_loop_over_a_large_list_outlives_its_worker(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    each = loop(
        "each", "{{ trigger.body.items }}", delay("rest", 0.2), say("n", httpserver, "{{ item.n }}")
    )
    zap = await published(house, ada, each)
    items = [{"n": n, "text": "x" * 20_000} for n in range(4)]
    run_id = await fire(house, path_of(zap), {"items": items})
    async with working(house):
        async with asyncio.timeout(10):
            while (await run_of(house, run_id)).status != "waiting":  # noqa: ASYNC110 - another task writes it
                await asyncio.sleep(0.02)
    async with working(house):
        assert (await ended(house, run_id)).status == "succeeded"
    assert sink() == [0, 1, 2, 3]
    row = (await attempts_of(house, run_id))[0]
    assert (row.kind, row.input) == ("loop", None)
    assert row.input_blob is not None
    assert row.output["count"] == 4


async def test_a_value_over_25_megabytes_fails_its_step_by_name(
    house: House, httpserver: HTTPServer
) -> None:
    ada = await house.sign_up()
    code = {
        "id": "big",
        "kind": "code",
        "inputs": {"text": "{{ trigger.body.text }}"},
        "code": "[inputs['text']] * 30",
    }
    httpserver.expect_request("/echo").respond_with_data("ok")
    wide = hook("wide", httpserver.url_for("/echo"))
    wide["inputs"]["body"] = ["{{ trigger.body.text }}"] * 30
    zaps = [await published(house, ada, code), await published(house, ada, wide)]
    text = "x" * MEGABYTE
    async with working(house):
        for zap in zaps:
            run = await ended(house, await fire(house, path_of(zap), {"text": text}))
            assert run.status == "failed", run.error
            assert "30.0 MB" in run.error["message"], run.error
    assert not [entry for entry, _ in httpserver.log if entry.path == "/echo"]


async def test_a_large_input_is_kept_whole(house: House, httpserver: HTTPServer) -> None:
    ada = await house.sign_up()
    httpserver.expect_request("/echo").respond_with_data("ok")
    step = hook("send", httpserver.url_for("/echo"))
    step["inputs"]["body"] = {"text": "{{ trigger.body.text }}", "password": "hidden"}
    zap = await published(house, ada, step)
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {"text": "x" * 100_000}))
    (row,) = await attempts_of(house, run.id)
    assert row.input is None
    assert row.input_blob is not None
    stored = documents.parse(await house.runtime.blobs.get(row.input_blob))
    assert stored["body"]["text"] == "x" * 100_000
    assert stored["body"]["password"] == "**REDACTED**"


async def test_a_large_reply_reaches_the_caller(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    child = await published(house, ada, reply("answer", "{{ trigger.body }}"))
    zap = await published(
        house,
        ada,
        call("ask", child.id, {"items": "{{ trigger.body.items }}"}),
        say("told", httpserver, "{{ steps.ask.output.items | size }}"),
    )
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {"items": ITEMS}))
    assert (run.status, run.error) == ("succeeded", None)
    assert sink() == [1000]


async def test_a_value_whose_file_is_gone_fails_what_needs_it(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    zap = await published(
        house,
        ada,
        hook("get", answering(httpserver, ITEMS)),
        delay("rest", 3600),
        say("first", httpserver, {"n": "{{ steps.get.body[0].n }}"}),
    )
    async with working(house):
        run_id = await fire(house, path_of(zap))
        async with asyncio.timeout(10):
            while (await run_of(house, run_id)).status != "waiting":  # noqa: ASYNC110 - another task writes it
                await asyncio.sleep(0.02)
    row = (await attempts_of(house, run_id))[0]
    await house.runtime.blobs.delete([str(row.output_blob)])
    past = utc_now() - dt.timedelta(seconds=1)
    async with house.db.transaction() as session:
        await session.execute(
            update(Attempt).where(col(Attempt.kind) == "delay").values(wake_at=past)
        )
        await session.execute(update(OutboxEntry).values(due_at=past, rank_at=past))
    async with working(house):
        run = await ended(house, run_id)
    assert (run.status, run.error["code"]) == ("failed", "value_gone")
