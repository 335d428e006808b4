"""Passing notices on: a delivery for each destination that wants one, and what failures fire.

Promise: a notice is passed on whole and once, in the transaction that removes it, so that whoever
dies in between loses nothing and doubles nothing.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra import documents
from flowforge.infra.bulk import Bulk, moment
from flowforge.infra.db import db_now, new_id
from flowforge.models import Delivery, Notice
from flowforge.services import error_trigger, firing, notices
from flowforge.services.error_trigger import Failure
from flowforge.services.firing import Fired

LARGEST_BATCH = 100

_NOTICE: Table = Notice.__table__  # type: ignore[attr-defined]
_DELIVERY: Table = Delivery.__table__  # type: ignore[attr-defined]
_DELIVERY_COLUMNS = (
    "id",
    "project_id",
    "destination_id",
    "notice_id",
    "kind",
    "payload",
    "status",
    "due_at",
    "created_at",
)
_NOTICE_COLUMNS = "id, project_id, kind, run_id, data, created_at"
_RUNS = (
    "SELECT r.id, r.zap_id, r.version, r.created_at, r.started_at, z.name AS zap_name, "
    "e.id AS event_id, e.trigger, e.received_at FROM run r JOIN zap z ON z.id = r.zap_id "
    "JOIN event e ON e.id = r.event_id WHERE r.id IN :ids"
)
_DESTINATIONS = (
    "SELECT id, project_id, kinds FROM destination WHERE enabled AND project_id IN :ids ORDER BY id"
)


async def is_anything_due(session: AsyncSession) -> tuple[bool, bool]:
    """Whether there are notices, and whether deliveries are due; takes no lock from anybody."""
    due = select(Delivery).where(
        col(Delivery.due_at) <= db_now(),
        or_(col(Delivery.lease_until).is_(None), col(Delivery.lease_until) <= db_now()),
    )
    row = (await session.execute(select(exists(select(Notice)), exists(due)))).one()
    return bool(row[0]), bool(row[1])


async def pass_on(tx: Bulk, base_url: str, limit: int = LARGEST_BATCH) -> tuple[int, Fired]:
    """Pass the oldest notices on: how many, and what they fired. Two at once see different ones."""
    found = await tx.fetch(
        # By the clock that says later what is due.
        f"SELECT {_NOTICE_COLUMNS}, {tx.now} AS now FROM notice "  # noqa: S608 - our own constants
        f"ORDER BY id LIMIT :limit {tx.skip_locked}",
        limit=limit,
    )
    if not found:
        return 0, Fired([])
    told = await _told(tx, found, base_url)
    # Held until the end: none of them is deleted or switched off while it is written to.
    destinations = await tx.select(
        _DESTINATIONS, sorted({row["project_id"] for row in found}), lock=True
    )
    by_project = defaultdict(list)
    for row in destinations:
        by_project[row["project_id"]].append((row["id"], documents.parse(row["kinds"])))
    now = moment(found[0]["now"])
    rows = [
        delivery
        for row in found
        if row["id"] in told
        for delivery in _deliveries(row, told[row["id"]], by_project[row["project_id"]], now)
    ]
    await tx.insert(_DELIVERY, _DELIVERY_COLUMNS, rows)
    failures = [_failure(row, told[row["id"]]) for row in found if _is_failure(row, told)]
    happenings = await error_trigger.happenings(tx, failures)
    fired = await firing.fire(tx, happenings) if happenings else Fired([])
    await tx.delete(_NOTICE, "id", [row["id"] for row in found])
    return len(found), fired


async def _told(tx: Bulk, found: Sequence[Any], base_url: str) -> dict[str, Mapping[str, Any]]:
    """The data of each notice; none for those of runs that are gone."""
    run_ids = sorted({row["run_id"] for row in found if row["run_id"]})
    runs = {row["id"]: row for row in await tx.select(_RUNS, run_ids)} if run_ids else {}
    told: dict[str, Mapping[str, Any]] = {}
    for row in found:
        data = documents.parse(row["data"])
        if row["run_id"] is None:
            told[row["id"]] = data
        elif row["run_id"] in runs:
            told[row["id"]] = _of_run(runs[row["run_id"]], row, data, base_url)
    return told


def _of_run(run: Any, notice: Any, data: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """How the run ended then: by now a person may have let it go on."""
    return {
        "run": {
            "id": run["id"],
            "zap_id": run["zap_id"],
            "zap_name": run["zap_name"],
            "version": run["version"],
            "status": data["status"],
            "error": data["error"],
            "url": f"{base_url}/runs/{run['id']}",
            "created_at": _iso(run["created_at"]),
            "started_at": _iso(run["started_at"]),
            "finished_at": _iso(notice["created_at"]),
        },
        "event": {
            "id": run["event_id"],
            "trigger": run["trigger"],
            "received_at": _iso(run["received_at"]),
        },
    }


def _iso(at: Any) -> str | None:
    return moment(at).isoformat() if at else None


def _deliveries(
    notice: Any, data: Mapping[str, Any], destinations: Sequence[tuple[str, Any]], now: dt.datetime
) -> list[tuple[Any, ...]]:
    rows = []
    status = data["run"] if notice["run_id"] else {}
    for destination_id, kinds in destinations:
        for kind in notices.names(notice["kind"], status):
            if notices.wanted(kinds, kind):
                payload = envelope(kind, moment(notice["created_at"]), data)
                rows.append(
                    (
                        new_id(),
                        notice["project_id"],
                        destination_id,
                        notice["id"],
                        kind,
                        documents.dump(payload),
                        "pending",
                        now,
                        now,
                    )
                )
                break
    return rows


def envelope(kind: str, at: dt.datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a destination is sent, as the Standard Webhooks have it."""
    return {"type": kind, "timestamp": at.isoformat(), "data": data}


def _is_failure(notice: Any, told: Mapping[str, Mapping[str, Any]]) -> bool:
    data = told.get(notice["id"])
    return bool(notice["run_id"] and data and data["run"]["status"] in notices.FAILURES)


def _failure(notice: Any, data: Mapping[str, Any]) -> Failure:
    # The notice's id, not the run's: a run that fails again after a person's retry fires again.
    return Failure(
        key=f"failure:{notice['id']}",
        run_id=notice["run_id"],
        zap_id=data["run"]["zap_id"],
        project_id=notice["project_id"],
        told=data,
    )
