"""The outbox loop: claims due runs, has them driven, and keeps what this worker holds.

It needs nothing but the database. A wake-up makes it look at once; without any it looks every
quarter of a second, so lost wake-ups and a Redis that is away cost that much and nothing else.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from heapq import nlargest
from typing import Any

import structlog

from flowforge.errors import Unavailable
from flowforge.infra.db import Database
from flowforge.jobs.driving import OUTAGE_PAUSE_SECONDS, Driver, patiently
from flowforge.services import leases
from flowforge.services.claims import Claims, Taken
from flowforge.services.holding import Held
from flowforge.services.rebuilding import Claimed
from flowforge.services.writes import RunKey

log = structlog.get_logger()

TIMER_SECONDS = 0.25
# When every slot is taken: how long to gather freed slots, so that claims stay batches.
GATHER_SECONDS = 0.003
GRACE_SECONDS = 10.0
# Zaps whose runs keep slots for long must leave some to the others, and for how long that is
# remembered: what hangs is often tried again together.
LARGEST_SHARE = 0.8
SLOW_SECONDS = 1.0
SLOW_FOR_SECONDS = 60.0
MOST_SLOW = 50
# How long a run whose event cannot be read waits before somebody tries again.
UNREADABLE_SECONDS = 5.0

Beat = Callable[[int], Awaitable[None]]


class OutboxLoop:
    """One per worker process. ``wake`` may be called from anywhere in its event loop.

    ``beat`` is told now and then how many runs are in hand.
    """

    def __init__(
        self,
        database: Database,
        claims: Claims,
        make_driver: Callable[[Callable[[], bool]], Driver],
        *,
        worker: str,
        concurrency: int,
        lease_seconds: float,
        beat: Beat | None = None,
    ) -> None:
        self._database = database
        self._claims = claims
        self._worker = worker
        self._concurrency = concurrency
        self._lease_seconds = lease_seconds
        self._beat = beat
        self._woken = asyncio.Event()
        self._freed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._driver = make_driver(lambda: not self._stopping.is_set())
        self._runs: dict[asyncio.Task[None], RunKey] = {}
        self._held: dict[str, Held] = {}
        self._slow_until: dict[str, float] = {}
        self._spares = False

    @property
    def held(self) -> int:
        """How many runs are in hand."""
        return len(self._runs)

    @property
    def spares(self) -> bool:
        """Whether slow zaps have so many slots that the rest is kept for others."""
        return self._spares

    def wake(self) -> None:
        """There may be due work."""
        self._woken.set()

    def stop(self) -> None:
        """Take nothing more; finish the steps in hand and give their runs back."""
        self._stopping.set()
        self._woken.set()
        self._freed.set()

    async def run(self) -> None:
        """Work until ``stop``; then at most ``GRACE_SECONDS`` more for the steps in hand."""
        renewal = asyncio.create_task(self._renew_leases())
        try:
            while not self._stopping.is_set():
                await self._fill_slots()
            if self._runs:
                await asyncio.wait(self._runs, timeout=GRACE_SECONDS)
        finally:
            for task in (renewal, *self._runs):
                task.cancel()
            await asyncio.gather(renewal, *self._runs, return_exceptions=True)

    async def _fill_slots(self) -> None:
        free = self._concurrency - len(self._runs)
        if free <= 0:
            self._freed.clear()
            await self._freed.wait()
            await asyncio.sleep(GATHER_SECONDS)
            return
        self._woken.clear()
        try:
            is_all = await self._claim(free)
        except Unavailable:
            log.warning("the database is away; trying again")
            await self._pause_for_outage()
            return
        except Exception:
            log.exception("claim failed; trying again")
            await self._pause_for_outage()
            return
        if is_all:
            with suppress(TimeoutError):
                async with asyncio.timeout(TIMER_SECONDS):
                    await self._woken.wait()

    async def _claim(self, free: int) -> bool:
        """Take what is due, in its order, and the last slots without the slow zaps; whether that
        was all.
        """
        slow = self._slow_zaps()
        room = min(free, self._room_for(slow))
        self._spares = False
        if room > 0:
            taken = await self._claims.take(room)
            self._begin(taken)
            if taken.is_all or room == free:
                return taken.is_all
            free -= room
        self._spares = True
        taken = await self._claims.take(free, spare_zaps=slow)
        self._begin(taken)
        return taken.is_all

    def _begin(self, taken: Taken) -> None:
        for held in taken.held:
            self._start(held.key, self._drive(held, self._driver.drive(held)))
        for turn in taken.unsettled:
            held = turn.held
            self._start(held.key, self._drive(held, self._driver.drive(held, turn)))
        for claimed in taken.unread:
            self._start(claimed.key, self._read(claimed))

    def _start(self, key: RunKey, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._runs[task] = key
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._runs[task]
        self._freed.set()
        if self._spares:
            # Of a zap that had its share there may be more to do.
            self._woken.set()

    def _slow_zaps(self) -> list[str]:
        """Zaps with a run that keeps its slot for long, now or within the last minute."""
        now = time.monotonic()
        for held in self._held.values():
            self._note_slowness(held, now)
        self._slow_until = {zap: until for zap, until in self._slow_until.items() if until > now}
        return nlargest(MOST_SLOW, self._slow_until, key=self._slow_until.__getitem__)

    def _note_slowness(self, held: Held, now: float) -> None:
        if held.since <= now - SLOW_SECONDS:
            self._slow_until[held.key.zap_id] = now + SLOW_FOR_SECONDS

    def _room_for(self, slow: Sequence[str]) -> int:
        """How many slots may go to any zap. Where there is but one slot nothing can be kept."""
        if not slow or self._concurrency == 1:
            return self._concurrency
        most = max(1, int(self._concurrency * LARGEST_SHARE))
        taken = sum(held.key.zap_id in self._slow_until for held in self._held.values())
        return max(0, most - taken)

    async def _drive(self, held: Held, work: Coroutine[Any, Any, None]) -> None:
        run_id = held.key.run_id
        self._held[run_id] = held
        try:
            await work
        except Exception:
            # Its lease will expire and the run be taken up again, up to its attempts' limit.
            log.exception("run was dropped", run_id=run_id)
            await patiently(leases.let_go, self._database, run_id, held.key.fence)
        finally:
            work.close()
            self._note_slowness(held, time.monotonic())
            if self._held.get(run_id) is held:
                del self._held[run_id]

    async def _read(self, claimed: Claimed) -> None:
        """Go on with a run whose event is in a file, or that has done much."""
        key = claimed.key
        try:
            turn = await self._claims.read(claimed)
        except OSError:
            log.exception("an event cannot be read; trying again later", run_id=key.run_id)
            await patiently(
                leases.give_back, self._database, key.run_id, key.fence, UNREADABLE_SECONDS
            )
            return
        if turn is not None:
            await self._drive(turn.held, self._driver.drive(turn.held, turn))

    async def _renew_leases(self) -> None:
        while True:
            if self._beat is not None:
                await self._try("worker not seen", self._beat, len(self._runs))
            await asyncio.sleep(self._lease_seconds / 3)
            if self._runs:
                await self._try("leases not renewed", self._renew)

    async def _renew(self) -> None:
        before = {task: key for task, key in self._runs.items() if key.run_id in self._held}
        news = await leases.renew(self._database, self._worker, self._lease_seconds)
        for run_id, number in news.items():
            held = self._held.get(run_id)
            if held is not None and number > held.news:
                held.news = number
                held.heard.set()
        absent = {task: key for task, key in before.items() if key.run_id not in news}
        if absent:
            await self._let_lost_go(absent)

    async def _let_lost_go(self, absent: dict[asyncio.Task[None], RunKey]) -> None:
        """Runs that were cancelled, or taken over: what still works on them works for nothing."""
        fences = await leases.fences(self._database, [key.run_id for key in absent.values()])
        lost = {task: key for task, key in absent.items() if fences.get(key.run_id) != key.fence}
        if lost:
            await leases.outlive(self._database, [key.run_id for key in lost.values()])
        for task, key in lost.items():
            if task in self._runs:
                log.warning("a run is no longer ours", run_id=key.run_id)
                task.cancel()

    async def _try(self, trouble: str, work: Callable[..., Awaitable[None]], *given: Any) -> None:
        """What fails now succeeds next time."""
        try:
            await work(*given)
        except Unavailable:
            log.warning(trouble, reason="the database is away")
        except Exception:
            log.exception(trouble)

    async def _pause_for_outage(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(OUTAGE_PAUSE_SECONDS):
                await self._stopping.wait()
