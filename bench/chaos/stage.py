"""The stage: servers of its own, FlowForge's processes, and who keeps them running.

A slot is a place for one process. Whatever dies in it is replaced at once, unless a fault keeps the
slot empty; a death that no fault has announced is noted, because it is one of ours.
"""

import asyncio
import random
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx

from bench.chaos.zaps import Target, make_zaps
from bench.processes import memory_mib
from flowforge.errors import Unavailable
from flowforge.infra import migrations
from tests import house as building
from tests.chaos.acks import Acks
from tests.chaos.nursery import Nursery
from tests.chaos.postgres import OwnPostgres
from tests.chaos.processes import Child, OwnRedis
from tests.chaos.sink import Sink
from tests.chaos.site import Site
from tests.chaos.witness import watch
from tests.house import Account, House
from tests.servers.rude_http import free_port

WORKERS, HOOKS = 3, 2
WATCH_SECONDS = 0.05
PROBE_SECONDS = 60.0
# Ten for the steps in hand, and what closing takes on a busy machine.
STOP_SECONDS = 15.0


@dataclass
class Slot:
    """``is_wanted`` False: nobody is to be put here. ``is_doomed``: its death is announced.
    ``fail``: orders for the next process that is put here (hooks only).
    """

    kind: str
    port: int = 0
    child: Child | None = None
    is_wanted: bool = True
    is_doomed: bool = False
    fail: str = ""
    is_starting: bool = False

    @property
    def is_alive(self) -> bool:
        return self.child is not None and self.child.exit_code is None

    def doom(self) -> Child:
        """Announce the death of what is here."""
        assert self.child is not None
        self.is_doomed = True
        return self.child


@dataclass
class Stage:
    """Everything that runs. ``outages``: (from, to) in which no commit was possible."""

    site: Site
    postgres: OwnPostgres
    owner: Account
    zaps: dict[str, Target]
    random: random.Random
    acks: Acks
    client: httpx.AsyncClient
    workers: list[Slot] = field(default_factory=list)
    hooks: list[Slot] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)
    redis_outages: list[tuple[float, float]] = field(default_factory=list)
    rss_mib: float = 0.0
    _probes: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def house(self) -> House:
        return self.site.house

    @property
    def sink(self) -> Sink:
        return self.site.sink

    def address(self, number: int = 0) -> str:
        """Of one of the hooks processes that are there, in turn."""
        there = [slot for slot in self.hooks if slot.is_alive and not slot.is_starting]
        slots = there or self.hooks
        return f"http://127.0.0.1:{slots[number % len(slots)].port}"

    def url(self, zap: str, number: int = 0) -> str:
        return self.address(number) + self.zaps[zap].path

    async def keep_running(self) -> None:
        """For ever: fill the empty slots, note what died by itself, watch the memory."""
        looks = 0
        while True:
            for slot in (*self.workers, *self.hooks):
                if not slot.is_alive and not slot.is_starting:
                    self._note(slot)
                    if slot.is_wanted:
                        await self._fill(slot)
            looks += 1
            if looks % 10 == 0:
                for slot in self.workers:
                    if slot.child is not None and slot.is_alive:
                        rss, _ = memory_mib([slot.child.pid])
                        self.rss_mib = max(self.rss_mib, rss)
            await asyncio.sleep(WATCH_SECONDS)

    def _note(self, slot: Slot) -> None:
        if slot.child is None:
            return
        if not slot.is_doomed:
            end = slot.child.said.strip().splitlines()[-1:]
            self.deaths.append(f"{slot.child.name} died by itself ({slot.child.exit_code}): {end}")
        slot.child.close()
        slot.child = None
        slot.is_doomed = False

    def alive(self) -> list[Slot]:
        """The places of workers that are there."""
        return [slot for slot in self.workers if slot.is_alive]

    async def born(self, fail: str = "") -> Child:
        """A worker in no slot: nobody replaces it."""
        return await self.site.born(fail)

    async def retired(self, child: Child) -> None:
        """Told to stop, it must end by itself, and in time."""
        child.signal(signal.SIGTERM)
        try:
            code = await child.ended(STOP_SECONDS)
        except TimeoutError:
            child.kill()
            code = None
        if code != 0:
            said = child.said.strip().splitlines()[-1:]
            self.deaths.append(f"F19: {child.name} ended with {code} after SIGTERM: {said}")

    async def _fill(self, slot: Slot) -> None:
        if slot.kind == "worker":
            slot.child = await self.site.born()
            return
        slot.is_starting = True
        fail, slot.fail = slot.fail, ""
        slot.is_doomed = bool(fail)
        slot.child = self.site.hooks_process(slot.port, fail)
        starting = asyncio.create_task(self._await_health(slot, slot.child))
        self._tasks.add(starting)
        starting.add_done_callback(self._tasks.discard)

    async def _await_health(self, slot: Slot, child: Child) -> None:
        # One that dies before it answers is replaced like any other.
        with suppress(AssertionError, TimeoutError):
            await self.site.healthy(child, slot.port)
        slot.is_starting = False

    async def all_running(self) -> None:
        async with asyncio.timeout(60):
            while not all(s.is_alive and not s.is_starting for s in (*self.workers, *self.hooks)):  # noqa: ASYNC110 - processes set no events of ours
                await asyncio.sleep(WATCH_SECONDS)

    async def held_by(self, children: list[Child]) -> dict[str, int]:
        """Run id -> fence of all that these workers hold."""
        names = [f"%:{child.pid}:%" for child in children]
        rows = await self.fetch(
            "SELECT run_id, fence FROM outbox WHERE worker LIKE ANY($1) "
            "AND lease_until IS NOT NULL",
            names,
        )
        return {row["run_id"]: row["fence"] for row in rows}

    async def taken_over(self, held: dict[str, int]) -> None:
        """Wait until each of these runs is in other hands, or has ended."""
        async with asyncio.timeout(PROBE_SECONDS):
            while held:
                rows = await self.fetch(
                    "SELECT run_id, fence FROM outbox WHERE run_id = ANY($1) "
                    "AND lease_until IS NOT NULL",
                    list(held),
                )
                held = {r["run_id"]: r["fence"] for r in rows if held[r["run_id"]] == r["fence"]}
                await asyncio.sleep(WATCH_SECONDS)

    async def probe(self) -> None:
        """Wait until an event is acknowledged and its one step has reached the receiver."""
        self._probes += 1
        async with asyncio.timeout(PROBE_SECONDS):
            while True:
                url = self.url("probe", self.random.randrange(HOOKS))
                ack = await self.acks.post(self.client, url, {"n": self._probes}, tag="probe")
                if ack.is_promise:
                    break
                await asyncio.sleep(WATCH_SECONDS)
            while f"{ack.run_id}:one" not in self.sink.book.applied:  # noqa: ASYNC110 - it is in another thread
                await asyncio.sleep(0.01)

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """As who may do everything, past the pools of the house; waits while there is nobody."""
        while True:
            try:
                connection = await asyncpg.connect(self.postgres.admin_url, timeout=5)
                try:
                    return list(await connection.fetch(statement, *values, timeout=10))
                finally:
                    await connection.close(timeout=2)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(WATCH_SECONDS)

    async def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """The API, as the owner of the zaps."""
        while True:
            try:
                return await self.house.client.request(
                    method, f"/api/v1{path}", json=body, headers=self.owner.headers
                )
            except (Unavailable, OSError):
                await asyncio.sleep(WATCH_SECONDS)


