"""What GitHub can answer: each is a sentence and another try, and the token goes nowhere."""

import datetime as dt
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import structlog
from pytest_httpserver import HTTPServer
from sqlalchemy import text
from werkzeug import Request, Response

from flowforge.services import hook_keeping, registering
from tests.house import House
from tests.integration.destinations import receiving
from tests.integration.registrations.registering import (
    SECRET,
    connected,
    due_again,
    put,
    registered,
    row_of,
    shown,
    switched,
    turned,
)
from tests.servers.github import REPOSITORY, TOKEN, FakeGitHub, answer

NO_JSON = "<!doctype html><title>502 Bad Gateway</title>" + TOKEN
QUOTED = {
    "message": f"Validation \x00Failed\n for {TOKEN} and {SECRET}",
    "errors": [{"message": 7}, "x", None],
}


def always(made: Callable[[], Response]) -> Callable[[Request], Response]:
    return lambda _: made()


def seconds_until(due_at: str) -> float:
    return (dt.datetime.fromisoformat(due_at) - dt.datetime.now(dt.UTC)).total_seconds()


@pytest.mark.parametrize(
    ("odd", "error", "waits"),
    [
        (lambda: answer(401, {"message": "Bad credentials"}), "does not accept the token", 30),
        (lambda: answer(403, {"message": "Resource not accessible"}), "may not change", 30),
        (lambda: answer(404, {"message": "Not Found"}), "knows no repository ada/engine", 30),
        (lambda: answer(410), "knows no repository", 30),
        (lambda: answer(422, QUOTED), "Validation Failed for … and …: x.", 30),
        (lambda: answer(422), "it did not say why.", 30),
        (lambda: answer(500), "answered with status 500.", 30),
        (lambda: answer(503, Retry_After="120"), "answered with status 503.", 120),
        (lambda: answer(403, Retry_After="900"), "fewer requests", 900),
        (lambda: answer(429), "fewer requests", 60),
        (lambda: answer(403, X_RateLimit_Remaining="0", X_RateLimit_Reset="1"), "fewer", 30),
        (
            lambda: answer(403, X_RateLimit_Remaining="0", X_RateLimit_Reset="9" * 30),
            "fewer requests",
            86_400,
        ),
        (lambda: answer(301, Location="https://api.github.com/repositories/1"), "has moved", 30),
        (lambda: Response(NO_JSON, 502, content_type="text/html"), "status 502.", 30),
        (lambda: Response(NO_JSON, 200, content_type="text/html"), "a list of hooks", 30),
        (lambda: answer(200, {"hooks": []}), "did not send a list of hooks", 30),
        (lambda: Response("[" * 100_000, 200), "did not send a list of hooks", 30),
        (lambda: Response("", 200), "did not send a list of hooks", 30),
    ],
)
async def test_what_fails_is_said_and_tried_again(
    house: House, github: FakeGitHub, odd: Callable[[], Response], error: str, waits: float
) -> None:
    ada = await connected(house)
    github.odd.append(always(odd))
    with structlog.testing.capture_logs() as lines:
        zap = await registered(house, ada)
    said = await shown(house, ada, zap)
    assert (said["status"], said["failures"]) == ("failed", 1)
    assert error in said["error"], said["error"]
    assert said["sentence"] == said["error"]
    assert waits * 0.9 - 5 < seconds_until(said["due_at"]) <= waits * 1.1
    assert len(github.calls) == 1, "it was tried again before it was due"
    for secret in (TOKEN, SECRET):
        assert secret not in json.dumps(said) + str(lines)
    await due_again(house)
    await turned(house)
    assert (await shown(house, ada, zap))["status"] == "active"
    assert len(github.hooks) == 1


@pytest.mark.parametrize(
    "odd",
    [
        lambda: answer(201, {"id": "12"}),
        lambda: answer(201, {"id": True}),
        lambda: answer(201, {"id": 10**40}),
        lambda: answer(201, []),
        lambda: Response(NO_JSON, 201),
        lambda: answer(422, {"message": "Validation Failed", "errors": [{"message": "localhost"}]}),
    ],
)
async def test_a_hook_that_was_perhaps_made_is_looked_for_first(
    house: House, github: FakeGitHub, odd: Callable[[], Response]
) -> None:
    ada = await connected(house)
    github.odd += [lambda _: None, always(odd)]
    zap = await registered(house, ada)
    row = await row_of(house, zap)
    assert (row.status, row.external_id) == ("failed", None)
    assert row.known is not None
    await switched(house, ada, zap, on=False)
    await turned(house)
    assert (await shown(house, ada, zap))["status"] == "removed"
    assert github.counted == {"GET": 2, "POST": 1}


async def test_strange_entries_among_the_hooks_are_passed_over(
    house: House, github: FakeGitHub
) -> None:
    strange: list[Any] = [
        None,
        7,
        {"id": "x"},
        {"id": 5},
        {"id": 6, "config": [], "events": "push"},
        {"id": 8, "config": {"url": None}, "events": [None, {}]},
    ]
    ada = await connected(house)
    github.odd.append(lambda _: answer(200, strange))
    zap = await registered(house, ada)
    assert (await shown(house, ada, zap))["status"] == "active"
    assert github.counted == {"GET": 1, "POST": 1}


