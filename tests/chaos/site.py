"""A FlowForge of real processes that a test may kill."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from flowforge.services.zap_views import ZapView
from tests import house as building
from tests.chaos.acks import Acks
from tests.chaos.nursery import Nursery
from tests.chaos.processes import ROOT, Child, OwnRedis, python
from tests.chaos.sink import Sink
from tests.house import House
from tests.servers.rude_http import free_port
from tests.zapping import hook, path_of, published

LEASE_SECONDS = 2.0
SECRETS = {
    "FLOWFORGE_SECRET_KEY": "a secret key for tests only, long enough",
    "FLOWFORGE_ENCRYPTION_KEY": "an encryption key for tests only, long enough",
}


@dataclass
class Site:
    """``house`` looks into the same database as the processes. ``settings``: more of theirs."""

    house: House
    sink: Sink
    folder: Path
    database_url: str
    redis: OwnRedis
    nursery: Nursery
    random: random.Random
    has_redis: bool = True
    children: list[Child] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self, fail: str = "") -> dict[str, str]:
        """Of every process; ``fail``: orders for its failpoints."""
        keep = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        return {
            **keep,
            **SECRETS,
            "PYTHONPATH": str(ROOT),
            "FLOWFORGE_SUPERVISED": "1",  # the schema is there: a start need not look
            "FLOWFORGE_DATA_DIR": str(self.folder),
            "FLOWFORGE_DATABASE_URL": self.database_url,
            "FLOWFORGE_REDIS_URL": self.redis.url if self.has_redis else "",
            "FLOWFORGE_REDIS_PREFIX": "chaos",
            "FLOWFORGE_PUBLIC_URL": building.PUBLIC_URL,
            "FLOWFORGE_EGRESS_ALLOW": "127.0.0.0/8",
            "FLOWFORGE_HOOK_RATE_LIMIT": "off",
            "FLOWFORGE_LEASE_SECONDS": str(LEASE_SECONDS),
            **self.settings,
            "FLOWFORGE_FAIL": fail,
        }

    def start(self, name: str, command: list[str], env: Mapping[str, str] | None = None) -> Child:
        child = Child(
            f"{name}-{len(self.children)}", command, self.folder, env or self.environment()
        )
        self.children.append(child)
        return child

    async def worker(self, fail: str = "") -> Child:
        (child,) = await self.workers(1, fail)
        return child

    async def workers(self, number: int, fail: str = "") -> list[Child]:
        """Started side by side, and all ready."""
        children = [await self.born(fail) for _ in range(number)]
        for child in children:
            await child.says("worker ready")
        return children

    async def born(self, fail: str = "") -> Child:
        """A worker that is just starting."""
        name = f"worker-{len(self.children)}"
        env = self.environment(fail)
        child = await asyncio.to_thread(self.nursery.worker, name, self.folder, env)
        self.children.append(child)
        return child

    async def hooks(self, fail: str = "") -> tuple[Child, str]:
        """The process, and where it listens."""
        port = free_port()
        child = self.hooks_process(port, fail)
        return child, await self.healthy(child, port)

    def hooks_process(self, port: int, fail: str = "") -> Child:
        command = python("-m", "flowforge", "hooks", "--port", str(port))
        return self.start("hooks", command, self.environment(fail))

    async def healthy(self, child: Child, port: int) -> str:
        """The address of a hooks process, once it answers."""
        address = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(20), httpx.AsyncClient() as client:
            while True:
                assert child.exit_code is None, child.said
                try:
                    if (await client.get(f"{address}/health")).status_code == 200:
                        return address
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)

    async def zap(self, *steps: str) -> ZapView:
        """A live zap that calls the sink once per step."""
        ada = await self.house.sign_up()
        return await published(self.house, ada, *(hook(one, self.sink.url(one)) for one in steps))

    async def fire(self, zap: ZapView, number: int, *, to: str = "") -> Acks:
        """``number`` events at once, through the process ``to`` or this one."""
        acks = Acks()
        async with self.client(to) as client:
            await asyncio.gather(*(acks.send(client, path_of(zap), n) for n in range(number)))
        return acks

    @asynccontextmanager
    async def client(self, to: str = "") -> AsyncIterator[httpx.AsyncClient]:
        if not to:
            yield self.house.client
            return
        limits = httpx.Limits(max_connections=20)
        async with httpx.AsyncClient(base_url=to, limits=limits, timeout=20) as client:
            yield client


async def until(condition: Callable[[], bool], within_seconds: float = 25) -> None:
    async with asyncio.timeout(within_seconds):
        while not condition():  # noqa: ASYNC110 - processes set no events of ours
            await asyncio.sleep(0.01)