def _client() -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=400, max_keepalive_connections=50)
    return httpx.AsyncClient(limits=limits, timeout=15)


@asynccontextmanager
async def open_stage(seed: int, keep: Path | None = None) -> AsyncIterator[Stage]:
    """A stage with all its processes running, in a folder that is removed with it.

    ``keep``: where logs and books are copied to at the end.
    """
    folder = _folder()
    async with AsyncExitStack() as leaving:
        leaving.callback(shutil.rmtree, folder, ignore_errors=True)
        if keep is not None:
            leaving.callback(shutil.copytree, folder, keep, dirs_exist_ok=True)
        postgres, redis = OwnPostgres(folder / "postgres"), OwnRedis(folder)
        leaving.push_async_callback(postgres.remove)
        await postgres.create()
        leaving.callback(redis.kill)
        await redis.start()
        await migrations.upgrade(postgres.url.replace("postgresql:", "postgresql+asyncpg:"))
        sink, nursery = Sink(folder / "sink.jsonl"), Nursery()
        leaving.callback(sink.close)
        leaving.callback(nursery.close)
        changes = {"redis_url": redis.url, "redis_prefix": "chaos"}
        house = await leaving.enter_async_context(
            building.open_house(postgres.admin_url, folder, **changes)
        )
        owner = await house.sign_up()
        zaps = await make_zaps(house, owner, sink.url)
        await watch(house)
        chance = random.Random(seed)
        site = Site(house, sink, folder, postgres.url, redis, nursery, chance)
        acks = Acks(file=leaving.enter_context((folder / "acks.jsonl").open("w")))
        client = await leaving.enter_async_context(_client())
        stage = Stage(site, postgres, owner, zaps, chance, acks, client)
        await leaving.enter_async_context(_running(stage))
        yield stage


@asynccontextmanager
async def _running(stage: Stage) -> AsyncIterator[None]:
    """Its processes; if who keeps them running breaks, so does the block."""
    stage.workers = [Slot("worker") for _ in range(WORKERS)]
    stage.hooks = [Slot("hooks", free_port()) for _ in range(HOOKS)]
    try:
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(stage.keep_running())
            await stage.all_running()
            yield
            keeping.cancel()
    finally:
        for child in stage.site.children:
            child.close()


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="flowforge-chaos-"))
    folder.chmod(0o755)  # the database server may be another user
    return folder


def now() -> float:
    """Seconds since 1970: the clock of all three books."""
    return time.time()
