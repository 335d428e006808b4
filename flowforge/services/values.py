"""Values that runs keep: small ones in their row, large ones as blobs, too large ones not at all.

A value is written as JSON once. What is over 32 KB goes to a blob before the row that names it is
committed; the row is what counts, so a blob without one is rubbish and is swept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flowforge.engine.protocol import Stored
from flowforge.infra import documents
from flowforge.infra.blobs import Blobs

LARGEST_IN_ROW = 32 * 1024
LARGEST_BYTES = 25 * 1024 * 1024
# Parsed JSON takes some times its size: so much of it, as text, is kept for the next step.
CACHED_BYTES = 64 * 1024 * 1024


class ValueTooLarge(Exception):
    """The value cannot be kept; the message names it and how large it is."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A value as its row holds it: ``document`` (JSON), or ``blob`` and ``size`` (bytes of JSON).

    ``content`` is what has to be written to the blob before the row.
    """

    document: str | None = None
    blob: str | None = None
    size: int | None = None
    content: bytes | None = None

    @property
    def columns(self) -> tuple[str | None, str | None, int | None]:
        return self.document, self.blob, self.size


NOTHING = Packed()


def pack(value: Any, what: str = "value") -> Packed:
    """``value`` as a row holds it. None is nothing.

    Raises: ValueTooLarge over 25 MB; Malformed for what is no JSON.
    """
    if value is None:
        return NOTHING
    if isinstance(value, Stored):
        return Packed(None, value.key, value.size)
    text = documents.dump(value)
    # Most are far from the limit, and counting characters is cheaper than encoding them.
    if len(text) * 4 <= LARGEST_IN_ROW:
        return Packed(text)
    content = text.encode()
    if len(content) <= LARGEST_IN_ROW:
        return Packed(text)
    if len(content) > LARGEST_BYTES:
        raise ValueTooLarge(
            f"The {what} is {len(content) / 1024 / 1024:.1f} MB; the largest value that can be kept"
            f" is {LARGEST_BYTES // 1024 // 1024} MB. Pass on less of it, or keep it in a file."
        )
    return Packed(None, Blobs.new_key(), len(content), content)


def kept(value: Any, packed: Packed) -> Any:
    """What the engine holds of a value: itself, or where it is stored."""
    if packed.blob is None or packed.size is None:
        return value
    return Stored(packed.blob, packed.size)


def stored(document: str | None, blob: str | None, size: int | None) -> Any:
    """The value of a row as the engine holds it."""
    if blob is not None:
        return Stored(blob, size or 0)
    return documents.parse(document) if document else None


class Values:
    """Reads stored values, and keeps the latest for the next step. One per worker process."""

    def __init__(self, blobs: Blobs, cached_bytes: int = CACHED_BYTES) -> None:
        self._blobs = blobs
        self._most = cached_bytes
        self._bytes = 0
        self._cached: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._reading: dict[str, asyncio.Task[Any]] = {}

    async def write(self, packed: Iterable[Packed]) -> None:
        """Put what is large where its row will say it is; durable when it returns."""
        for one in packed:
            if one.content is not None and one.blob is not None:
                await self._blobs.put_as(one.blob, one.content)

    async def load(self, wanted: Sequence[Stored]) -> dict[str, Any]:
        """The values by their key. Raises: NotFound where one is no longer stored."""
        return {each.key: await self._value(each) for each in wanted}

    async def _value(self, wanted: Stored) -> Any:
        known = self._cached.get(wanted.key)
        if known is not None:
            self._cached.move_to_end(wanted.key)
            return known[1]
        # Many steps of one run may want the same value at once: it is read for all of them.
        task = self._reading.get(wanted.key)
        if task is None:
            task = asyncio.create_task(self._read(wanted.key))
            self._reading[wanted.key] = task
            task.add_done_callback(lambda _: self._reading.pop(wanted.key, None))
        return await asyncio.shield(task)

    async def _read(self, key: str) -> Any:
        content = await self._blobs.get(key)
        value = await asyncio.to_thread(documents.parse, content)
        self._cached[key] = (len(content), value)
        self._bytes += len(content)
        while self._bytes > self._most and self._cached:
            _, (size, _) = self._cached.popitem(last=False)
            self._bytes -= size
        return value
