"""Work that outlives the request which caused it: kept track of, and awaited at the end."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


class Errands:
    """The background tasks of one process. None is forgotten, none fails silently."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, errand: Coroutine[Any, Any, None], *, name: str) -> None:
        task = asyncio.create_task(errand, name=name)
        # The loop itself keeps only weak references to tasks.
        self._running.add(task)
        task.add_done_callback(self._ended)

    async def finish(self, *, within_seconds: float | None = None) -> None:
        """Wait for all of them; those that take longer are cancelled, and the log says so."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=within_seconds)
        for task in late:
            log.warning("errand cut short", errand=task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (problem := task.exception()):
            log.error("errand failed", errand=task.get_name(), exc_info=problem)
