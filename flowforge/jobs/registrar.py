"""Keeps the hooks of zaps at apps as they are wanted, beside the runs of this worker.

It needs nothing but the database: what is due stands there, and whoever comes first deals with it.
"""

import asyncio
import random
from contextlib import suppress
from typing import Any

import structlog

from flowforge.errors import Unavailable
from flowforge.infra.runtime import Runtime
from flowforge.services import hook_keeping, registering
from flowforge.services.github_hooks import GitHub, HookRefused
from flowforge.services.hook_keeping import Held, Outcome, Overtaken, Telling

log = structlog.get_logger()

LOOK_SECONDS = 2.0
OUTAGE_SECONDS = 5.0
AT_ONCE = 10


class Registrar:
    """One per worker process."""

    def __init__(
        self, runtime: Runtime, *, lease_seconds: float = registering.LEASE_SECONDS
    ) -> None:
        self._runtime = runtime
        self._lease_seconds = lease_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()

    async def run(self) -> None:
        """Go on until cancelled; what is in hand then is taken up by somebody else."""
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
        room = AT_ONCE - len(self._tasks)
        # Most of the time there is nothing, and looking takes no lock from anybody.
        async with self._runtime.db.reading() as session:
            is_due = room > 0 and await registering.is_anything_due(session)
        if not is_due:
            return False
        found = await registering.claim(self._runtime.db, room, lease_seconds=self._lease_seconds)
        for held in found:
            task = asyncio.create_task(self._take_turn(held))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        return bool(found)

    async def finish(self) -> None:
        """Wait for what is in hand."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _take_turn(self, held: Held) -> None:
        try:
            async with asyncio.timeout(self._lease_seconds):
                is_ours = await self._settle(held, await self._tell(held))
            if not is_ours:
                log.warning("a registration was somebody else's by then", zap_id=held.zap_id)
        except Overtaken:
            await self._let_go(held)
        except Unavailable:
            log.warning("a registration waits for the database", zap_id=held.zap_id)
        except Exception:
            log.exception("a registration failed; its lease runs out", zap_id=held.zap_id)

    async def _tell(self, held: Held) -> Outcome:
        """Raises: Overtaken."""
        runtime = self._runtime

        async def intend(known: dict[str, Any]) -> bool:
            async with runtime.db.transaction() as session:
                return await registering.intend(session, held, known)

        try:
            async with runtime.db.reading() as session:
                having = await registering.means(session, runtime, held)
        except HookRefused as problem:
            return hook_keeping.failed(held, problem)

        def door(token: str) -> GitHub:
            base_url = runtime.settings.github_api_url
            return GitHub(runtime.http, base_url, token, having.secret)

        return await Telling(held, having, door, intend).tell()

    async def _settle(self, held: Held, outcome: Outcome) -> bool:
        async with self._runtime.db.transaction() as session:
            return await registering.settle(session, self._runtime, held, outcome)

    async def _let_go(self, held: Held) -> None:
        """Something else is wanted by now: the next look sees to it."""
        with suppress(Unavailable):
            async with self._runtime.db.transaction() as session:
                await registering.let_go(session, held)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._freed.set()

    async def _pause(self, seconds: float) -> None:
        """At most so long: where a turn has ended there is room for another."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._freed.wait()

    async def _try_to_look(self) -> float:
        """Seconds until the next look."""
        try:
            return 0.0 if await self.look() else random.uniform(0.5, 1) * LOOK_SECONDS  # noqa: S311 - spread, not a secret
        except Unavailable:
            log.warning("registrations wait: the database is away")
        except Exception:
            log.exception("registrations could not be looked at; trying again")
        return OUTAGE_SECONDS
