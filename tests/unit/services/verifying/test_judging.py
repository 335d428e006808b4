"""The verifier against what providers publish, and against senders who mean harm."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.triggers import Handshake, Verify
from flowforge.services.verifying import SCHEMES, SignedRequest, handshake, judge, problems

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
NAMES = {"standard-webhooks": "standard_webhooks", "hmac-sha512-hex": "hmac"}
KNOWN = [v for v in VECTORS if NAMES.get(v["provider"], v["provider"]) in SCHEMES]
NOW = 1_700_000_000.0
FORM = "application/x-www-form-urlencoded"


def request(
    body: bytes | str = b"", headers: dict[str, str] | None = None, **more: Any
) -> SignedRequest:
    raw = body.encode() if isinstance(body, str) else body
    named = {key.lower(): value for key, value in (headers or {}).items()}
    given: dict[str, Any] = {
        "method": "POST",
        "url": "https://flows.example.com/hooks/catch/1/x",
        "headers": named,
        "raw": raw,
        "raw_headers": list(named.items()),
        "query": dict(parse_qsl(urlsplit(more.get("url", "")).query, keep_blank_values=True)),
    }
    return SignedRequest(**(given | more))


def verify(scheme: str, secret: str = "s3cret", **more: Any) -> Verify:
    return Verify.model_validate({"scheme": scheme, "secret": secret, **more})


def signed(secret: str, body: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


def of_vector(vector: dict[str, Any]) -> tuple[Verify, SignedRequest]:
    scheme = NAMES.get(vector["provider"], vector["provider"])
    more: dict[str, Any] = {}
    if scheme == "hmac":
        more = {"header": "X-Convoy-Signature", "algorithm": "sha512"}
    headers = dict(vector["header"])
    if scheme == "twilio":
        headers["content-type"] = FORM
    given = {"url": vector["url"]} if "url" in vector else {}
    return verify(scheme, vector["secret"], **more), request(vector["body"], headers, **given)


@pytest.mark.parametrize("vector", KNOWN, ids=[f"{v['provider']}: {v['source']}" for v in KNOWN])
def test_what_providers_publish_is_believed_and_nothing_near_it(vector: dict[str, Any]) -> None:
    settings, genuine = of_vector(vector)
    now = float(vector.get("now", NOW))
    assert judge(settings, genuine, now).ok
    other = settings.model_copy(update={"secret": settings.secret[:-1] + "x"})
    assert not judge(other, genuine, now).ok
    rotated = settings.model_copy(update={"secret": "", "secrets": ("old", settings.secret)})
    assert judge(rotated, genuine, now).ok or settings.scheme == "standard_webhooks"
    if settings.scheme != "twilio" or genuine.fields:
        changed = request(genuine.raw + b"&x=1", dict(genuine.headers), url=genuine.url)
        assert not judge(settings, changed, now).ok


def test_every_scheme_refuses_what_is_not_signed() -> None:
    for scheme in SCHEMES:
        settings = (
            verify(scheme, header="x-secret") if scheme in {"hmac", "header"} else verify(scheme)
        )
        judgement = judge(settings, request(b"{}"), NOW)
        assert (judgement.ok, judgement.status) == (False, 401), scheme
        assert judgement.reason
        assert "s3cret" not in judgement.reason


def test_without_a_secret_nothing_is_believed() -> None:
    for scheme in SCHEMES:
        bare = Verify.model_validate({"scheme": scheme, "header": "x"})
        empty_hmac = signed("", b"{}")
        headers = {
            "x-hub-signature-256": f"sha256={empty_hmac}",
            "x": empty_hmac,
            "x-gitlab-token": "",
        }
        assert not judge(bare, request(b"{}", headers), NOW).ok
        assert "secret" in dict(problems(bare))


@pytest.mark.parametrize(
    "moment",
    ["NaN", "1e309", "9" * 400, "-1", "", " ", "٣", "0x10", str(int(NOW) - 301), str(int(NOW) + 301)],
)  # fmt: skip
def test_a_time_that_is_none_or_too_far_off_is_refused(moment: str) -> None:
    body = b'{"type":"x"}'
    mac = signed("s3cret", f"v0:{moment}:".encode() + body)
    headers = {"x-slack-request-timestamp": moment, "x-slack-signature": f"v0={mac}"}
    assert not judge(verify("slack"), request(body, headers), NOW).ok


def test_times_within_the_tolerance_are_fine_both_ways() -> None:
    for moment in (str(int(NOW) - 299), str(int(NOW) + 299)):
        mac = signed("s3cret", f"{moment}.{{}}".encode())
        judged = judge(
            verify("stripe"), request("{}", {"stripe-signature": f"t={moment},v1={mac},v0=x"}), NOW
        )
        assert judged.ok, judged.reason


def test_a_header_that_comes_twice_or_is_empty_is_refused() -> None:
    mac = f"sha256={signed('s3cret', b'{}')}"
    name = "x-hub-signature-256"
    good = request("{}", {name: mac})
    assert judge(verify("github"), good, NOW).ok
    twice = request("{}", {name: mac}, raw_headers=[(name, mac), ("X-Hub-Signature-256", mac)])
    assert not judge(verify("github"), twice, NOW).ok
    assert not judge(verify("github"), request("{}", {name: " "}), NOW).ok


def test_json_that_was_written_anew_is_another_request() -> None:
    body = b'{"a": 1,  "b": "\\u00e9"}'
    headers = {"x-hub-signature-256": f"sha256={signed('s3cret', body)}"}
    assert judge(verify("github"), request(body, headers), NOW).ok
    anew = json.dumps(json.loads(body)).encode()
    assert not judge(verify("github"), request(anew, headers), NOW).ok


def test_the_providers_own_ids_make_repeats_known() -> None:
    mac = signed("s3cret", b'{"id":"evt_1","event_id":"E1"}')
    body = '{"id":"evt_1","event_id":"E1"}'
    headers = {"x-hub-signature-256": f"sha256={mac}", "x-github-delivery": "d-1"}
    assert judge(verify("github"), request(body, headers), NOW).dedupe_key == "github:d-1"
    raw = hmac.digest(b"s3cret", body.encode(), "sha256")
    typeform = {"typeform-signature": "sha256=" + base64.b64encode(raw).decode()}
    assert judge(verify("typeform"), request(body, typeform), NOW).dedupe_key == "typeform:E1"


def test_discord_signs_with_a_key_pair() -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw().hex()
    now = time.time()
    moment = str(int(now))
    headers = {
        "x-signature-ed25519": key.sign(moment.encode() + b'{"type":1}').hex(),
        "x-signature-timestamp": moment,
    }
    ping = request('{"type":1}', headers)
    assert judge(verify("discord", public), ping, now).ok
    reply = handshake(verify("discord", public), None, ping)
    assert reply is not None
    assert reply.body == b'{"type":1}'
    assert not judge(verify("discord", public), request('{"type":2}', headers), now).ok
    assert not judge(verify("discord", "zz"), ping, now).ok


def test_graph_compares_every_notification() -> None:
    one, other = {"clientState": "s3cret"}, {"clientState": "wrong"}
    assert judge(verify("ms_graph"), request(json.dumps({"value": [one, one]})), NOW).ok
    for value in ([one, other], [], [one, {}], [one, None], {"0": one}):
        assert not judge(verify("ms_graph"), request(json.dumps({"value": value})), NOW).ok


def test_basic_takes_colons_in_passwords_and_nothing_else() -> None:
    def sent(text: str) -> SignedRequest:
        coded = base64.b64encode(text.encode()).decode()
        return request("", {"authorization": f"Basic {coded}"})

    settings = verify("basic", "pass:word", username="ada")
    assert judge(settings, sent("ada:pass:word"), NOW).ok
    for text in ("ada:pass", "bob:pass:word", "ada", ""):
        assert not judge(settings, sent(text), NOW).ok
    assert not judge(settings, request("", {"authorization": "Basic !!!"}), NOW).ok


def test_a_token_names_no_algorithm_of_its_own() -> None:
    claims = {"aud": "us", "exp": NOW + 60}
    settings = verify("jwt", "s" * 32, audience="us")

    def sent(token: str) -> bool:
        return judge(settings, request("", {"authorization": f"Bearer {token}"}), NOW).ok

    assert sent(jwt.encode(claims, "s" * 32))
    assert not sent(jwt.encode(claims, "s" * 64, algorithm="HS512"))
    assert not sent(jwt.encode(claims, "", algorithm="none"))
    assert not sent(jwt.encode(claims | {"aud": "them"}, "s" * 32))
    assert not sent(jwt.encode(claims | {"exp": NOW - 3600}, "s" * 32))
    assert not sent(jwt.encode({"aud": "us"}, "s" * 32))


def test_meta_is_told_its_challenge_only_for_the_token() -> None:
    settings = verify("meta", verify_token="v")

    def asked(token: str) -> Any:
        url = f"https://x/?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=123"
        return handshake(settings, None, request("", method="GET", url=url))

    assert (asked("v").status, asked("v").body) == (200, b"123")
    assert asked("w").status == 403
    assert asked("").status == 403


def test_zoom_gets_its_token_back_hashed() -> None:
    body = {"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8"}}
    reply = handshake(verify("zoom"), None, request(json.dumps(body)))
    assert reply is not None
    expected = hmac.new(b"s3cret", b"qgg8", hashlib.sha256).hexdigest()
    assert json.loads(reply.body) == {"plainToken": "qgg8", "encryptedToken": expected}


def test_what_is_echoed_is_short_plain_text() -> None:
    def asked(token: str) -> Any:
        url = f"https://x/?validationToken={token}"
        return handshake(verify("ms_graph"), None, request("", url=url))

    page = asked("%3Cscript%3E")
    assert (page.status, page.body) == (200, b"<script>")
    assert page.headers["content-type"].startswith("text/plain")
    assert page.headers["x-content-type-options"] == "nosniff"
    for bad in ("%00", "a%0d%0ab", "x" * 1001, ""):
        assert asked(bad).status == 400


def test_a_handshake_of_ones_own() -> None:
    custom = Handshake(where="body", name="challenge")
    reply = handshake(None, custom, request('{"challenge":"abc"}'))
    assert reply is not None
    assert reply.body == b"abc"
    assert handshake(None, custom, request('{"other":1}')) is None
    fixed = Handshake(where="header", name="X-Probe", status=204, body="ok")
    answered = handshake(None, fixed, request("", {"X-Probe": "1"}))
    assert answered is not None
    assert answered.status == 204


TEXT = st.text(max_size=60) | st.sampled_from(["t=1,v1=", "v1,", "Bearer ", "Basic ", "sha256="])


@given(
    scheme=st.sampled_from(sorted(SCHEMES)),
    secret=st.text(min_size=1, max_size=20),
    body=st.binary(max_size=80),
    values=st.dictionaries(
        st.sampled_from(
            ["x-hub-signature-256", "stripe-signature", "x-slack-signature", "x-slack-request-timestamp", "webhook-id", "webhook-timestamp", "webhook-signature", "authorization", "content-type", "x"]
        ),
        TEXT,
    ),
)  # fmt: skip
def test_whatever_comes_there_is_a_judgement_and_nobody_is_believed_by_chance(
    scheme: str, secret: str, body: bytes, values: dict[str, str]
) -> None:
    settings = Verify.model_validate(
        {"scheme": scheme, "secret": secret, "header": "x", "username": "u"}
    )
    sent = request(body, values)
    judged = judge(settings, sent, NOW)
    assert not judged.ok or secret in set(values.values()) | {
        v.strip() for v in values.values()
    } | {v.partition(" ")[2].strip() for v in values.values()}
    handshake(settings, None, sent)
