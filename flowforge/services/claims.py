"""Taking runs on: lease what is due, rebuild where each run stands, open its next attempt.

All of a batch is one transaction. A run that cannot be rebuilt (its data is damaged) ends as
failed and takes nobody with it.
"""

import datetime as dt
import random
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from flowforge.actions.registry import Registry
from flowforge.engine import advance as engine
from flowforge.engine.definition import ActionStep, parse_definition
from flowforge.engine.protocol import (
    AttemptRecord,
    Command,
    ErrorInfo,
    Failed,
    Finish,
    Perform,
    Plan,
    Record,
    Started,
    State,
)
from flowforge.errors import FlowForgeError, Malformed
from flowforge.infra import documents, telemetry
from flowforge.infra.blobs import Blobs
from flowforge.infra.bulk import Bulk, bulk, moment
from flowforge.infra.db import Database, utc_now
from flowforge.infra.signals import Signals
from flowforge.services.execution import RunKey, Writes, take
from flowforge.services.payload import LoadedRequest, trigger_data

log = structlog.get_logger()

MOST_CACHED_PLANS = 500

_RUNS = (
    "SELECT r.id, r.project_id, r.zap_id, r.version, r.status, r.started_at, r.event_id, "
    "e.method, e.content_type, e.headers, e.query, e.body, e.raw, e.blob_key "
    "FROM run r JOIN event e ON e.id = r.event_id WHERE r.id IN :ids"
)
_ATTEMPTS = (
    "SELECT id, run_id, path, number, status, output, error, retry_at, started_at, finished_at "
    "FROM attempt WHERE run_id IN :ids ORDER BY id"
)


@dataclass(slots=True)
class Held:
    """A run in this worker's hands, with the attempt it is to perform now."""

    key: RunKey
    plan: Plan
    state: State
    perform: Perform
    attempt_id: str
    active_seconds: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What a claim brought. ``is_all``: nothing more was due."""

    held: list[Held]
    is_all: bool


class Claims:
    """Takes due runs on behalf of one worker process."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        registry: Registry,
        *,
        worker: str,
        lease_seconds: float,
        signals: Signals | None = None,
    ) -> None:
        self._database = database
        self._signals = signals
        self._blobs = blobs
        self._registry = registry
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._plans: OrderedDict[tuple[str, int], Plan] = OrderedDict()

    async def take(self, limit: int) -> Taken:
        """Lease up to ``limit`` due runs and open the next attempt of each."""
        async with bulk(self._database) as tx:
            fences = await take(tx, self._worker, self._lease_seconds, limit)
            if not fences:
                return Taken([], is_all=True)
            telemetry.outbox_claim_size.observe(len(fences))
            runs = await tx.select(_RUNS, list(fences))
            # A first claim has no attempts to look for.
            again = [run_id for run_id, fence in fences.items() if fence > 1]
            attempts = _by_run(await tx.select(_ATTEMPTS, again) if again else [])
            await self._load_plans(tx, runs)
            writes = Writes()
            held, topics = [], set[str]()
            for run in runs:
                key = RunKey(run["id"], fences[run["id"]], run["zap_id"], run["project_id"])
                one = await self._rebuild(key, run, attempts.get(key.run_id, ()), writes)
                topics.update(key.topics)
                if one is not None:
                    held.append(one)
            await writes.apply(tx)
        if self._signals is not None:
            # A run begins long before its first step ends; one that cannot be run ends here.
            self._signals.send(topics)
        # Not ``len(held)``: a run that only filters has ended by now.
        return Taken(held, is_all=len(fences) < limit)

    async def _load_plans(self, tx: Bulk, runs: Sequence[Any]) -> None:
        wanted = {(run["zap_id"], run["version"]) for run in runs}
        unknown = wanted - self._plans.keys()
        if unknown:
            rows = await tx.select(
                "SELECT zap_id, number, definition FROM version WHERE zap_id IN :ids",
                list({zap_id for zap_id, _ in unknown}),
            )
            for row in rows:
                name = (row["zap_id"], row["number"])
                if name in unknown and (plan := _plan(row)) is not None:
                    self._plans[name] = plan
        for name in wanted & self._plans.keys():
            self._plans.move_to_end(name)
        while len(self._plans) > max(MOST_CACHED_PLANS, len(wanted)):
            self._plans.popitem(last=False)

    async def _rebuild(
        self, key: RunKey, run: Any, attempts: Sequence[Any], writes: Writes
    ) -> Held | None:
        own_writes = Writes()
        try:
            held = await self._fold(key, run, attempts, own_writes)
        except Exception as problem:  # whatever is wrong with this one, the others must go on
            log.exception("run cannot be rebuilt", run_id=key.run_id)
            own_writes = Writes()
            own_writes.finish_run(
                key.run_id,
                "failed",
                ErrorInfo("damaged", f"The run's data cannot be read: {problem}"),
            )
            held = None
        writes.add(own_writes)
        return held

    async def _fold(
        self, key: RunKey, run: Any, attempts: Sequence[Any], writes: Writes
    ) -> Held | None:
        plan = self._plans.get((key.zap_id, run["version"]))
        if plan is None:
            raise Malformed(f"version {run['version']} of the zap is unreadable")
        began = moment(run["started_at"]) if run["started_at"] else utc_now()
        payload = trigger_data(_request(run), await self._raw(run))
        about = {
            "id": key.run_id,
            "zap_id": key.zap_id,
            "version": run["version"],
            "started_at": began.isoformat(),
        }
        state, commands = engine.fold(plan, Started(payload, about), map(_record, attempts))
        if run["status"] == "queued":
            writes.start_run(key.run_id)
        due_at = None
        for lost in [row for row in attempts if row["status"] == "running"]:
            outcome = self._lost(plan, lost)
            state, commands = engine.advance(plan, state, outcome)
            will_retry = any(isinstance(command, Perform) for command in commands)
            due_at = self._due_after_loss(lost["number"]) if will_retry else None
            writes.close_attempt(lost["id"], "unknown", error=outcome.error, retry_at=due_at)
        perform = carry_out(key, commands, writes)
        if perform is None:
            return None
        if due_at is not None and due_at > utc_now():
            writes.release_run(key.run_id, due_at)
            return None
        attempt_id = open_attempt(key, plan, perform, writes)
        return Held(key, plan, state, perform, attempt_id, _active_seconds(attempts))

    def _lost(self, plan: Plan, row: Any) -> Failed:
        """The outcome of an attempt whose worker died: nobody knows what it did."""
        step = engine.step_at(plan, row["path"])
        action = self._registry.get(step.action) if isinstance(step, ActionStep) else None
        may_repeat = action is None or action.repeatable
        said = "The worker performing this attempt died; it may have taken effect or not."
        if not may_repeat:
            said += " It is not repeated by itself: check at the provider, then run it again."
        return Failed(
            row["path"], ErrorInfo("worker_lost", said), retryable=may_repeat, unknown=True
        )

    def _due_after_loss(self, number: int) -> dt.datetime:
        """At once the first time: workers die through no fault of a step. Later somewhere within
        a lease: the runs that died together may have a killer among them, and must part from it.
        """
        if number == 1:
            return utc_now()
        return utc_now() + dt.timedelta(seconds=random.uniform(0.1, 1) * self._lease_seconds)  # noqa: S311 - spread, not a secret

    async def _raw(self, run: Any) -> bytes:
        if run["blob_key"] is not None:
            return await self._blobs.get(run["blob_key"])
        return run["raw"] or b""


