"""Runs, end to end inside one process: real database, real Redis, real HTTP targets."""

import asyncio
import json

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowforge.services.execution import Ledger
from flowforge.services.values import pack
from flowforge.services.writes import Writes
from tests.claiming import claims_of
from tests.house import House
from tests.zapping import attempts_of, ended, hook, owed, path_of, published, run_of, working


async def fire(house: House, path: str, body: object, **headers: str) -> str:
    answer = await house.client.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["zapRunId"]
    return run_id


async def test_a_webhook_runs_its_steps_in_order_with_its_data(
    house: House, httpserver: HTTPServer
) -> None:
    seen: list[tuple[str, object, str | None]] = []

    def sink(request: Request) -> Response:
        seen.append((request.path, request.json, request.headers.get("Idempotency-Key")))
        return Response(json.dumps({"n": len(seen)}), content_type="application/json")

    httpserver.expect_request("/one").respond_with_handler(sink)
    httpserver.expect_request("/two").respond_with_handler(sink)
    ada = await house.sign_up()
    second = hook("two", httpserver.url_for("/two"))
    second["inputs"]["body"] = {
        "first": "{{ steps.one.body.n }}",
        "who": "Dear {{ trigger.body.who }}",
    }
    zap = await published(house, ada, hook("one", httpserver.url_for("/one")), second)
    async with working(house):
        run_id = await fire(house, path_of(zap), {"who": "Ada", "n": 1})
        run = await ended(house, run_id)
    assert run.status == "succeeded"
    assert run.started_at is not None
    assert run.finished_at is not None
    assert seen == [
        ("/one", {"who": "Ada", "n": 1}, f"{run_id}:one"),
        ("/two", {"first": 1, "who": "Dear Ada"}, f"{run_id}:two"),
    ]
    attempts = await attempts_of(house, run_id)
    assert [(one.path, one.number, one.status) for one in attempts] == [
        ("one", 1, "succeeded"),
        ("two", 1, "succeeded"),
    ]
    assert attempts[1].input["body"] == {"first": 1, "who": "Dear Ada"}
    assert attempts[1].output["body"] == {"n": 2}
    assert await owed(house) == 0


async def test_a_failing_step_is_tried_again_and_then_fails_the_run(
    house: House, httpserver: HTTPServer
) -> None:
    keys: list[str | None] = []

    def broken(request: Request) -> Response:
        keys.append(request.headers.get("Idempotency-Key"))
        return Response("no", status=500)

    httpserver.expect_request("/").respond_with_handler(broken)
    ada = await house.sign_up()
    after = hook("after", httpserver.url_for("/"))
    zap = await published(house, ada, hook("one", httpserver.url_for("/")), after)
    async with working(house):
        run_id = await fire(house, path_of(zap), {})
        run = await ended(house, run_id)
    assert run.status == "failed"
    assert "failed with status 500" in run.error["message"]
    assert keys == [f"{run_id}:one"] * 3
    attempts = await attempts_of(house, run_id)
    assert [(one.number, one.status) for one in attempts] == [
        (1, "failed"),
        (2, "failed"),
        (3, "failed"),
    ]
    assert [one.retry_at is not None for one in attempts] == [True, True, False]
    assert await owed(house) == 0


async def test_a_step_that_recovers_lets_the_run_succeed(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_ordered_request("/").respond_with_data("busy", status=503)
    httpserver.expect_ordered_request("/").respond_with_data("ok")
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", httpserver.url_for("/")))
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {}))
    assert run.status == "succeeded"
    assert [one.status for one in await attempts_of(house, run.id)] == ["failed", "succeeded"]


async def test_retry_after_is_waited_for(house: House, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/").respond_with_data(
        "busy", status=429, headers={"Retry-After": "1"}
    )
    httpserver.expect_ordered_request("/").respond_with_data("ok")
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", httpserver.url_for("/")))
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {}))
    first, second = await attempts_of(house, run.id)
    assert first.finished_at is not None
    assert (second.started_at - first.finished_at).total_seconds() >= 0.95


async def test_continue_on_error_goes_on_with_the_error_as_output(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/gone").respond_with_data("gone", status=404)
    httpserver.expect_request("/next").respond_with_data("ok")
    ada = await house.sign_up()
    first = hook("one", httpserver.url_for("/gone"), on_error="continue")
    second = hook("two", httpserver.url_for("/next"))
    second["inputs"]["body"] = {"why": "{{ steps.one.error.code }}"}
    zap = await published(house, ada, first, second)
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {}))
    assert run.status == "succeeded"
    attempts = await attempts_of(house, run.id)
    assert [one.status for one in attempts] == ["failed", "succeeded"]
    assert attempts[1].input["body"] == {"why": "refused"}


