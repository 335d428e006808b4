"""What a step remembers over its attempts: durable at once, private to the step, fenced."""

from typing import Any

from sqlalchemy import select
from sqlmodel import col

from flowforge.errors import Conflict
from flowforge.infra.db import Database, utc_now
from flowforge.models import OutboxEntry, StoreEntry
from flowforge.services.execution import RunKey


class StepStore:
    """The store of one path of one run, as its current holder sees it."""

    def __init__(self, database: Database, key: RunKey, path: str) -> None:
        self._database = database
        self._key = key
        self._scope = f"run:{key.run_id}:{path}"

    async def get(self, key: str) -> Any | None:
        async with self._database.reading() as session:
            entry = await session.get(StoreEntry, (self._scope, key))
            return None if entry is None else entry.value

    async def put(self, key: str, value: Any) -> None:
        """Committed when it returns.

        Raises: Conflict when another worker has taken the run over meanwhile.
        """
        async with self._database.transaction() as session:
            # The row lock keeps a new holder from claiming between this look and the commit.
            fence = await session.scalar(
                select(col(OutboxEntry.fence))
                .where(col(OutboxEntry.run_id) == self._key.run_id)
                .with_for_update()
            )
            if fence != self._key.fence:
                raise Conflict("Another worker has taken this run over.", code="lease_lost")
            await session.merge(
                StoreEntry(
                    scope=self._scope,
                    key=key,
                    project_id=self._key.project_id,
                    value=value,
                    updated_at=utc_now(),
                )
            )
