"""Handshakes are answered as providers expect, and give strangers nothing to sign or to render."""

import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flowforge.engine.triggers import Handshake, Verify
from flowforge.services.verifying import Reply, SignedRequest, handshake, judge

NOW = 1_700_000_000.0
STAMP = "1700000000"
LONG_KEY = "k" * 64


def asked(
    body: Any = b"",
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    query: dict[str, Any] | None = None,
) -> SignedRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SignedRequest(method, "https://x/", headers or {}, raw, (), query or {})


def replied(scheme: Any, request: SignedRequest, **more: Any) -> Reply | None:
    return handshake(Verify(scheme=scheme, secret="s", **more), None, request, NOW)


def test_slack_has_its_challenge_back() -> None:
    reply = replied("slack", asked({"type": "url_verification", "challenge": "c-1"}))
    assert reply is not None
    assert (reply.status, reply.body) == (200, b"c-1")
    assert replied("slack", asked({"type": "event_callback", "challenge": "c"})) is None
    assert replied("github", asked({"type": "url_verification", "challenge": "c"})) is None


def test_meta_is_told_only_for_our_token() -> None:
    def subscribing(**changes: Any) -> Reply | None:
        query = {
            "hub.mode": "subscribe",
            "hub.verify_token": "mine",
            "hub.challenge": "42",
        } | {name.replace("_", ".", 1): value for name, value in changes.items()}
        return replied("meta", asked(method="GET", query=query), verify_token="mine")

    good = subscribing()
    assert good is not None
    assert (good.status, good.body) == (200, b"42")
    for changes in (
        {"hub_verify_token": "other"}, {"hub_verify_token": ""}, {"hub_mode": "x"},
        {"hub_challenge": ""}, {"hub_verify_token": ["mine", "mine"]},
    ):  # fmt: skip
        refused = subscribing(**changes)
        assert refused is not None
        assert refused.status == 403
    without = replied("meta", asked(method="GET", query={"hub.mode": "subscribe"}))
    assert without is not None
    assert without.status == 403


def test_zoom_gets_its_token_hashed_and_nothing_else() -> None:
    def validating(token: Any, **headers: str) -> Reply | None:
        body = {"event": "endpoint.url_validation", "payload": {"plainToken": token}}
        return replied("zoom", asked(body, headers=headers))

    good = validating("qgg8vlvZRS6UYooatFL8Aw")
    assert good is not None
    expected = hmac.new(b"s", b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
    assert json.loads(good.body)["encryptedToken"] == expected
    # What would be signed here is what a request is signed with.
    for wrong in (f"v0:{STAMP}:{{}}", "", None, 5, "a b", "x" * 201, "é"):
        reply = validating(wrong)
        assert reply is None or json.loads(reply.body)["plainToken"] == "5"
    assert validating("abc", **{"x-zm-signature": "v0=00"}) is None


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_graph_is_echoed_as_text_that_no_browser_renders(method: str) -> None:
    def validating(token: Any) -> Reply:
        query = {"validationToken": token}
        reply = replied("ms_graph", asked(method=method, query=query))
        assert reply is not None
        return reply

    page = validating("<script>alert(1)</script>")
    assert (page.status, page.body) == (200, b"<script>alert(1)</script>")
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert page.headers["x-content-type-options"] == "nosniff"
    for wrong in ("", "a\r\nSet-Cookie: b", "\0", "\x7f", "\x85", "x" * 1001, ["a", "b"]):
        refused = validating(wrong)
        assert refused.status == 400
        assert b"Cookie" not in refused.body


def test_dropbox_asks_by_get() -> None:
    reply = replied("dropbox", asked(method="GET", query={"challenge": "abc"}))
    assert reply is not None
    assert reply.body == b"abc"
    assert replied("dropbox", asked(query={"challenge": "abc"})) is None


def test_discord_is_answered_only_where_it_signed() -> None:
    key = Ed25519PrivateKey.generate()
    verify = Verify(scheme="discord", secret=key.public_key().public_bytes_raw().hex())

    def pinged(body: dict[str, Any], signed: bytes | None = None) -> Reply | None:
        raw = json.dumps(body).encode()
        signature = key.sign(STAMP.encode() + (raw if signed is None else signed)).hex()
        headers = {"x-signature-timestamp": STAMP, "x-signature-ed25519": signature}
        request = asked(raw, headers=headers)
        assert judge(verify, request, NOW).ok is (signed is None)
        return handshake(verify, None, request, NOW)

    ping, event_ping = pinged({"type": 1}), pinged({"version": 1, "type": 0})
    assert ping is not None
    assert json.loads(ping.body) == {"type": 1}
    assert event_ping is not None
    assert (event_ping.status, event_ping.body) == (204, b"")
    assert pinged({"type": 1}, b"other") is None
    assert pinged({"type": 2}) is None
    assert pinged({"type": 1, "event": {}}) is None
    assert pinged({"type": True}) is None


def test_a_handshake_of_ones_own() -> None:
    header = Handshake(where="header", name="X-Hook-Secret")
    reply = handshake(None, header, asked(headers={"x-hook-secret": "abc"}))
    assert reply is not None
    assert (reply.body, reply.headers["x-hook-secret"]) == (b"abc", "abc")
    cookie = Handshake(where="header", name="Set-Cookie")
    echoed = handshake(None, cookie, asked(headers={"set-cookie": "a=b"}))
    assert echoed is not None
    assert "set-cookie" not in echoed.headers
    fixed = Handshake(where="body", name="a.b", body="here", status=201)
    found = handshake(None, fixed, asked({"a": {"b": "1"}}))
    assert found is not None
    assert (found.status, found.body) == (201, b"here")
    assert handshake(None, fixed, asked({"a": 1})) is None


def bearing(token: str, **more: Any) -> bool:
    verify = Verify.model_validate({"scheme": "jwt", "secret": LONG_KEY} | more)
    request = asked(headers={"authorization": f"Bearer {token}"})
    return judge(verify, request, NOW).ok


def test_a_token_counts_only_as_the_trigger_says() -> None:
    claims = {"exp": int(NOW) + 100, "aud": "us", "iss": "them"}
    good = jwt.encode(claims, LONG_KEY)
    assert bearing(good)
    assert bearing(good, audience="us", issuer="them")
    assert not bearing(good, audience="others")
    assert not bearing(good, issuer="us")
    assert not bearing(good, algorithms=["RS256"])
    assert not bearing(good, secret=LONG_KEY[:-1])
    assert not bearing(jwt.encode(claims, LONG_KEY, algorithm="HS512"))
    assert not bearing(jwt.encode(claims, "", algorithm="none"), algorithms=["none"])
    for wrong in ({}, {"exp": NOW - 61}, {"exp": "soon"}, claims | {"nbf": NOW + 61}):
        broken = {key: value for key, value in wrong.items() if key != "exp" or value != "soon"}
        assert not bearing(jwt.encode(broken, LONG_KEY))
    for text in ("", "a.b", "a.b.c", "..", good + ".x", good[:-4]):
        assert not bearing(text)


def test_a_public_key_is_no_shared_secret() -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = {"exp": int(NOW) + 100}
    signed = jwt.encode(claims, key, algorithm="EdDSA")
    both = {"secret": public.decode(), "algorithms": ["EdDSA", "HS256"]}
    assert bearing(signed, **both)
    head, body, _ = jwt.encode(claims, LONG_KEY).split(".")
    confused = hmac.digest(public, f"{head}.{body}".encode(), "sha256")
    assert not bearing(f"{head}.{body}.{jwt.utils.base64url_encode(confused).decode()}", **both)
