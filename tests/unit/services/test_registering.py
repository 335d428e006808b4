"""Registrations without a network: which hooks are ours, when one is in order, how long to wait."""

from typing import Any

import pytest

from flowforge.services import app_events, registering
from flowforge.services.github_hooks import Hook, Target
from flowforge.services.hook_keeping import Held, Means

ZAP = "019a1fe5-0000-7000-8000-000000000001"
URL = f"https://flowforge.example.com/hooks/apps/019a1fe5-0000-7000-8000-00000000000a?zap={ZAP}"
HOOK = Hook("12", URL, is_active=True, events=frozenset({"push", "issues"}), has_usual_config=True)
HELD = Held(ZAP, "project", "github", None, None, "12", None, 0, 1, 1)


def test_the_waits_double_up_to_an_hour() -> None:
    waits = [registering.wait_after(failures, None) for failures in range(1, 11)]
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert registering.wait_after(10**9, None, jitter=1.0) == pytest.approx(3960)
    assert registering.wait_after(1, None, jitter=-1.0) == pytest.approx(27)


def test_who_asks_for_more_time_gets_it() -> None:
    assert registering.wait_after(1, 7200.0) == 7200
    assert registering.wait_after(8, 10.0) == 3600


@pytest.mark.parametrize(
    ("hook_id", "url", "is_ours"),
    [
        ("12", "https://anywhere.example.com", True),
        ("13", URL, True),
        ("13", f"http://other.example.com/hooks/apps/another?zap={ZAP}", True),
        ("13", URL + "0", False),
        ("13", URL.partition("?")[0], False),
        ("13", f"https://ci.example.com/?zap={ZAP}", False),
        ("13", "", False),
    ],
)
def test_a_hook_is_ours_by_its_id_or_its_address(hook_id: str, url: str, *, is_ours: bool) -> None:
    assert HELD.is_ours(HOOK._replace(id=hook_id, url=url)) is is_ours


@pytest.mark.parametrize(
    ("change", "is_met"),
    [
        ({}, True),
        ({"url": URL + "x"}, False),
        ({"is_active": False}, False),
        ({"events": frozenset({"push"})}, False),
        ({"has_usual_config": False}, False),
    ],
)
def test_a_hook_is_in_order_or_not(change: dict[str, Any], *, is_met: bool) -> None:
    target = Target(URL, ("issues", "push"), "secret")
    assert target.is_met_by(HOOK._replace(**change)) is is_met


@pytest.mark.parametrize(
    ("query", "zap_id"),
    [
        ({}, None),
        ({"page": "1"}, None),
        ({"zap": ZAP}, ZAP),
        ({"zap": ""}, ""),
        ({"zap": [ZAP, ZAP]}, ""),
        ({"zap": ZAP.upper()}, ""),
        ({"zap": f"{ZAP}\x00"}, ""),
    ],
)
def test_what_is_no_zap_is_nobodys_and_not_everybodys(
    query: dict[str, Any], zap_id: str | None
) -> None:
    assert app_events.zap_named(query) == zap_id


def test_no_description_shows_a_secret() -> None:
    means = Means("https://x", "the secret", "mark", "the token", "the kept one")
    said = repr(means) + repr(Target(URL, ("push",), "the secret"))
    assert "the " not in said
