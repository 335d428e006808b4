"""Where a run stands, from its rows: the state, and all that has happened since. Pure.

The order matters: what was lost with a worker first; then what people and other runs have said,
before any clock is asked, so that what was answered in time is never taken for a time-out.
"""

import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowforge.engine.folding import fold
from flowforge.engine.plan import Plan
from flowforge.engine.protocol import (
    AttemptRecord,
    ErrorInfo,
    Outcome,
    Path,
    Started,
    TimedOut,
    Woke,
)
from flowforge.infra import documents
from flowforge.infra.bulk import moment
from flowforge.services import children, values
from flowforge.services.carrying import Turn
from flowforge.services.holding import LONGEST_RUN, Clock, Held, Reported, Row
from flowforge.services.leases import Lease
from flowforge.services.payload import LoadedRequest, trigger_data
from flowforge.services.writes import RunKey

PERFORMED = ("action", "code")


@dataclass(slots=True)
class Claimed:
    """A run that was leased, and what the database has of it: its row, those of its attempts, the
    outputs that may be read (JSON, by attempt), and what was said to it from outside.
    """

    lease: Lease
    run: Any
    plan: Plan
    rows: Sequence[Any] = ()
    outputs: dict[str, str | bytes] = field(default_factory=dict)
    said: Sequence[Outcome | Reported] = ()

    @property
    def key(self) -> RunKey:
        return key_of(self.lease, self.run)

    @property
    def stored_decisions(self) -> dict[str, str]:
        """Where the outputs are, by attempt, that say how the run goes on and are large."""
        return {
            row["id"]: row["output_blob"]
            for row in self.rows
            if row["kind"] in ("router", "approval") and row["output_blob"] is not None
        }


@dataclass(frozen=True, slots=True)
class House:
    """What a worker knows beside: ``may_repeat`` says of a path in a plan whether its step may be
    tried again when nobody knows what its attempt did.
    """

    clock: Clock
    lease_seconds: float
    most_at_once: int
    may_repeat: Callable[[Plan, Path], bool]


def key_of(lease: Lease, run: Any) -> RunKey:
    parent = run["parent_run_id"] if run["parent_path"] is not None else None
    return RunKey(lease.run_id, lease.fence, run["zap_id"], run["project_id"], parent)


def rebuild(claimed: Claimed, house: House, raw: bytes) -> Turn:
    """The first turn of the run in this worker's hands. ``raw`` are the bytes of its event."""
    held, commands = _folded(claimed, house, raw)
    turn = Turn(held)
    turn.owe(commands)
    for row in claimed.rows:
        if row["status"] == "running" and row["kind"] in PERFORMED:
            _lose(turn, row, house)
    for said in claimed.said:
        if isinstance(said, Reported):
            held.deferred.append(said)
        else:
            turn.tell(said)
    late = held.out_of_time()
    if late is not None:
        turn.tell(TimedOut(late))
    for path in held.due_questions():
        turn.tell(Woke(path))
    turn.wake_due()
    turn.conclude()
    return turn


def _folded(claimed: Claimed, house: House, raw: bytes) -> tuple[Held, Sequence[Any]]:
    lease, run, plan, rows = claimed.lease, claimed.run, claimed.plan, claimed.rows
    began = moment(run["started_at"]) if run["started_at"] else lease.now
    span = LONGEST_RUN
    if plan.limits.deadline_seconds is not None:
        span = dt.timedelta(seconds=plan.limits.deadline_seconds)
    # Whoever lets a run go on after its end gives it as much time as a new one has.
    deadline_at = lease.now + span
    if run["status"] != "queued" and run["deadline_at"]:
        deadline_at = moment(run["deadline_at"])
    started = Started(
        trigger_data(_request(run), raw),
        {
            "id": lease.run_id,
            "zap_id": run["zap_id"],
            "version": run["version"],
            "started_at": began.isoformat(),
        },
        documents.parse(run["inputs"]) if run["inputs"] else {},
    )
    records = [_record(row, claimed.outputs) for row in rows]
    state, commands = fold(plan, started, records)
    held = Held(
        claimed.key,
        plan,
        state,
        house.clock,
        began,
        deadline_at,
        run["status"],
        environment=run["environment"],
        depth=run["depth"],
        priority=lease.priority,
        gate=lease.gate,
        project_gate=lease.project_gate,
        most_at_once=house.most_at_once,
        # What was copied from another run, or done before a person let it run again, counts not.
        active_seconds=_active_seconds(rows, deadline_at - span),
        seq=max((row["seq"] or 0 for row in rows), default=0),
        news=lease.news,
        crashes=lease.crashes,
        children=children.waited_for(rows),
    )
    _take_over_rows(held, rows)
    return held, commands


