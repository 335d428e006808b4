"""One URL for each app of a project: what comes there starts every zap that waits for it."""

import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from flowforge.models import AppSource
from flowforge.services import versions, zaps
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.integration.ingest.inbox import UNKNOWN_ID, all_events
from tests.zapping import ended, events_of, published, run_of, working

SECRET = "It's a Secret to Everybody"
REPLY = {"id": "answer", "kind": "reply", "body": "{{ trigger.body }}"}
PUSH = {"ref": "refs/heads/main", "repository": {"full_name": "ada/engine"}}


async def connected(house: House, app: str = "github") -> tuple[Account, str]:
    """Somebody whose project has the app; the path of its URL."""
    ada = await house.sign_up()
    answer = await house.client.put(
        f"/api/v1/app-sources/{app}", json={"secret": SECRET}, headers=ada.headers
    )
    assert answer.status_code == 200, answer.text
    return ada, "/" + answer.json()["url"].split("/", 3)[3]


async def waiting(house: House, ada: Account, **settings: Any) -> ZapView:
    """A live zap for these events."""
    trigger = {"kind": "app", "settings": {"app": "github"} | settings}
    return await published(house, ada, REPLY, trigger=trigger)


async def github(
    house: House, path: str, body: Any, event: str = "push", secret: str = SECRET, **more: str
) -> httpx.Response:
    raw = json.dumps(body).encode()
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-hub-signature-256": f"sha256={digest}",
    }
    return await house.client.post(path, content=raw, headers=headers | more)


async def source(house: House) -> AppSource:
    async with house.db.reading() as session:
        found: AppSource = (await session.scalars(select(AppSource))).one()
        return found


async def test_one_event_starts_every_zap_that_waits_for_it(house: House) -> None:
    ada, path = await connected(house)
    when = {
        "any": [
            {"all": [{"left": "{{ trigger.body.ref }}", "op": "TEXT_ENDS_WITH", "right": "main"}]}
        ]
    }
    push = await waiting(house, ada, event="push")
    every = await waiting(house, ada)
    of_main = await waiting(house, ada, event="push", when=when)
    issues = await waiting(house, ada, event="issues")
    slack = await waiting(house, ada, app="slack")
    answer = await github(house, path, PUSH)
    assert (answer.status_code, answer.json()) == (200, {"events": 3})
    async with working(house):
        for zap in (push, every, of_main):
            (event,) = await events_of(house, zap)
            assert (event.trigger, event.verdict, event.scheme) == ("app", "accepted", "github")
            shown = await house.client.get(f"/api/v1/events/{event.id}", headers=ada.headers)
            run = await ended(house, shown.json()["run_ids"][0])
            assert run.reply["body"] == PUSH
    assert await events_of(house, issues) == await events_of(house, slack) == []


async def test_what_the_filter_passes_over_is_seen(house: House) -> None:
    ada, path = await connected(house)
    when = {"any": [{"all": [{"left": "{{ trigger.body.ref }}", "op": "DOES_NOT_EXIST"}]}]}
    zap = await waiting(house, ada, when=when)
    assert (await github(house, path, PUSH)).json() == {"events": 0}
    (event,) = await events_of(house, zap)
    assert (event.verdict, event.status_code) == ("filtered", 200)


async def test_an_event_sent_again_starts_nothing(house: House) -> None:
    ada, path = await connected(house)
    one, other = await waiting(house, ada), await waiting(house, ada)
    delivery = {"x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
    assert (await github(house, path, PUSH, **delivery)).json() == {"events": 2}
    assert (await github(house, path, PUSH, **delivery)).json() == {"events": 0}
    for zap in (one, other):
        assert [each.verdict for each in await events_of(house, zap)] == ["accepted", "duplicate"]


async def test_only_what_is_live_and_on_is_started(house: House) -> None:
    ada, path = await connected(house)
    zap = await waiting(house, ada)
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=False)
    assert (await github(house, path, PUSH)).json() == {"events": 0}
    async with house.db.transaction() as session:
        held = await zaps.locked(session, ada.actor, zap.id)
        await zaps.redraft(session, held, {"trigger": {"kind": "webhook"}, "steps": [REPLY]})
        await versions.publish(session, ada.actor, zap.id)
    assert (await github(house, path, PUSH)).json() == {"events": 0}
    assert await all_events(house) == []


