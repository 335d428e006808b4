"""Handshakes of providers through every URL of a hook: answered as they expect, noted, never run."""

import hmac
import json
import time
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import func, select

from flowforge.models import Event, Run
from flowforge.services import leftovers, zaps
from flowforge.services.zap_views import ZapView
from tests.house import House
from tests.integration.ingest.inbox import UNKNOWN_ID, all_events, our_path
from tests.zapping import owed, path_of, published

SECRET = "a secret of theirs and ours"
SCRIPT = "<script>alert(1)</script>"
STOP = {"id": "end", "kind": "stop"}
LIVE = ("", "/sync")
DRAFT = ("/draft", "/draft/sync", "/test")


async def verifying(house: House, scheme: str, **more: Any) -> ZapView:
    """A live zap, and a draft beside it, that ask for this proof."""
    ada = await house.sign_up()
    verify = {"scheme": scheme, "secret": SECRET, **more}
    trigger = {"kind": "webhook", "settings": {"verify": verify}}
    return await published(house, ada, STOP, trigger=trigger)


def urls(zap: ZapView) -> list[str]:
    """Every URL of the zap's hook."""
    return [path_of(zap), *(f"{our_path(zap)}{mode}" for mode in (*LIVE, *DRAFT))]


async def noted(house: House) -> Event:
    """The newest event; nothing has ever run."""
    async with house.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Run)) == 0
    assert await owed(house) == 0
    return (await all_events(house))[-1]


async def is_noted_as(house: House, verdict: str, status: int) -> None:
    event = await noted(house)
    assert (event.verdict, event.status_code) == (verdict, status)
    assert str(event.reason).startswith("handshake: ")


def is_harmless(answer: httpx.Response, status: int = 200) -> bool:
    """Nothing that a browser would take for a page, or keep."""
    return (
        answer.status_code == status
        and answer.headers["content-type"] == "text/plain; charset=utf-8"
        and answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["cache-control"] == "no-store"
    )


def signed_by_zoom(body: bytes) -> dict[str, str]:
    at = str(int(time.time()))
    digest = hmac.digest(SECRET.encode(), f"v0:{at}:".encode() + body, "sha256").hex()
    return {"x-zm-request-timestamp": at, "x-zm-signature": f"v0={digest}"}


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_graph_gets_its_token_as_plain_text_whatever_it_is(house: House, method: str) -> None:
    zap = await verifying(house, "ms_graph")
    for number, url in enumerate(urls(zap), 1):
        answer = await house.client.request(method, url, params={"validationToken": SCRIPT})
        assert is_harmless(answer), url
        assert answer.content == SCRIPT.encode()
        await is_noted_as(house, "filtered", 200)
        assert len(await all_events(house)) == number


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("t" * 1000, 200),
        ("t" * 1001, 400),
        ("", 400),
        ("two\r\nlines: x", 400),
        ("\0", 400),
        ("\x1b[2J", 400),
        ("\x7f", 400),
        ("\x85", 400),
        ("Validation: Testing client application\N{SNOWMAN}", 200),
    ],
    ids=["longest", "longer", "empty", "lines", "nul", "escape", "delete", "c1", "as it says"],
)
async def test_what_is_echoed_is_short_and_printable(house: House, token: str, status: int) -> None:
    zap = await verifying(house, "ms_graph")
    for url in urls(zap):
        answer = await house.client.post(url, params={"validationToken": token})
        assert is_harmless(answer, status), url
        expected = token if status == 200 else "This challenge cannot be echoed."
        assert answer.text == expected
        await is_noted_as(house, "filtered" if status == 200 else "rejected", status)


async def test_a_token_that_comes_twice_is_not_echoed(house: House) -> None:
    zap = await verifying(house, "ms_graph")
    answer = await house.client.post(f"{our_path(zap)}?validationToken=a&validationToken=b")
    assert is_harmless(answer, 400)


async def test_meta_is_told_its_challenge_only_for_the_right_token(house: House) -> None:
    zap = await verifying(house, "meta", verify_token="the right one")
    asked = {"hub.mode": "subscribe", "hub.challenge": SCRIPT}
    wrong = [
        asked | {"hub.verify_token": "a wrong one"},
        asked | {"hub.verify_token": ""},
        asked,
        asked | {"hub.verify_token": "the right one", "hub.mode": "unsubscribe"},
    ]
    for url in urls(zap):
        for query in wrong:
            refused = await house.client.get(url, params=query)
            assert is_harmless(refused, 403), url
            assert SCRIPT not in refused.text
            await is_noted_as(house, "rejected", 403)
        right = asked | {"hub.verify_token": "the right one"}
        answer = await house.client.get(url, params=right)
        assert is_harmless(answer), url
        assert answer.text == SCRIPT
        await is_noted_as(house, "filtered", 200)


async def test_nobody_knows_a_verify_token_that_was_never_set(house: House) -> None:
    zap = await verifying(house, "meta")
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": ""}
    assert (await house.client.get(our_path(zap), params=query)).status_code == 403
    await is_noted_as(house, "rejected", 403)


