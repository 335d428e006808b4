"""What a zap's trigger asks of requests: methods, addresses, a rate, a proof, a shape, a filter."""

import hashlib
import hmac
from typing import Any

import httpx
import pytest

from flowforge.models import Event
from flowforge.services import versions, zaps
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.integration.ingest.inbox import (
    NOT_FOUND,
    NOWHERE,
    all_events,
    blob_files,
    client_of,
    door_of,
    our_path,
    tally,
)
from tests.zapping import hook, path_of, published

SECRET = "It's a Secret to Everybody"
GITHUB = {"verify": {"scheme": "github", "secret": SECRET}}


async def zap_with(house: House, **settings: Any) -> tuple[Account, ZapView]:
    """A live zap whose webhook trigger has these settings."""
    ada = await house.sign_up()
    trigger = {"kind": "webhook", "settings": settings}
    return ada, await published(house, ada, hook("one", NOWHERE), trigger=trigger)


async def republish(house: House, ada: Account, zap: ZapView, trigger: dict[str, Any]) -> None:
    async with house.db.transaction() as session:
        held = await zaps.locked(session, ada.actor, zap.id)
        await zaps.redraft(session, held, {**held.draft, "trigger": trigger})
        await versions.publish(session, ada.actor, zap.id)


def signed(body: bytes, secret: str = SECRET, **more: str) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}", "content-type": "application/json"} | more


async def only_event(house: House) -> Event:
    (event,) = await all_events(house)
    return event


async def test_other_methods_are_refused_and_seen(house: House) -> None:
    _, zap = await zap_with(house, methods=["POST", "PUT"])
    refused = await house.client.get(path_of(zap))
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST, PUT")
    event = await only_event(house)
    assert (event.verdict, event.status_code, event.method) == ("rejected", 405, "GET")
    assert "takes POST, PUT, not GET" in str(event.reason)
    assert (await house.client.put(our_path(zap), json={})).status_code == 202


@pytest.mark.parametrize(
    ("allowed", "ip", "status"),
    [
        (["203.0.113.0/24"], "203.0.113.9", 200),
        (["203.0.113.0/24"], "203.0.114.9", 403),
        (["203.0.113.7", "2001:db8::/32"], "2001:db8::1", 200),
        (["2001:db8::/32"], "203.0.113.7", 403),
        (["2001:db8::/32"], "", 403),
    ],
)
async def test_only_allowed_addresses_may_send(
    house: House, allowed: list[str], ip: str, status: int
) -> None:
    _, zap = await zap_with(house, allow_from=allowed)
    async with client_of(door_of(house), ip) as client:
        answer = await client.post(path_of(zap), json={})
    assert answer.status_code == status
    event = await only_event(house)
    assert event.verdict == ("accepted" if status == 200 else "rejected")
    assert event.status_code == status


async def test_a_zaps_own_rate_is_shared_by_all_processes_and_noted_once(house: House) -> None:
    _, zap = await zap_with(house, rate={"limit": 3, "per_seconds": 60})
    statuses = []
    for _ in range(3):
        async with client_of(door_of(house)) as client:
            statuses += [(await client.post(our_path(zap), json={})).status_code for _ in range(2)]
    assert statuses == [202, 202, 202, 429, 429, 429]
    async with client_of(door_of(house)) as client:
        refused = await client.post(path_of(zap), json={})
        await client.post(path_of(zap), json={})
    assert refused.headers["ratelimit-limit"] == "3"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    # One row for each process that had to refuse, not one for each request.
    assert tally(await all_events(house)) == {"accepted": 3, "rejected": 3}


async def test_a_signed_request_starts_a_run_and_the_event_says_what_proved_it(
    house: House,
) -> None:
    _, zap = await zap_with(house, **GITHUB)
    body = b'{"foo":"bar"}'
    answer = await house.client.post(path_of(zap), content=body, headers=signed(body))
    assert answer.status_code == 200
    event = await only_event(house)
    assert (event.verdict, event.scheme, event.status_code) == ("accepted", "github", 200)
    assert event.took_ms is not None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": "sha256="},
        {"x-hub-signature-256": "sha256=" + "0" * 64},
        {"x-hub-signature-256": "sha256=" + "é" * 64},
        {"x-hub-signature-256": "0" * 100_000},
        signed(b'{"foo": "bar"}'),
        signed(b'{"foo":"bar"}', secret="another"),
    ],
    ids=["none", "empty", "prefix", "zeros", "letters", "long", "re-serialised", "other"],
)
async def test_what_proves_nothing_is_401_and_an_event(
    house: House, headers: dict[str, str]
) -> None:
    _, zap = await zap_with(house, **GITHUB)
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    answer = await house.client.post(path_of(zap), content=b'{"foo":"bar"}', headers=raw)
    assert answer.status_code == 401, answer.text
    event = await only_event(house)
    assert (event.verdict, event.scheme, event.status_code) == ("rejected", "github", 401)
    assert event.reason
    assert event.raw == b'{"foo":"bar"}'