async def test_another_project_is_not_reached(house: House) -> None:
    ada, path = await connected(house)
    eve = await house.sign_up("eve@example.com", "Eve")
    await waiting(house, eve)
    mine = await waiting(house, ada)
    assert (await github(house, path, PUSH)).json() == {"events": 1}
    (event,) = await all_events(house)
    assert event.zap_id == mine.id


async def test_what_no_zap_waits_for_is_counted_and_named(house: House) -> None:
    ada, path = await connected(house)
    assert (await github(house, path, PUSH, event="ping")).json() == {"events": 0}
    shown = (await house.client.get("/api/v1/app-sources/github", headers=ada.headers)).json()
    assert (shown["unrouted"], shown["rejected"]) == (1, 0)
    assert shown["last_note"] == "No zap waits for the event ping."


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"{}", {}),
        (b"{}", {"x-hub-signature-256": "sha256=" + "0" * 64}),
        (b"", {"x-hub-signature-256": ""}),
        (b"\xff\xfe", {"x-hub-signature-256": "sha256=zz"}),
    ],
)
async def test_a_stranger_starts_nothing_and_is_counted(
    house: House, content: bytes, headers: dict[str, str]
) -> None:
    ada, path = await connected(house)
    await waiting(house, ada)
    answer = await house.client.post(path, content=content, headers=headers)
    assert answer.status_code == 401
    assert (await source(house)).rejected == 1
    assert await all_events(house) == []


async def test_what_is_signed_but_cannot_be_read_is_400(house: House) -> None:
    _, path = await connected(house)
    digest = hmac.new(SECRET.encode(), b"{", hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={digest}"}
    answer = await house.client.post(path, content=b"{", headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("header", "status"), [({"content-encoding": "gzip"}, 415), ({"x-long": "a" * 70_000}, 431)]
)
async def test_what_no_hook_takes_is_refused_with_the_same_status(
    house: House, header: dict[str, str], status: int
) -> None:
    ada, path = await connected(house)
    await waiting(house, ada)
    answer = await github(house, path, PUSH, **header)
    assert answer.status_code == status, answer.text
    assert (await github(house, path, PUSH, secret="another", **header)).status_code == 401
    found = await source(house)
    assert (found.rejected, await all_events(house)) == (2, [])
    assert found.last_note


async def test_a_form_from_github_is_its_json(house: House) -> None:
    ada, path = await connected(house)
    zap = await waiting(house, ada)
    raw = httpx.Request("POST", "http://x", data={"payload": json.dumps(PUSH)}).read()
    digest = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-github-event": "push",
        "x-hub-signature-256": f"sha256={digest}",
    }
    answer = await house.client.post(path, content=raw, headers=headers)
    assert answer.json() == {"events": 1}
    (event,) = await events_of(house, zap)
    assert json.loads(event.raw or b"") == PUSH


def slack_headers(raw: bytes) -> dict[str, str]:
    now = str(int(time.time()))
    digest = hmac.new(SECRET.encode(), f"v0:{now}:".encode() + raw, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-slack-request-timestamp": now,
        "x-slack-signature": f"v0={digest}",
    }


async def test_slack_asks_first_and_then_sends(house: House) -> None:
    ada, path = await connected(house, "slack")
    zap = await waiting(house, ada, app="slack", event="message")
    asked = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
    answer = await house.client.post(path, content=asked, headers=slack_headers(asked))
    assert (answer.status_code, answer.text) == (200, "3eZbrw1a")
    assert answer.headers["content-type"].startswith("text/plain")
    assert await all_events(house) == []
    said = {"type": "event_callback", "event_id": "Ev1", "event": {"type": "message", "text": "hi"}}
    raw = json.dumps(said).encode()
    for expected in (1, 0):
        answer = await house.client.post(path, content=raw, headers=slack_headers(raw))
        assert answer.json() == {"events": expected}
    first, _ = await events_of(house, zap)
    assert first.dedupe_key is not None


