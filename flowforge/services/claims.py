"""Taking runs on: lease what is due, see who may begin, rebuild where each run stands.

All of a batch is one transaction, in which nothing is waited for but the database. A run that
cannot be rebuilt (its data is damaged) ends as failed and takes nobody with it; what needs a file
first, or has done much, is rebuilt after the commit, each on its own.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from flowforge.actions.registry import Registry
from flowforge.engine.definition import ActionStep
from flowforge.engine.plan import Plan, step_at
from flowforge.engine.protocol import ErrorInfo, Outcome, Path
from flowforge.errors import Malformed
from flowforge.infra import telemetry
from flowforge.infra.blobs import Blobs
from flowforge.infra.bulk import Bulk, bulk
from flowforge.infra.db import Database
from flowforge.infra.failpoints import reach
from flowforge.services import admission, asking, children, leases, notices
from flowforge.services.carrying import Turn
from flowforge.services.execution import Ledger
from flowforge.services.holding import Clock, Held, Reported
from flowforge.services.leases import Lease
from flowforge.services.plans import NewerRelease, Plans
from flowforge.services.rebuilding import PERFORMED, Claimed, House, key_of, rebuild
from flowforge.services.writes import RunKey, Writes

log = structlog.get_logger()

MOST_CRASHES = 5
# Some 20 ms of folding; whoever holds up its loop for longer loses leases.
MOST_FOLDED_AT_ONCE = 500
# How long a run waits for a worker of the release that wrote its version.
NEWER_RELEASE_SECONDS = 30.0

_RUNS = (
    "SELECT r.id, r.project_id, r.zap_id, r.version, r.status, r.environment, r.depth, r.inputs, "
    "r.parent_run_id, r.parent_path, r.replay_of, r.started_at, r.deadline_at, r.event_id, "
    "e.method, e.content_type, e.headers, e.query, e.body, e.raw, e.blob_key, z.paused_at, "
    "p.concurrency FROM run r JOIN event e ON e.id = r.event_id JOIN zap z ON z.id = r.zap_id "
    "JOIN project p ON p.id = r.project_id WHERE r.id IN :ids"
)
# What code and actions gave may be large and is read by few: it is asked for separately.
_ATTEMPTS = (
    "SELECT id, run_id, path, step_id, kind, number, status, error, retry_at, wake_at, seq, "
    "started_at, finished_at, output_blob, output_size, input_blob, input_size, "
    "CASE WHEN kind IN ('action', 'code') THEN NULL ELSE output END AS output, "
    "CASE WHEN kind IN ('loop', 'delay') THEN input END AS input "
    "FROM attempt WHERE run_id IN :ids ORDER BY id"
)
_OUTPUTS = "SELECT id, output FROM attempt WHERE id IN :ids"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a claim brought. ``unsettled`` are first turns that are still to be written;
    ``unread`` wait for what is in a file, or have much to be folded. ``is_all``: nothing more was due.
    """

    held: list[Held] = field(default_factory=list)
    unsettled: list[Turn] = field(default_factory=list)
    unread: list[Claimed] = field(default_factory=list)
    is_all: bool = True


