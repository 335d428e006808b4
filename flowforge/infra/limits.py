"""Rate limits shared by all processes through Redis, and who is asking.

When Redis is away each process counts for itself: nobody is turned away for our outage
(``fail_open``), or nothing gets a second allowance for it (sign-in), and the log says so once.
"""

import asyncio
import ipaddress
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from flowforge.config import Network

log = structlog.get_logger()

WINDOW_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
MOST_LOCAL_KEYS = 10_000
OUTAGE_PAUSE_SECONDS = 1.0
REDIS_TIMEOUT_SECONDS = 1.0
LONGEST_KEY = 200

# One round trip counts and tells the rest of the window. The window begins with its first request.
# A counter without a time to live (a failover in between) would refuse for ever: PTTL mends it.
_COUNT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reset_seconds``: whole seconds until the window ends. ``limit`` 0 means no limit is set."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


UNLIMITED = Verdict(allowed=True, limit=0, remaining=0, reset_seconds=0)


class RateLimiter:
    """At most ``rate`` hits per key and window, over all processes that share ``redis``.

    ``rate`` looks like ``30/minute``, or ``off``. While Redis is away, ``fail_open`` counts each
    process by itself against the full rate; without it against a tenth, so that an outage with
    many processes does not multiply what a guesser may try. ``window_seconds`` replaces the
    window that ``rate`` names.
    """

    def __init__(
        self,
        rate: str,
        redis: Redis | None,
        *,
        prefix: str,
        namespace: str,
        fail_open: bool,
        window_seconds: int | None = None,
    ) -> None:
        self._limit, window = parse_rate(rate)
        self._window = window_seconds or window
        self._script = redis.register_script(_COUNT) if redis is not None else None
        self._name = f"{prefix}:limit:{namespace}"
        self._namespace = namespace
        outage = self._limit if fail_open else math.ceil(self._limit / 10)
        self._local = _LocalWindow(self._limit if redis is None else outage, self._window)
        self._is_away = False
        self._try_again_at = 0.0

    async def hit(self, key: str, *, cost: int = 1) -> Verdict:
        """Counts ``cost`` for ``key`` and says whether it may pass. Cost 0 only looks."""
        if not self._limit:
            return UNLIMITED
        key = counted(key)
        if self._script is None or time.monotonic() < self._try_again_at:
            return self._local.hit(key, cost)
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
                count, left = await self._script(
                    [f"{self._name}:{key}"], [self._window * 1000, cost]
                )
        except (RedisError, OSError, TimeoutError) as problem:
            self._went_away(problem)
            return self._local.hit(key, cost)
        self._came_back()
        return _verdict(count, self._limit, left / 1000)

    def _went_away(self, problem: Exception) -> None:
        # Without the pause every request of an outage would wait for a connection that fails.
        self._try_again_at = time.monotonic() + OUTAGE_PAUSE_SECONDS
        if not self._is_away:
            self._is_away = True
            log.warning(
                "rate limit counts locally, redis is away",
                limiter=self._namespace,
                problem=type(problem).__name__,
            )

    def _came_back(self) -> None:
        if self._is_away:
            self._is_away = False
            log.info("rate limit is shared again", limiter=self._namespace)


class _LocalWindow:
    """Fixed windows in memory, bounded in size whatever the keys are."""

    def __init__(self, limit: int, window_seconds: int) -> None:
        self._limit = limit
        self._window = window_seconds
        self._counts: dict[str, tuple[int, float]] = {}

    def hit(self, key: str, cost: int) -> Verdict:
        now = time.monotonic()
        count, ends_at = self._counts.get(key, (0, 0.0))
        if ends_at <= now:
            self._make_room(now)
            count, ends_at = 0, now + self._window
        self._counts[key] = (count + cost, ends_at)
        return _verdict(count + cost, self._limit, ends_at - now)

    def _make_room(self, now: float) -> None:
        if len(self._counts) < MOST_LOCAL_KEYS:
            return
        self._counts = {key: entry for key, entry in self._counts.items() if entry[1] > now}
        # All still running: drop the oldest half rather than grow with the number of strangers.
        for key in list(self._counts)[: max(0, len(self._counts) - MOST_LOCAL_KEYS // 2)]:
            del self._counts[key]


def parse_rate(rate: str) -> tuple[int, int]:
    """``30/minute`` -> (30, 60); ``off`` -> (0, 0)."""
    if rate == "off":
        return 0, 0
    found = re.fullmatch(r"([1-9]\d{0,8})/(second|minute|hour|day)", rate)
    if found is None:
        raise ValueError(f"A rate looks like 30/minute, or is off; not {rate!r}.")
    return int(found[1]), WINDOW_SECONDS[found[2]]


def _verdict(count: int, limit: int, left_seconds: float) -> Verdict:
    return Verdict(
        allowed=count <= limit,
        limit=limit,
        remaining=max(0, limit - count),
        reset_seconds=max(1, math.ceil(left_seconds)),
    )


def standard_headers(verdict: Verdict) -> dict[str, str]:
    """``RateLimit-*`` of the answer; ``Retry-After`` too where it was refused."""
    if not verdict.limit:
        return {}
    headers = {
        "RateLimit-Limit": str(verdict.limit),
        "RateLimit-Remaining": str(verdict.remaining),
        "RateLimit-Reset": str(verdict.reset_seconds),
    }
    if not verdict.allowed:
        headers["Retry-After"] = str(verdict.reset_seconds)
    return headers


def counted(key: str) -> str:
    """An IPv6 key stands for its /64: a single subscriber owns that many addresses."""
    address = _address(key) if ":" in key else None
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return key[:LONGEST_KEY]


def client_ip(peer: str, headers: Mapping[str, str], trusted_proxies: Sequence[Network]) -> str:
    """The address to count: the right-most one in the chain that is not a trusted proxy.

    ``X-Forwarded-For`` is believed only as far as trusted proxies wrote it; a stranger can write
    anything to the left of that.
    """
    if not trusted_proxies:
        return _told_apart(peer)
    found = _address(peer)
    if found is None:
        return peer[:LONGEST_KEY]
    for hop in reversed(_forwarded(headers)):
        if not _is_in(found, trusted_proxies):
            break
        before = _address(hop)
        if before is None:
            break
        found = before
    return str(found)


@lru_cache(maxsize=4096)
def _told_apart(peer: str) -> str:
    return str(_address(peer) or peer[:LONGEST_KEY])


def _forwarded(headers: Mapping[str, str]) -> list[str]:
    value = headers.get("x-forwarded-for") or headers.get("X-Forwarded-For") or ""
    return [part.strip() for part in value.split(",") if part.strip()]


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(text: str) -> _Address | None:
    """Some proxies write ``1.2.3.4:567`` or ``[2001:db8::1]:567``."""
    bare = re.sub(r"^\[(.*)\](:\d+)?$", r"\1", text.strip().strip('"'))
    if bare.count(":") == 1:
        bare = bare.split(":")[0]
    try:
        address = ipaddress.ip_address(bare.split("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_in(address: _Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
