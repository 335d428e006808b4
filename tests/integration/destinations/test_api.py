"""Destinations over HTTP: made, changed, tested; secrets shown once, and to nobody else."""

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import text, update

from flowforge.infra.db import new_id
from flowforge.models import Member
from flowforge.services import destinations, notices, zaps
from flowforge.services.access import Role
from tests.house import Account, House
from tests.integration.destinations import receiving
from tests.integration.destinations.receiving import PATH, posted

URL = "/api/v1/event-destinations"
GIVEN: dict[str, Any] = {
    "name": "CRM",
    "url": "https://example.com/hooks",
    "kinds": ["run.failed", "zap.*"],
    "headers": {"Authorization": "Bearer s3cret-value"},
}


async def created(house: House, account: Account, **more: Any) -> dict[str, Any]:
    answer = await house.client.post(URL, json={**GIVEN, **more}, headers=account.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_secret_is_shown_once_and_headers_never(house: House) -> None:
    ada = await house.sign_up()
    made = await created(house, ada)
    assert made["secret"].startswith("whsec_")
    assert made["header_names"] == ["Authorization"]
    url = f"{URL}/{made['id']}"
    changed = await house.client.patch(url, json={"name": "New"}, headers=ada.headers)
    answers = [
        changed,
        await house.client.get(url, headers=ada.headers),
        await house.client.get(URL, headers=ada.headers),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert made["secret"] not in answer.text
        assert "secret" not in answer.json()
    for answer in (*answers, await house.client.post(f"{url}/rotate", headers=ada.headers)):
        assert "s3cret-value" not in answer.text
    assert "s3cret-value" not in json.dumps(made)
    async with house.db.reading() as session:
        rows = await session.execute(text("SELECT * FROM destination"))
        stored = repr(rows.all())
    assert "s3cret-value" not in stored
    assert made["secret"] not in stored


async def test_a_header_keeps_its_value_where_none_is_given(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data("")
    ada = await house.sign_up()
    made = await created(
        house, ada, url=httpserver.url_for(PATH), headers={"X-Old": "1", "X-Gone": "2"}
    )
    url = f"{URL}/{made['id']}"
    answer = await house.client.patch(
        url, json={"headers": {"X-Old": None, "X-New": "3"}}, headers=ada.headers
    )
    assert answer.json()["header_names"] == ["X-New", "X-Old"]
    await house.client.post(f"{url}/test", headers=ada.headers)
    (request,) = receiving.requests(httpserver)
    assert (request.headers["X-Old"], request.headers["X-New"]) == ("1", "3")
    assert "X-Gone" not in request.headers
    answer = await house.client.patch(url, json={"headers": {"X-No": None}}, headers=ada.headers)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "not an address"}, "url"),
        ({"url": "http://"}, "url"),
        ({"url": "https://ada:pass@example.com"}, "url"),
        ({"url": "https://example.com/\n"}, None),
        ({"url": "https://[::1"}, "url"),
        ({"url": "https://" + "x" * 3000}, "url"),
        ({"kinds": []}, "kinds"),
        ({"kinds": ["run.*", "nothing.such"]}, "kinds"),
        ({"kinds": ["run*"]}, "kinds"),
        ({"headers": {"Webhook-Id": "x"}}, "headers.Webhook-Id"),
        ({"headers": {"Host": "x"}}, "headers.Host"),
        ({"headers": {"a b": "x"}}, "headers.a b"),
        ({"headers": {"X": "a\r\nY: b"}}, "headers.X"),
        ({"headers": {"X": "\U0001f600"}}, "headers.X"),
        ({"headers": {"X": "1", "x": "2"}}, "headers.x"),
        ({"headers": {f"X{n}": "1" for n in range(21)}}, "headers"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    house: House, change: dict[str, Any], path: str | None
) -> None:
    ada = await house.sign_up()
    answer = await house.client.post(URL, json={**GIVEN, **change}, headers=ada.headers)
    if path is None:
        assert answer.json()["url"] == "https://example.com/"
        return
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["details"][0]["path"] == path


async def test_every_kind_may_be_chosen(house: House) -> None:
    ada = await house.sign_up()
    kinds = [*notices.KINDS, *notices.GROUPS, notices.EVERYTHING]
    assert (await created(house, ada, kinds=kinds))["kinds"] == kinds


async def test_there_is_a_most(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations, "MOST_PER_PROJECT", 1)
    ada = await house.sign_up()
    await created(house, ada)
    answer = await house.client.post(URL, json=GIVEN, headers=ada.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_destinations")


async def test_a_test_is_sent_now_and_its_result_answered(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data("no", status=503)
    ada = await house.sign_up()
    made = await created(house, ada, url=httpserver.url_for(PATH), enabled=False)
    answer = await house.client.post(f"{URL}/{made['id']}/test", headers=ada.headers)
    assert answer.status_code == 200
    said = answer.json()
    assert (said["status"], said["status_code"], said["due_at"]) == ("failed", 503, None)
    (request,) = receiving.requests(httpserver)
    assert receiving.verified(request, made["secret"])["type"] == "destination.test"
    await posted(house)
    assert len(receiving.requests(httpserver)) == 1, "a test is tried once"
    listed = await house.client.get(f"{URL}/{made['id']}/deliveries", headers=ada.headers)
    assert [one["id"] for one in listed.json()["data"]] == [said["id"]]


async def test_a_delivery_is_sent_again_by_hand_under_its_id(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data("")
    ada = await house.sign_up()
    made = await created(house, ada, url=httpserver.url_for(PATH))
    async with house.db.transaction() as session:
        await zaps.create(session, ada.actor, name="Orders")
    await posted(house)
    sent = await receiving.the_delivery(house)
    again = f"{URL}/{made['id']}/deliveries/{sent.id}/retry"
    answer = await house.client.post(again, headers=ada.headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    await posted(house)
    assert [request.headers["webhook-id"] for request in receiving.requests(httpserver)] == [
        sent.id, sent.id,
    ]  # fmt: skip
    await house.client.patch(f"{URL}/{made['id']}", json={"enabled": False}, headers=ada.headers)
    answer = await house.client.post(again, headers=ada.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "destination_disabled")


async def test_what_is_deleted_is_told_nothing_more(house: House, httpserver: HTTPServer) -> None:
    ada = await house.sign_up()
    made = await created(house, ada, url=httpserver.url_for(PATH))
    async with house.db.transaction() as session:
        await zaps.create(session, ada.actor, name="Orders")
    await receiving.passed_on(house)
    answer = await house.client.delete(f"{URL}/{made['id']}", headers=ada.headers)
    assert answer.status_code == 204
    await posted(house)
    assert await receiving.all_deliveries(house) == []
    assert httpserver.log == []


async def test_somebody_elses_answers_like_one_that_is_not_there(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    made, own = await created(house, ada), await created(house, bob)
    async with house.db.transaction() as session:
        await zaps.create(session, ada.actor, name="Orders")
    await receiving.passed_on(house)
    (delivery,) = await receiving.all_deliveries(house)
    tries = [
        ("GET", "{}", None),
        ("PATCH", "{}", {"enabled": False}),
        ("POST", "{}/rotate", None),
        ("POST", "{}/test", None),
        ("GET", "{}/deliveries", None),
        ("POST", f"{{}}/deliveries/{delivery.id}/retry", None),
        ("DELETE", "{}", None),
    ]
    for method, path, body in tries:
        theirs, unknown = [
            await house.client.request(
                method, f"{URL}/{path.format(one)}", json=body, headers=bob.headers
            )
            for one in (made["id"], new_id())
        ]
        assert theirs.status_code == unknown.status_code == 404, f"{method} {path}"
        assert theirs.text == unknown.text
    borrowed = f"{URL}/{own['id']}/deliveries/{delivery.id}/retry"
    assert (await house.client.post(borrowed, headers=bob.headers)).status_code == 404
    listed = await house.client.get(URL, headers=bob.headers)
    assert [one["id"] for one in listed.json()["data"]] == [own["id"]]
    assert (await house.client.get(f"{URL}/{made['id']}", headers=ada.headers)).json()["enabled"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.EDITOR])
async def test_only_an_admin_changes_where_news_go(house: House, role: Role) -> None:
    ada = await house.sign_up()
    made = await created(house, ada)
    async with house.db.transaction() as session:
        await session.execute(update(Member).values(role=role))
    url = f"{URL}/{made['id']}"
    for method, where, body in (
        ("POST", URL, GIVEN),
        ("PATCH", url, {"name": "Mine"}),
        ("POST", f"{url}/rotate", None),
        ("POST", f"{url}/test", None),
        ("DELETE", url, None),
    ):
        answer = await house.client.request(method, where, json=body, headers=ada.headers)
        assert answer.status_code == 403, f"{method} {where}"
    assert (await house.client.get(url, headers=ada.headers)).status_code == 200
