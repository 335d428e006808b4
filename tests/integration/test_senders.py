"""The verifier judges what the providers' own packages sign: nobody here wrote the senders."""

import base64
import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe
import svix.webhooks
from multidict import MultiDict
from nacl.signing import SigningKey
from slack_sdk.signature import SignatureVerifier
from standardwebhooks.webhooks import Webhook
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from flowforge.engine.triggers import Verify
from flowforge.services.verifying import SignedRequest, handshake, judge
from tests.house import missing

SENDERS = Path(__file__).parents[1] / "senders"
GITHUB_PAYLOADS = 329
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
STAMP = str(int(NOW.timestamp()))
BODY = '{"id": "evt_1", "text": "♥ ünï", "spaced":   1}'
SHARED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def check(
    scheme: str, secret: str, body: str, headers: dict[str, str], now: float, **more: Any
) -> SignedRequest:
    """Believed as it was sent, and not with one byte more."""
    verify = Verify.model_validate({"scheme": scheme, "secret": secret})
    named = {name.lower(): value for name, value in headers.items()}
    request = SignedRequest(
        "POST",
        more.get("url", "https://flow.example/x"),
        named,
        body.encode(),
        list(headers.items()),
    )
    judged = judge(verify, request, now)
    assert judged.ok, judged.reason
    changed = SignedRequest(
        "POST", request.url, named, (body + more.get("extra", " ")).encode(), request.raw_headers
    )
    assert not judge(verify, changed, now).ok
    return request


def test_standardwebhooks() -> None:
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": STAMP,
        "webhook-signature": Webhook(SHARED).sign("msg_1", NOW, BODY),
    }
    check("standard_webhooks", SHARED, BODY, headers, NOW.timestamp())


def test_svix() -> None:
    headers = {
        "svix-id": "msg_1",
        "svix-timestamp": STAMP,
        "svix-signature": svix.webhooks.Webhook(SHARED).sign("msg_1", NOW, BODY),
    }
    check("standard_webhooks", SHARED, BODY, headers, NOW.timestamp())


def test_standard_webhooks_with_a_key_pair() -> None:
    key = SigningKey.generate()
    signed = key.sign(f"msg_1.{STAMP}.{BODY}".encode()).signature
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": STAMP,
        "webhook-signature": f"v1,AAAA v1a,{base64.b64encode(signed).decode()}",
    }
    public = "whpk_" + base64.b64encode(bytes(key.verify_key)).decode()
    check("standard_webhooks", public, BODY, headers, NOW.timestamp())


def test_stripe() -> None:
    signed = stripe.WebhookSignature._compute_signature(f"{STAMP}.{BODY}", "whsec_abc")
    header = {"Stripe-Signature": f"t={STAMP},v1={signed},v0=00"}
    stripe.WebhookSignature.verify_header(BODY, header["Stripe-Signature"], "whsec_abc")
    check("stripe", "whsec_abc", BODY, header, NOW.timestamp())


def test_slack() -> None:
    signed = SignatureVerifier("s3cret").generate_signature(timestamp=STAMP, body=BODY)
    assert signed is not None
    headers = {"X-Slack-Request-Timestamp": STAMP, "X-Slack-Signature": signed}
    check("slack", "s3cret", BODY, headers, NOW.timestamp())


@pytest.mark.parametrize("port", ["", ":443"])
def test_twilio_forms(port: str) -> None:
    validator = RequestValidator("tok")
    body = "To=%2B1800&Digits=5678&Digits=1234&Digits=1234&Empty="
    params = MultiDict(parse_qsl(body, keep_blank_values=True))
    signed = validator.compute_signature(f"https://flow.example{port}/x?a=1", params)
    headers = {
        "X-Twilio-Signature": signed,
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    }
    url = "https://flow.example/x?a=1"
    check("twilio", "tok", body, headers, 0, url=url, extra="&x=1")


def test_twilio_json() -> None:
    url = f"https://flow.example/x?bodySHA256={hashlib.sha256(BODY.encode()).hexdigest()}"
    headers = {"X-Twilio-Signature": RequestValidator("tok").compute_signature(url, {})}
    check("twilio", "tok", BODY, headers, 0, url=url)


def test_discord() -> None:
    key = SigningKey.generate()
    body = '{"type":1}'
    headers = {
        "X-Signature-Ed25519": key.sign(f"{STAMP}{body}".encode()).signature.hex(),
        "X-Signature-Timestamp": STAMP,
    }
    public = bytes(key.verify_key).hex()
    request = check("discord", public, body, headers, NOW.timestamp())
    verify = Verify(scheme="discord", secret=public)
    reply = handshake(verify, None, request, NOW.timestamp())
    assert reply is not None
    assert json.loads(reply.body) == {"type": 1}
    assert handshake(verify, None, request, NOW.timestamp() + 301) is None


@pytest.fixture(scope="session")
def node_senders() -> Path:
    """A folder with the packages, installed once, beside the environment and not in the repository."""
    wanted = (SENDERS / "package.json").read_bytes()
    folder = Path(sys.prefix) / "senders" / hashlib.sha256(wanted).hexdigest()[:16]
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.prefix) / "bin")])
    try:
        npm = shutil.which("npm", path=path)
        if npm is None:
            raise FileNotFoundError("npm")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_bytes(wanted)
        if not (folder / "installed").exists():
            command = [npm, "install", "--no-package-lock", "--ignore-scripts", "--no-audit"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=100)
            (folder / "installed").touch()
    except (OSError, subprocess.SubprocessError) as problem:
        missing("npm with its packages", problem)
    shutil.copy(SENDERS / "send.mjs", folder)
    return folder


@pytest.mark.timeout(120)
def test_what_node_packages_sign_is_believed(node_senders: Path) -> None:
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.prefix) / "bin")])
    node = shutil.which("node", path=path)
    assert node is not None
    sent = subprocess.run(
        [node, "send.mjs"], cwd=node_senders, check=True, capture_output=True, timeout=60
    )
    lines = [json.loads(line) for line in sent.stdout.decode().splitlines()]
    assert sum(1 for line in lines if line["scheme"] == "github") == GITHUB_PAYLOADS
    assert {line["scheme"] for line in lines} == {"github", "standard_webhooks", "stripe"}
    now = dt.datetime.now(dt.UTC).timestamp()
    for line in lines:
        check(line["scheme"], line["secret"], line["body"], line["headers"], now)
