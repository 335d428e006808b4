"""Reading runs by HTTP: the list and its filters, one run with its attempts, ending one."""

from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer

from flowforge.infra.db import new_id
from flowforge.models import Attempt, Run
from flowforge.services.zap_views import ZapView
from tests import zapping
from tests.house import Account, House

ERROR = {"code": "refused", "message": 'POST to "x" failed: 100% wrong'}


async def fired(house: House, zap: ZapView, body: Any = None, **headers: str) -> str:
    answer = await house.client.post(zapping.path_of(zap), json=body, headers=headers)
    run_id: str = answer.json()["zapRunId"]
    return run_id


async def changed(house: House, run_id: str, **values: Any) -> None:
    async with house.db.transaction() as session:
        run = await session.get(Run, run_id)
        assert run is not None
        for name, value in values.items():
            setattr(run, name, value)


async def listed(house: House, owner: Account, **query: str) -> list[str]:
    answer = await house.client.get("/api/v1/runs", params=query, headers=owner.headers)
    assert answer.status_code == 200, answer.text
    return [run["id"] for run in answer.json()["data"]]


async def test_a_run_tells_its_story_in_order(house: House, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/one").respond_with_data("no", status=503)
    httpserver.expect_ordered_request("/one").respond_with_json({"id": 7})
    httpserver.expect_ordered_request("/two").respond_with_data("no", status=404)
    ada = await house.sign_up()
    one = zapping.hook("one", httpserver.url_for("/one"), name="First")
    one["inputs"]["headers"] = {"Authorization": "Bearer T0P5ECRET"}
    zap = await zapping.published(house, ada, one, zapping.hook("two", httpserver.url_for("/two")))
    run_id = await fired(house, zap, {"a": 1}, authorization="Bearer HOOKSECRET")
    async with zapping.working(house):
        await zapping.ended(house, run_id)
    answer = await house.client.get(f"/api/v1/runs/{run_id}", headers=ada.headers)
    run = answer.json()
    assert (run["zap_id"], run["version"], run["status"]) == (zap.id, 1, "failed")
    assert "failed with status 404" in run["error"]["message"]
    assert run["duration_ms"] >= 0
    assert run["steps"] == 2
    assert [
        (each["step_id"], each["name"], each["number"], each["status"]) for each in run["attempts"]
    ] == [
        ("one", "First", 1, "failed"),
        ("one", "First", 2, "succeeded"),
        ("two", "HTTP Webhook", 1, "failed"),
    ]
    assert run["attempts"][0]["retry_at"] is not None
    assert run["attempts"][1]["output"]["body"] == {"id": 7}
    assert run["attempts"][1]["input"]["body"] == {"a": 1}
    assert run["trigger"]["body"] == {"a": 1}
    assert run["trigger"]["method"] == "POST"
    assert run["definition"]["steps"][0]["id"] == "one"
    assert "T0P5ECRET" not in answer.text
    assert "HOOKSECRET" not in answer.text


async def test_a_run_keeps_the_version_it_began_with(house: House, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/old").respond_with_json({})
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, zapping.hook("one", httpserver.url_for("/old")))
    run_id = await fired(house, zap, {})
    draft = {
        "trigger": {"kind": "webhook"},
        "steps": [zapping.hook("other", httpserver.url_for("/new"))],
    }
    url = f"/api/v1/zaps/{zap.id}"
    saved = await house.client.put(
        f"{url}/draft", json={"revision": 1, "definition": draft}, headers=ada.headers
    )
    assert saved.status_code == 200
    published = await house.client.post(f"{url}/publish", headers=ada.headers)
    assert published.json()["number"] == 2
    async with zapping.working(house):
        await zapping.ended(house, run_id)
    run = (await house.client.get(f"/api/v1/runs/{run_id}", headers=ada.headers)).json()
    assert (run["version"], run["status"]) == (1, "succeeded")
    assert [each["step_id"] for each in run["attempts"]] == ["one"]


async def test_the_list_is_filtered(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, {"id": "end", "kind": "stop"})
    other = await zapping.published(house, ada, {"id": "end", "kind": "stop"})
    runs = [await fired(house, zap, {"n": number}) for number in range(3)]
    elsewhere = await fired(house, other, {})
    await changed(house, runs[0], status="failed", error=ERROR)
    await changed(house, runs[1], status="succeeded")

    assert await listed(house, ada) == [elsewhere, *runs[::-1]]
    assert await listed(house, ada, zap_id=zap.id) == runs[::-1]
    assert await listed(house, ada, status="failed") == [runs[0]]
    assert await listed(house, ada, status="failed, succeeded") == [runs[1], runs[0]]
    second = (await zapping.run_of(house, runs[1])).created_at
    assert await listed(house, ada, since=second.isoformat()) == [elsewhere, *runs[:0:-1]]
    assert await listed(house, ada, until=second.isoformat()) == [runs[0]]
    naive = second.replace(tzinfo=None).isoformat()
    assert await listed(house, ada, until=naive) == [runs[0]]
    assert await listed(house, ada, until="0001-01-01T00:00:00") == []
    assert len(await listed(house, ada, until="9999-12-31T23:59:59")) == 4
    assert len(await listed(house, ada, since="0001-01-01T00:00:00")) == 4
    assert await listed(house, ada, q=runs[2][-12:]) == [runs[2]]
    for sought in ("FAILED: 100%", '"x"', "wrong"):
        assert await listed(house, ada, q=sought) == [runs[0]], sought
    for sought in ("message", "refused", "code", "_", "nonsense\x00"):
        assert await listed(house, ada, q=sought) == [], sought


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"status": "done"}, 422),
        ({"status": ","}, 422),
        ({"since": "yesterday"}, 422),
        ({"limit": "0"}, 400),
        ({"limit": "101"}, 400),
        ({"limit": "x"}, 422),
        ({"cursor": "x"}, 400),
        ({"cursor": "!" * 99}, 400),
        ({"q": "x" * 201}, 422),
        ({"zap_id": "nonsense"}, 404),
    ],
)
async def test_a_wrong_filter_is_named(house: House, query: dict[str, str], status: int) -> None:
    ada = await house.sign_up()
    answer = await house.client.get("/api/v1/runs", params=query, headers=ada.headers)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


