"""The first FlowForge's routes: its shapes, its statuses, its words."""

from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from flowforge.infra.db import new_id
from tests import zapping
from tests.house import Account, House

EMAIL = {
    "availableActionId": "email",
    "actionMetadata": {"email": "{comment.email}", "body": "Hi {comment.name}"},
}
SLACK = {
    "availableActionId": "slack",
    "actionMetadata": {"webhookUrl": "https://hooks.example/x", "message": "{}"},
}
SOL = {"availableActionId": "send-sol", "actionMetadata": {"address": "{a}", "amount": "{n}"}}


async def post(house: House, owner: Account, *actions: Any, **more: Any) -> str:
    body = {"availableTriggerId": "webhook", "actions": list(actions)} | more
    answer = await house.client.post("/api/v1/zap", json=body, headers=owner.headers)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"zapId"}
    zap_id: str = answer.json()["zapId"]
    return zap_id


async def test_a_zap_is_read_back_in_its_order_with_its_metadata(house: House) -> None:
    ada = await house.sign_up()
    metadata = {"colour": "{red}", "deep": [1, {"a": None}]}
    zap_id = await post(house, ada, SOL, EMAIL, SLACK, triggerMetadata=metadata)
    answer = await house.client.get(f"/api/v1/zap/{zap_id}", headers=ada.headers)
    zap = answer.json()["zap"]
    assert set(zap) == {"id", "triggerId", "userId", "createdAt", "actions", "trigger"}
    assert (zap["id"], zap["userId"]) == (zap_id, ada.user_id)
    assert [action["actionId"] for action in zap["actions"]] == ["send-sol", "email", "slack"]
    assert [action["sortingOrder"] for action in zap["actions"]] == [0, 1, 2]
    assert [action["metadata"] for action in zap["actions"]] == [
        each["actionMetadata"] for each in (SOL, EMAIL, SLACK)
    ]
    assert zap["actions"][1]["type"] == {
        "id": "email",
        "name": "Send Email",
        "image": "http://localhost:3000/icons/email.svg",
    }
    assert zap["trigger"]["metadata"] == metadata
    assert zap["trigger"]["id"] == zap["triggerId"]
    assert zap["trigger"]["type"]["id"] == "webhook"
    listed = await house.client.get("/api/v1/zap", headers=ada.headers)
    assert listed.json() == {"zaps": [zap]}


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {},
        {"availableTriggerId": "webhook"},
        {"availableTriggerId": 5, "actions": []},
        {"availableTriggerId": "webhook", "actions": {}},
        {"availableTriggerId": "webhook", "actions": [{}]},
        {"availableTriggerId": "webhook", "actions": [{"availableActionId": None}]},
        {
            "availableTriggerId": "webhook",
            "actions": [{"availableActionId": "email", "actionMetadata": 5}],
        },
        {"availableTriggerId": "bogus", "actions": []},
        {"availableTriggerId": "webhook", "actions": [{"availableActionId": "bogus"}]},
    ],
)
async def test_bad_input_is_411_and_makes_nothing(house: House, body: Any) -> None:
    ada = await house.sign_up()
    zap_id = await post(house, ada, EMAIL)
    for answer in (
        await house.client.post("/api/v1/zap", json=body, headers=ada.headers),
        await house.client.put(f"/api/v1/zap/{zap_id}", json=body, headers=ada.headers),
    ):
        assert answer.status_code == 411, answer.text
        assert answer.json()["message"] == "Incorrect inputs"
    zaps = (await house.client.get("/api/v1/zap", headers=ada.headers)).json()["zaps"]
    assert [zap["id"] for zap in zaps] == [zap_id]
    assert zaps[0]["actions"][0]["metadata"] == EMAIL["actionMetadata"]


