"""Where a claim or a settlement decides who goes on: what it holds, and what it will write.

Promise: what one transaction decides is written together, and of entries that others have in hand
none is touched.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table

from flowforge.infra.bulk import Bulk
from flowforge.models import Gate as GateRow
from flowforge.models import OutboxEntry
from flowforge.services import leases
from flowforge.services.gates import FAR, Gate
from flowforge.services.leases import Lease

_OUTBOX: Table = OutboxEntry.__table__  # type: ignore[attr-defined]
_GATE: Table = GateRow.__table__  # type: ignore[attr-defined]
_PARKED = ("due_at", "rank_at", "parked", "admitted", "lease_until", "worker")
_CALLED = ("due_at", "rank_at", "parked", "admitted")


@dataclass(slots=True)
class Desk:
    """One claim or settlement at its gates: what it holds, and what becomes of the entries."""

    tx: Bulk
    about: Mapping[str, Any]
    held: Mapping[str, Gate]
    parked: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    called: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def is_new(self, lease: Lease) -> bool:
        """Whether its run has not begun."""
        return bool(self.about[lease.run_id]["status"] == "queued")

    def park(self, lease: Lease, reason: str | None, due_at: dt.datetime = FAR) -> None:
        rank_at = leases.rank(due_at, lease.priority)
        row = (lease.run_id, due_at, rank_at, reason, lease.admitted, None, None)
        self.parked[lease.run_id] = row

    async def call(
        self, rows: Iterable[Any], now: dt.datetime, *, parked: str | None, admitted: bool | None
    ) -> None:
        """Make due what waits, except for rows that somebody else has in hand: whoever that is
        comes by here afterwards.
        """
        waiting = {row["run_id"]: row for row in rows}
        if not waiting:
            return
        free = await self.tx.select(
            "SELECT run_id, priority, admitted FROM outbox WHERE run_id IN :ids "  # noqa: S608 - our own constants
            f"ORDER BY run_id {self.tx.skip_locked}",
            sorted(waiting),
        )
        for row in free:
            inside = bool(row["admitted"]) if admitted is None else admitted
            rank_at = leases.rank(now, row["priority"])
            self.called[row["run_id"]] = (row["run_id"], now, rank_at, parked, inside)

    async def close(self, through: Iterable[Lease], before: Mapping[str, Lease]) -> None:
        """Write it all down."""
        kept = [
            (lease.run_id, None, lease.admitted)
            for lease in through
            if lease.parked is not None or lease.admitted != before[lease.run_id].admitted
        ]
        await self.tx.update(_OUTBOX, "run_id", _PARKED, list(self.parked.values()))
        await self.tx.update(_OUTBOX, "run_id", ("parked", "admitted"), kept)
        await self.tx.update(_OUTBOX, "run_id", _CALLED, list(self.called.values()))
        throttles = [
            (gate.key, gate.last_start_at, gate.next_start_at, gate.now)
            for gate in self.held.values()
            if gate.next_start_at is not None
        ]
        columns = ("last_start_at", "next_start_at", "updated_at")
        await self.tx.update(_GATE, "key", columns, throttles)
