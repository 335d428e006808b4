"""Long runs and large values: a page is bounded, and nothing is cut."""

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowforge.errors import NotFound
from flowforge.models import Attempt
from flowforge.services import attempts, zap_figures
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.integration.runs.again import asked, fire, read
from tests.zapping import attempts_of, ended, hook, published, run_of, working


async def with_attempts(house: House, number: int, **values: Any) -> tuple[Account, str]:
    """A run with so many rounds on record."""
    ada = await house.sign_up()
    zap = await published(house, ada, {"id": "end", "kind": "stop"})
    run_id = await fire(house, zap)
    columns = {"status": "succeeded", "step_id": "x", "kind": "action"} | values
    async with house.db.transaction() as session:
        for index in range(1, number + 1):
            path = f"each[{index}]/x"
            session.add(Attempt(run_id=run_id, path=path, number=1, **columns))
    return ada, run_id


async def test_a_long_run_comes_in_pages_in_the_order_it_went(house: House) -> None:
    ada, run_id = await with_attempts(house, 1203)
    run = await read(house, ada, f"/runs/{run_id}")
    assert (len(run["attempts"]), run["attempt_count"]) == (500, 1203)
    paths = [one["path"] for one in run["attempts"]]
    cursor = run["attempts_next"]
    while cursor:
        page = await read(house, ada, f"/runs/{run_id}/attempts?cursor={cursor}")
        paths += [one["path"] for one in page["data"]]
        cursor = page["next"]
    assert paths == [f"each[{index}]/x" for index in range(1, 1204)]


async def test_attempts_are_found_by_path_and_status(house: House) -> None:
    ada, run_id = await with_attempts(house, 12)
    async with house.db.transaction() as session:
        session.add(
            Attempt(
                run_id=run_id, path="each[3]/y", step_id="y", kind="action", number=1,
                status="failed",
            )
        )  # fmt: skip
    url = f"/runs/{run_id}/attempts"
    found = await read(house, ada, f"{url}?path_prefix=each[1")
    assert [one["path"] for one in found["data"]] == [
        "each[1]/x", "each[10]/x", "each[11]/x", "each[12]/x",
    ]  # fmt: skip
    found = await read(house, ada, f"{url}?status=failed,unknown")
    assert [one["path"] for one in found["data"]] == ["each[3]/y"]
    found = await read(house, ada, f"{url}?path_prefix=each[3]/&limit=1")
    assert ([one["path"] for one in found["data"]], found["next"] is None) == (["each[3]/x"], False)
    assert (await read(house, ada, f"{url}?path_prefix=%25"))["data"] == []
    for wrong, status in (("status=done", 422), ("limit=501", 400), ("cursor=x", 400)):
        await read(house, ada, f"{url}?{wrong}", status=status)


async def test_the_last_try_of_a_step_is_found_however_many_there_are(house: House) -> None:
    ada, run_id = await with_attempts(house, 600)
    async with house.db.transaction() as session:
        for number in (1, 2):
            session.add(
                Attempt(
                    run_id=run_id, path="z", step_id="z", kind="action", number=number, status="x"
                )
            )
    async with house.db.reading() as session:
        assert (await attempts.last_of(session, ada.actor, run_id, "z")).number == 2
        with pytest.raises(NotFound, match="not tried"):
            await attempts.last_of(session, ada.actor, run_id, "each[601]/x")
    eve = await house.sign_up("eve@example.com")
    async with house.db.reading() as session:
        with pytest.raises(NotFound, match="Run"):
            await attempts.last_of(session, eve.actor, run_id, "z")


async def test_a_page_ends_where_its_values_are_large_together(house: House) -> None:
    value = {"text": "x" * 30_000}
    ada, run_id = await with_attempts(house, 200, input=value, output=value)
    answer = await house.client.get(f"/api/v1/runs/{run_id}", headers=ada.headers)
    assert len(answer.content) < attempts.MOST_BYTES * 1.1
    run = answer.json()
    number, cursor = len(run["attempts"]), run["attempts_next"]
    assert 0 < number < 200
    while cursor:
        page = await read(house, ada, f"/runs/{run_id}/attempts?cursor={cursor}")
        number, cursor = number + len(page["data"]), page["next"]
    assert number == 200


async def large_run(house: House, server: HTTPServer, body: Any) -> tuple[Account, ZapView, str]:
    """A run whose step got ``body`` and was answered with it."""
    server.expect_request("/large").respond_with_json(body)
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", server.url_for("/large")))
    run_id = await fire(house, zap, body)
    async with working(house):
        assert (await ended(house, run_id)).status == "succeeded"
    return ada, zap, run_id


