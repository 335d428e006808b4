"""Time limits for many short waits at once.

``asyncio.timeout`` sets a timer each time, a twentieth of what a webhook costs. Here one timer
looks after all of them: a limit may be exceeded by a quarter of itself, at most by a second.
"""

import asyncio
from types import TracebackType
from typing import Any

LONGEST_LOOK_SECONDS = 1.0
_OVER = -1.0


class Patience:
    """Ends waits that take longer than ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._every = min(seconds / 4, LONGEST_LOOK_SECONDS)
        self._until: dict[asyncio.Task[Any], float] = {}
        self._is_looking = False

    def limited(self) -> "_Limited":
        """What is inside has that much time; one at a time in a task.

        Raises: TimeoutError when it is over.
        """
        return _Limited(self)

    def _begin(self) -> asyncio.Task[Any]:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - there is one wherever something awaits
        self._until[task] = loop.time() + self.seconds
        if not self._is_looking:
            self._is_looking = True
            loop.call_later(self._every, self._look, loop)
        return task

    def _end(self, task: asyncio.Task[Any]) -> bool:
        """Whether the time was over."""
        return self._until.pop(task, None) == _OVER

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, until in self._until.items():
            if _OVER < until < now:
                self._until[task] = _OVER
                task.cancel()
        self._is_looking = bool(self._until)
        if self._is_looking:
            loop.call_later(self._every, self._look, loop)


class _Limited:
    """Written out: a generator with a decorator costs three times as much."""

    __slots__ = ("_patience", "_task")

    _task: asyncio.Task[Any]

    def __init__(self, patience: Patience) -> None:
        self._patience = patience

    def __enter__(self) -> None:
        self._task = self._patience._begin()  # noqa: SLF001 - its other half

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        is_over = self._patience._end(self._task)  # noqa: SLF001 - its other half
        if is_over and isinstance(problem, asyncio.CancelledError):
            self._task.uncancel()
            raise TimeoutError from problem
