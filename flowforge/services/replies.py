"""Waiting for what a run answers: a look per news of it, and one by the clock where news are lost.

Promises: whoever waits is told once the run has replied or ended, or that the time is over; a
database that is away meanwhile is waited for as well. What they were told is noted on their event
afterwards: it costs nobody's answer any time.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, text

from flowforge.errors import Unavailable
from flowforge.infra import documents
from flowforge.infra.blobs import Blobs
from flowforge.infra.bulk import bulk
from flowforge.infra.db import Database
from flowforge.infra.group_commit import GroupCommit
from flowforge.infra.signals import Signals
from flowforge.models import Event

# By the clock, however quiet it is.
LOOK_SECONDS = 1.0
LARGEST_LOOK = 256
ENDED = frozenset({"succeeded", "failed", "cancelled", "timed_out"})

_LOOK = text("SELECT id, status, reply FROM run WHERE id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
_EVENT: Table = Event.__table__  # type: ignore[attr-defined]


class Seen(NamedTuple):
    """A run as it is now; ``reply`` is {status, headers, body}."""

    status: str
    reply: dict[str, Any] | None


class Told(NamedTuple):
    """What the sender of an event was answered, after how long."""

    event_id: str
    status_code: int
    took_ms: int


class Replies:
    """Looks of many who wait share their statements, and so do notes of what they were told."""

    def __init__(self, database: Database, signals: Signals, blobs: Blobs) -> None:
        self._database = database
        self._signals = signals
        self._blobs = blobs
        self._looks = GroupCommit(self._look, largest=LARGEST_LOOK)
        self._notes = GroupCommit(self._note, largest=LARGEST_LOOK)

    async def wait(self, run_id: str, seconds: float) -> Seen | None:
        """The run once it has replied or ended; None: it has done neither for so long, or nobody
        could see it.
        """
        ends_at = time.monotonic() + seconds
        async with self._signals.subscribe(f"run:{run_id}") as news:
            while True:
                seen = await self._glance(run_id)
                if seen is not None and (seen.reply is not None or seen.status in ENDED):
                    return await self._whole(seen)
                left = ends_at - time.monotonic()
                if left <= 0:
                    return None
                await news.wait(min(left, LOOK_SECONDS))

    async def note(self, told: Told) -> None:
        """Note it on the event. Raises: Unavailable."""
        await self._notes.add(told)

    async def _glance(self, run_id: str) -> Seen | None:
        """None: there is nothing to see, or the database is away. The event is stored: who was told
        otherwise would send it again.
        """
        try:
            return await self._looks.add(run_id)
        except Unavailable:
            return None

    async def _note(self, told: list[Told]) -> Sequence[None]:
        async with bulk(self._database) as tx:
            await tx.update(_EVENT, "id", ("status_code", "took_ms"), told)
        return [None] * len(told)

    async def _look(self, run_ids: list[str]) -> Sequence[Seen | None]:
        async with self._database.reading() as session:
            connection = await session.connection()
            rows = await connection.execute(_LOOK, {"ids": sorted(set(run_ids))})
            found = {row.id: (row.status, row.reply) for row in rows}
        return [_seen(found[run_id]) if run_id in found else None for run_id in run_ids]

    async def _whole(self, seen: Seen) -> Seen:
        """With the body that is too large for a row."""
        if seen.reply is None or "stored" not in seen.reply:
            return seen
        raw = await self._blobs.get(seen.reply["stored"]["key"])
        output = await asyncio.to_thread(documents.parse, raw)
        return seen._replace(reply=seen.reply | {"body": output["body"]})


def _seen(row: tuple[str, str | None]) -> Seen:
    status, reply = row
    return Seen(status, None if reply is None else documents.parse(reply))
