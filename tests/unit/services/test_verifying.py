"""The verifier against the providers' published vectors, and against everything else."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine import triggers
from flowforge.engine.triggers import Handshake, Verify
from flowforge.services.verifying import SCHEMES, SignedRequest, handshake, judge, problems

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "webhook_vectors.json").read_text())
FORM = "application/x-www-form-urlencoded"
NOW = 1_700_000_000.0
URL = "https://flow.example/hooks/catch/1/abc"


def asked(
    body: bytes | str = b"",
    headers: dict[str, str] | None = None,
    *,
    method: str = "POST",
    url: str = URL,
    query: dict[str, Any] | None = None,
) -> SignedRequest:
    given = headers or {}
    return SignedRequest(
        method,
        url,
        {name.lower(): value for name, value in given.items()},
        body.encode() if isinstance(body, str) else body,
        list(given.items()),
        query or {},
    )


def hexed(secret: str, message: str, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), message.encode(), algorithm).hexdigest()


def of_vector(vector: dict[str, Any]) -> tuple[Verify, SignedRequest, float]:
    more: dict[str, Any] = {}
    headers = dict(vector["header"])
    if vector["provider"] == "hmac":
        more = {"header": "X-Convoy-Signature", "algorithm": "sha512"}
    if vector["provider"] == "twilio":
        headers["Content-Type"] = FORM
    verify = Verify(scheme=vector["provider"], secret=vector["secret"], **more)
    return (
        verify,
        asked(vector["body"], headers, url=vector.get("url", URL)),
        vector.get("now", NOW),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each["source"][:40])
def test_what_providers_publish_is_believed(vector: dict[str, Any]) -> None:
    verify, request, now = of_vector(vector)
    assert judge(verify, request, now).ok


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each["source"][:40])
def test_one_changed_byte_is_not_believed(vector: dict[str, Any]) -> None:
    verify, request, now = of_vector(vector)
    changed = SignedRequest(
        request.method, request.url, request.headers, request.raw[:-1] + b"~", request.raw_headers
    )
    refused = judge(verify, changed, now)
    assert (refused.ok, refused.status) == (False, 401)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each["source"][:40])
def test_while_secrets_are_exchanged_both_are_believed(vector: dict[str, Any]) -> None:
    verify, request, now = of_vector(vector)
    both = verify.model_copy(update={"secret": "another", "secrets": ("third", verify.secret)})
    neither = verify.model_copy(update={"secret": "another", "secrets": ("third",)})
    assert judge(both, request, now).ok
    assert not judge(neither, request, now).ok


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each["source"][:40])
def test_without_a_secret_or_a_signature_nothing_is_believed(vector: dict[str, Any]) -> None:
    verify, request, now = of_vector(vector)
    bare = SignedRequest(
        "POST", request.url, {"content-type": request.headers.get("content-type", "")}, request.raw
    )
    assert not judge(verify.model_copy(update={"secret": ""}), request, now).ok
    assert not judge(verify, bare, now).ok


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each["source"][:40])
def test_a_signature_header_that_is_empty_or_comes_twice_is_refused(
    vector: dict[str, Any],
) -> None:
    verify, request, now = of_vector(vector)
    for name in vector["header"]:
        empty = SignedRequest("POST", request.url, {**request.headers, name.lower(): " "}, b"")
        twice = SignedRequest(
            "POST",
            request.url,
            request.headers,
            request.raw,
            [*request.raw_headers, (name.upper(), vector["header"][name])],
        )
        assert not judge(verify, empty, now).ok
        assert "2 times" in judge(verify, twice, now).reason


def test_json_that_was_written_anew_is_refused() -> None:
    verify, request, now = of_vector(VECTORS[2])
    again = json.dumps(json.loads(request.raw)).encode()
    assert not judge(verify, SignedRequest("POST", URL, request.headers, again), now).ok


def slack_at(moment: str, now: float = NOW) -> Any:
    headers = {
        "X-Slack-Request-Timestamp": moment,
        "X-Slack-Signature": "v0=" + hexed("s3cret", f"v0:{moment}:{{}}"),
    }
    return judge(Verify(scheme="slack", secret="s3cret"), asked("{}", headers), now)


@pytest.mark.parametrize("away", [0, 299, 300, -300])
def test_a_time_within_the_tolerance_is_believed(away: int) -> None:
    assert slack_at(str(int(NOW) + away)).ok


@pytest.mark.parametrize("away", [301, -301, 86_400, -86_400])
def test_a_time_outside_is_refused_in_both_directions(away: int) -> None:
    refused = slack_at(str(int(NOW) + away))
    assert not refused.ok
    assert "300 s are allowed" in refused.reason


@pytest.mark.parametrize(
    "moment",
    [
        "NaN",
        "nan",
        "Infinity",
        "-1",
        "1e309",
        "1_7",
        "0x5",
        "9" * 400,
        "1.5e3",
        "",
        " ",
        "\u0661\u0667",
        "+1",
    ],
)
def test_what_is_no_time_is_refused(moment: str) -> None:
    assert not slack_at(moment).ok


def test_linear_has_milliseconds_and_a_minute() -> None:
    def linear(milliseconds: str, **more: Any) -> bool:
        body = f'{{"webhookTimestamp": {milliseconds}}}'
        headers = {"Linear-Signature": hexed("s", body), "Linear-Delivery": "d-1"}
        verify = Verify(scheme="linear", secret="s", **more)
        return judge(verify, asked(body, headers), NOW).ok

    assert linear(str(int((NOW - 59) * 1000)))
    assert not linear(str(int((NOW - 61) * 1000)))
    assert linear(str(int((NOW - 61) * 1000)), tolerance_seconds=300)
    for wrong in ("NaN", "1e309", "9" * 400, "null", "true", '"x"', "[]"):
        assert not linear(wrong)


def test_stripe_ignores_older_schemes_and_believes_any_of_several() -> None:
    body, moment = '{"id": "evt_1"}', str(int(NOW))
    good = hexed("whsec_abc", f"{moment}.{body}")
    verify = Verify(scheme="stripe", secret="whsec_abc")

    def at(header: str) -> Any:
        return judge(verify, asked(body, {"Stripe-Signature": header}), NOW)

    assert at(f"t={moment},v1={'0' * 64},v1={good}").dedupe_key == "stripe:evt_1"
    assert at(f"t={moment}, v1={good.upper()}").ok
    for wrong in (
        f"t={moment},v0={good}",
        f"v1={good}",
        f"t={moment},t={moment},v1={good}",
        f"t=,v1={good}",
        f"t={moment},v1=",
        f"t={moment}," + ",".join([f"v1={good}"] * 30),
        ",,,,",
    ):
        assert not at(wrong).ok


def test_a_dedupe_key_is_named_after_its_scheme_and_fits_any_database() -> None:
    def delivery(value: str) -> str | None:
        headers = {"X-Hub-Signature-256": "sha256=" + hexed("s", "{}"), "X-GitHub-Delivery": value}
        return judge(Verify(scheme="github", secret="s"), asked("{}", headers), NOW).dedupe_key

    assert delivery("d-1") == "github:d-1"
    assert delivery("") is None
    long = delivery("x" * 5000)
    assert long is not None
    assert len(long) < 100
    assert delivery("é") != delivery("è")


def test_graph_compares_every_element() -> None:
    verify = Verify(scheme="ms_graph", secret="state")

    def notified(*states: Any) -> Any:
        value = [{"id": f"n{at}", "clientState": state} for at, state in enumerate(states)]
        return judge(verify, asked(json.dumps({"value": value})), NOW)

    assert notified("state").dedupe_key == "ms_graph:n0"
    assert notified("state", "state").ok
    for wrong in (("state", "other"), ("state", None), ("state", ["state"]), (), (1,)):
        assert not notified(*wrong).ok
    for body in ("", "{}", "[]", '{"value": {}}', '{"value": [1]}', "null"):
        assert not judge(verify, asked(body), NOW).ok


def test_a_twilio_body_that_nothing_signs_is_refused() -> None:
    url = "https://flow.example/hook"
    body = '{"a": 1}'
    hashed = f"{url}?bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"

    def signed(at: str) -> dict[str, str]:
        digest = hmac.digest(b"tok", at.encode(), "sha1")
        return {"X-Twilio-Signature": base64.b64encode(digest).decode()}

    verify = Verify(scheme="twilio", secret="tok")
    assert judge(verify, asked(body, signed(hashed), url=hashed), NOW).ok
    assert not judge(verify, asked(body + " ", signed(hashed), url=hashed), NOW).ok
    assert not judge(verify, asked(body, signed(url), url=url), NOW).ok
    assert judge(verify, asked("", signed(url), url=url, method="GET"), NOW).ok


def test_twilio_signs_the_public_url_with_or_without_a_port() -> None:
    digest = hmac.digest(b"tok", b"https://pub.example:443/hook?a=1", "sha1")
    headers = {"X-Twilio-Signature": base64.b64encode(digest).decode()}
    behind = asked("", headers, url="http://10.0.0.1:3000/hooks/x?a=1")
    verify = Verify(scheme="twilio", secret="tok", url="https://pub.example/hook")
    assert judge(verify, behind, NOW).ok
    assert not judge(Verify(scheme="twilio", secret="tok"), behind, NOW).ok


def test_mailgun_signs_in_the_body_json_or_form() -> None:
    moment = str(int(NOW))
    good = hexed("key", f"{moment}tok-1")
    verify = Verify(scheme="mailgun", secret="key")
    fields = {"timestamp": moment, "token": "tok-1", "signature": good}
    found = judge(verify, asked(json.dumps({"signature": fields})), NOW)
    assert found.dedupe_key == "mailgun:tok-1"
    form = f"timestamp={moment}&token=tok-1&signature={good}"
    assert judge(verify, asked(form, {"Content-Type": FORM}), NOW).ok
    twice = asked(f"{form}&token=tok-2", {"Content-Type": FORM})
    assert not judge(verify, twice, NOW).ok
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    assert judge(verify, asked(parts, kind), NOW).ok


def test_basic_bearer_and_header() -> None:
    def basic(text: str) -> bool:
        header = "Basic " + base64.b64encode(text.encode()).decode()
        verify = Verify(scheme="basic", username="ädä", secret="p:w:d")
        return judge(verify, asked("", {"Authorization": header}), NOW).ok

    assert basic("ädä:p:w:d")
    assert not any(map(basic, ("ädä:p", "x:p:w:d", "p:w:d", "", ":")))
    bearer = Verify(scheme="bearer", secret="t0ken")
    assert judge(bearer, asked("", {"Authorization": "bearer t0ken"}), NOW).ok
    for wrong in ("t0ken", "Bearer", "Bearer ", "Basic t0ken", "Bearer t0ken2"):
        assert not judge(bearer, asked("", {"Authorization": wrong}), NOW).ok
    header = Verify(scheme="header", header="X-Key", secret="k")
    assert judge(header, asked("", {"x-key": "k"}), NOW).ok
    assert not judge(header, asked("", {"x-key": "kk"}), NOW).ok


def test_gitlab_by_token_or_by_signature() -> None:
    verify = Verify(scheme="gitlab", secret="tok")
    headers = {"X-Gitlab-Token": "tok", "X-Gitlab-Event-UUID": "u-1"}
    assert judge(verify, asked("{}", headers), NOW).dedupe_key == "gitlab:u-1"
    forged = {**headers, "webhook-signature": "v1,AAAA"}
    assert not judge(verify, asked("{}", forged), NOW).ok


def test_what_a_scheme_needs_is_named() -> None:
    assert [name for name, _ in problems(Verify(scheme="github"))] == ["secret"]
    assert [name for name, _ in problems(Verify(scheme="basic", secret="s"))] == ["username"]
    assert problems(Verify(scheme="github", secrets=("s",))) == []
    custom = Verify(scheme="hmac", secret="s", template="{timestamp}.{id}")
    found = [name for name, _ in problems(custom)]
    assert found == ["header", "template", "timestamp_header", "id_header"]


def test_every_scheme_has_a_row() -> None:
    assert set(SCHEMES) == set(get_args(triggers.Scheme))


_NASTY = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")),
    st.sampled_from(
        ["sha256=", "v0=", "t=1,v1=ab", "v1,AAAA v1a,AAAA", "Basic =", "Bearer a.b.c", "1e309", "🂡"]
    ),
)
_BODY = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [
            b'{"value": [{"clientState": "\\ud800"}]}',
            b"[" * 3000,
            b'{"type": 1}',
            b"a=%ff&b=%00",
            b'{"webhookTimestamp": ' + b"9" * 5000 + b"}",
            b"\xff\xfe\x00",
        ]
    ),
)
_NAMES = sorted(
    {
        source.partition(":")[2]
        for row in SCHEMES.values()
        for source in (row.signature, row.time, row.ident, *row.dedupe)
        if source.startswith("header:")
    }
    | {"svix-id", "svix-timestamp", "svix-signature", "content-type", "x-sig", "x-at", "x-id"}
)


@given(
    scheme=st.sampled_from(sorted(SCHEMES)),
    secret=_NASTY,
    body=_BODY,
    headers=st.dictionaries(st.sampled_from(_NAMES), _NASTY, max_size=8),
    method=st.sampled_from(["GET", "POST"]),
    url=st.one_of(st.just(URL), st.text(max_size=30), st.just("https://[::1/x?bodySHA256=a")),
    query=st.dictionaries(
        st.sampled_from(["hub.mode", "hub.challenge", "validationToken", "challenge"]),
        st.one_of(_NASTY, st.lists(_NASTY, max_size=2)),
    ),
)
def test_nothing_that_is_sent_raises_or_is_believed(  # noqa: PLR0917 - hypothesis names them
    scheme: Any,
    secret: str,
    body: bytes,
    headers: dict[str, str],
    method: str,
    url: str,
    query: dict[str, Any],
) -> None:
    verify = Verify(
        scheme=scheme,
        secret=f"unguessable {secret}",
        secrets=(secret,) if scheme in {"discord", "standard_webhooks"} else (),
        header="" if scheme == "jwt" else "X-Sig",
        template="{timestamp}{id}{url}{method}{body}",
        timestamp_header="X-At",
        id_header="X-Id",
    )
    request = SignedRequest(method, url, headers, body, list(headers.items()), query)
    assert not judge(verify, request, NOW).ok
    custom = Handshake(where="query", name="challenge")
    reply = handshake(verify, custom, request, NOW)
    assert reply is None or reply.headers["x-content-type-options"] == "nosniff"
