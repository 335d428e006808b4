"""What is written about runs: claims, settlements, leases.

Promises: a run is advanced by one worker at a time (lease, fence); whoever writes with an old
fence writes nothing; a step's result, the next step and the outbox change commit together; a
terminal status is written once.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine.protocol import AttemptStatus, ErrorInfo, FinalStatus
from flowforge.errors import Conflict
from flowforge.infra import documents, telemetry
from flowforge.infra.bulk import Bulk, bulk
from flowforge.infra.db import Database, after_commit, new_id, utc_now
from flowforge.infra.group_commit import GroupCommit
from flowforge.infra.signals import Signals
from flowforge.models import Attempt, OutboxEntry, Run
from flowforge.services.access import Actor, Permission, own, require

LARGEST_BATCH = 64
LIVE = ("queued", "running", "waiting")

_RUN: Table = Run.__table__  # type: ignore[attr-defined]
_ATTEMPT: Table = Attempt.__table__  # type: ignore[attr-defined]
_OUTBOX: Table = OutboxEntry.__table__  # type: ignore[attr-defined]

_NEW_ATTEMPT = (
    "id",
    "run_id",
    "path",
    "step_id",
    "kind",
    "action",
    "number",
    "status",
    "output",
    "error",
    "started_at",
    "finished_at",
)
_CLOSED_ATTEMPT = ("status", "input", "output", "error", "retry_at", "finished_at")


@dataclass(frozen=True, slots=True)
class RunKey:
    """A run that this process holds, under which fence, and who wants to hear of it."""

    run_id: str
    fence: int
    zap_id: str
    project_id: str

    @property
    def topics(self) -> tuple[str, ...]:
        return (f"run:{self.run_id}", f"zap:{self.zap_id}", f"project:{self.project_id}")


@dataclass(slots=True)
class Writes:
    """What one or more runs have to write, table by table."""

    opened: list[tuple[Any, ...]] = field(default_factory=list)
    closed: list[tuple[Any, ...]] = field(default_factory=list)
    started: list[tuple[Any, ...]] = field(default_factory=list)
    finished: list[tuple[Any, ...]] = field(default_factory=list)
    released: list[tuple[Any, ...]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def open_attempt(
        self, run_id: str, path: str, step_id: str, kind: str, *, action: str | None, number: int
    ) -> str:
        """A running attempt; it counts from now on, whatever becomes of its worker."""
        attempt_id = new_id()
        self.opened.append(
            (
                attempt_id,
                run_id,
                path,
                step_id,
                kind,
                action,
                number,
                "running",
                None,
                None,
                utc_now(),
                None,
            )
        )
        return attempt_id

    def record_decided(
        self,
        run_id: str,
        path: str,
        step_id: str,
        kind: str,
        *,
        status: AttemptStatus,
        output: Any,
        error: ErrorInfo | None,
    ) -> None:
        """The one attempt of a step that the engine decided itself."""
        now = utc_now()
        self.opened.append(
            (
                new_id(),
                run_id,
                path,
                step_id,
                kind,
                None,
                1,
                status,
                _document(output),
                _error(error),
                now,
                now,
            )
        )

    def close_attempt(
        self,
        attempt_id: str,
        status: AttemptStatus,
        *,
        inputs: Any = None,
        output: Any = None,
        error: ErrorInfo | None = None,
        retry_at: dt.datetime | None = None,
    ) -> None:
        self.closed.append(
            (
                attempt_id,
                status,
                _document(inputs),
                _document(output),
                _error(error),
                retry_at,
                utc_now(),
            )
        )

    def start_run(self, run_id: str) -> None:
        self.started.append((run_id, "running", utc_now()))

    def finish_run(self, run_id: str, status: FinalStatus, error: ErrorInfo | None) -> None:
        self.finished.append((run_id, status, _error(error), utc_now()))
        self.done.append(run_id)
        telemetry.count_run(status)

    def release_run(self, run_id: str, due_at: dt.datetime) -> None:
        """Give the run back: whoever is free at ``due_at`` takes it on."""
        self.released.append((run_id, due_at, None))

    def add(self, other: "Writes") -> None:
        self.opened += other.opened
        self.closed += other.closed
        self.started += other.started
        self.finished += other.finished
        self.released += other.released
        self.done += other.done

    async def apply(self, tx: Bulk) -> None:
        await tx.update(_ATTEMPT, "id", _CLOSED_ATTEMPT, self.closed)
        await tx.insert(_ATTEMPT, _NEW_ATTEMPT, self.opened)
        await tx.update(_RUN, "id", ("status", "started_at"), self.started)
        await tx.update(_RUN, "id", ("status", "error", "finished_at"), self.finished)
        await tx.update(_OUTBOX, "run_id", ("due_at", "lease_until"), self.released)
        await tx.delete(_OUTBOX, "run_id", self.done)


class Ledger:
    """Writes the settlements of one worker process; concurrent ones share commits."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._database = database
        self._signals = signals
        self._group = GroupCommit(self._settle, largest=LARGEST_BATCH)

    async def settle(self, key: RunKey, writes: Writes) -> bool:
        """Write, if ``key`` still holds its run. False: it does not, and nothing was written."""
        return await self._group.add((key, writes))

    async def _settle(self, batch: list[tuple[RunKey, Writes]]) -> Sequence[bool]:
        async with bulk(self._database) as tx:
            fences = await tx.select(
                "SELECT run_id, fence FROM outbox WHERE run_id IN :ids ORDER BY run_id",
                [key.run_id for key, _ in batch],
                lock=True,
            )
            current = {row["run_id"]: row["fence"] for row in fences}
            verdicts = [current.get(key.run_id) == key.fence for key, _ in batch]
            all_writes = Writes()
            for (_, writes), is_mine in zip(batch, verdicts, strict=True):
                if is_mine:
                    all_writes.add(writes)
            await all_writes.apply(tx)
        self._signals.send({topic for key, _ in batch for topic in key.topics})
        return verdicts


