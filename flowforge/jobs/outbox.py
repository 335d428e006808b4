"""The outbox loop: claims due runs, performs them step by step, settles every result.

It needs nothing but the database. A wake-up makes it look at once; without any it looks every
quarter of a second, so lost wake-ups and a Redis that is away cost that much and nothing else.
"""

import asyncio
import datetime as dt
import random
from contextlib import suppress

import structlog

from flowforge.engine import advance as engine
from flowforge.engine.protocol import ErrorInfo, Failed, Perform, Succeeded
from flowforge.errors import Unavailable
from flowforge.infra.db import Database, utc_now
from flowforge.services import execution
from flowforge.services.claims import Claims, Held, carry_out, open_attempt
from flowforge.services.execution import Ledger, RunKey, Writes
from flowforge.services.steps import Done, Performer, outcome_status

log = structlog.get_logger()

TIMER_SECONDS = 0.25
# When every slot is taken: how long to gather freed slots, so that claims stay batches.
GATHER_SECONDS = 0.003
OUTAGE_PAUSE_SECONDS = 0.5
GRACE_SECONDS = 10.0


class OutboxLoop:
    """One per worker process. ``wake`` may be called from anywhere in its event loop."""

    def __init__(
        self,
        database: Database,
        claims: Claims,
        ledger: Ledger,
        performer: Performer,
        *,
        worker: str,
        concurrency: int,
        lease_seconds: float,
        run_timeout_seconds: float,
    ) -> None:
        self._database = database
        self._claims = claims
        self._ledger = ledger
        self._performer = performer
        self._worker = worker
        self._concurrency = concurrency
        self._lease_seconds = lease_seconds
        self._run_timeout_seconds = run_timeout_seconds
        self._woken = asyncio.Event()
        self._freed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._runs: set[asyncio.Task[None]] = set()

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
            taken = await self._claims.take(free)
        except Unavailable:
            log.warning("the database is away; trying again")
            await self._pause_for_outage()
            return
        except Exception:
            log.exception("claim failed; trying again")
            await self._pause_for_outage()
            return
        for one in taken.held:
            task = asyncio.create_task(self._drive(one))
            self._runs.add(task)
            task.add_done_callback(self._ended)
        if taken.is_all:
            with suppress(TimeoutError):
                async with asyncio.timeout(TIMER_SECONDS):
                    await self._woken.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._runs.discard(task)
        self._freed.set()

    async def _drive(self, held: Held) -> None:
        try:
            await self._advance(held)
        except Exception:
            # Its lease will expire and the run be taken up again, up to its attempts' limit.
            log.exception("run was dropped", run_id=held.key.run_id)
            await self._let_go(held.key)

    async def _let_go(self, key: RunKey) -> None:
        """Else its lease would be renewed with those of all other runs, for ever."""
        while True:
            try:
                await execution.let_go(self._database, key)
            except Unavailable:
                await asyncio.sleep(OUTAGE_PAUSE_SECONDS)
            else:
                return

    async def _advance(self, held: Held) -> None:
        """Perform step after step until the run ends, waits, or is no longer ours."""
        while True:
            remaining = self._run_timeout_seconds - held.active_seconds
            done = await self._performer.perform(held, max(remaining, 0.001))
            held.active_seconds += done.seconds
            writes = Writes()
            following = self._decide(held, done, writes)
            if not await self._settle(held, writes) or following is None:
                return
            held.perform, held.attempt_id = following

    def _decide(self, held: Held, done: Done, writes: Writes) -> tuple[Perform, str] | None:
        """Fill ``writes`` with all that follows; the next attempt, or None if not ours now."""
        outcome, key = done.outcome, held.key
        if isinstance(outcome, Failed) and held.active_seconds >= self._run_timeout_seconds:
            self._close(held, done, writes)
            said = f"The run worked longer than {self._run_timeout_seconds:g} seconds."
            writes.finish_run(key.run_id, "timed_out", ErrorInfo("run_timeout", said))
            return None
        held.state, commands = engine.advance(held.plan, held.state, outcome)
        perform = carry_out(key, commands, writes)
        wait = _jittered(perform, outcome) if perform is not None else 0.0
        is_retry = perform is not None and perform.path == outcome.path
        due_at = utc_now() + dt.timedelta(seconds=wait)
        self._close(held, done, writes, retry_at=due_at if is_retry else None)
        if perform is None:
            return None
        if wait > 0 or self._stopping.is_set():
            writes.release_run(key.run_id, due_at)
            return None
        return perform, open_attempt(key, held.plan, perform, writes)

    def _close(
        self, held: Held, done: Done, writes: Writes, *, retry_at: dt.datetime | None = None
    ) -> None:
        outcome = done.outcome
        writes.close_attempt(
            held.attempt_id,
            outcome_status(outcome),
            inputs=done.inputs,
            output=outcome.output if isinstance(outcome, Succeeded) else None,
            error=outcome.error if isinstance(outcome, Failed) else None,
            retry_at=retry_at,
        )

    async def _settle(self, held: Held, writes: Writes) -> bool:
        """What was done must be written, however long the database is away; or the fence says
        that somebody else has taken over, and then it must not be.
        """
        while True:
            try:
                is_mine = await self._ledger.settle(held.key, writes)
            except (Unavailable, asyncio.QueueFull):
                log.warning("result waits for the database", run_id=held.key.run_id)
                await asyncio.sleep(OUTAGE_PAUSE_SECONDS)
                continue
            if not is_mine:
                log.warning("late result thrown away", run_id=held.key.run_id)
            return is_mine

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            if not self._runs:
                continue
            try:
                await execution.renew(self._database, self._worker, self._lease_seconds)
            except Unavailable:
                log.warning("leases not renewed: the database is away")
            except Exception:
                log.exception("leases not renewed")

    async def _pause_for_outage(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(OUTAGE_PAUSE_SECONDS):
                await self._stopping.wait()


def _jittered(perform: Perform, outcome: Succeeded | Failed) -> float:
    """Seconds to wait: half of the policy's wait surely, the other half by chance, so that many
    runs failing together do not come back together; never sooner than the provider asked.
    """
    floor = outcome.retry_after or 0.0 if isinstance(outcome, Failed) else 0.0
    return max(perform.wait_seconds * random.uniform(0.5, 1.0), floor)  # noqa: S311 - spread, not a secret
