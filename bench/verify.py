"""What verifying adds to a request: ``python -m bench.verify`` prints microseconds, of processor
time and by the clock: a busy machine makes the second longer.

Each scheme judges a request that is good, of 2 KB, which costs more than one that is refused; the
last line is the largest body that is kept inside its row.
"""

import base64
import hmac
import json
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flowforge.engine.triggers import Verify
from flowforge.services.verifying import SignedRequest, judge

GOAL_MICROSECONDS = 200
ROUNDS = 7
TIMES = 300
NOW = 1_700_000_000
STAMP = str(NOW)
SECRET = "an ordinary secret"
SIZE = 2_000
LARGE = 32_000
Case = tuple[str, Verify, SignedRequest]


def main() -> None:
    """Print the figures, the slowest last, and whether all reach the goal."""
    figures = sorted((*_microseconds(case), case[0]) for case in _cases())
    for processor, clock, name in figures:
        print(f"{name:24} {processor:8.1f} µs {clock:8.1f} µs by the clock")
    is_reached = figures[-1][0] <= GOAL_MICROSECONDS
    print(f"goal {GOAL_MICROSECONDS} µs of processor time: {'reached' if is_reached else 'MISSED'}")


def _microseconds(case: Case) -> tuple[float, float]:
    """Processor time and time, each the best of some rounds."""
    _, verify, example = case
    processor = clock = float("inf")
    for _ in range(ROUNDS):
        # Fresh ones: what a request keeps after it was read is paid for each time.
        requests = [
            SignedRequest("POST", example.url, example.headers, example.raw, example.raw_headers)
            for _ in range(TIMES)
        ]
        began, began_by_clock = time.thread_time(), time.perf_counter()
        for request in requests:
            judge(verify, request, NOW)
        processor = min(processor, (time.thread_time() - began) / TIMES)
        clock = min(clock, (time.perf_counter() - began_by_clock) / TIMES)
    assert judge(verify, example, NOW).ok, case[0]
    return processor * 1e6, clock * 1e6


def _cases() -> list[Case]:
    body = _body(SIZE)
    pair = Ed25519PrivateKey.generate()
    public = pair.public_key().public_bytes_raw()
    ident = {"webhook-id": "msg_1", "webhook-timestamp": STAMP}
    key = base64.b64encode(b"k" * 24).decode()
    signed = f"msg_1.{STAMP}.".encode() + body
    shared = base64.b64encode(hmac.digest(b"k" * 24, signed, "sha256")).decode()
    asymmetric = base64.b64encode(pair.sign(signed)).decode()
    stripe = _hex(f"{STAMP}.".encode() + body)
    slack = _hex(f"v0:{STAMP}:".encode() + body)
    large = _body(LARGE)
    return [
        _case("github", "github", body, {"x-hub-signature-256": f"sha256={_hex(body)}"}),
        _case("stripe", "stripe", body, {"stripe-signature": f"t={STAMP},v1={stripe}"}),
        _case("slack", "slack", body, {
            "x-slack-request-timestamp": STAMP, "x-slack-signature": f"v0={slack}",
        }),
        _case("standard_webhooks v1", "standard_webhooks", body,
              {**ident, "webhook-signature": f"v1,{shared}"}, f"whsec_{key}"),
        _case("standard_webhooks v1a", "standard_webhooks", body,
              {**ident, "webhook-signature": f"v1a,{asymmetric}"},
              "whpk_" + base64.b64encode(public).decode()),
        _case("discord", "discord", body, {
            "x-signature-timestamp": STAMP,
            "x-signature-ed25519": pair.sign(STAMP.encode() + body).hex(),
        }, public.hex()),
        _twilio(),
        _case("ms_graph, 20 elements", "ms_graph", json.dumps(
            {"value": [{"id": str(n), "clientState": SECRET} for n in range(20)]}).encode(), {}),
        _case("bearer", "bearer", body, {"authorization": f"Bearer {SECRET}"}),
        _jwt(body),
        _case("github, 32 KB", "github", large, {"x-hub-signature-256": f"sha256={_hex(large)}"}),
    ]  # fmt: skip


def _case(
    name: str, scheme: str, body: bytes, headers: dict[str, str], secret: str = SECRET
) -> Case:
    usual = {f"x-header-{number}": "value" for number in range(15)}
    every = {**usual, "content-type": "application/json", **headers}
    verify = Verify.model_validate({"scheme": scheme, "secret": secret})
    url = "https://flow.example/hook"
    return name, verify, SignedRequest("POST", url, every, body, list(every.items()))


def _twilio() -> Case:
    pairs = [(f"Name{number:02}", "x" * 40) for number in range(30)]
    body = "&".join(f"{name}={value}" for name, value in pairs).encode()
    message = "https://flow.example/hook" + "".join(name + value for name, value in pairs)
    signature = base64.b64encode(hmac.digest(SECRET.encode(), message.encode(), "sha1")).decode()
    kind = "application/x-www-form-urlencoded"
    return _case("twilio", "twilio", body, {"x-twilio-signature": signature, "content-type": kind})


def _jwt(body: bytes) -> Case:
    def part(raw: bytes) -> bytes:
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    head = part(b'{"alg":"HS256"}') + b"." + part(json.dumps({"exp": NOW + 60}).encode())
    token = head + b"." + part(hmac.digest(SECRET.encode(), head, "sha256"))
    return _case("jwt HS256", "jwt", body, {"authorization": f"Bearer {token.decode()}"})


def _body(size: int) -> bytes:
    return json.dumps(
        {"id": "evt_1", "event_id": "e1", "items": ["x" * 50] * (size // 54)}
    ).encode()


def _hex(message: bytes) -> str:
    return hmac.digest(SECRET.encode(), message, "sha256").hex()


if __name__ == "__main__":
    main()
