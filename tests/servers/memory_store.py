"""A step's store in memory that can crash its caller on either side of a ``put``."""

import copy
from collections import deque
from typing import Any


class Crash(BaseException):
    """The worker dies here: nothing in the action may answer it."""


class MemoryStore:
    """``crashes``: what happens at the next puts: ``before``, ``after`` or nothing (empty)."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.crashes: deque[str] = deque()

    async def get(self, key: str) -> Any | None:
        return copy.deepcopy(self.values.get(key))

    async def put(self, key: str, value: Any) -> None:
        crash = self.crashes.popleft() if self.crashes else ""
        if crash == "before":
            raise Crash
        self.values[key] = copy.deepcopy(value)
        if crash == "after":
            raise Crash
