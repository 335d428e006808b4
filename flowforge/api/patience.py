"""Time limits for many short waits at once.

``asyncio.timeout`` sets a timer each time, a twentieth of what a webhook costs. Here one timer
looks after all of them: a limit may be exceeded by a quarter of itself, at most by a second.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LONGEST_LOOK_SECONDS = 1.0
_OVER = -1.0


class Patience:
    """Ends waits that take longer than ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._every = min(seconds / 4, LONGEST_LOOK_SECONDS)
        self._until: dict[asyncio.Task[Any], float] = {}
        self._is_looking = False

    @contextmanager
    def limited(self) -> Iterator[None]:
        """What is inside has that much time; one at a time in a task.

        Raises: TimeoutError when it is over.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - there is one wherever something awaits
        self._until[task] = loop.time() + self._seconds
        if not self._is_looking:
            self._is_looking = True
            loop.call_later(self._every, self._look, loop)
        try:
            yield
        except asyncio.CancelledError as problem:
            if self._until.get(task) != _OVER:
                raise
            task.uncancel()
            raise TimeoutError from problem
        finally:
            self._until.pop(task, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, until in self._until.items():
            if _OVER < until < now:
                self._until[task] = _OVER
                task.cancel()
        self._is_looking = bool(self._until)
        if self._is_looking:
            loop.call_later(self._every, self._look, loop)
