"""Passes notices on and sends deliveries, beside the runs of this worker.

It needs nothing but the database: what is due stands there, and whoever comes first deals with it.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress

import structlog

from flowforge.errors import Unavailable
from flowforge.infra.bulk import bulk
from flowforge.infra.db import utc_now
from flowforge.infra.failpoints import reach
from flowforge.infra.runtime import Runtime
from flowforge.services import deliveries, delivery_log, telling
from flowforge.services.deliveries import Parcel

log = structlog.get_logger()

LOOK_SECONDS = 0.5
OUTAGE_SECONDS = 2.0
AT_ONCE = 20


class Postman:
    """One per worker process."""

    def __init__(
        self, runtime: Runtime, *, lease_seconds: float = deliveries.LEASE_SECONDS
    ) -> None:
        self._runtime = runtime
        self._lease_seconds = lease_seconds
        self._sending: dict[asyncio.Task[None], str] = {}
        self._freed = asyncio.Event()

    async def run(self) -> None:
        """Go on until cancelled; what is in hand then is sent again by somebody else."""
        try:
            while True:
                await self._pause(await self._try_to_look())
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def look(self) -> bool:
        """Deal with what there is; whether there may be more."""
        self._freed.clear()
        # Most of the time there is nothing, and looking takes no lock from anybody.
        async with self._runtime.db.reading() as session:
            has_notices, has_deliveries = await telling.is_anything_due(session)
        is_more = await self.pass_on() if has_notices else False
        if has_notices or has_deliveries:
            is_more = await self._send_due() or is_more
        return is_more

    async def pass_on(self) -> bool:
        """Pass one batch of notices on; whether there may be more."""
        base_url = self._runtime.settings.effective_public_url
        async with bulk(self._runtime.db) as tx:
            number, fired = await telling.pass_on(tx, base_url)
            reach("tell.before_commit")
        await fired.after(self._runtime.db, self._runtime.signals)
        return number == telling.LARGEST_BATCH

    async def finish(self) -> None:
        """Wait for what is in hand."""
        while self._sending:
            await asyncio.wait(self._sending)

    async def remove_old(self) -> None:
        """A chore of the sweep."""
        async with self._runtime.db.transaction() as session:
            await delivery_log.remove_old(session)

    async def _send_due(self) -> bool:
        """Take what is due and there is room for; one slow destination leaves room for others."""
        room = AT_ONCE - len(self._sending)
        if room <= 0:
            return False
        busy = Counter(self._sending.values())
        full = [one for one, number in busy.items() if number >= deliveries.MOST_TO_ONE]
        found = await deliveries.claim(
            self._runtime.db,
            self._runtime.vault,
            min(room, deliveries.MOST_TO_ONE),
            spared=full,
            lease_seconds=self._lease_seconds,
        )
        for parcel in found:
            task = asyncio.create_task(self._deliver(parcel))
            self._sending[task] = parcel.destination_id
            task.add_done_callback(self._sent)
        return bool(found)

    async def _deliver(self, parcel: Parcel) -> None:
        try:
            outcome = await deliveries.send(self._runtime.http, parcel, utc_now())
            reach("deliver.after_send")
            async with self._runtime.db.transaction() as session:
                is_ours = await deliveries.settle(session, self._runtime, parcel, outcome)
            if not is_ours:
                log.warning("a delivery was somebody else's by then", delivery_id=parcel.id)
        except Unavailable:
            log.warning("a delivery waits for the database", delivery_id=parcel.id)
        except Exception:
            log.exception("a delivery failed; its lease runs out", delivery_id=parcel.id)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._sending[task]
        self._freed.set()

    async def _pause(self, seconds: float) -> None:
        """At most so long: where a delivery has ended there is room for another."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._freed.wait()

    async def _try_to_look(self) -> float:
        """Seconds until the next look."""
        try:
            return 0.0 if await self.look() else random.uniform(0.5, 1) * LOOK_SECONDS  # noqa: S311 - spread, not a secret
        except Unavailable:
            log.warning("notices wait: the database is away")
        except Exception:
            log.exception("notices could not be passed on; trying again")
        return OUTAGE_SECONDS
