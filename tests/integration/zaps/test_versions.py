"""Versions: numbered, immutable, made by publishing and by nothing else."""

import asyncio
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from flowforge.infra.db import new_id
from flowforge.models import Zap
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


async def test_any_two_of_versions_draft_and_live_can_be_compared(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"
    await house.client.post(f"{url}/publish", headers=ada.headers)
    await save(house, ada, zap["id"], with_url("https://example.com/two"))
    await house.client.post(f"{url}/publish", headers=ada.headers)
    await save(house, ada, zap["id"], with_url("https://example.com/three"))

    async def urls(before: str, after: str) -> list[tuple[str, str]]:
        answer = await house.client.get(
            f"{url}/versions/{before}/diff/{after}", headers=ada.headers
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["left_off"] == 0
        return [
            (change["before"], change["after"])
            for change in answer.json()["changes"]
            if change["path"] == "steps.post.inputs.url"
        ]

    one, two, three = (f"https://example.com/{name}" for name in ("", "two", "three"))
    assert await urls("1", "2") == [(one, two)]
    assert await urls("2", "1") == [(two, one)]
    assert await urls("live", "draft") == [(two, three)]
    assert await urls("draft", "1") == [(three, one)]
    assert await urls("2", "live") == []


async def test_what_is_no_version_cannot_be_compared(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}/versions"
    for place in ("live", "0", "-1", "7", "9" * 40, "drafts", "%00", "1e1", "\u0661"):
        for path in (f"{url}/{place}/diff/draft", f"{url}/draft/diff/{place}"):
            answer = await house.client.get(path, headers=ada.headers)
            assert answer.status_code == 404, (place, answer.text)


async def test_a_zap_step_names_a_zap_that_is_there_and_of_this_project(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    mine, gone, his = await made(house, ada), await made(house, ada), await made(house, bob)
    await house.client.delete(f"/api/v1/zaps/{gone['id']}", headers=ada.headers)
    for zap_id, is_fine in ((mine["id"], True), (gone["id"], False), (his["id"], False)):
        inner = {"id": "sub", "kind": "zap", "zap_id": zap_id}
        loop = {"id": "each", "kind": "loop", "count": 2, "steps": [inner]}
        zap = await made(house, ada, definition={"trigger": {"kind": "webhook"}, "steps": [loop]})
        url = f"/api/v1/zaps/{zap['id']}"
        draft = (await house.client.get(f"{url}/draft", headers=ada.headers)).json()
        named = [each for each in draft["problems"] if each["path"] == "steps.sub.zap_id"]
        assert (named == []) == is_fine, draft["problems"]
        answer = await house.client.post(f"{url}/publish", headers=ada.headers)
        assert answer.status_code == (200 if is_fine else 422), answer.text


async def test_a_delay_until_what_is_past_is_not_published(house: House) -> None:
    ada = await house.sign_up()
    for until, is_fine in (("2001-02-03", False), ("2999-01-01", True), ("{{ run.id }}", True)):
        nap = {"id": "nap", "kind": "delay", "until": until}
        zap = await made(house, ada, definition={"trigger": {"kind": "webhook"}, "steps": [nap]})
        answer = await house.client.post(f"/api/v1/zaps/{zap['id']}/publish", headers=ada.headers)
        assert answer.status_code == (200 if is_fine else 422), answer.text
        if not is_fine:
            assert answer.json()["error"]["details"] == [
                {"path": "steps.nap.until", "message": "This time is already past."}
            ]


async def test_intake_knows_the_limits_of_the_live_version_and_of_no_other(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap['id']}"

    async def limits() -> Any:
        async with house.db.reading() as session:
            return await session.scalar(select(col(Zap.limits)).where(col(Zap.id) == zap["id"]))

    limited = {**HOOK, "limits": {"concurrency": {"limit": 2}, "deadline_seconds": 60}}
    await save(house, ada, zap["id"], limited)
    assert await limits() is None
    await house.client.post(f"{url}/publish", headers=ada.headers)
    assert await limits() == {"concurrency": {"limit": 2, "key": ""}}
    await save(house, ada, zap["id"], {**HOOK, "limits": {"deadline_seconds": 60}})
    assert await limits() == {"concurrency": {"limit": 2, "key": ""}}
    await house.client.post(f"{url}/publish", headers=ada.headers)
    assert await limits() is None
