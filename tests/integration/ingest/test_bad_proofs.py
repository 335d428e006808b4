"""Proofs that prove nothing: times that are none, headers that come twice or empty, bytes that are not
those which were signed.
"""

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from flowforge.services.zap_views import ZapView
from tests.house import House
from tests.integration.ingest.inbox import all_events, our_path
from tests.integration.ingest.test_bad_requests import UNREADABLE, Raw, asking, refused_by
from tests.zapping import owed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

TIMES = [
    "NaN", "nan", "inf", "1e309", "1e9", "1" * 400, "9" * 16, "-1", f"-{int(time.time())}", "",
    " ", "0", "+1700000000", "1_700_000_000", "0x65000000", "1700000000.", "1700000000,5",
    "1.7e9", "\N{ARABIC-INDIC DIGIT ONE}" * 10, "now",
]  # fmt: skip
Signing = Callable[[bytes, str], dict[str, str]]


def digest(message: bytes, key: bytes = SECRET.encode()) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def by_slack(body: bytes, at: str) -> dict[str, str]:
    signature = digest(f"v0:{at}:".encode() + body).hex()
    return {"x-slack-request-timestamp": at, "x-slack-signature": f"v0={signature}"}


def by_zoom(body: bytes, at: str) -> dict[str, str]:
    signature = digest(f"v0:{at}:".encode() + body).hex()
    return {"x-zm-request-timestamp": at, "x-zm-signature": f"v0={signature}"}


def by_stripe(body: bytes, at: str) -> dict[str, str]:
    return {"stripe-signature": f"t={at},v1={digest(f'{at}.'.encode() + body).hex()}"}


def by_standard(body: bytes, at: str) -> dict[str, str]:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = base64.b64encode(digest(f"msg_1.{at}.".encode() + body, key)).decode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{signature}",
    }


SIGNERS: dict[str, Signing] = {
    "slack": by_slack,
    "zoom": by_zoom,
    "stripe": by_stripe,
    "standard_webhooks": by_standard,
}


def raw(headers: dict[str, str]) -> Raw:
    """As bytes: some are no header that a client would send."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def verifying(house: House, scheme: str) -> ZapView:
    return await asking(house, verify={"scheme": scheme, "secret": SECRET})


async def is_good(house: House, zap: ZapView, headers: Any, content: bytes) -> None:
    answer = await house.client.post(our_path(zap), content=content, headers=headers)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("scheme", SIGNERS)
async def test_a_time_that_is_none_proves_nothing_however_well_it_is_signed(
    house: House, scheme: str
) -> None:
    zap, sign = await verifying(house, scheme), SIGNERS[scheme]
    for at, mode in zip(TIMES, itertools.cycle(("", "/sync", "/draft", "/test")), strict=False):
        url = f"{our_path(zap)}{mode}"
        answer = await house.client.post(url, content=b"{}", headers=raw(sign(b"{}", at)))
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_verified"), at
    assert {one.verdict for one in await all_events(house)} == {"rejected"}
    await is_good(house, zap, sign(b"{}", str(int(time.time()))), b"{}")


@pytest.mark.parametrize(
    "at", [b"NaN", b"1e309", b"1" * 400, b"-1", b'""', b"null", b"true", b"[1]", b"{}", b'"x"']
)
async def test_a_time_in_the_body_that_is_none_proves_nothing(house: House, at: bytes) -> None:
    zap = await verifying(house, "linear")
    body = b'{"webhookTimestamp":' + at + b"}"
    headers = {"linear-signature": digest(body).hex()}
    await refused_by(house, zap, 401, "not_verified", content=body, headers=headers)
    good = json.dumps({"webhookTimestamp": int(time.time() * 1000)}).encode()
    await is_good(house, zap, {"linear-signature": digest(good).hex()}, good)


# ---- proofs that come twice, empty, or for other bytes -------------------------------------------


@pytest.mark.parametrize("scheme", SIGNERS)
async def test_a_header_of_the_proof_may_come_once_and_not_empty(house: House, scheme: str) -> None:
    zap = await verifying(house, scheme)
    headers = SIGNERS[scheme](b"{}", str(int(time.time())))
    for name, value in headers.items():
        others = raw({key: given for key, given in headers.items() if key != name})
        for given in ([value, value], ["", value], [value, ""], [""], [" "], [], ["x", value]):
            sent = others + [(name.encode(), one.encode()) for one in given]
            answer = await house.client.post(our_path(zap), content=b"{}", headers=sent)
            assert answer.status_code == 401, (name, given)
            assert SECRET not in answer.text
    assert await owed(house) == 0
    await is_good(house, zap, headers, b"{}")


@pytest.mark.parametrize(
    ("verify", "name", "value"),
    [
        ({"scheme": "bearer"}, "authorization", f"Bearer {SECRET}"),
        (
            {"scheme": "basic", "username": "ada"},
            "authorization",
            f"Basic {base64.b64encode(f'ada:{SECRET}'.encode()).decode()}",
        ),
        ({"scheme": "header", "header": "X-Key"}, "x-key", SECRET),
        ({"scheme": "gitlab"}, "x-gitlab-token", SECRET),
    ],
    ids=lambda value: value["scheme"] if isinstance(value, dict) else "",
)
async def test_a_shared_secret_may_come_once_and_not_empty(
    house: House, verify: dict[str, str], name: str, value: str
) -> None:
    zap = await asking(house, verify={**verify, "secret": SECRET})
    bad = [[value, value], ["", value], [""], [" "], [], [value + "x"], [value[:-1]]]
    for given in [*bad, ["é" * 300], ["\xff"]]:
        sent = [(name.encode(), one.encode("latin-1")) for one in given]
        answer: httpx.Response = await house.client.post(our_path(zap), headers=sent)
        assert answer.status_code == 401, given
        assert SECRET not in answer.text
    await is_good(house, zap, {name: value}, b"")


@pytest.mark.parametrize("scheme", SIGNERS)
async def test_json_that_was_written_anew_is_not_what_was_signed(house: House, scheme: str) -> None:
    zap = await verifying(house, scheme)
    body = b'{"b": 1, "a": [1.0, "\\u00e9"]}'
    headers = SIGNERS[scheme](body, str(int(time.time())))
    data = json.loads(body)
    for anew in (
        json.dumps(data, separators=(",", ":")).encode(),
        json.dumps(data, sort_keys=True).encode(),
        json.dumps(data, ensure_ascii=False).encode(),
        body + b"\n",
        b"\xef\xbb\xbf" + body,
        b"",
    ):
        answer = await house.client.post(our_path(zap), content=anew, headers=headers)
        assert answer.status_code == 401, anew
    await is_good(house, zap, headers, body)


@pytest.mark.parametrize("name", ["lists 100,000 deep", "half a pair", "1e309", "invalid UTF-8"])
@pytest.mark.parametrize("scheme", SIGNERS)
async def test_rubbish_that_is_well_signed_is_still_a_400(
    house: House, scheme: str, name: str
) -> None:
    content, headers, said = UNREADABLE[name]
    zap = await verifying(house, scheme)
    signed = SIGNERS[scheme](content, str(int(time.time())))
    sent = headers | signed
    await refused_by(house, zap, 400, "malformed", said, content=content, headers=sent)