async def take(tx: Bulk, worker: str, lease_seconds: float, limit: int) -> dict[str, int]:
    """Lease up to ``limit`` due entries, oldest first: run id -> fence.

    One statement; two workers that claim at once each see different rows.
    """
    rows = await tx.fetch(
        f"UPDATE outbox SET lease_until = {tx.seconds_from_now('lease')}, fence = fence + 1, "  # noqa: S608 - our own constants
        "worker = :worker WHERE run_id IN ("
        f"SELECT run_id FROM outbox WHERE due_at <= {tx.now} "
        f"AND (lease_until IS NULL OR lease_until <= {tx.now}) "
        f"ORDER BY due_at LIMIT :limit {tx.skip_locked}) RETURNING run_id, fence",
        worker=worker,
        lease=lease_seconds,
        limit=limit,
    )
    return {row["run_id"]: row["fence"] for row in rows}


async def renew(database: Database, worker: str, lease_seconds: float) -> None:
    """Prolong every lease of ``worker``. Rows being settled right now are passed over."""
    async with bulk(database) as tx:
        await tx.fetch(
            f"UPDATE outbox SET lease_until = {tx.seconds_from_now('lease')} "  # noqa: S608 - our own constants
            "WHERE run_id IN (SELECT run_id FROM outbox "
            f"WHERE worker = :worker AND lease_until > {tx.now} {tx.skip_locked}) "
            "RETURNING run_id",
            worker=worker,
            lease=lease_seconds,
        )


async def let_go(database: Database, key: RunKey) -> None:
    """Stop prolonging the lease of one run: it ends, and somebody takes the run up again."""
    async with bulk(database) as tx:
        await tx.fetch(
            "UPDATE outbox SET worker = NULL WHERE run_id = :run_id AND fence = :fence "
            "RETURNING run_id",
            run_id=key.run_id,
            fence=key.fence,
        )


async def cancel(session: AsyncSession, actor: Actor, signals: Signals, run_id: str) -> None:
    """End a run for good, whatever it is doing; a step in flight settles into nothing.

    Raises: Conflict where it has ended already.
    """
    require(actor, Permission.OPERATE)
    run = await own(session, actor, Run, run_id)
    # The outbox row first, as a settlement does: whoever gets it decides how the run ends.
    await session.execute(delete(OutboxEntry).where(col(OutboxEntry.run_id) == run.id))
    await session.refresh(run)
    if run.status not in LIVE:
        raise Conflict(f"The run has ended already: {run.status}.", code="run_ended")
    await end_as_cancelled(session, [run.id])
    key = RunKey(run.id, 0, run.zap_id, run.project_id)

    async def tell() -> None:
        signals.send(key.topics)

    after_commit(session, tell)


async def end_as_cancelled(session: AsyncSession, run_ids: Sequence[str]) -> None:
    """Mark live runs as cancelled and drop what they still owed."""
    now = utc_now()
    ids = list(run_ids)
    await session.execute(delete(OutboxEntry).where(col(OutboxEntry.run_id).in_(ids)))
    await session.execute(
        update(Run)
        .where(col(Run.id).in_(ids), col(Run.status).in_(LIVE))
        .values(
            status="cancelled",
            finished_at=now,
            error={"code": "cancelled", "message": "A person cancelled the run."},
        )
    )
    await session.execute(
        update(Attempt)
        .where(col(Attempt.run_id).in_(ids), col(Attempt.status) == "running")
        .values(
            status="unknown",
            finished_at=now,
            error={"code": "cancelled", "message": "The run was cancelled during this attempt."},
        )
    )


def _document(value: Any) -> str | None:
    return None if value is None else documents.dump(value)


def _error(error: ErrorInfo | None) -> str | None:
    return None if error is None else documents.dump({"code": error.code, "message": error.message})
