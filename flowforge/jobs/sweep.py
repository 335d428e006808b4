"""Housekeeping that no promise depends on: what is overdue is sent, what was forgotten is mended,
what has expired is removed. Any number of workers may do it at once.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import structlog

from flowforge.errors import Unavailable
from flowforge.infra.runtime import Runtime
from flowforge.services import admission, leftovers

log = structlog.get_logger()

EVERY_SECONDS = 60.0
RARELY_SECONDS = 3600.0

Chore = Callable[[], Awaitable[object]]


class Sweep:
    """One per worker process. ``more`` are chores of other jobs, by name."""

    def __init__(self, runtime: Runtime, **more: Chore) -> None:
        self._runtime = runtime
        self._often: dict[str, Chore] = {
            "adopt": lambda: leftovers.adopt(runtime.db),
            "limits": lambda: admission.mend(runtime.db),
            "expired": self._remove_expired,
            "rejected": lambda: leftovers.remove_rejected(runtime.db),
            **more,
        }
        self._seldom: dict[str, Chore] = {
            "blobs": lambda: leftovers.remove_unnamed(runtime.db, runtime.blobs),
        }
        # Not at once: many workers may have been started together.
        self._seldom_at = time.monotonic() + random.uniform(0.1, 1) * RARELY_SECONDS  # noqa: S311 - spread, not a secret

    async def run(self) -> None:
        """Sweep now and then, until cancelled. With Redis the carrier's clock does so as well."""
        while True:
            await self.sweep()
            await asyncio.sleep(random.uniform(1, 1.5) * EVERY_SECONDS)  # noqa: S311 - spread, not a secret

    async def sweep(self) -> None:
        """Do every chore; one that fails is tried again next time, and stops no other."""
        for name, chore in self._often.items():
            await _try(name, chore)
        if time.monotonic() >= self._seldom_at:
            self._seldom_at = time.monotonic() + RARELY_SECONDS
            for name, chore in self._seldom.items():
                await _try(name, chore)

    async def _remove_expired(self) -> None:
        async with self._runtime.db.transaction() as session:
            await leftovers.remove_expired(session)


async def _try(name: str, chore: Chore) -> None:
    try:
        await chore()
    except Unavailable:
        log.warning("not swept: the database is away", chore=name)
    except Exception:
        log.exception("not swept", chore=name)