async def test_stripe_is_routed_by_type(house: House) -> None:
    ada, path = await connected(house, "stripe")
    await waiting(house, ada, app="stripe", event="invoice.paid")
    for kind, expected in (("invoice.paid", 1), ("invoice.voided", 0)):
        raw = json.dumps({"id": f"evt_{kind}", "type": kind}).encode()
        now = int(time.time())
        digest = hmac.new(SECRET.encode(), f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
        headers = {"stripe-signature": f"t={now},v1={digest}", "content-type": "application/json"}
        answer = await house.client.post(path, content=raw, headers=headers)
        assert answer.json() == {"events": expected}


async def test_unknown_sources_and_deleted_ones_are_404(house: House) -> None:
    ada, path = await connected(house)
    assert (await house.client.post(f"/hooks/apps/{UNKNOWN_ID}")).status_code == 404
    assert (await house.client.post("/hooks/apps/nothing")).status_code == 404
    gone = await house.client.delete("/api/v1/app-sources/github", headers=ada.headers)
    assert gone.status_code == 204
    assert (await github(house, path, PUSH)).status_code == 404


async def test_a_secret_goes_in_and_never_comes_out(house: House) -> None:
    ada, path = await connected(house)
    row = await source(house)
    assert SECRET not in json.dumps(row.verify)
    listed = await house.client.get("/api/v1/app-sources", headers=ada.headers)
    assert SECRET not in listed.text
    by_app = {one["app"]: one for one in listed.json()["data"]}
    assert by_app["github"]["url"].endswith(path)
    assert (by_app["github"]["secrets"], by_app["slack"]["url"]) == (1, None)
    url = "/api/v1/app-sources/github"
    both = await house.client.put(
        url, json={"secret": "new", "secrets": [SECRET]}, headers=ada.headers
    )
    assert both.json()["url"] == by_app["github"]["url"]
    assert (await github(house, path, PUSH)).status_code == 200
    assert (await github(house, path, PUSH, secret="new")).status_code == 200
    await house.client.put(url, json={"secret": "new"}, headers=ada.headers)
    assert (await github(house, path, PUSH)).status_code == 401


async def test_who_may_and_what_may_be_given(house: House) -> None:
    ada, _ = await connected(house)
    url = "/api/v1/app-sources/github"
    for given in ({}, {"secret": ""}, {"secret": "x" * 10_001}, {"secrets": ["x"] * 11}, {"a": 1}):
        answer = await house.client.put(url, json=given, headers=ada.headers)
        assert answer.status_code == 422, answer.text
    unknown = await house.client.put(
        "/api/v1/app-sources/nothing", json={"secret": "x"}, headers=ada.headers
    )
    assert unknown.status_code == 404
    assert (await house.client.get(url)).status_code == 401
    eve = await house.sign_up("eve@example.com", "Eve")
    assert (await house.client.get(url, headers=eve.headers)).json()["url"] is None
    assert (await house.client.delete(url, headers=eve.headers)).status_code == 404


async def test_limits_hold_for_app_events(house: House) -> None:
    ada, path = await connected(house)
    limits = {"debounce": {"key": "{{ trigger.body.ref }}", "seconds": 60}}
    trigger = {"kind": "app", "settings": {"app": "github"}}
    zap = await published(house, ada, REPLY, trigger=trigger, limits=limits)
    for _ in range(2):
        await github(house, path, PUSH)
    first, _ = await events_of(house, zap)
    shown = await house.client.get(f"/api/v1/events/{first.id}", headers=ada.headers)
    assert (await run_of(house, shown.json()["run_ids"][0])).status == "cancelled"
