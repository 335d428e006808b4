"""Runs that wait for runs: a zap may call, directly or not, one whose limit it fills itself.

Such a run would wait for its own caller, so it is let in beyond the limit.
"""

from collections.abc import Collection

from flowforge.infra.bulk import Bulk
from flowforge.services.leases import Lease

_MOST_LOOKED_AT = 100

# From each run up through those that wait for it; a call that nobody waits for ends the line.
_CALLERS = (
    "WITH RECURSIVE line (origin, id) AS ("
    "SELECT id, id FROM run WHERE id IN :ids "
    "UNION SELECT l.origin, c.id FROM line l JOIN run r ON r.id = l.id "
    "JOIN run c ON c.id = r.parent_run_id "
    "JOIN attempt a ON a.run_id = c.id AND a.path = r.parent_path AND a.status = 'running') "
    "SELECT l.origin, o.gate FROM line l JOIN outbox o ON o.run_id = l.id "
    "WHERE l.id <> l.origin AND o.gate IS NOT NULL AND o.admitted"
)


async def is_in_its_own_way(tx: Bulk, lease: Lease) -> bool:
    """Whether the run waits, at its gate, for a run that waits for it.

    Seen are its callers, and one round over other gates: A calls B, which is full of runs that
    wait for an A. What goes round over three zaps ends at the deadlines of its runs.
    """
    behind = await _gates_behind(tx, [lease.run_id])
    if lease.gate in behind or not behind:
        return bool(behind)
    rows = await tx.select(
        "SELECT run_id FROM outbox WHERE gate IN :ids AND parked = 'limit' "  # noqa: S608 - our own constants
        f"ORDER BY run_id LIMIT {_MOST_LOOKED_AT}",
        sorted(behind),
    )
    return lease.gate in await _gates_behind(tx, [row["run_id"] for row in rows])


async def _gates_behind(tx: Bulk, run_ids: Collection[str]) -> set[str]:
    """The gates that the callers of these runs are inside of."""
    if not run_ids:
        return set()
    return {row["gate"] for row in await tx.select(_CALLERS, sorted(run_ids))}
