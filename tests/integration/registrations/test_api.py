"""Registrations and tokens over the API: who may, what is refused, what is never shown."""

from typing import Any

import pytest

from flowforge.errors import Forbidden
from flowforge.services import registrations
from flowforge.services.access import Role
from tests.house import House
from tests.integration.registrations.registering import (
    SECRET,
    SOURCE,
    connected,
    put,
    registered,
    row_of,
    shown,
    trigger,
    turned,
)
from tests.servers.github import TOKEN, FakeGitHub, answer
from tests.zapping import hook, published


async def test_a_zap_without_one_has_none(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    assert await shown(house, ada, zap) is None
    url = f"/api/v1/zaps/{zap.id}/registration/retry"
    refused = await house.client.post(url, headers=ada.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_registered")


async def test_a_retry_is_now(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    github.odd.append(lambda _: answer(500))
    zap = await registered(house, ada)
    url = f"/api/v1/zaps/{zap.id}/registration/retry"
    asked = await house.client.post(url, headers=ada.headers)
    assert (asked.status_code, asked.json()["status"]) == (202, "pending")
    await turned(house)
    assert (await shown(house, ada, zap))["status"] == "active"
    asked = await house.client.post(url, headers=ada.headers)
    assert asked.json()["status"] == "active"
    await turned(house)
    assert github.counted == {"GET": 3, "POST": 1}


async def test_another_projects_registration_is_not_there(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    eve = await house.sign_up("eve@example.com", "Eve")
    url = f"/api/v1/zaps/{zap.id}/registration"
    for method, path in (("GET", url), ("POST", f"{url}/retry")):
        answer = await house.client.request(method, path, headers=eve.headers)
        assert answer.status_code == 404
    # What she says of her own GitHub touches nobody else's hooks.
    await put(house, eve, secret="hers", token="ghp_hers")
    await house.client.delete(SOURCE, headers=eve.headers)
    await turned(house)
    assert github.hook["config"]["secret"] == SECRET
    assert len(github.calls) == 2
    assert (await row_of(house, zap)).sealed_token is None


async def test_the_token_goes_in_and_never_comes_out(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    urls = (SOURCE, "/api/v1/app-sources", f"/api/v1/zaps/{zap.id}/registration")
    for url in urls:
        found = await house.client.get(url, headers=ada.headers)
        assert TOKEN not in found.text
    assert (await put(house, ada, secret=SECRET))["has_token"] is True
    assert (await put(house, ada, secret=SECRET, token=""))["has_token"] is False


@pytest.mark.parametrize(
    ("app", "given", "path"),
    [
        ("github", {"secret": "s", "token": "two words"}, "token"),
        ("github", {"secret": "s", "token": "line\r\nX-Evil: 1"}, "token"),
        ("github", {"secret": "s", "token": "tökén"}, "token"),
        ("github", {"secret": "s", "token": "\x00"}, "token"),
        ("github", {"secret": "s", "token": "x" * 1001}, "token"),
        ("github", {"token": TOKEN}, "secret"),
        ("github", {"token": ""}, "secret"),
        ("slack", {"secret": "s", "token": TOKEN}, "token"),
        ("stripe", {"secret": "s", "token": TOKEN}, "token"),
    ],
)
async def test_what_is_no_token_is_refused_by_name(
    house: House, app: str, given: dict[str, Any], path: str
) -> None:
    ada = await house.sign_up()
    refused = await house.client.put(f"/api/v1/app-sources/{app}", json=given, headers=ada.headers)
    assert refused.status_code == 422, refused.text
    (detail,) = refused.json()["error"]["details"]
    assert detail["path"] == path
    for text in given.values():
        assert not text or text not in refused.text or len(text) == 1


@pytest.mark.parametrize(
    ("app", "at"),
    [
        ("github", "octocat"),
        ("github", "octocat/hello/world"),
        ("github", "https://github.com/octocat/hello"),
        ("github", "octocat/.."),
        ("github", "octocat/."),
        ("github", "../octocat"),
        ("github", "octo cat/hello"),
        ("github", "octocat/hello?per_page=1"),
        ("github", "octocat/hello%2f"),
        ("github", "öctocat/hello"),
        ("github", f"octocat/{'x' * 101}"),
        ("slack", "octocat/hello"),
    ],
)
async def test_a_place_that_is_none_is_refused_when_it_is_saved(
    house: House, app: str, at: str
) -> None:
    ada = await house.sign_up()
    definition = {"trigger": trigger(app=app, register_at=at), "steps": []}
    refused = await house.client.post(
        "/api/v1/zaps", json={"name": "X", "definition": definition}, headers=ada.headers
    )
    assert refused.status_code == 422, refused.text
    (detail,) = refused.json()["error"]["details"]
    assert detail["path"] == "trigger.settings.register_at"


@pytest.mark.parametrize(
    "at", ["", "octocat/hello", " octocat/hello ", "my_org-1/.github", "a/b.c"]
)
async def test_places_that_are_fine(house: House, at: str) -> None:
    ada = await house.sign_up()
    definition = {"trigger": trigger(register_at=at), "steps": []}
    made = await house.client.post(
        "/api/v1/zaps", json={"name": "X", "definition": definition}, headers=ada.headers
    )
    assert made.status_code == 201, made.text


async def test_viewers_see_it_and_operators_may_try_again(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    async with house.db.transaction() as session:
        viewer = house.as_role(ada, Role.VIEWER)
        assert await registrations.view(session, viewer, zap.id) is not None
        with pytest.raises(Forbidden):
            await registrations.retry(session, viewer, zap.id)
        operator = house.as_role(ada, Role.OPERATOR)
        assert (await registrations.retry(session, operator, zap.id)).due_at is not None
