"""Zaps that are called by a step of a run: starting theirs, and reading how it ended.

The row of the waiting attempt names the run that it waits for, in its output.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlmodel import col

from flowforge.engine.protocol import CallZap, ChildEnded, ErrorInfo, Failed, Path, Succeeded
from flowforge.infra import documents
from flowforge.infra.blobs import Blobs
from flowforge.infra.bulk import Bulk, Rows
from flowforge.infra.db import Database, new_id, utc_now
from flowforge.models import Event, OutboxEntry, Run, Zap
from flowforge.services import leases
from flowforge.services.carrying import Turn
from flowforge.services.holding import Held, Reported, packed
from flowforge.services.limits import NOWHERE, InLine, in_line, read_limits
from flowforge.services.values import LARGEST_IN_ROW, Packed, pack

DEEPEST = 10

_EVENT: Table = Event.__table__  # type: ignore[attr-defined]
_RUN: Table = Run.__table__  # type: ignore[attr-defined]
_OUTBOX: Table = OutboxEntry.__table__  # type: ignore[attr-defined]

_ENDED = (
    "SELECT id, status, error, reply FROM run WHERE id IN :ids "
    "AND status IN ('succeeded', 'failed', 'cancelled', 'timed_out')"
)
_EVENT_COLUMNS = (
    "id",
    "project_id",
    "zap_id",
    "trigger",
    "verdict",
    "method",
    "source_ip",
    "content_type",
    "headers",
    "query",
    "raw",
    "blob_key",
    "size",
    "received_at",
)
_RUN_COLUMNS = (
    "id",
    "project_id",
    "zap_id",
    "version",
    "event_id",
    "status",
    "environment",
    "parent_run_id",
    "parent_path",
    "depth",
    "created_at",
)
_OUTBOX_COLUMNS = (
    "run_id",
    "project_id",
    "zap_id",
    "due_at",
    "rank_at",
    "priority",
    "fence",
    "gate",
    "throttle",
)


async def look_up(database: Database, zap_id: str) -> Zap | None:
    """The zap that is called, if it exists."""
    async with database.reading() as session:
        query = select(Zap).where(col(Zap.id) == zap_id, col(Zap.deleted_at).is_(None))
        found: Zap | None = await session.scalar(query)
        return found


def start(turn: Turn, command: CallZap, zap: Zap | None) -> None:
    """Start the run that ``command`` asks for, in the settlement of its caller; or say why not."""
    held = turn.held
    given = {"zap_id": command.zap_id, "input": command.input}
    inputs, too_large = packed(given, f"input of '{command.step_id}'")
    refused = too_large or _refusal(held, zap)
    if refused is not None or zap is None:
        turn.open_row(command, "zap", inputs=inputs)
        turn.tell(Failed(command.path, refused or _MISSING, retryable=False))
        return
    run_id = new_id()
    turn.open_row(command, "zap", inputs=inputs, output=pack({"run_id": run_id}))
    turn.writes.inserted.extend(_rows(turn, command, zap, run_id))
    turn.writes.topics.append(f"zap:{zap.id}")
    turn.writes.wakes = True
    if command.wait:
        held.children[run_id] = command.path
    else:
        said = {"run_id": run_id, "status": "queued", "output": None}
        turn.tell(Succeeded(command.path, said))


_MISSING = ErrorInfo("no_such_zap", "The zap to call does not exist in this project.")


def _refusal(held: Held, zap: Zap | None) -> ErrorInfo | None:
    """Why the zap cannot be called; None: it can. Somebody else's does not exist."""
    if zap is None or zap.project_id != held.key.project_id:
        return _MISSING
    if zap.live_version is None:
        return ErrorInfo("not_published", "The zap to call was never published. Publish it first.")
    if not zap.enabled:
        return ErrorInfo("switched_off", "The zap to call is switched off. Switch it on first.")
    if held.depth >= DEEPEST:
        return ErrorInfo(
            "too_deep",
            f"Zaps call each other more than {DEEPEST} levels deep here: one calls itself, perhaps.",
        )
    return None


def _rows(turn: Turn, call: CallZap, zap: Zap, run_id: str) -> list[Rows]:
    """The event, the run and its outbox entry. Only who is waited for knows by which step."""
    held, now = turn.held, utc_now()
    event_id, raw = new_id(), documents.dump(call.input).encode()
    blob_key = None
    if len(raw) > LARGEST_IN_ROW:
        blob_key = Blobs.new_key()
        turn.writes.blobs.append(Packed(None, blob_key, len(raw), raw))
    event = (
        event_id,
        held.key.project_id,
        zap.id,
        "zap",
        "accepted",
        "",
        "",
        "application/json",
        "{}",
        "{}",
        None if blob_key else raw,
        blob_key,
        len(raw),
        now,
    )
    run = (
        run_id,
        held.key.project_id,
        zap.id,
        zap.live_version,
        event_id,
        "queued",
        held.environment,
        held.key.run_id,
        call.path if call.wait else None,
        held.depth + 1,
        now,
    )
    place = NOWHERE if held.environment == "test" else _place(call, zap)
    entry = (
        run_id,
        held.key.project_id,
        zap.id,
        held.now,
        leases.rank(held.now, leases.USUAL),
        leases.USUAL,
        0,
        place.gate,
        place.throttle,
    )
    return [
        (_EVENT, _EVENT_COLUMNS, [event]),
        (_RUN, _RUN_COLUMNS, [run]),
        (_OUTBOX, _OUTBOX_COLUMNS, [entry]),
    ]


def _place(call: CallZap, zap: Zap) -> InLine:
    trigger = {"method": "", "headers": {}, "query": {}, "body": call.input}
    limits = documents.dump(zap.limits) if zap.limits else None
    return in_line(zap.id, read_limits(limits), lambda: trigger)


async def ended(tx: Bulk, waited: dict[str, Path]) -> list[ChildEnded | Reported]:
    """What came of the runs that are ``waited`` for, by id the path that waits."""
    found: list[ChildEnded | Reported] = []
    for row in await tx.select(_ENDED, sorted(waited)) if waited else ():
        path = waited[row["id"]]
        reply = documents.parse(row["reply"]) if row["reply"] else {}
        if row["status"] == "succeeded" and "stored" in reply:
            found.append(Reported(path, row["id"], reply["stored"]))
            continue
        error = documents.parse(row["error"]) if row["error"] else None
        found.append(
            ChildEnded(
                path,
                row["status"],
                output_of(row["id"], row["status"], reply.get("body")),
                ErrorInfo(error["code"], error["message"]) if error else None,
            )
        )
    return found


def output_of(run_id: str, status: str, body: Any) -> dict[str, Any]:
    """The output of a zap step."""
    return {"run_id": run_id, "status": status, "output": body}


def waited_for(rows: Sequence[Any]) -> dict[str, Path]:
    """The runs that the open rows of zap steps wait for."""
    return {
        documents.parse(row["output"])["run_id"]: row["path"]
        for row in rows
        if row["kind"] == "zap" and row["status"] == "running" and row["output"]
    }
