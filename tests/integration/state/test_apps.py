"""The page of apps: secrets go in and are in no tab, what came and started nothing is seen."""

from typing import Any

import pytest

from flowforge.services import app_sources, app_words
from flowforge.services.app_sources import APPS, AppSourceView
from flowforge.state import apps, doors
from flowforge.state.apps import Apps
from tests.house import Account, House
from tests.integration.state.tabs import call, tab

SECRET, FORMER, TOKEN = "s3cret-value", "f0rmer-value", "ghp_t0kenvalue"


async def source(house: House, owner: Account, app: str = "github") -> AppSourceView:
    async with house.db.reading() as session:
        return await app_sources.get_source(session, owner.actor, app)


async def opened(house: House, owner: Account, app: str = "github") -> Any:
    """The page with the form of ``app`` open."""
    page = tab(Apps, owner, "/apps")
    await call(page, "begin")
    page.lines = await listed(house, owner)
    await call(page, "ask_secret", app)
    return page


async def listed(house: House, owner: Account) -> Any:
    async with house.db.reading() as session:
        return await apps._found(doors.Caller(session, owner.actor))


async def test_every_app_that_can_send_says_what_to_do_there(house: House) -> None:
    assert set(app_words.APPS) == set(APPS)
    ada = await house.sign_up()
    lines = await listed(house, ada)
    assert [line.id for line in lines] == list(APPS)
    for line in lines:
        assert line.url == ""
        assert len(line.steps) >= 3
        assert all(step.endswith(".") for step in line.steps)
        assert bool(line.token_hint) == line.takes_token


async def test_secrets_go_in_and_are_in_no_tab(house: House) -> None:
    ada = await house.sign_up()
    page = await opened(house, ada)
    form = {"app_secret": f" {SECRET}\n", "app_former": FORMER, "app_token": TOKEN}
    said = await call(page, "save", form)
    assert "flowforge.close" in said
    (github, *_) = page.lines
    assert (github.secrets, github.has_token) == ("2 secrets", True)
    assert github.url == (await source(house, ada)).url
    for value in (SECRET, FORMER, TOKEN):
        assert value not in f"{page.dict()} {said}"


async def test_a_token_is_kept_changed_and_taken_away_without_the_secret(house: House) -> None:
    ada = await house.sign_up()
    page = await opened(house, ada)
    await call(page, "save", {"app_secret": SECRET, "app_token": TOKEN})
    await call(page, "save", {"app_secret": FORMER})
    assert (await source(house, ada)).has_token
    await call(page, "save", {"app_token": f"{TOKEN}2"})
    assert ((await source(house, ada)).secrets, (await source(house, ada)).has_token) == (1, True)
    await call(page, "save", {"app_drop_token": "on"})
    assert not (await source(house, ada)).has_token


@pytest.mark.parametrize(
    ("form", "at"),
    [
        ({}, "secret"),
        ({"app_secret": "  "}, "secret"),
        ({"app_former": FORMER}, "secret"),
        ({"app_secret": "x" * 20_000}, "secret"),
        ({"app_secret": "x", "app_former": "y" * 20_000}, "former"),
        ({"app_secret": "x", "app_token": "two words"}, "token"),
        ({"app_secret": "x", "app_token": "y" * 20_000}, "token"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_stores_nothing(
    house: House, form: dict[str, Any], at: str
) -> None:
    ada = await house.sign_up()
    page = await opened(house, ada)
    assert await call(page, "save", form) == "None"
    assert page.problem
    assert page.problem_at == at
    assert (await source(house, ada)).url is None
    await call(page, "forget")
    assert (page.problem, page.problem_at) == ("", "")


async def test_an_app_is_removed_and_its_url_is_another_one_afterwards(house: House) -> None:
    ada = await house.sign_up()
    page = await opened(house, ada)
    await call(page, "save", {"app_secret": SECRET})
    before = (await source(house, ada)).url
    await call(page, "ask_remove", "github")
    assert "is removed" in await call(page, "remove")
    assert (await source(house, ada)).url is None
    assert page.lines[0].url == ""
    await call(page, "save", {"app_secret": SECRET})
    assert (await source(house, ada)).url not in {None, before}


async def test_what_came_and_started_nothing_is_seen(house: House) -> None:
    ada = await house.sign_up()
    page = await opened(house, ada)
    await call(page, "save", {"app_secret": SECRET})
    path = "/" + page.lines[0].url.split("/", 3)[3]
    for _ in range(2):
        await house.client.post(path, json={}, headers={"x-github-event": "push"})
    github = (await listed(house, ada))[0]
    assert (github.unrouted, github.rejected, github.is_rejecting) == ("0", "2", True)
    assert github.note
    assert github.noted_at


async def test_nobody_sees_or_changes_the_apps_of_somebody_else(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    await call(await opened(house, ada), "save", {"app_secret": SECRET})
    before = await source(house, ada)
    hers = await opened(house, eve)
    assert hers.lines[0].url == ""
    await call(hers, "remove")
    await call(hers, "save", {"app_secret": "of-eve"})
    assert await source(house, ada) == before
    assert hers.lines[0].url not in {"", before.url}