def _lose(turn: Turn, row: Any, house: House) -> None:
    """An attempt whose worker died: nobody knows what it did."""
    path = row["path"]
    may_repeat = house.may_repeat(turn.held.plan, path)
    said = "The worker performing this attempt died; it may have taken effect or not."
    if not may_repeat:
        said += " It is not repeated by itself: check at the provider, then run it again."
    error = ErrorInfo("worker_lost", said)
    # At once the first time: workers die through no fault of a step. Later somewhere within a
    # lease: the runs that died together may have a killer among them, and must part from it.
    wait = 0.0
    if row["number"] > 1:
        wait = random.uniform(0.1, 1) * house.lease_seconds  # noqa: S311 - spread, not a secret
    turn.lose_attempt(path, row["id"], error, may_repeat=may_repeat, wait=wait)


def _take_over_rows(held: Held, rows: Sequence[Any]) -> None:
    """The open rows of the run, and when its waits are over."""
    latest: dict[Path, Any] = {}
    for row in rows:
        path = row["path"]
        if path not in latest or latest[path]["number"] < row["number"]:
            latest[path] = row
        if row["status"] == "running" and row["kind"] not in PERFORMED:
            held.rows[path] = Row(row["id"], row["kind"])
            if row["wake_at"] is not None:
                held.wakes[path] = moment(row["wake_at"])
    for path, wait in held.state.waits.items():
        if wait.kind in ("retry", "rest"):
            due_at = latest[path]["retry_at"] if path in latest else None
            held.wakes[path] = held.now if due_at is None else moment(due_at)


def _record(row: Any, outputs: Mapping[str, str | bytes]) -> AttemptRecord:
    error = documents.parse(row["error"]) if row["error"] else None
    is_told = row["kind"] in ("loop", "delay")
    output = outputs.get(row["id"], row["output"])
    return AttemptRecord(
        path=row["path"],
        number=row["number"],
        status=row["status"],
        input=values.stored(row["input"], row["input_blob"], row["input_size"])
        if is_told
        else None,
        output=values.stored(output, row["output_blob"], row["output_size"]),
        error=ErrorInfo(error["code"], error["message"]) if error else None,
        promised=row["retry_at"] is not None,
        seq=row["seq"],
    )


def _request(run: Any) -> LoadedRequest:
    return LoadedRequest(
        method=run["method"],
        content_type=run["content_type"],
        headers=documents.parse(run["headers"]) if run["headers"] else {},
        query=documents.parse(run["query"]) if run["query"] else {},
        body=documents.parse(run["body"]) if run["body"] else None,
    )


def _active_seconds(rows: Sequence[Any], since: dt.datetime) -> float:
    """How long the run's steps have worked: waits do not count, and what worked side by side
    counts once.
    """
    spans = sorted(
        (moment(row["started_at"]), moment(row["finished_at"]))
        for row in rows
        if row["finished_at"] is not None and row["kind"] in PERFORMED
    )
    spent, until = dt.timedelta(), since
    for start, end in spans:
        if start >= since and end > until:
            spent += end - max(start, until)
            until = end
    return spent.total_seconds()
