"""The loop of everything that is due by the clock: one for all kinds of timer.

It needs nothing but the database. A kind is handed what is due of it in batches, as many at a time
as it wants; whoever dies with one in hand has its lease run out, and somebody else takes it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from flowforge.errors import Unavailable
from flowforge.infra.db import Database
from flowforge.services import timers
from flowforge.services.timers import Due

log = structlog.get_logger()

LOOK_SECONDS = 0.5
OUTAGE_SECONDS = 2.0

Handler = Callable[[Sequence[Due]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Work:
    """How a kind of timer is dealt with: ``handler`` gets up to ``batch`` of them, and at most
    ``at_once`` are in hand. It must be done within ``lease_seconds``, and gives each back itself
    (``timers.finish``); what it raises leaves all of the batch to the next look.
    """

    handler: Handler
    batch: int = 1
    at_once: int = 10
    lease_seconds: float = 60.0


class TimerLoop:
    """One per worker process. ``works``: by kind."""

    def __init__(self, database: Database, works: Mapping[str, Work]) -> None:
        self._database = database
        self._works = works
        self._in_hand = dict.fromkeys(works, 0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()

    async def run(self) -> None:
        """Go on until cancelled; what is in hand then is left to somebody else."""
        try:
            while True:
                await self._pause(await self._try_to_look())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def look(self) -> bool:
        """Take what is due and there is room for; whether there may be more."""
        self._freed.clear()
        roomy = [kind for kind in self._works if self._room(kind) > 0]
        # Most of the time nothing is due, and looking takes no lock from anybody.
        async with self._database.reading() as session:
            kinds = await timers.due_kinds(session, roomy)
        is_more = False
        for kind in sorted(kinds):
            work, room = self._works[kind], self._room(kind)
            found = await timers.claim(self._database, kind, work.lease_seconds, room)
            for first in range(0, len(found), work.batch):
                self._start(kind, found[first : first + work.batch])
            is_more = is_more or len(found) == room
        return is_more

    async def finish(self) -> None:
        """Wait for what is in hand."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _room(self, kind: str) -> int:
        return self._works[kind].at_once - self._in_hand[kind]

    def _start(self, kind: str, batch: Sequence[Due]) -> None:
        self._in_hand[kind] += len(batch)
        task = asyncio.create_task(self._handle(kind, batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle(self, kind: str, batch: Sequence[Due]) -> None:
        try:
            async with asyncio.timeout(self._works[kind].lease_seconds):
                await self._works[kind].handler(batch)
        except Unavailable:
            log.warning("timers wait: the database is away", kind=kind)
        except Exception:
            log.exception("timers failed; their lease runs out", kind=kind, number=len(batch))
        finally:
            self._in_hand[kind] -= len(batch)
            self._freed.set()

    async def _try_to_look(self) -> float:
        """Seconds until the next look; 0: as soon as there is room."""
        try:
            return 0.0 if await self.look() else random.uniform(0.5, 1) * LOOK_SECONDS  # noqa: S311 - spread, not a secret
        except Unavailable:
            log.warning("timers wait: the database is away")
        except Exception:
            log.exception("timers could not be looked at; trying again")
        return OUTAGE_SECONDS

    async def _pause(self, seconds: float) -> None:
        if not seconds:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._freed.wait()
            return
        await asyncio.sleep(seconds)