class Claims:
    """Takes due runs on behalf of one worker process."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        registry: Registry,
        ledger: Ledger,
        *,
        worker: str,
        lease_seconds: float,
        most_at_once: int = 50,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._registry = registry
        self._ledger = ledger
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._most_at_once = most_at_once
        self._plans = Plans()

    async def take(self, limit: int, *, spare_zaps: Sequence[str] = ()) -> Taken:
        """Lease up to ``limit`` due runs and open the next attempts of each."""
        writes, topics = Writes(), set[str]()
        async with bulk(self._database) as tx:
            leased = await leases.take(
                tx, self._worker, self._lease_seconds, limit, spare_zaps=spare_zaps
            )
            if not leased:
                return Taken()
            house = self._house(leased[0])
            telemetry.outbox_claim_size.observe(len(leased))
            rows = await tx.select(_RUNS, [lease.run_id for lease in leased])
            runs = {row["id"]: row for row in rows}
            begins = await admission.admit(tx, leased, runs)
            await self._plans.load(tx, rows)
            # Not ``len(held)``: a run that only filters has ended by now.
            taken = Taken(is_all=len(leased) < limit)
            for claimed in await self._claimed(tx, begins, runs, writes):
                topics.update(claimed.key.topics)
                self._sort_in(claimed, house, taken, writes)
            await writes.apply(tx)
            await notices.note_ends(tx, writes.ends)
            reach("claim.before_commit")
        reach("claim.after_commit")
        # A run begins long before its first step ends; one that cannot be run ends here.
        self._ledger.tell(topics | {f"run:{run_id}" for run_id in writes.ended}, writes)
        return taken

    async def read(self, claimed: Claimed) -> Turn | None:
        """The first turn of a run that is ``unread``; None for one that had to be ended.

        Raises: OSError where a file cannot be read now.
        """
        try:
            for attempt_id, key in claimed.stored_decisions.items():
                claimed.outputs[attempt_id] = await self._blobs.get(key)
            key, raw = claimed.run["blob_key"], claimed.run["raw"] or b""
            raw = raw if key is None else await self._blobs.get(key)
            # In a thread: while many rows are folded the leases of all others must be renewed.
            return await asyncio.to_thread(rebuild, claimed, self._house(claimed.lease), raw)
        except OSError:
            raise
        except Exception as problem:  # noqa: BLE001 - the run's data are at fault, whatever it is
            writes = Writes()
            _end(claimed.lease, claimed.run, _damage(claimed.key, problem), writes)
            await self._ledger.settle(claimed.key, writes)
            return None

    async def look_again(self, held: Held) -> list[Outcome | Reported]:
        """What people and called zaps have said meanwhile to a run that is held."""
        async with bulk(self._database) as tx:
            decided = await asking.outcomes(tx, [held.key.run_id])
            ended = await children.ended(tx, held.children)
        return [*decided.get(held.key.run_id, ()), *ended]

    async def outlive(self, held: Held) -> None:
        """Somebody else has the run because its holder was slow, and did not die."""
        await leases.outlive(self._database, [held.key.run_id])

    def _house(self, lease: Lease) -> House:
        clock = Clock(lease.now)
        return House(clock, self._lease_seconds, self._most_at_once, self._may_repeat)

    def _may_repeat(self, plan: Plan, path: Path) -> bool:
        step = step_at(plan, path)
        action = self._registry.get(step.action) if isinstance(step, ActionStep) else None
        return action is None or action.repeatable

    async def _claimed(
        self, tx: Bulk, begins: Sequence[Lease], runs: dict[str, Any], writes: Writes
    ) -> list[Claimed]:
        """The runs that can be gone on with, with their rows."""
        found: dict[str, Claimed] = {}
        for lease in begins:
            run = runs[lease.run_id]
            try:
                if lease.crashes >= MOST_CRASHES:
                    said = f"{lease.crashes} workers in a row died with this run in their hands."
                    _end(lease, run, ErrorInfo("worker_lost", said), writes)
                else:
                    found[lease.run_id] = Claimed(lease, run, self._plans.of(run))
            except NewerRelease:
                due_at = Clock(lease.now).after(NEWER_RELEASE_SECONDS)
                writes.release_run(lease.run_id, due_at, lease.priority)
            except Malformed as problem:
                _end(lease, run, _damage(key_of(lease, run), problem), writes)
        # A first claim has no attempts to look for, unless they were copied from another run.
        again = [
            run_id
            for run_id, one in found.items()
            if one.lease.fence > 1 or one.run["replay_of"] is not None
        ]
        if again:
            await _look_up(tx, {run_id: found[run_id] for run_id in again})
        return list(found.values())

    def _sort_in(self, claimed: Claimed, house: House, taken: Taken, writes: Writes) -> None:
        is_long = len(claimed.rows) > MOST_FOLDED_AT_ONCE
        if is_long or claimed.run["blob_key"] is not None or claimed.stored_decisions:
            taken.unread.append(claimed)
            return
        try:
            turn = rebuild(claimed, house, claimed.run["raw"] or b"")
        except Exception as problem:  # noqa: BLE001 - whatever is wrong with this one, the others must go on
            _end(claimed.lease, claimed.run, _damage(claimed.key, problem), writes)
            return
        if turn.writes.blobs or not turn.is_concluded:
            taken.unsettled.append(turn)
            return
        writes.add(turn.writes)
        if not turn.is_over:
            taken.held.append(turn.held)


async def _look_up(tx: Bulk, found: dict[str, Claimed]) -> None:
    """What the database has of runs that have begun."""
    by_run: dict[str, list[Any]] = {run_id: [] for run_id in found}
    for row in await tx.select(_ATTEMPTS, list(found)):
        by_run[row["run_id"]].append(row)
    wanted = {
        row["id"]: run_id
        for run_id, rows in by_run.items()
        for row in rows
        if _is_read(found[run_id].plan, row)
    }
    outputs: dict[str, dict[str, str | bytes]] = {run_id: {} for run_id in found}
    for row in await tx.select(_OUTPUTS, list(wanted)) if wanted else ():
        outputs[wanted[row["id"]]][row["id"]] = row["output"]
    asks = [run_id for run_id, rows in by_run.items() if _has_question(rows)]
    decided = await asking.outcomes(tx, asks) if asks else {}
    for run_id, one in found.items():
        one.rows, one.outputs = by_run[run_id], outputs[run_id]
        waited = children.waited_for(one.rows)
        ended = await children.ended(tx, waited) if waited else []
        one.said = [*decided.get(run_id, ()), *ended]


def _is_read(plan: Plan, row: Any) -> bool:
    return (
        row["kind"] in PERFORMED
        and row["status"] == "succeeded"
        and row["output_blob"] is None
        and plan.may_be_read(row["step_id"])
    )


def _has_question(rows: Sequence[Any]) -> bool:
    return any(row["status"] == "running" and row["kind"] == "approval" for row in rows)


def _damage(key: RunKey, problem: Exception) -> ErrorInfo:
    log.error("run cannot be rebuilt", run_id=key.run_id, exc_info=problem)
    return ErrorInfo("damaged", f"The run's data cannot be read: {problem}")


def _end(lease: Lease, run: Any, error: ErrorInfo, writes: Writes) -> None:
    writes.finish_run(key_of(lease, run), "failed", error, lease.gates)
    writes.abandon_attempts(lease.run_id)