async def test_a_large_value_is_elsewhere_and_whole(house: House, httpserver: HTTPServer) -> None:
    body = {"rows": ["ä" * 100] * 1_000, "access_token": "T0P5ECRET"}
    ada, _, run_id = await large_run(house, httpserver, body)
    answer = await house.client.get(f"/api/v1/runs/{run_id}", headers=ada.headers)
    (one,) = answer.json()["attempts"]
    assert (one["input"], one["output"]) == (None, None)
    for part in ("input", "output"):
        reference = one[f"{part}_ref"]
        assert reference["size"] > 200_000
        whole = await house.client.get(reference["url"], headers=ada.headers)
        assert whole.headers["content-type"] == "application/json"
        assert whole.json()["body"]["rows"] == body["rows"]
        assert "T0P5ECRET" not in whole.text
    eve = await house.sign_up("eve@example.com")
    stolen = await house.client.get(one["output_ref"]["url"], headers=eve.headers)
    assert stolen.status_code == 404


async def test_a_small_value_has_the_same_address(house: House, httpserver: HTTPServer) -> None:
    ada, _, run_id = await large_run(house, httpserver, {"password": "T0P5ECRET", "n": 1})
    run = await read(house, ada, f"/runs/{run_id}")
    (one,) = run["attempts"]
    assert one["output"]["body"] == {"password": "**REDACTED**", "n": 1}
    assert (one["input_ref"], one["output_ref"]) == (None, None)
    whole = await read(house, ada, f"/runs/{run_id}/attempts/{one['id']}/output")
    assert whole == one["output"]
    await read(house, ada, f"/runs/{run_id}/attempts/{run_id}/output", status=404)
    await read(house, ada, f"/runs/{run_id}/attempts/{one['id']}/error", status=422)


async def test_a_value_that_is_gone_says_so(house: House) -> None:
    ada, run_id = await with_attempts(house, 1, output_blob="0" * 32, output_size=40_000)
    (one,) = (await read(house, ada, f"/runs/{run_id}"))["attempts"]
    assert one["output_ref"]["size"] == 40_000
    url = one["output_ref"]["url"].removeprefix("/api/v1")
    gone = await read(house, ada, url, status=404)
    assert "no longer stored" in gone["error"]["message"]


async def test_a_retry_and_a_copy_share_a_large_value(house: House, httpserver: HTTPServer) -> None:
    body = {"rows": ["x" * 100] * 1_000}
    httpserver.expect_request("/large").respond_with_json(body)
    httpserver.expect_request("/count").respond_with_handler(_count)
    ada = await house.sign_up()
    count = hook("two", httpserver.url_for("/count"))
    count["inputs"]["body"] = "{{ steps.one.body.rows }}"
    zap = await published(house, ada, hook("one", httpserver.url_for("/large")), count)
    run_id = await fire(house, zap)
    async with working(house):
        await ended(house, run_id)
        new = await asked(house, ada, f"/runs/{run_id}/retry", {"from": "two"})
        assert (await ended(house, new["id"])).status == "succeeded"
    old, copied = await attempts_of(house, run_id), await attempts_of(house, new["id"])
    assert old[0].output_blob == copied[0].output_blob is not None
    assert copied[1].output["body"] == {"rows": 1_000}


def _count(request: Request) -> Response:
    return Response(json.dumps({"rows": len(request.json)}), content_type="application/json")


async def test_tests_of_drafts_are_shown_where_somebody_asks(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, {"id": "end", "kind": "stop"})
    real = await fire(house, zap)
    tried = (await asked(house, ada, f"/zaps/{zap.id}/test", {"input": {}}))["run_id"]

    async def ids(query: str) -> list[str]:
        return [run["id"] for run in (await read(house, ada, query))["data"]]

    for start in ("/runs?", f"/zaps/{zap.id}/runs?"):
        assert await ids(start) == [real]
        assert await ids(f"{start}environment=test") == [tried]
        assert await ids(f"{start}environment=all") == [tried, real]
        await read(house, ada, f"{start}environment=moon", status=422)


async def test_counts_are_those_of_the_list(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, {"id": "end", "kind": "stop"})
    ids = [await fire(house, zap) for _ in range(4)]
    await asked(house, ada, f"/zaps/{zap.id}/test", {"input": {}})
    async with house.db.transaction() as session:
        for run_id, code in zip(ids, ("refused", "refused", "timeout"), strict=False):
            run = await session.merge(await run_of(house, run_id))
            run.status, run.error = "failed", {"code": code, "message": f"It was {code}."}
    counts = await read(house, ada, "/runs/counts")
    assert counts["total"] == 4
    assert counts["by_status"] == {
        "queued": 1, "running": 0, "waiting": 0, "succeeded": 0, "failed": 3, "cancelled": 0,
        "timed_out": 0,
    }  # fmt: skip
    assert (await read(house, ada, "/runs/counts?error_code=refused"))["total"] == 2
    found = (await read(house, ada, "/runs?error_code=refused"))["data"]
    assert [run["id"] for run in found] == [ids[1], ids[0]]
    assert (await read(house, ada, "/runs?error_code=ref"))["data"] == []


async def test_figures_of_a_zap_are_those_of_its_runs(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, {"id": "end", "kind": "stop"})
    real = await fire(house, zap)
    await asked(house, ada, f"/zaps/{zap.id}/test", {"input": {}})
    async with house.db.reading() as session:
        found = (await zap_figures.of_zaps(session, ada.project_id, [zap.id]))[zap.id]
    assert (found.total, found.last_id) == (1, real)
