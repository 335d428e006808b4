"""Who is asking, what headers say, and the count of one process by itself."""

import ipaddress

import pytest

from flowforge.infra.limits import (
    MOST_LOCAL_KEYS,
    RateLimiter,
    Verdict,
    client_ip,
    parse_rate,
    standard_headers,
)

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def local(rate: str) -> RateLimiter:
    return RateLimiter(rate, None, prefix="test", namespace="hook", fail_open=True)


async def test_the_first_request_over_the_limit_is_refused() -> None:
    limiter = local("3/minute")
    verdicts = [await limiter.hit("1.2.3.4") for _ in range(4)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert verdicts[-1].reset_seconds == 60


async def test_one_key_does_not_use_up_the_allowance_of_another() -> None:
    limiter = local("1/hour")
    assert (await limiter.hit("1.2.3.4")).allowed
    assert (await limiter.hit("1.2.3.5")).allowed


async def test_all_addresses_of_an_ipv6_subscriber_share_one_allowance() -> None:
    limiter = local("1/hour")
    assert (await limiter.hit("2001:db8:1:2::1")).allowed
    assert not (await limiter.hit("2001:db8:1:2:ffff::9")).allowed
    assert (await limiter.hit("2001:db8:1:3::1")).allowed


async def test_off_means_that_nothing_is_counted_or_said() -> None:
    limiter = local("off")
    verdicts = [await limiter.hit("a") for _ in range(100)]
    assert all(verdict.allowed for verdict in verdicts)
    assert standard_headers(verdicts[0]) == {}


async def test_a_window_that_ended_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("flowforge.infra.limits.time.monotonic", lambda: now)
    limiter = local("1/minute")
    assert (await limiter.hit("a")).allowed
    assert not (await limiter.hit("a")).allowed
    now += 60
    assert (await limiter.hit("a")).allowed


async def test_a_crowd_of_strangers_does_not_fill_the_memory() -> None:
    limiter = local("1/hour")
    for number in range(MOST_LOCAL_KEYS * 2):
        await limiter.hit(f"key-{number}")
    assert len(limiter._local._counts) <= MOST_LOCAL_KEYS


@pytest.mark.parametrize(
    ("rate", "meaning"),
    [("30/minute", (30, 60)), ("1/second", (1, 1)), ("5/day", (5, 86400)), ("off", (0, 0))],
)
def test_a_rate_is_a_number_per_unit(rate: str, meaning: tuple[int, int]) -> None:
    assert parse_rate(rate) == meaning


@pytest.mark.parametrize("rate", ["", "30", "0/minute", "30/fortnight", "-1/day", "30 / minute"])
def test_any_other_rate_is_an_error(rate: str) -> None:
    with pytest.raises(ValueError, match="A rate looks like"):
        parse_rate(rate)


def test_headers_are_the_standard_ones_and_tell_when_to_come_back() -> None:
    allowed = Verdict(allowed=True, limit=30, remaining=3, reset_seconds=20)
    refused = Verdict(allowed=False, limit=30, remaining=0, reset_seconds=20)
    assert standard_headers(allowed) == {
        "RateLimit-Limit": "30",
        "RateLimit-Remaining": "3",
        "RateLimit-Reset": "20",
    }
    assert standard_headers(refused)["Retry-After"] == "20"


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "1.1.1.1", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "1.1.1.1, garbage", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1:8080", "1.1.1.1"),
        ("10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"),
        ("::ffff:10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", ", ,", "10.0.0.1"),
        ("unix-socket", "1.1.1.1", "unix-socket"),
    ],
)
def test_the_right_most_address_that_is_no_trusted_proxy_counts(
    peer: str, forwarded: str, found: str
) -> None:
    assert client_ip(peer, {"x-forwarded-for": forwarded}, PROXIES) == found
