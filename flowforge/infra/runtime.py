"""What one process has open: settings, database, Redis, HTTP client, vault.

Opened once at start and handed to whoever needs it; ``current()`` is for Reflex' event handlers,
which nobody hands anything.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import httpx
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from flowforge.config import Settings
from flowforge.infra import failpoints
from flowforge.infra.blobs import Blobs
from flowforge.infra.db import Database
from flowforge.infra.errands import Errands
from flowforge.infra.http import guarded_client
from flowforge.infra.presence import Presence
from flowforge.infra.signals import Signals
from flowforge.infra.vault import Vault

log = structlog.get_logger()

REDIS_TIMEOUT_SECONDS = 2.0
ERRANDS_SECONDS = 5.0


class Lodger(Protocol):
    """Something of a higher floor that lives as long as the process."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Runtime:
    """The open adapters of this process. ``redis`` is None where none is to be had; ``lodgers``
    are what higher floors opened, closed with the rest.
    """

    settings: Settings
    db: Database
    redis: Redis | None
    http: httpx.AsyncClient
    vault: Vault
    blobs: Blobs
    signals: Signals
    presence: Presence
    errands: Errands
    lodgers: dict[str, Lodger] = field(default_factory=dict)


_current: Runtime | None = None


def current() -> Runtime:
    """The runtime that this process opened."""
    if _current is None:
        raise RuntimeError("no runtime is open in this process")
    return _current


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Open everything; close it again at the end, whatever happened in between."""
    global _current  # noqa: PLW0603 - one per process, by definition
    failpoints.arm()
    database = Database(settings.effective_database_url, pool_size=settings.database_pool_size)
    redis = connect_redis(settings)
    client = guarded_client(settings.egress_allow)
    runtime = Runtime(
        settings=settings,
        db=database,
        redis=redis,
        http=client,
        vault=Vault(settings.encryption_keys, settings.secret_key.get_secret_value()),
        blobs=Blobs(settings.data_dir / "blobs"),
        signals=Signals(redis, settings.redis_prefix),
        presence=Presence(redis, settings.redis_prefix),
        errands=Errands(),
    )
    # A command may open one of its own inside another's, as the demo does in a test.
    outer, _current = _current, runtime
    try:
        yield runtime
    finally:
        _current = outer
        await runtime.errands.finish(within_seconds=ERRANDS_SECONDS)
        async with asyncio.timeout(5):
            for lodger in runtime.lodgers.values():
                await lodger.close()
            await runtime.signals.close()
            await client.aclose()
            if redis is not None:
                await redis.aclose()
            await database.close()


def connect_redis(settings: Settings) -> Redis | None:
    """A client that fails fast: Redis being away may cost latency, never a request."""
    if not settings.redis_url:
        return None
    return Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
    )