async def test_slack_gets_its_challenge(house: House) -> None:
    zap = await verifying(house, "slack")
    asked = {"type": "url_verification", "token": "old", "challenge": SCRIPT}
    for url in urls(zap):
        answer = await house.client.post(url, json=asked)
        assert is_harmless(answer), url
        assert answer.text == SCRIPT
        await is_noted_as(house, "filtered", 200)
        other = await house.client.post(url, json={"type": "event_callback", "challenge": "x"})
        assert other.status_code == 401, "only the handshake needs no signature"


async def test_zoom_gets_the_proof_that_we_know_the_secret(house: House) -> None:
    zap = await verifying(house, "zoom")
    asked = {
        "event": "endpoint.url_validation",
        "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"},
    }
    body = json.dumps(asked).encode()
    proof = hmac.digest(SECRET.encode(), b"qgg8vlvZRS6UYooatFL8Aw", "sha256").hex()
    for url in urls(zap):
        for headers in ({}, signed_by_zoom(body)):
            answer = await house.client.post(url, content=body, headers=headers)
            assert answer.status_code == 200, url
            assert answer.headers["content-type"] == "application/json"
            assert answer.json() == {
                "plainToken": "qgg8vlvZRS6UYooatFL8Aw",
                "encryptedToken": proof,
            }
            await is_noted_as(house, "filtered", 200)


async def test_zoom_cannot_be_used_to_sign_what_a_stranger_chose(house: House) -> None:
    zap = await verifying(house, "zoom")
    chosen = f"v0:{int(time.time())}:{{}}"
    asked = {"event": "endpoint.url_validation", "payload": {"plainToken": chosen}}
    bad = {"x-zm-request-timestamp": str(int(time.time())), "x-zm-signature": "v0=" + "0" * 64}
    fine = {"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}}
    for url in urls(zap):
        assert (await house.client.post(url, json=asked)).status_code == 401
        assert (await house.client.post(url, json=fine, headers=bad)).status_code == 401
        assert (await noted(house)).verdict == "rejected"


async def test_dropbox_gets_its_challenge(house: House) -> None:
    zap = await verifying(house, "dropbox")
    for url in urls(zap):
        answer = await house.client.get(url, params={"challenge": SCRIPT})
        assert is_harmless(answer), url
        assert answer.text == SCRIPT
        await is_noted_as(house, "filtered", 200)
        posted = await house.client.post(url, params={"challenge": SCRIPT}, json={})
        assert posted.status_code == 401, "it asks with GET"


async def test_discord_hears_from_us_if_it_signed_and_401_if_not(house: House) -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    zap = await verifying(house, "discord", secret=public)
    at = str(int(time.time()))
    for url in urls(zap):
        for body, status, said in ((b'{"type":1}', 200, b'{"type":1}'), (b'{"type":0}', 204, b"")):
            good = key.sign(at.encode() + body).hex()
            headers = {"x-signature-timestamp": at, "x-signature-ed25519": good}
            answer = await house.client.post(url, content=body, headers=headers)
            assert (answer.status_code, answer.content) == (status, said), url
            await is_noted_as(house, "filtered", status)
            others = Ed25519PrivateKey.generate().sign(at.encode() + body).hex()
            for bad in ("0" * 128, "", "not hex", others):
                refused = await house.client.post(
                    url, content=body, headers=headers | {"x-signature-ed25519": bad}
                )
                assert refused.status_code == 401, (url, bad)
                event = await noted(house)
                assert (event.verdict, event.status_code) == ("rejected", 401)


async def test_a_zap_that_is_off_still_shakes_hands(house: House) -> None:
    """Providers ask again now and then, and drop an address that has gone silent."""
    ada = await house.sign_up()
    trigger = {"kind": "webhook", "settings": {"verify": {"scheme": "zoom", "secret": SECRET}}}
    zap = await published(house, ada, STOP, trigger=trigger)
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=False)
    asked = {"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}}
    assert (await house.client.post(our_path(zap), json=asked)).json()["plainToken"] == "abc"
    await is_noted_as(house, "filtered", 200)


async def test_an_unknown_hook_shakes_no_hands(house: House) -> None:
    for mode in (*LIVE, *DRAFT):
        url = f"/api/v1/webhooks/{UNKNOWN_ID}{mode}"
        answer = await house.client.post(url, params={"validationToken": SCRIPT})
        assert answer.status_code == 404
        assert SCRIPT not in answer.text
    assert await all_events(house) == []


@pytest.mark.parametrize(("token", "status"), [("the right one", 200), ("a wrong one", 403)])
async def test_handshakes_fill_no_table(house: House, token: str, status: int) -> None:
    """Strangers can make any number of them: the newest stay, beside everything else."""
    zap = await verifying(house, "meta", verify_token="the right one")
    digest = hmac.digest(SECRET.encode(), b"{}", "sha256").hex()
    signed = {"X-Hub-Signature-256": f"sha256={digest}"}
    sent = await house.client.post(our_path(zap), content=b"{}", headers=signed)
    assert sent.status_code == 202
    asked = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": token}
    for _ in range(6):
        assert (await house.client.get(our_path(zap), params=asked)).status_code == status
    before = await all_events(house)
    await leftovers.remove_rejected(house.db, keep=2)
    assert [event.id for event in await all_events(house)] == [
        event.id for event in (before[0], *before[-2:])
    ]
