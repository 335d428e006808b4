"""A request examined by its zap's trigger, step by step, with whatever has to be waited for."""

import asyncio
import time
from functools import lru_cache
from typing import NamedTuple

from flowforge.api import hook_requests
from flowforge.api.hook_requests import HookRequest
from flowforge.infra.limits import RateLimiter, standard_headers
from flowforge.infra.runtime import Runtime
from flowforge.services import examining
from flowforge.services.arrivals import Arrival, Examined
from flowforge.services.examining import NOTHING, Checks, Refusal
from flowforge.services.ingest import Standing

# Larger bodies are looked at beside the loop: others want to be answered meanwhile.
LARGEST_AT_ONCE = 32 * 1024
MOST_NOTED = 10_000
MOST_LIMITERS = 256


class Pass(NamedTuple):
    """What comes of the checks: the arrival as it is to be stored, and why it goes no further."""

    arrival: Arrival
    refusal: Refusal | None = None


class Examiner:
    """The checks of one process: it remembers what it has noted, and the limits it counts by."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._noted: dict[str, float] = {}
        self._limiter = lru_cache(maxsize=MOST_LIMITERS)(self._new_limiter)

    def checks_of(self, standing: Standing | None) -> Checks:
        if standing is None or standing.trigger is None:
            return NOTHING
        return examining.checks_of(standing.trigger, standing.zap_id, self._runtime.vault)

    async def before_body(
        self, checks: Checks, request: HookRequest, *, is_first: bool = True
    ) -> Refusal | None:
        """Why no byte of the body is read. A request is counted once, on its first look."""
        if checks.asks_nothing:
            return None
        refusal = checks.before_body(request.method, request.source_ip)
        if refusal is not None or checks.rate is None or not is_first:
            return refusal
        limiter = self._limiter(checks.rate.limit, checks.rate.per_seconds)
        verdict = await limiter.hit(request.target.hook_id)
        if verdict.allowed:
            return None
        said = f"The zap takes {checks.rate.limit} requests in {checks.rate.per_seconds} seconds."
        return Refusal(
            429,
            "too_many_requests",
            said,
            standard_headers(verdict),
            is_noted=self._is_noted(request.target.hook_id, verdict.reset_seconds),
        )

    async def examine(
        self, checks: Checks, request: HookRequest, arrival: Arrival, refusal: Refusal | None
    ) -> Pass:
        """The arrival (with its raw bytes) after every check. ``refusal``: it has failed one
        already.
        """
        if refusal is not None:
            return _refused(checks, arrival, refusal, None)
        raw = arrival.raw
        if raw is None:  # it did not come as it should
            return Pass(arrival._replace(examined=checks.passed))
        if checks.asks_nothing:
            if arrival.examined is not checks.passed:
                arrival = arrival._replace(examined=checks.passed)
            return Pass(await hook_requests.read_content(self._runtime, arrival))
        proven = examining.Proven()
        if checks.proves:
            signed = request.signed(raw)
            if len(raw) > LARGEST_AT_ONCE:
                proven = await asyncio.to_thread(checks.prove, signed)
            else:
                proven = checks.prove(signed)
            if proven.refusal is not None:
                return _refused(checks, arrival, proven.refusal, proven.scheme)
        read = await hook_requests.read_content(
            self._runtime,
            arrival._replace(
                examined=Examined(checks.by, scheme=proven.scheme),
                dedupe_key=arrival.dedupe_key or proven.dedupe_key,
            ),
        )
        if read.refusal is not None or not checks.reads:
            return Pass(read)
        return await self._by_content(checks, read, raw)

    async def _by_content(self, checks: Checks, arrival: Arrival, raw: bytes) -> Pass:
        if len(raw) > LARGEST_AT_ONCE:
            read, refusal = await asyncio.to_thread(checks.read, arrival, raw)
        else:
            read, refusal = checks.read(arrival, raw)
        if refusal is None:
            return Pass(read)
        scheme = arrival.examined.scheme if arrival.examined else None
        return _refused(checks, arrival, refusal, scheme)

    def _is_noted(self, hook_id: str, seconds: int) -> bool:
        """Whether the window has its row already: a flood must be seen, not stored."""
        now = time.monotonic()
        if self._noted.get(hook_id, 0.0) > now:
            return True
        if len(self._noted) >= MOST_NOTED:
            self._noted = {key: until for key, until in self._noted.items() if until > now}
        if len(self._noted) >= MOST_NOTED:
            return True
        self._noted[hook_id] = now + seconds
        return False

    def _new_limiter(self, limit: int, seconds: int) -> RateLimiter:
        return RateLimiter(
            f"{limit}/minute",
            self._runtime.redis,
            prefix=self._runtime.settings.redis_prefix,
            namespace=f"zap:{limit}:{seconds}",
            fail_open=True,
            window_seconds=seconds,
        )


def _refused(checks: Checks, arrival: Arrival, refusal: Refusal, scheme: str | None) -> Pass:
    examined = refusal.examined(checks.by, scheme)
    return Pass(hook_requests.turned_away(arrival, examined), refusal)