async def test_the_token_follows_no_redirect(
    house: House, github: FakeGitHub, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/elsewhere").respond_with_json([])
    other_host = httpserver.url_for("/elsewhere").replace("localhost", "127.0.0.1")
    github.odd += [
        always(partial(answer, status, Location=other_host)) for status in (301, 302, 307, 308)
    ]
    ada = await connected(house)
    zap = await registered(house, ada)
    for _ in range(3):
        await due_again(house)
        await turned(house)
    assert "has moved" in (await shown(house, ada, zap))["error"]
    assert {request.path for request, _ in httpserver.log} == {f"/repos/{REPOSITORY}/hooks"}


async def test_a_connection_that_breaks_is_a_sentence(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    github.server.stop()
    zap = await registered(house, ada)
    said = await shown(house, ada, zap)
    assert said["status"] == "failed"
    assert "localhost" in said["error"]
    github.server.start()


async def test_without_a_token_nothing_is_asked_until_there_is_one(
    house: House, github: FakeGitHub
) -> None:
    ada = await house.sign_up()
    zap = await registered(house, ada)
    assert "no secret here" in (await shown(house, ada, zap))["error"]
    await put(house, ada, secret=SECRET)
    await turned(house)
    said = await shown(house, ada, zap)
    assert (said["due_at"], github.calls) == (None, [])
    assert said["error"] == (
        "GitHub has no token here with which to register a hook. Give one under Apps."
    )
    await put(house, ada, token=TOKEN)
    await turned(house)
    assert (await shown(house, ada, zap))["status"] == "active"


async def test_off_before_anything_was_told_needs_nothing(house: House, github: FakeGitHub) -> None:
    ada = await house.sign_up()
    zap = await registered(house, ada)
    await switched(house, ada, zap, on=False)
    said = await shown(house, ada, zap)
    assert (said["status"], said["due_at"], said["error"]) == ("removed", None, None)


async def test_what_cannot_be_removed_is_left_to_a_person_in_the_end(
    house: House, github: FakeGitHub
) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    github.tokens.clear()
    await switched(house, ada, zap, on=False)
    for _ in range(registering.MOST_REMOVALS):
        await turned(house)
        await due_again(house)
    said = await shown(house, ada, zap)
    assert (said["status"], said["at"], said["due_at"]) == ("failed", REPOSITORY, None)
    assert said["error"].endswith(hook_keeping.BY_HAND)
    github.tokens.add("ghp_new")
    await put(house, ada, token="ghp_new")
    await turned(house)
    assert ((await shown(house, ada, zap))["status"], github.hooks) == ("removed", [])


async def test_a_token_that_was_taken_away_removes_nothing_and_says_so(
    house: House, github: FakeGitHub
) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    assert (await put(house, ada, token=""))["has_token"] is False
    await switched(house, ada, zap, on=False)
    await turned(house)
    said = await shown(house, ada, zap)
    assert (said["status"], said["due_at"]) == ("failed", None)
    assert said["error"].startswith("There is no token to remove the hook at ada/engine with.")


async def test_destinations_are_told_once_that_it_fails_and_once_that_it_is_mended(
    house: House, github: FakeGitHub, httpserver: HTTPServer
) -> None:
    ada = await connected(house)
    await receiving.made(
        house,
        ada,
        httpserver.url_for("/hooks"),
        "zap.registration_failed",
        "zap.registration_recovered",
    )
    github.odd += [lambda _: answer(500)] * 4
    zap = await registered(house, ada)
    told = []
    for _ in range(5):
        told.append([notice.kind for notice in await receiving.all_notices(house)])
        await due_again(house)
        await turned(house)
    failed, mended = "zap.registration_failed", "zap.registration_recovered"
    assert told == [[], [], [failed], [failed], [failed, mended]]
    first, _ = await receiving.all_notices(house)
    assert first.data["zap"]["id"] == zap.id
    about = first.data["registration"]
    assert (about["at"], about["error"]) == (REPOSITORY, "GitHub answered with status 500.")
    assert about["next_at"] is not None


async def test_what_only_a_person_can_mend_is_told_at_once(
    house: House, github: FakeGitHub, httpserver: HTTPServer
) -> None:
    ada = await connected(house, token="ghp_wrong")
    await receiving.made(house, ada, httpserver.url_for("/hooks"), "*")
    await registered(house, ada)
    kinds = [notice.kind for notice in await receiving.all_notices(house)]
    assert kinds[-1] == "zap.registration_failed"


async def test_no_row_has_the_token_as_it_was_typed(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    await registered(house, ada)
    await house.client.delete("/api/v1/app-sources/github", headers=ada.headers)
    for table in ("registration", "app_source", "notice", "zap"):
        async with house.db.reading() as session:
            rows = (await session.execute(text(f"SELECT * FROM {table}"))).all()
        assert TOKEN not in str(rows)
        assert SECRET not in str(rows)