async def test_pages_of_runs_stay_put_while_runs_arrive(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, {"id": "end", "kind": "stop"})
    runs = [await fired(house, zap) for _ in range(8)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        answer = await house.client.get(
            f"/api/v1/zaps/{zap.id}/runs", params=query, headers=ada.headers
        )
        seen += [run["id"] for run in answer.json()["data"]]
        cursor = answer.json()["next"]
        if cursor is None:
            break
        await fired(house, zap)
    assert seen == runs[::-1]


async def test_a_longer_page_asks_the_database_no_more_often(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, {"id": "end", "kind": "stop"})
    runs = [await fired(house, zap) for _ in range(12)]
    async with house.db.transaction() as session:
        session.add_all(
            Attempt(
                run_id=run_id, path="end", step_id="end", kind="stop", number=n, status="failed"
            )
            for run_id in runs
            for n in (1, 2)
        )
    counts = []
    for limit in ("1", "12"):
        with house.counted_statements() as counted:
            answer = await house.client.get(
                "/api/v1/runs", params={"limit": limit}, headers=ada.headers
            )
        assert {run["attempts"] for run in answer.json()["data"]} == {2}
        counts.append(counted.number)
    assert counts[0] == counts[1]


async def test_a_queued_run_is_cancelled_once(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, {"id": "end", "kind": "stop"})
    run_id = await fired(house, zap)
    url = f"/api/v1/runs/{run_id}/cancel"
    first = await house.client.post(url, headers=ada.headers)
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert await zapping.owed(house) == 0
    second = await house.client.post(url, headers=ada.headers)
    assert (second.status_code, second.json()["error"]["code"]) == (409, "run_ended")
    async with zapping.working(house):
        assert (await zapping.ended(house, run_id)).status == "cancelled"


async def test_a_manual_run_gets_its_input(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, {"id": "end", "kind": "stop"})
    url = f"/api/v1/zaps/{zap.id}/run"
    started = [
        await house.client.post(url, headers=ada.headers),
        await house.client.post(url, json={}, headers=ada.headers),
        await house.client.post(url, json={"input": [1, "a\x00b"]}, headers=ada.headers),
    ]
    bodies = []
    for answer in started:
        assert answer.status_code == 202, answer.text
        run = await house.client.get(f"/api/v1/runs/{answer.json()['run_id']}", headers=ada.headers)
        bodies.append(run.json()["trigger"]["body"])
    assert bodies == [None, None, [1, "a\x00b"]]
    unknown = await house.client.post(url, json={"input": 1, "as": "bob"}, headers=ada.headers)
    assert unknown.status_code == 422


async def test_samples_are_the_latest_real_values(house: House, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/in").respond_with_json({"ok": 1})
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, zapping.hook("one", httpserver.url_for("/in")))
    url = f"/api/v1/zaps/{zap.id}/samples"
    assert (await house.client.get(url, headers=ada.headers)).json() == {
        "trigger": None,
        "steps": {},
        "items": {},
        "events": [],
    }
    async with zapping.working(house):
        for number in range(2):
            await zapping.ended(house, await fired(house, zap, {"n": number}))
    samples = (await house.client.get(url, headers=ada.headers)).json()
    assert samples["trigger"]["body"] == {"n": 1}
    assert samples["steps"]["one"]["body"] == {"ok": 1}


async def test_the_catalogue_has_a_form_for_every_action(house: House) -> None:
    ada = await house.sign_up()
    assert (await house.client.get("/api/v1/apps")).status_code == 401
    answer: httpx.Response = await house.client.get("/api/v1/apps", headers=ada.headers)
    apps = {app["key"]: app for app in answer.json()}
    assert {"email", "webhook", "slack", "manual"} <= set(apps)
    for app in apps.values():
        for action in app["actions"]:
            assert action["inputs"]["properties"]
            assert {"key", "name", "summary", "output", "connection"} <= set(action)


async def test_an_unknown_run_is_not_found(house: House) -> None:
    ada = await house.sign_up()
    for run_id in (new_id(), "x", "x" * 500):
        for answer in (
            await house.client.get(f"/api/v1/runs/{run_id}", headers=ada.headers),
            await house.client.post(f"/api/v1/runs/{run_id}/cancel", headers=ada.headers),
        ):
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] == "not_found"
