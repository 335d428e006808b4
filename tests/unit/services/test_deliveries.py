"""When a delivery is tried again, what an answer means, and how it is signed."""

import datetime as dt
import random

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from flowforge.services import notices, signing
from flowforge.services.deliveries import WAITS_SECONDS, Outcome, judged, wait_after
from flowforge.services.signing import Secrets


@pytest.fixture
def now() -> dt.datetime:
    """The verifier believes no time that is five minutes old; collecting tests may take longer."""
    return dt.datetime.now(dt.UTC)


def test_a_simulated_delivery_is_tried_ten_times_in_two_days() -> None:
    clock, tries = 0.0, 0
    while True:
        tries += 1
        wait = wait_after(tries, Outcome(500, "no"), jitter=random.uniform(-1, 1))
        if wait is None:
            break
        assert abs(wait - WAITS_SECONDS[tries - 1]) <= WAITS_SECONDS[tries - 1] / 10
        clock += wait
    assert tries == 10
    assert 40 < clock / 3600 < 52


@pytest.mark.parametrize(("asked", "wait"), [(1, 5), (900, 900), (None, 5), (0, 5)])
def test_the_longer_of_plan_and_wish_counts(asked: float | None, wait: float) -> None:
    assert wait_after(1, Outcome(429, "later", asked)) == wait


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {}, Outcome(200)),
        (299, {}, Outcome(299)),
        (503, {"retry-after": "120"}, Outcome(503, "It answered with status 503.", 120.0)),
        (503, {"retry-after": "9" * 18}, Outcome(503, "It answered with status 503.", 86_400.0)),
        (503, {"retry-after": "soon"}, Outcome(503, "It answered with status 503.")),
        (404, {}, Outcome(404, "It answered with status 404.")),
    ],
)
def test_only_success_is_a_yes(status: int, headers: dict[str, str], expected: Outcome) -> None:
    assert judged(status, headers) == expected


def test_a_replaced_secret_signs_for_a_day_and_no_longer(now: dt.datetime) -> None:
    body = b'{"type":"run.finished"}'
    old = Secrets(signing.new_secret())
    both = old.replaced(now)
    for secret in (old.current, both.current):
        Webhook(secret).verify(body, dict(signing.headers("msg_1", body, both, now)))
    late = both.until
    assert late is not None
    signed = dict(signing.headers("msg_1", body, both, late))
    assert len(signed["webhook-signature"].split()) == 1
    # The verifier looks at the clock first: it is asked about the signature alone.
    assert Webhook(both.current).sign("msg_1", late, body.decode()) == signed["webhook-signature"]


@pytest.mark.parametrize("change", ["id", "body", "time"])
def test_whatever_is_changed_is_no_longer_genuine(change: str, now: dt.datetime) -> None:
    body, given = b"{}", Secrets(signing.new_secret())
    headers = dict(signing.headers("msg_1", body, given, now))
    if change == "id":
        headers["webhook-id"] = "msg_2"
    elif change == "time":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    else:
        body = b"{ }"
    with pytest.raises(WebhookVerificationError):
        Webhook(given.current).verify(body, headers)


@pytest.mark.parametrize(
    ("kinds", "kind", "is_wanted"),
    [
        (["*"], "zap.created", True),
        (["zap.*"], "zap.created", True),
        (["zap.*"], "run.finished", False),
        (["run.failed"], "run.finished", False),
        (["run.finished"], "run.finished", True),
        ([], "run.finished", False),
    ],
)
def test_a_star_stands_for_what_follows(kinds: list[str], kind: str, is_wanted: bool) -> None:
    assert notices.wanted(kinds, kind) is is_wanted
