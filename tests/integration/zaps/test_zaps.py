"""Zaps by HTTP: drafts as sent, the switch, the URL, the list."""

import asyncio
from typing import Any

import pytest

from tests.house import Account, House

HOOK: dict[str, Any] = {
    "trigger": {"kind": "webhook", "settings": {}},
    "steps": [
        {
            "id": "post",
            "kind": "action",
            "action": "webhook",
            "inputs": {"url": "https://example.com/", "body": {"n": 1}},
        }
    ],
}


async def made(house: House, owner: Account, **more: Any) -> dict[str, Any]:
    body = {"name": "Zap", "definition": HOOK} | more
    answer = await house.client.post("/api/v1/zaps", json=body, headers=owner.headers)
    assert answer.status_code == 201, answer.text
    zap: dict[str, Any] = answer.json()
    return zap


async def test_a_new_zap_is_an_empty_webhook_that_is_switched_off(house: House) -> None:
    ada = await house.sign_up()
    answer = await house.client.post(
        "/api/v1/zaps", json={"name": "  First  "}, headers=ada.headers
    )
    zap = answer.json()
    assert answer.status_code == 201
    assert zap["name"] == "First"
    assert zap["enabled"] is False
    assert zap["live_version"] is None
    assert zap["definition"] == {"trigger": {"kind": "webhook", "settings": {}}, "steps": []}
    assert zap["webhook_url"] == f"http://localhost:3000/hooks/catch/{ada.user_id}/{zap['id']}"
    assert zap["hook_url_v1"] == f"http://localhost:3000/api/v1/webhooks/{zap['id']}"


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\nb", "nul\x00"])
async def test_a_name_that_is_none_is_refused_by_field(house: House, name: str) -> None:
    ada = await house.sign_up()
    answer = await house.client.post("/api/v1/zaps", json={"name": name}, headers=ada.headers)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["path"] == "name"


