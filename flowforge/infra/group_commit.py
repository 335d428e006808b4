"""Group commit: concurrent callers share one transaction, adaptively."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flowforge.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class _Waiting(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result]


class GroupCommit(Generic[Item, Result]):
    """Concurrent callers share a commit, adaptively.

    An idle group flushes at once, so a lone caller waits for nothing. What arrives while a flush
    is running goes together into the next. ``flush`` gets at most ``largest`` items and answers
    them in order; an exception answers all of that batch. More than ``capacity`` waiting items
    are refused by ``add`` (QueueFull), so an outage cannot eat the memory.
    """

    def __init__(
        self,
        flush: Callable[[list[Item]], Awaitable[Sequence[Result]]],
        *,
        largest: int = 128,
        capacity: int = 10_000,
    ) -> None:
        self._flush = flush
        self._largest = largest
        self._capacity = capacity
        self._waiting: list[_Waiting[Item, Result]] = []
        self._running: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        if len(self._waiting) >= self._capacity:
            raise asyncio.QueueFull
        one = _Waiting(item, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        result: Result = await one.future
        return result

    async def _run(self) -> None:
        try:
            await self._flush_all()
        finally:
            # Here and not in a callback of the task: that comes a turn of the loop later, and
            # whoever adds in between would count on a task that looks at nothing any more.
            self._running = None

    async def _flush_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
            try:
                results = await self._flush([one.item for one in batch])
            except Unavailable as problem:
                _refuse(batch, problem)
            except Exception as problem:  # noqa: BLE001 - handed to its caller
                if len(batch) == 1:
                    _refuse(batch, problem)
                else:
                    # One bad item must not take its neighbours with it: each gets its own commit.
                    await self._one_by_one(batch)
            else:
                for one, result in zip(batch, results, strict=True):
                    if not one.future.done():
                        one.future.set_result(result)

    async def _one_by_one(self, batch: list[_Waiting[Item, Result]]) -> None:
        for one in batch:
            try:
                (result,) = await self._flush([one.item])
            except Exception as problem:  # noqa: BLE001 - handed to its caller
                _refuse([one], problem)
            else:
                if not one.future.done():
                    one.future.set_result(result)


def _refuse(batch: Sequence[_Waiting[Any, Any]], problem: Exception) -> None:
    for one in batch:
        if not one.future.done():
            one.future.set_exception(problem)