async def test_a_filter_that_does_not_hold_ends_the_run_as_succeeded(
    house: House, httpserver: HTTPServer
) -> None:
    ada = await house.sign_up()
    only = {
        "id": "only",
        "kind": "filter",
        "when": {
            "any": [
                {
                    "all": [
                        {
                            "left": "{{ trigger.body.n }}",
                            "op": "NUMBER_IS_GREATER_THAN",
                            "right": 10,
                        }
                    ]
                }
            ]
        },
    }
    zap = await published(house, ada, only, hook("one", httpserver.url_for("/")))
    httpserver.expect_request("/").respond_with_data("ok")
    async with working(house):
        small = await ended(house, await fire(house, path_of(zap), {"n": 3}))
        large = await ended(house, await fire(house, path_of(zap), {"n": 30}))
    assert (small.status, large.status) == ("succeeded", "succeeded")
    assert [(a.path, a.output) for a in await attempts_of(house, small.id)] == [
        ("only", {"passed": False})
    ]
    assert [a.path for a in await attempts_of(house, large.id)] == ["only", "one"]


async def test_a_step_that_hangs_is_ended_by_its_time_limit(
    house: House, httpserver: HTTPServer
) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ada = await house.sign_up()
    step = hook("one", f"http://127.0.0.1:{port}/", timeout_seconds=0.2)
    step["retry"] = {"attempts": 1}
    zap = await published(house, ada, step)
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {}))
    server.close()
    assert run.status == "failed"
    assert run.error["code"] == "timeout"
    assert [a.status for a in await attempts_of(house, run.id)] == ["unknown"]


@pytest.mark.parametrize("changes", [{"run_timeout_seconds": 1.0}])
async def test_a_run_that_works_too_long_is_timed_out(house: House) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", f"http://127.0.0.1:{port}/"))
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {}))
    server.close()
    assert run.status == "timed_out"
    assert run.error["code"] == "run_timeout"
    assert await owed(house) == 0


async def test_an_unknown_action_fails_in_the_words_of_the_seed(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", "http://127.0.0.1:1/"))
    async with house.db.transaction() as session:
        from sqlalchemy import select  # noqa: PLC0415

        from flowforge.models import Version  # noqa: PLC0415

        version = (await session.scalars(select(Version))).one()
        step = {**version.definition["steps"][0], "action": "telegraph"}
        version.definition = {**version.definition, "steps": [step]}
    async with working(house):
        run = await ended(house, await fire(house, path_of(zap), {}))
    assert run.status == "failed"
    assert run.error["message"] == "No handler registered for action 'telegraph'"


async def test_a_dead_workers_run_is_taken_over_and_finished_steps_stay(
    house: House, httpserver: HTTPServer
) -> None:
    """The lease of a worker that is gone runs out; the next one goes on where it stood."""
    counts = {"/one": 0, "/two": 0}

    def sink(request: Request) -> Response:
        counts[request.path] += 1
        return Response("ok")

    httpserver.expect_request("/one").respond_with_handler(sink)
    httpserver.expect_request("/two").respond_with_handler(sink)
    ada = await house.sign_up()
    zap = await published(
        house, ada, hook("one", httpserver.url_for("/one")), hook("two", httpserver.url_for("/two"))
    )
    run_id = await fire(house, path_of(zap), {})

    claims = claims_of(house, "doomed", 0.3)
    (held,) = (await claims.take(10)).held
    assert held.key.fence == 1
    assert (await claims.take(10)).held == []
    async with working(house):
        run = await ended(house, run_id)
    assert run.status == "succeeded"
    assert [(a.path, a.number, a.status) for a in await attempts_of(house, run_id)] == [
        ("one", 1, "unknown"),
        ("one", 2, "succeeded"),
        ("two", 1, "succeeded"),
    ]
    assert counts == {"/one": 1, "/two": 1}


async def test_a_late_settlement_changes_nothing(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", "http://127.0.0.1:1/"))
    run_id = await fire(house, path_of(zap), {})
    old = claims_of(house, "old", 0.05)
    (stale,) = (await old.take(1)).held
    await asyncio.sleep(0.1)
    new = claims_of(house, "new", 30)
    (current,) = (await new.take(1)).held
    assert current.key.fence == stale.key.fence + 1
    ledger = Ledger(house.db, house.runtime.signals)
    late = Writes()
    late.close_attempt(stale.rows["one"].attempt_id, "succeeded", seq=9, output=pack("late"))
    late.finish_run(stale.key, "succeeded", None)
    assert not (await ledger.settle(stale.key, late)).is_mine
    assert (await run_of(house, run_id)).status == "running"
    assert [a.status for a in await attempts_of(house, run_id)] == ["unknown", "running"]


async def test_a_hundred_runs_are_each_performed_once_by_two_workers(
    house: House, httpserver: HTTPServer
) -> None:
    keys: list[str | None] = []

    def sink(request: Request) -> Response:
        keys.append(request.headers.get("Idempotency-Key"))
        return Response("ok")

    httpserver.expect_request("/").respond_with_handler(sink)
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", httpserver.url_for("/")))
    ids = await asyncio.gather(*(fire(house, path_of(zap), {"n": n}) for n in range(100)))
    async with working(house), working(house):
        runs = await asyncio.gather(*(ended(house, run_id) for run_id in ids))
    assert {run.status for run in runs} == {"succeeded"}
    assert sorted(str(key) for key in keys) == sorted(f"{run_id}:one" for run_id in ids)