async def test_a_draft_comes_back_exactly_as_it_was_sent(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    sent = {
        "steps": [
            {
                "kind": "action",
                "id": "odd",
                "inputs": {"big": 2**70, "float": 1.0, "nul": "a\x00b", "emoji": "🦆", "z": None},
            }
        ],
        "trigger": {"kind": "manual"},
    }
    answer = await house.client.put(
        f"/api/v1/zaps/{zap['id']}/draft",
        json={"revision": 1, "definition": sent},
        headers=ada.headers,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["revision"] == 2
    assert [each["path"] for each in answer.json()["problems"]] == ["steps.odd.action"]
    again = await house.client.get(f"/api/v1/zaps/{zap['id']}/draft", headers=ada.headers)
    found = again.json()["definition"]
    assert found == sent
    assert list(found) == ["steps", "trigger"]
    assert type(found["steps"][0]["inputs"]["float"]) is float


async def test_a_change_of_type_alone_is_saved_and_is_a_change(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    assert (await house.client.post(f"{url}/publish", headers=ada.headers)).status_code == 200
    step = HOOK["steps"][0]
    changed = {**HOOK, "steps": [{**step, "inputs": {**step["inputs"], "body": {"n": True}}}]}
    body = {"revision": 1, "definition": changed}
    assert (
        await house.client.put(f"{url}/draft", json=body, headers=ada.headers)
    ).status_code == 200
    found = (await house.client.get(url, headers=ada.headers)).json()
    assert found["definition"]["steps"][0]["inputs"]["body"]["n"] is True
    assert found["has_draft_changes"] is True


async def test_the_second_tab_is_told(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}/draft"
    body = {"revision": 1, "definition": HOOK}
    answers = await asyncio.gather(
        *(house.client.put(url, json=body, headers=ada.headers) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    refused = next(answer for answer in answers if answer.status_code == 409).json()["error"]
    assert refused["code"] == "stale_revision"
    assert refused["details"][0]["current"] == 2


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        ({"trigger": {"kind": "webhook"}, "steps": [], "extra": 1}, "extra"),
        ({"trigger": {"kind": "telepathy"}}, "trigger.kind"),
        ({"steps": [{"kind": "action", "id": "Bad-Id"}]}, "steps[0].id"),
        ({"steps": [{"kind": "action", "id": "a", "colour": 1}]}, "steps.a.colour"),
        ({"steps": [{"kind": "stop", "id": "a"}, {"kind": "stop", "id": "a"}]}, "steps.a.id"),
    ],
)
async def test_an_unreadable_draft_is_refused_with_the_path(
    house: House, definition: dict[str, Any], path: str
) -> None:
    ada = await house.sign_up()
    answer = await house.client.post(
        "/api/v1/zaps", json={"name": "x", "definition": definition}, headers=ada.headers
    )
    assert answer.status_code == 422
    assert path in [each["path"] for each in answer.json()["error"]["details"]]


async def test_a_definition_over_a_megabyte_is_too_large(house: House) -> None:
    ada = await house.sign_up()
    large = {"steps": [{"kind": "action", "id": "a", "inputs": {"x": "y" * 1024 * 1024}}]}
    answer = await house.client.post(
        "/api/v1/zaps", json={"name": "x", "definition": large}, headers=ada.headers
    )
    assert answer.status_code == 413


async def test_a_zap_without_a_version_cannot_be_switched_on(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    for answer in (
        await house.client.post(f"{url}/enable", headers=ada.headers),
        await house.client.patch(url, json={"enabled": True}, headers=ada.headers),
    ):
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "never_published"


async def test_a_zap_that_is_switched_off_does_not_answer_its_hook(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    await house.client.post(f"{url}/publish", headers=ada.headers)
    path = "/" + zap["webhook_url"].split("/", 3)[3]
    assert (await house.client.post(path, json={})).status_code == 200
    off = await house.client.post(f"{url}/disable", headers=ada.headers)
    assert off.json()["enabled"] is False
    assert (await house.client.post(path, json={})).status_code == 404
    on = await house.client.patch(url, json={"enabled": True}, headers=ada.headers)
    assert on.json()["enabled"] is True
    assert (await house.client.post(path, json={})).status_code == 200


async def test_rotating_kills_the_old_url_at_once(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    await house.client.post(f"{url}/publish", headers=ada.headers)
    rotated = (await house.client.post(f"{url}/rotate", headers=ada.headers)).json()
    assert rotated["id"] == zap["id"]
    old, new = ("/" + each["webhook_url"].split("/", 3)[3] for each in (zap, rotated))
    assert old != new
    assert (await house.client.post(old, json={})).status_code == 404
    assert (await house.client.post(new, json={})).status_code == 200


async def test_a_copy_has_the_draft_and_nothing_else(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, name="x" * 200)
    await house.client.post(f"/api/v1/zaps/{zap['id']}/publish", headers=ada.headers)
    await house.client.post(f"/api/v1/zaps/{zap['id']}/run", headers=ada.headers)
    answer = await house.client.post(f"/api/v1/zaps/{zap['id']}/duplicate", headers=ada.headers)
    copy = answer.json()
    assert answer.status_code == 201
    assert copy["name"].startswith("Copy of xxx")
    assert len(copy["name"]) == 200
    assert copy["definition"] == HOOK
    assert (copy["enabled"], copy["live_version"], copy["runs_total"]) == (False, None, 0)
    assert copy["webhook_url"] != zap["webhook_url"]


async def test_a_deleted_zap_is_gone_and_its_history_stays(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    await house.client.post(f"{url}/publish", headers=ada.headers)
    started = await house.client.post(f"{url}/run", json={"input": {"a": 1}}, headers=ada.headers)
    assert started.status_code == 202
    assert (await house.client.delete(url, headers=ada.headers)).status_code == 204

    path = "/" + zap["webhook_url"].split("/", 3)[3]
    assert (await house.client.get(url, headers=ada.headers)).status_code == 404
    assert (await house.client.delete(url, headers=ada.headers)).status_code == 404
    assert (await house.client.post(path, json={})).status_code == 404
    listed = (await house.client.get("/api/v1/zaps", headers=ada.headers)).json()
    assert listed == {"data": [], "next": None}
    run = await house.client.get(f"/api/v1/runs/{started.json()['run_id']}", headers=ada.headers)
    assert run.json()["status"] == "cancelled"
    assert run.json()["trigger"]["body"] == {"a": 1}


async def test_pages_of_zaps_stay_put_while_zaps_arrive(house: House) -> None:
    ada = await house.sign_up()
    ids = [(await made(house, ada, name=f"Zap {number}"))["id"] for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await house.client.get("/api/v1/zaps", params=query, headers=ada.headers)).json()
        seen += [zap["id"] for zap in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
        await made(house, ada, name="a newcomer")
    assert seen == ids[::-1]


async def test_zaps_are_found_by_a_part_of_their_name(house: House) -> None:
    ada = await house.sign_up()
    for name in ("Invoices", "100% sure", "Ünïcode"):
        await made(house, ada, name=name)

    async def found(q: str) -> list[str]:
        answer = await house.client.get("/api/v1/zaps", params={"q": q}, headers=ada.headers)
        return [zap["name"] for zap in answer.json()["data"]]

    assert await found("VOICE") == ["Invoices"]
    assert await found("%") == ["100% sure"]
    assert await found("_") == []
    assert await found("nïc") == ["Ünïcode"]
    assert await found("a\x00") == []


async def test_the_list_counts_runs_without_asking_per_zap(house: House) -> None:
    ada = await house.sign_up()
    zaps = [await made(house, ada) for _ in range(3)]
    for zap in zaps[:2]:
        await house.client.post(f"/api/v1/zaps/{zap['id']}/publish", headers=ada.headers)
        await house.client.post(f"/api/v1/zaps/{zap['id']}/run", headers=ada.headers)
    with house.counted_statements() as counted:
        few = (await house.client.get("/api/v1/zaps", headers=ada.headers)).json()["data"]
    for _ in range(10):
        await made(house, ada)
    with house.counted_statements() as again:
        await house.client.get("/api/v1/zaps", headers=ada.headers)
    assert [zap["runs_total"] for zap in few] == [0, 1, 1]
    assert few[1]["last_run_status"] == "queued"
    assert few[1]["success_rate"] is None
    assert counted.number == again.number


async def test_steps_are_shown_with_their_pictures(house: House) -> None:
    ada = await house.sign_up()
    definition = {
        "steps": [
            {"kind": "action", "id": "a", "action": "email", "name": "Tell Bob"},
            {"kind": "action", "id": "b"},
            {"kind": "filter", "id": "c"},
        ]
    }
    zap = await made(house, ada, definition=definition)
    assert zap["trigger_kind"] == ""
    assert zap["steps"] == [
        {"action": "email", "name": "Tell Bob", "icon": "/icons/email.svg"},
        {"action": "", "name": "", "icon": ""},
        {"action": "filter", "name": "Filter", "icon": ""},
    ]
