"""Zaps that call zaps: what goes in, what comes back, and what becomes of the caller."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select, update
from sqlmodel import col
from werkzeug import Request, Response

from flowforge.models import Event, OutboxEntry, Run, Zap
from tests.flows import call, delay, loop, parallel, reply
from tests.house import House
from tests.zapping import attempts_of, ended, hook, owed, path_of, published, run_of, working


async def fire(house: House, path: str, body: object = None) -> str:
    answer = await house.client.post(path, json=body or {})
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["zapRunId"]
    return run_id


async def children_of(house: House, run_id: str) -> list[Run]:
    async with house.db.reading() as session:
        query = select(Run).where(col(Run.parent_run_id) == run_id).order_by(col(Run.id))
        return list((await session.scalars(query)).all())


async def called_by(house: House, run_id: str, number: int) -> list[Run]:
    """The runs that a run has called, once there are so many."""
    async with asyncio.timeout(10):
        while len(found := await children_of(house, run_id)) < number:  # noqa: ASYNC110 - another task calls them
            await asyncio.sleep(0.02)
    return found


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


async def test_a_caller_waits_and_gets_the_reply(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    double = await published(
        house,
        ada,
        say("seen", httpserver, {"asked": "{{ trigger.body.n }}"}),
        delay("rest", 0.2),
        reply("answer", {"was": "{{ trigger.body.n }}"}),
    )
    zap = await published(
        house,
        ada,
        call("ask", double.id, {"n": "{{ trigger.body.n }}"}),
        say("told", httpserver, {"got": "{{ steps.ask.output.was }}"}),
    )
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {"n": 7}))
    assert (run.status, run.error) == ("succeeded", None)
    assert sink() == [{"asked": 7}, {"got": 7}]
    (child,) = await children_of(house, run.id)
    assert (child.status, child.parent_path, child.depth) == ("succeeded", "ask", 1)
    assert child.zap_id == double.id
    assert child.environment == "production"
    row = (await attempts_of(house, run.id))[0]
    assert (row.kind, row.status) == ("zap", "succeeded")
    assert row.output == {"run_id": child.id, "status": "succeeded", "output": {"was": 7}}
    async with house.db.reading() as session:
        event = (await session.scalars(select(Event).where(col(Event.id) == child.event_id))).one()
    assert (event.trigger, event.verdict, event.raw) == ("zap", "accepted", b'{"n":7}')
    assert await owed(house) == 0


async def test_while_it_waits_the_caller_is_in_nobodys_hands(
    house: House, httpserver: HTTPServer
) -> None:
    ada = await house.sign_up()
    slow = await published(house, ada, delay("rest", 3600))
    zap = await published(house, ada, call("ask", slow.id))
    async with working(house) as worker:
        run_id = await fire(house, path_of(zap))
        async with asyncio.timeout(10):
            while len(found := await children_of(house, run_id)) == 0 or (  # noqa: ASYNC110 - other tasks work
                (found[0].status, (await run_of(house, run_id)).status) != ("waiting", "waiting")
            ):
                await asyncio.sleep(0.02)
            while worker.held:  # noqa: ASYNC110 - its tasks end after the commit
                await asyncio.sleep(0.01)
    async with house.db.reading() as session:
        query = select(OutboxEntry).where(col(OutboxEntry.lease_until).is_not(None))
        assert (await session.scalars(query)).all() == []


async def test_a_failing_zap_fails_its_caller_with_its_reason(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/gone").respond_with_data("gone", status=404)
    ada = await house.sign_up()
    bad = await published(house, ada, hook("one", httpserver.url_for("/gone")))
    zap = await published(house, ada, call("ask", bad.id))
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap)))
    assert (run.status, run.error["code"]) == ("failed", "zap_failed")
    assert "404" in run.error["message"]


async def test_a_caller_may_go_on_after_a_failure(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    httpserver.expect_request("/gone").respond_with_data("gone", status=404)
    ada = await house.sign_up()
    bad = await published(house, ada, hook("one", httpserver.url_for("/gone")))
    zap = await published(
        house,
        ada,
        call("ask", bad.id, on_error="continue"),
        say("why", httpserver, {"why": "{{ steps.ask.error.code }}"}),
    )
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap)))
    assert run.status == "succeeded"
    assert sink() == [{"why": "zap_failed"}]


async def test_a_caller_that_does_not_wait_goes_on_at_once(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    slow = await published(house, ada, delay("rest", 3600))
    zap = await published(
        house,
        ada,
        call("start", slow.id, {"n": 1}, wait=False),
        say("after", httpserver, {"run": "{{ steps.start.run_id }}"}),
    )
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap)))
        (child,) = await children_of(house, run.id)
        async with asyncio.timeout(10):
            while (await run_of(house, child.id)).status != "waiting":  # noqa: ASYNC110 - another task takes it
                await asyncio.sleep(0.02)
    assert run.status == "succeeded"
    assert sink() == [{"run": child.id}]
    assert [row.status for row in await attempts_of(house, run.id)] == ["succeeded", "succeeded"]


async def test_children_in_parallel_and_in_loops_are_told_apart(
    house: House, httpserver: HTTPServer, sink: Callable[[], list[Any]]
) -> None:
    ada = await house.sign_up()
    echo = await published(house, ada, reply("answer", "{{ trigger.body }}"))
    both = parallel("both", a=[call("a", echo.id, "left")], b=[call("b", echo.id, "right")])
    each = loop("each", [1, 2, 3, 4, 5], call("ask", echo.id, "{{ item }}"), concurrency=3)
    told = say(
        "told",
        httpserver,
        {
            "ab": "{{ steps.a.output }}{{ steps.b.output }}",
            "third": "{{ steps.each.iterations[2].ask.output }}",
        },
    )
    zap = await published(house, ada, both, each, told)
    async with working(house), working(house):
        run = await ended(house, await fire(house, path_of(zap)), within_seconds=30)
    assert (run.status, run.error) == ("succeeded", None)
    assert sink() == [{"ab": "leftright", "third": 3}]
    children = await children_of(house, run.id)
    assert sorted(str(child.parent_path) for child in children) == sorted(
        ["a", "b", *(f"each[{n}]/ask" for n in range(1, 6))]
    )


async def test_a_zap_that_calls_itself_comes_to_an_end(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, delay("first", 0))
    async with house.db.transaction() as session:
        from flowforge.models import Version  # noqa: PLC0415

        definition = {"trigger": {"kind": "webhook"}, "steps": [call("again", zap.id)]}
        await session.execute(
            update(Version).where(col(Version.zap_id) == zap.id).values(definition=definition)
        )
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap)), within_seconds=40)
    assert (run.status, run.error["code"]) == ("failed", "zap_failed")
    async with house.db.reading() as session:
        runs = (await session.scalars(select(Run).order_by(col(Run.depth)))).all()
    assert [one.depth for one in runs] == list(range(11))
    assert {one.status for one in runs} == {"failed"}
    assert runs[-1].error["code"] == "too_deep"
    assert await owed(house) == 0


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"enabled": False}, "switched_off"),
        ({"live_version": None}, "not_published"),
        ({"deleted": True}, "no_such_zap"),
        ({"foreign": True}, "no_such_zap"),
    ],
)
async def test_a_zap_that_cannot_be_called_fails_the_step_with_a_sentence(
    house: House, changed: dict[str, Any], code: str
) -> None:
    from flowforge.infra.db import utc_now  # noqa: PLC0415

    ada = await house.sign_up()
    other = await published(house, ada, delay("rest", 0))
    zap = await published(house, ada, call("ask", other.id))
    values: dict[str, Any] = dict(changed)
    if values.pop("deleted", None):
        values["deleted_at"] = utc_now()
    if values.pop("foreign", None):
        eve = await house.sign_up("eve@example.com")
        values["project_id"] = eve.project_id
    async with house.db.transaction() as session:
        await session.execute(update(Zap).where(col(Zap.id) == other.id).values(**values))
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap)))
    assert (run.status, run.error["code"]) == ("failed", code)
    (row,) = await attempts_of(house, run.id)
    assert (row.status, row.kind) == ("failed", "zap")
    assert await children_of(house, run.id) == []


async def test_a_child_that_is_cancelled_fails_its_caller(house: House) -> None:
    ada = await house.sign_up()
    slow = await published(house, ada, delay("rest", 3600))
    zap = await published(house, ada, call("ask", slow.id))
    async with working(house):
        run_id = await fire(house, path_of(zap))
        found = await called_by(house, run_id, 1)
        answer = await house.client.post(f"/api/v1/runs/{found[0].id}/cancel", headers=ada.headers)
        assert answer.status_code < 300, answer.text
        run = await ended(house, run_id)
    assert (run.status, run.error["code"]) == ("failed", "zap_failed")
    assert "cancelled" in run.error["message"]


async def test_who_cancels_a_caller_cancels_what_it_waits_for(house: House) -> None:
    ada = await house.sign_up()
    slow = await published(house, ada, delay("rest", 3600))
    middle = await published(house, ada, call("ask", slow.id))
    zap = await published(
        house, ada, call("started", slow.id, wait=False), call("waited", middle.id)
    )
    async with working(house):
        run_id = await fire(house, path_of(zap))
        found = await called_by(house, run_id, 2)
        grandchildren = await called_by(house, found[1].id, 1)
        answer = await house.client.post(f"/api/v1/runs/{run_id}/cancel", headers=ada.headers)
        assert answer.status_code < 300, answer.text
        assert (await run_of(house, run_id)).status == "cancelled"
        assert (await ended(house, found[1].id)).status == "cancelled"
        assert (await ended(house, grandchildren[0].id)).status == "cancelled"
        # It was only started; it goes on.
        assert (await run_of(house, found[0].id)).status not in {"cancelled", "failed"}
