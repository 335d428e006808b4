"""Debounce: of runs with equal keys that have not begun, only the newest will.

Promise: whoever claims one looks for a newer one, so that it holds without any lock at intake; that
the older ones end at once is a courtesy to whoever looks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from flowforge.infra import documents, telemetry
from flowforge.infra.bulk import Bulk
from flowforge.infra.db import utc_now
from flowforge.models import OutboxEntry, Run
from flowforge.services import notices
from flowforge.services.leases import Lease

_RUN: Table = Run.__table__  # type: ignore[attr-defined]
_OUTBOX: Table = OutboxEntry.__table__  # type: ignore[attr-defined]


async def without_superseded(
    tx: Bulk, asking: Sequence[Lease], about: Mapping[str, Any]
) -> list[Lease]:
    """End those for which a newer one has come; the others."""
    debounced = {
        lease.run_id: lease.debounce
        for lease in asking
        if lease.debounce is not None and about[lease.run_id]["status"] == "queued"
    }
    newest = await _newest(tx, set(debounced.values()))
    ended = {
        run_id: newest[key] for run_id, key in debounced.items() if newest.get(key, run_id) > run_id
    }
    await _end(tx, ended)
    return [lease for lease in asking if lease.run_id not in ended]


async def supersede(tx: Bulk, newcomers: Mapping[str, str]) -> list[str]:
    """End what waits in vain for the runs that came now (key -> run id). The gates they stood at.

    Passes over what is in somebody's hands: they look themselves.
    """
    rows = await tx.select(
        "SELECT run_id, debounce, gate FROM outbox "  # noqa: S608 - our own constants
        f"WHERE debounce IN :ids AND (lease_until IS NULL OR lease_until <= {tx.now}) "
        f"ORDER BY run_id {tx.skip_locked}",
        sorted(newcomers),
    )
    # Asked once the entries are ours: until then one may have begun.
    queued = await tx.select(
        "SELECT id FROM run WHERE id IN :ids AND status = 'queued'",
        [row["run_id"] for row in rows],
    )
    not_begun = {row["id"] for row in queued}
    ended = {
        row["run_id"]: newcomers[row["debounce"]]
        for row in rows
        if row["run_id"] in not_begun and row["run_id"] < newcomers[row["debounce"]]
    }
    await _end(tx, ended)
    return [row["gate"] for row in rows if row["run_id"] in ended and row["gate"]]


async def _newest(tx: Bulk, keys: set[str]) -> dict[str, str]:
    if not keys:
        return {}
    rows = await tx.select(
        "SELECT debounce, max(run_id) AS newest FROM outbox WHERE debounce IN :ids "
        "GROUP BY debounce",
        sorted(keys),
    )
    return {row["debounce"]: row["newest"] for row in rows}


async def _end(tx: Bulk, successors: Mapping[str, str]) -> None:
    now = utc_now()
    rows = []
    for run_id, newer in successors.items():
        said = f"A later event with the same key came before this run began: run {newer} began "
        error = documents.dump({"code": "superseded", "message": f"{said}in its place."})
        rows.append((run_id, "cancelled", error, now))
        telemetry.count_run("cancelled")
    await tx.update(_RUN, "id", ("status", "error", "finished_at"), rows)
    await tx.delete(_OUTBOX, "run_id", list(successors))
    await notices.note_ends(tx, rows)