def carry_out(key: RunKey, commands: Sequence[Command], writes: Writes) -> Perform | None:
    """Write what the engine decided; the step that must be performed, or None at the end."""
    for command in commands:
        match command:
            case Record():
                writes.record_decided(
                    key.run_id,
                    command.path,
                    command.step_id,
                    command.kind,
                    status=command.status,
                    output=command.output,
                    error=command.error,
                )
            case Finish():
                writes.finish_run(key.run_id, command.status, command.error)
            case Perform():
                return command
    return None


def open_attempt(key: RunKey, plan: Plan, perform: Perform, writes: Writes) -> str:
    step = engine.step_at(plan, perform.path)
    action = step.action if isinstance(step, ActionStep) else None
    return writes.open_attempt(
        key.run_id,
        perform.path,
        perform.step_id,
        step.kind,
        action=action,
        number=perform.number,
    )


def _plan(row: Any) -> Plan | None:
    """None for a version that cannot be read: its runs end, and those of others go on."""
    try:
        return engine.compile_plan(parse_definition(documents.parse(row["definition"])))
    except (FlowForgeError, KeyError, ValueError, TypeError):
        log.exception("version cannot be read", zap_id=row["zap_id"], version=row["number"])
        return None


def _by_run(rows: Sequence[Any]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row["run_id"], []).append(row)
    return grouped


def _record(row: Any) -> AttemptRecord:
    error = documents.parse(row["error"]) if row["error"] else None
    return AttemptRecord(
        path=row["path"],
        number=row["number"],
        status=row["status"],
        output=documents.parse(row["output"]) if row["output"] else None,
        error=ErrorInfo(error["code"], error["message"]) if error else None,
        retryable=row["retry_at"] is not None,
    )


def _request(run: Any) -> LoadedRequest:
    return LoadedRequest(
        method=run["method"],
        content_type=run["content_type"],
        headers=documents.parse(run["headers"]) if run["headers"] else {},
        query=documents.parse(run["query"]) if run["query"] else {},
        body=documents.parse(run["body"]) if run["body"] else None,
    )


def _active_seconds(attempts: Sequence[Any]) -> float:
    """How long the run's steps have worked so far; waits between attempts do not count."""
    spent = dt.timedelta()
    for row in attempts:
        if row["finished_at"] is not None:
            spent += moment(row["finished_at"]) - moment(row["started_at"])
    return spent.total_seconds()