async def test_two_signature_headers_are_no_proof(house: House) -> None:
    _, zap = await zap_with(house, **GITHUB)
    good = signed(b"{}")["x-hub-signature-256"]
    twice = [("x-hub-signature-256", "sha256=" + "0" * 64), ("x-hub-signature-256", good)]
    answer = await house.client.post(path_of(zap), content=b"{}", headers=twice)
    assert answer.status_code == 401


async def test_an_unproven_request_is_refused_before_it_is_read_or_kept(house: House) -> None:
    _, zap = await zap_with(house, **GITHUB)
    for content, kind in ((b"{broken", "application/json"), (b"x" * 600_000, "image/png")):
        headers = {"content-type": kind}
        answer = await house.client.post(path_of(zap), content=content, headers=headers)
        assert answer.status_code == 401
    assert blob_files(house) == []
    small, large = await all_events(house)
    assert small.raw == b"{broken"
    assert (large.raw, large.size) == (None, 600_000)


async def test_a_signed_request_sent_again_starts_nothing(house: House) -> None:
    _, zap = await zap_with(house, **GITHUB)
    headers = signed(b"{}", **{"x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"})
    first = await house.client.post(path_of(zap), content=b"{}", headers=headers)
    again = await house.client.post(path_of(zap), content=b"{}", headers=headers)
    assert again.json()["duplicate"] is True
    assert again.json()["zapRunId"] == first.json()["zapRunId"]
    own = headers | {"x-idempotency-key": "own"}
    third = await house.client.post(path_of(zap), content=b"{}", headers=own)
    assert "duplicate" not in third.json()


async def test_a_zap_that_is_off_holds_only_what_proves_itself(house: House) -> None:
    ada, zap = await zap_with(house, **GITHUB)
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=False)
    unsigned = await house.client.post(path_of(zap), content=b"{}")
    held = await house.client.post(path_of(zap), content=b"{}", headers=signed(b"{}"))
    assert (unsigned.status_code, held.status_code) == (401, 404)
    assert tally(await all_events(house)) == {"rejected": 1, "held": 1}


async def test_the_draft_verifies_until_something_is_live(house: House) -> None:
    ada = await house.sign_up()
    definition = {"trigger": {"kind": "webhook", "settings": GITHUB}, "steps": []}
    async with house.db.transaction() as session:
        zap = await zaps.create(session, ada.actor, name="Draft", definition=definition)
    assert (await house.client.post(our_path(zap), content=b"{}")).status_code == 401
    signed_one = await house.client.post(our_path(zap), content=b"{}", headers=signed(b"{}"))
    assert (signed_one.status_code, signed_one.json()) == (404, NOT_FOUND)
    assert tally(await all_events(house)) == {"rejected": 1, "held": 1}


async def test_what_is_published_holds_from_the_next_request_on(house: House) -> None:
    """However often this process has seen the trigger of before."""
    ada, zap = await zap_with(house)
    assert (await house.client.post(path_of(zap), content=b"{}")).status_code == 200
    await republish(house, ada, zap, {"kind": "webhook", "settings": GITHUB})
    assert (await house.client.post(path_of(zap), content=b"{}")).status_code == 401
    await republish(house, ada, zap, {"kind": "webhook", "settings": {}})
    assert (await house.client.post(path_of(zap), content=b"{}")).status_code == 200


@pytest.mark.parametrize(
    "trigger",
    [{"kind": "manual"}, {"kind": "form"}, {"kind": "schedule", "every_seconds": 3600}],
    ids=lambda trigger: trigger["kind"],
)
async def test_a_zap_that_others_start_answers_like_none(
    house: House, trigger: dict[str, Any]
) -> None:
    ada, zap = await zap_with(house)
    async with house.db.transaction() as session:
        held = await zaps.locked(session, ada.actor, zap.id)
        await zaps.redraft(session, held, {**held.draft, "trigger": trigger})
        await versions.go_live(session, ada.actor, held)
    for path in (path_of(zap), our_path(zap), our_path(zap) + "/sync"):
        answer = await house.client.post(path, json={})
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    events = await all_events(house)
    assert {event.verdict for event in events} == {"rejected"}
    assert trigger["kind"] in str(events[0].reason)


SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
}


async def test_a_body_that_does_not_fit_the_schema_is_400_with_reasons(house: House) -> None:
    _, zap = await zap_with(house, schema=SCHEMA)
    answer = await house.client.post(our_path(zap), json={"id": "x", "name": 1})
    assert answer.status_code == 400
    about = answer.json()["error"]
    assert about["code"] == "does_not_fit"
    assert [one["path"] for one in about["details"]] == ["id", "name"]
    event = await only_event(house)
    assert (event.verdict, event.status_code) == ("rejected", 400)
    assert "does not fit the schema" in str(event.reason)
    assert (await house.client.post(our_path(zap), json={"id": 1})).status_code == 202
    assert (await house.client.post(our_path(zap), content=b"")).status_code == 400
    large = {"id": 1, "name": "x" * 700_000}
    assert (await house.client.post(our_path(zap), json=large)).status_code == 202
    assert (await house.client.post(our_path(zap), json=large | {"id": "x"})).status_code == 400


