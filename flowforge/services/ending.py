"""Ending runs from outside: what a person cancels, and with it the runs that it waits for.

Promises: a run that has ended stays as it ended; whoever gets its outbox entry decides, so a worker
that is at it meanwhile writes nothing more; what waits for the run is told.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine.protocol import DROPPED
from flowforge.errors import Conflict
from flowforge.infra import documents, telemetry
from flowforge.infra.bulk import Bulk, within
from flowforge.infra.db import after_commit, utc_now
from flowforge.infra.signals import Signals
from flowforge.models import Attempt, OutboxEntry, Run
from flowforge.services import admission, asking, gates, notices, writes
from flowforge.services.access import Actor, Permission, own, require

LIVE = ("queued", "running", "waiting")
CANCELLED = "cancelled"

_PERFORMED = ("action", "code")
# The runs themselves, and below each those that a step of it waits for, as deep as zaps may call.
_FAMILY = (
    "WITH RECURSIVE family (id) AS ("
    "SELECT id FROM run WHERE id IN :ids "
    "UNION SELECT c.id FROM family f "
    "JOIN attempt a ON a.run_id = f.id AND a.kind = 'zap' AND a.status = 'running' "
    "JOIN run c ON c.parent_run_id = f.id AND c.parent_path = a.path) "
    "SELECT r.id, r.zap_id, r.project_id, r.parent_run_id FROM family f JOIN run r ON r.id = f.id "
    "WHERE r.status IN ('queued', 'running', 'waiting')"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """What was ended: the ids, and who wants to hear of it. ``wakes``: others may go on now."""

    run_ids: frozenset[str] = frozenset()
    topics: frozenset[str] = field(default_factory=frozenset)
    wakes: bool = False


async def cancel(session: AsyncSession, actor: Actor, signals: Signals, run_id: str) -> None:
    """End a run for good, whatever it is doing; a step in flight settles into nothing.

    Raises: Conflict where it has ended already.
    """
    require(actor, Permission.OPERATE)
    run = await own(session, actor, Run, run_id)
    ended = await end(session, [run.id])
    await session.refresh(run)
    if run.id not in ended.run_ids:
        raise Conflict(f"The run has ended already: {run.status}.", code="run_ended")
    tell(session, signals, ended)


def tell(session: AsyncSession, signals: Signals, ended: Ended) -> None:
    """After the commit: pages, and workers that have something to do now."""

    async def send() -> None:
        signals.send(ended.topics, wake=ended.wakes)

    after_commit(session, send)


async def end(session: AsyncSession, run_ids: Sequence[str]) -> Ended:
    """Cancel those of the runs that still go on, and what they wait for. The caller owns them."""
    tx = await within(session)
    family = await _held(session, tx, run_ids)
    if not family:
        return Ended()
    ids = [row["id"] for row in family]
    keys = await _drop_entries(session, family)
    await _close_attempts(session, tx, ids)
    error = {"code": CANCELLED, "message": "A person cancelled the run."}
    await session.execute(
        update(Run)
        .where(col(Run.id).in_(ids))
        .values(status=CANCELLED, finished_at=utc_now(), error=error)
    )
    said = documents.dump(error)
    await notices.note_ends(tx, [(run_id, CANCELLED, said) for run_id in ids])
    parents = {row["parent_run_id"] for row in family if row["parent_run_id"]} - set(ids)
    if parents:
        await writes.bump(tx, sorted(parents))
    await admission.leave(tx, keys)
    for _ in ids:
        telemetry.count_run(CANCELLED)
    topics = {f"run:{run_id}" for run_id in ids}
    topics |= {f"zap:{row['zap_id']}" for row in family}
    topics |= {f"project:{row['project_id']}" for row in family}
    return Ended(frozenset(ids), frozenset(topics), wakes=bool(parents or keys))


async def _held(session: AsyncSession, tx: Bulk, run_ids: Collection[str]) -> list[Any]:
    """The live runs of the family, with their entries and those of their parents locked.

    In the order of their ids, as settlements lock theirs. A run that is called meanwhile is newer
    than all of them, and none is called once its caller is locked: so this comes to an end.
    """
    locked: set[str] = set()
    while True:
        family = await tx.select(_FAMILY, sorted(run_ids))
        wanted = {row["id"] for row in family}
        wanted |= {row["parent_run_id"] for row in family if row["parent_run_id"]}
        if wanted <= locked:
            return family
        await session.execute(
            select(col(OutboxEntry.run_id))
            .where(col(OutboxEntry.run_id).in_(wanted - locked))
            .order_by(col(OutboxEntry.run_id))
            .with_for_update()
        )
        locked |= wanted


async def _drop_entries(session: AsyncSession, family: Sequence[Any]) -> set[str]:
    """The runs owe nothing any more. The limits at which there may be room now."""
    dropped = await session.execute(
        delete(OutboxEntry)
        .where(col(OutboxEntry.run_id).in_([row["id"] for row in family]))
        .returning(col(OutboxEntry.gate))
        .execution_options(synchronize_session=False)
    )
    keys = {gate for gate in dropped.scalars() if gate is not None}
    return keys | {gates.project_gate(row["project_id"]) for row in family}


async def _close_attempts(session: AsyncSession, tx: Bulk, run_ids: Sequence[str]) -> None:
    """What is performed right now may take effect or not; what only waited is given up."""
    open_ones = (col(Attempt.run_id).in_(run_ids), col(Attempt.status) == "running")
    given_up = await session.scalars(
        select(col(Attempt.id)).where(*open_ones, col(Attempt.kind).not_in(_PERFORMED))
    )
    waiting_ids = given_up.all()
    for is_performed, status, code, said in (
        (True, "unknown", CANCELLED, "The run was cancelled during this attempt."),
        (False, "skipped", DROPPED, "It was given up: the run was cancelled."),
    ):
        performed = col(Attempt.kind).in_(_PERFORMED)
        await session.execute(
            update(Attempt)
            .where(*open_ones, performed if is_performed else ~performed)
            .values(
                status=status,
                finished_at=utc_now(),
                error={"code": code, "message": said},
            )
        )
    await asking.close(tx, list(waiting_ids), "given_up")
