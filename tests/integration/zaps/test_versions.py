"""Versions: numbered, immutable, made by publishing and by nothing else."""

import asyncio
from typing import Any

from flowforge.infra.db import new_id
from tests.house import Account, House
from tests.integration.zaps.test_zaps import HOOK, made


def with_url(url: str) -> dict[str, Any]:
    return {
        "trigger": {"kind": "webhook"},
        "steps": [{"id": "post", "kind": "action", "action": "webhook", "inputs": {"url": url}}],
    }


async def save(house: House, owner: Account, zap_id: str, definition: dict[str, Any]) -> None:
    url = f"/api/v1/zaps/{zap_id}/draft"
    revision = (await house.client.get(url, headers=owner.headers)).json()["revision"]
    body = {"revision": revision, "definition": definition}
    answer = await house.client.put(url, json=body, headers=owner.headers)
    assert answer.status_code == 200, answer.text


async def test_publishing_freezes_the_draft_and_switches_the_zap_on(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    version = (await house.client.post(f"{url}/publish", headers=ada.headers)).json()
    assert (version["number"], version["live"], version["published_by"]) == (1, True, ada.user_id)
    assert version["definition"] == HOOK
    found = (await house.client.get(url, headers=ada.headers)).json()
    assert (found["enabled"], found["live_version"], found["has_draft_changes"]) == (True, 1, False)


async def test_editing_after_a_publish_changes_the_draft_alone(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    await house.client.post(f"{url}/publish", headers=ada.headers)
    await save(house, ada, zap["id"], with_url("https://example.com/two"))
    found = (await house.client.get(url, headers=ada.headers)).json()
    assert (found["live_version"], found["has_draft_changes"]) == (1, True)
    live = (await house.client.get(f"{url}/versions/1", headers=ada.headers)).json()
    assert live["definition"] == HOOK


async def test_publishing_an_unchanged_draft_adds_no_version(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    first = (await house.client.post(f"{url}/publish", headers=ada.headers)).json()
    await house.client.post(f"{url}/disable", headers=ada.headers)
    second = (await house.client.post(f"{url}/publish", headers=ada.headers)).json()
    assert second == first
    assert (await house.client.get(url, headers=ada.headers)).json()["enabled"] is True


async def test_an_incomplete_draft_is_refused_with_path_and_field(house: House) -> None:
    ada = await house.sign_up()
    definition = {
        "trigger": {"kind": "webhook"},
        "steps": [
            {"id": "mail", "kind": "action", "action": "email", "inputs": {"body": "hi"}},
            {"id": "gone", "kind": "action", "action": "teleport"},
            {
                "id": "post",
                "kind": "action",
                "action": "webhook",
                "inputs": {"url": "{{ steps.later.url }}"},
            },
        ],
    }
    zap = await made(house, ada, definition=definition)
    url = f"/api/v1/zaps/{zap['id']}"
    answer = await house.client.post(f"{url}/publish", headers=ada.headers)
    assert answer.status_code == 422
    details = {each["path"]: each["message"] for each in answer.json()["error"]["details"]}
    assert "missing 'email' field" in " ".join(details.values())
    assert details["steps.gone.action"] == "No handler registered for action 'teleport'"
    assert details["steps.post.inputs.url"] == "There is no step 'later'."
    found = (await house.client.get(url, headers=ada.headers)).json()
    assert (found["live_version"], found["enabled"]) == (None, False)


async def test_thirty_publishes_at_once_all_answer_and_number_without_a_gap(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"

    async def edit_and_publish(number: int) -> int:
        # Whoever saves in between decides what this publish freezes.
        body = {
            "revision": (await house.client.get(f"{url}/draft", headers=ada.headers)).json()[
                "revision"
            ],
            "definition": with_url(f"https://example.com/{number}"),
        }
        await house.client.put(f"{url}/draft", json=body, headers=ada.headers)
        answer = await house.client.post(f"{url}/publish", headers=ada.headers)
        assert answer.status_code == 200, answer.text
        found: int = answer.json()["number"]
        return found

    numbers = set(await asyncio.gather(*(edit_and_publish(number) for number in range(30))))
    listed = await house.client.get(f"{url}/versions", params={"limit": "100"}, headers=ada.headers)
    versions = listed.json()["data"]
    stored = [version["number"] for version in versions]
    assert sorted(stored) == list(range(1, max(numbers) + 1))
    assert numbers <= set(stored)
    assert [version["number"] for version in versions if version["live"]] == [max(numbers)]


async def test_restoring_copies_to_the_draft_and_leaves_live_alone(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    await house.client.post(f"{url}/publish", headers=ada.headers)
    await save(house, ada, zap["id"], with_url("https://example.com/two"))
    await house.client.post(f"{url}/publish", headers=ada.headers)
    restored = (await house.client.post(f"{url}/versions/1/restore", headers=ada.headers)).json()
    assert restored["definition"] == HOOK
    assert (restored["live_version"], restored["has_draft_changes"]) == (2, True)
    third = (await house.client.post(f"{url}/publish", headers=ada.headers)).json()
    assert third["number"] == 3


async def test_nothing_edits_a_version(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    await house.client.post(f"{url}/publish", headers=ada.headers)
    for method in ("PUT", "PATCH", "POST", "DELETE"):
        answer = await house.client.request(
            method, f"{url}/versions/1", json={"definition": {}}, headers=ada.headers
        )
        assert answer.status_code == 405


async def test_versions_that_are_none_are_not_found(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    for number in ("0", "-1", "1", str(2**31), str(2**80)):
        answer = await house.client.get(
            f"/api/v1/zaps/{zap['id']}/versions/{number}", headers=ada.headers
        )
        assert answer.status_code == 404, number
    answer = await house.client.get(f"/api/v1/zaps/{new_id()}/versions", headers=ada.headers)
    assert answer.status_code == 404