WHEN = {
    "any": [
        {"all": [{"left": "{{ trigger.body.n }}", "op": "NUMBER_IS_GREATER_THAN", "right": 10}]}
    ]
}


async def test_what_the_filter_passes_over_is_seen_and_starts_nothing(house: House) -> None:
    _, zap = await zap_with(house, when=WHEN)
    passed = await house.client.post(our_path(zap), json={"n": 11})
    filtered = await house.client.post(our_path(zap), json={"n": 1})
    seed = await house.client.post(path_of(zap), json={"n": 1})
    assert passed.json()["run_id"]
    assert (filtered.status_code, filtered.json()["filtered"]) == (202, True)
    assert filtered.json()["run_id"] is None
    assert (seed.status_code, seed.json()["zapRunId"]) == (200, None)
    events = await all_events(house)
    assert [event.verdict for event in events] == ["accepted", "filtered", "filtered"]
    assert [event.status_code for event in events] == [202, 202, 200]


async def test_files_of_what_is_filtered_are_kept_and_of_what_does_not_fit_are_not(
    house: House,
) -> None:
    ada, zap = await zap_with(house, when=WHEN)
    form: Any = {"files": {"file": ("a.txt", b"hello")}, "data": {"n": "1"}}
    assert (await house.client.post(our_path(zap), **form)).json()["filtered"] is True
    assert len(blob_files(house)) == 1
    await republish(house, ada, zap, {"kind": "webhook", "settings": {"schema": SCHEMA}})
    assert (await house.client.post(our_path(zap), **form)).status_code == 400
    assert len(blob_files(house)) == 1


async def test_an_expression_makes_two_requests_one(house: House) -> None:
    _, zap = await zap_with(house, dedupe_key="{{ trigger.body.order }}-{{ trigger.query.shop }}")

    async def sent(order: Any, shop: str, **headers: str) -> dict[str, Any]:
        answer = await house.client.post(
            our_path(zap), params={"shop": shop}, json={"order": order}, headers=headers
        )
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    first = await sent(1, "a")
    assert (await sent(1, "a"))["run_id"] == first["run_id"]
    assert (await sent(1, "a"))["duplicate"] is True
    assert "duplicate" not in await sent(1, "b")
    assert "duplicate" not in await sent({"deep": ["x" * 5000]}, "b")
    assert (await sent({"deep": ["x" * 5000]}, "b"))["duplicate"] is True
    assert "duplicate" not in await sent(1, "a", **{"x-idempotency-key": "mine"})


async def test_a_key_that_cannot_be_worked_out_costs_no_event(house: House) -> None:
    _, zap = await zap_with(house, dedupe_key="{{ trigger.body.n | divided_by: 0 }}")
    for _ in range(2):
        answer = await house.client.post(our_path(zap), json={"n": 1})
        assert answer.json()["run_id"]
    assert all("could not be worked out" in str(one.reason) for one in await all_events(house))


async def test_a_handshake_is_answered_and_is_no_run(house: House) -> None:
    custom = {"where": "query", "name": "challenge", "body": "hello"}
    _, zap = await zap_with(house, handshake=custom)
    answer = await house.client.get(path_of(zap), params={"challenge": "<script>"})
    assert (answer.status_code, answer.text) == (200, "hello")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    event = await only_event(house)
    assert (event.verdict, event.status_code) == ("filtered", 200)
    assert str(event.reason).startswith("handshake")
    assert (await house.client.post(path_of(zap), json={})).json()["zapRunId"]


async def test_an_unknown_hook_says_nothing_about_any_check(house: House) -> None:
    _, zap = await zap_with(house, **GITHUB)
    foreign = path_of(zap).replace("/catch/", "/catch/9")
    answer = await house.client.post(foreign, content=b"{}")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert await all_events(house) == []


async def test_preflight_and_options_of_a_checked_zap(house: House) -> None:
    _, zap = await zap_with(house, **GITHUB)
    asked = await house.client.options(
        path_of(zap),
        headers={"access-control-request-method": "POST", "origin": "https://a.example"},
    )
    assert asked.status_code == 200
    assert await all_events(house) == []


async def test_answers_are_json_with_the_headers_of_every_answer(house: House) -> None:
    _, zap = await zap_with(house, **GITHUB)
    answer: httpx.Response = await house.client.post(path_of(zap), content=b"{}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["error"]["code"] == "not_verified"