async def test_a_zap_of_somebody_else_is_not_found_in_the_seeds_words(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    zap_id = await post(house, ada, EMAIL)
    body = {"availableTriggerId": "webhook", "actions": []}
    for url in (f"/api/v1/zap/{zap_id}", f"/api/v1/zap/{new_id()}", "/api/v1/zap/nonsense"):
        for answer in (
            await house.client.get(url, headers=bob.headers),
            await house.client.get(f"{url}/runs", headers=bob.headers),
            await house.client.put(url, json=body, headers=bob.headers),
            await house.client.delete(url, headers=bob.headers),
        ):
            assert answer.status_code == 404
            assert answer.json() == {"message": "Zap not found"}
    assert (await house.client.get("/api/v1/zap", headers=bob.headers)).json() == {"zaps": []}


async def test_put_replaces_and_delete_removes(house: House) -> None:
    ada = await house.sign_up()
    zap_id = await post(house, ada, EMAIL)
    body = {"availableTriggerId": "webhook", "actions": [SLACK, EMAIL]}
    answer = await house.client.put(f"/api/v1/zap/{zap_id}", json=body, headers=ada.headers)
    assert (answer.status_code, answer.json()) == (200, {"zapId": zap_id})
    zap = (await house.client.get(f"/api/v1/zap/{zap_id}", headers=ada.headers)).json()["zap"]
    assert [action["actionId"] for action in zap["actions"]] == ["slack", "email"]
    ours = (await house.client.get(f"/api/v1/zaps/{zap_id}", headers=ada.headers)).json()
    assert (ours["live_version"], ours["enabled"]) == (2, True)
    deleted = await house.client.delete(f"/api/v1/zap/{zap_id}", headers=ada.headers)
    assert deleted.status_code == 200
    assert (await house.client.get(f"/api/v1/zap/{zap_id}", headers=ada.headers)).status_code == 404


async def test_what_there_is_to_choose_from_needs_no_sign_in(house: House) -> None:
    triggers = (await house.client.get("/api/v1/trigger/available")).json()["availableTriggers"]
    actions = (await house.client.get("/api/v1/action/available")).json()["availableActions"]
    assert [(each["id"], each["name"]) for each in triggers] == [("webhook", "Webhook")]
    assert [(each["id"], each["name"]) for each in actions] == [
        ("email", "Send Email"),
        ("webhook", "HTTP Webhook"),
        ("slack", "Slack Notification"),
        ("send-sol", "Send Solana"),
    ]
    assert all(set(each) == {"id", "name", "image"} for each in triggers + actions)


async def test_a_seed_zap_runs_with_values_of_the_payload(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/in", method="POST").respond_with_json({"ok": True})
    ada = await house.sign_up()
    action = {
        "availableActionId": "webhook",
        "actionMetadata": {
            "url": httpserver.url_for("/in"),
            "body": '{"who": "{comment.name}", "n": {n}, "hi": "Dear {comment.name}"}',
        },
    }
    zap_id = await post(house, ada, action)
    payload = {"comment": '{"name": "Ada \\"L\\""}', "n": 3}
    hook = f"/hooks/catch/{ada.user_id}/{zap_id}"
    accepted = await house.client.post(hook, json=payload)
    assert accepted.status_code == 200
    runs = (await house.client.get(f"/api/v1/zap/{zap_id}/runs", headers=ada.headers)).json()
    assert runs["runs"][0]["logs"] == []
    assert runs["runs"][0]["status"] == "queued"
    async with zapping.working(house):
        await zapping.ended(house, accepted.json()["zapRunId"])
    request, _ = httpserver.log[0]
    assert request.get_json() == {"who": 'Ada "L"', "n": 3, "hi": 'Dear Ada "L"'}

    answer = await house.client.get(f"/api/v1/zap/{zap_id}/runs", headers=ada.headers)
    (run,) = answer.json()["runs"]
    assert {"id", "zapId", "metadata", "logs"} <= set(run)
    assert run["id"] == accepted.json()["zapRunId"]
    assert run["metadata"] == payload
    (log,) = run["logs"]
    assert set(log) == {"id", "zapRunId", "stage", "actionId", "status", "error", "executedAt"}
    assert (log["stage"], log["actionId"], log["status"]) == (0, "webhook", "SUCCESS")
    assert (log["zapRunId"], log["error"]) == (run["id"], None)


async def test_a_missing_input_fails_its_stage_with_the_seeds_message(house: House) -> None:
    ada = await house.sign_up()
    zap_id = await post(
        house, ada, {"availableActionId": "email", "actionMetadata": {"body": "hi"}}, SLACK
    )
    accepted = await house.client.post(f"/hooks/catch/{ada.user_id}/{zap_id}", json={})
    async with zapping.working(house):
        await zapping.ended(house, accepted.json()["zapRunId"])
    answer = await house.client.get(f"/api/v1/zap/{zap_id}/runs", headers=ada.headers)
    (log,) = answer.json()["runs"][0]["logs"]
    assert (log["stage"], log["actionId"], log["status"]) == (0, "email", "FAILED")
    assert "[action:email] missing 'email' field in metadata" in log["error"]


async def test_a_zap_without_actions_runs_to_its_end(house: House) -> None:
    ada = await house.sign_up()
    zap_id = await post(house, ada)
    accepted = await house.client.post(f"/hooks/catch/{ada.user_id}/{zap_id}", json={"a": 1})
    async with zapping.working(house):
        run = await zapping.ended(house, accepted.json()["zapRunId"])
    assert run.status == "succeeded"


async def test_at_most_fifty_runs_are_listed_newest_first(house: House) -> None:
    ada = await house.sign_up()
    zap_id = await post(house, ada, EMAIL)
    for number in range(53):
        await house.client.post(f"/hooks/catch/{ada.user_id}/{zap_id}", json={"n": number})
    answer = await house.client.get(f"/api/v1/zap/{zap_id}/runs", headers=ada.headers)
    assert [run["metadata"]["n"] for run in answer.json()["runs"]] == list(range(52, 2, -1))
