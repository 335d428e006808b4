"""``advance``: from what happened to what must happen next. Pure: no clock, no chance, no I/O.

Promises: an outcome for a path that nobody waits for gives no command (a late duplicate); a
finished run never moves again; every step that is reached gets exactly one final record; the cost
of an outcome does not grow with the length of the run.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, assert_never

from flowforge.engine import conditions, expressions
from flowforge.engine.definition import ActionStep, Definition, FilterStep, Step, StopStep
from flowforge.engine.protocol import (
    AttemptRecord,
    Cancelled,
    Command,
    ErrorInfo,
    Failed,
    FinalStatus,
    Finish,
    Outcome,
    Path,
    Perform,
    Plan,
    Record,
    Started,
    State,
    Succeeded,
)

# A provider may ask for patience, but not hold a run for ever.
LONGEST_RETRY_AFTER = 86_400.0

_Result = tuple[State, tuple[Command, ...]]
_Decisions = Mapping[Path, AttemptRecord]


def compile_plan(definition: Definition) -> Plan:
    """The plan of a definition; O(steps), so callers keep it per version."""
    steps = definition.steps
    return Plan(steps, {step.id: position for position, step in enumerate(steps)})


def scope(state: State) -> Mapping[str, Any]:
    """What expressions of the step about to run may name. Refers to the state, copies nothing."""
    return {"trigger": state.payload, "steps": state.outputs, "run": state.run}


def step_at(plan: Plan, path: Path) -> Step:
    """The step that ``path`` addresses; KeyError if there is none."""
    return plan.steps[plan.position[path]]


def advance(plan: Plan, state: State, outcome: Outcome) -> _Result:
    """The state after ``outcome``, and the commands that follow, in the order to carry them out.

    At most one ``Perform`` or ``Finish`` and always last, after the ``Record`` of each step that
    was decided here. No commands: the outcome was a late duplicate and the state is the same.
    """
    return _advance(plan, state, outcome, {})


def fold(plan: Plan, started: Started, attempts: Iterable[AttemptRecord]) -> _Result:
    """The state that the recorded ``attempts`` (in order of their start) lead to.

    Also the commands still owed: what the last outcome asked for, except what is recorded. A last
    attempt that is ``running`` owes nothing: its path is in ``state.waiting``. Whoever knows that
    nobody is performing it any more closes it with
    ``Failed(path, error, retryable=…, unknown=True)``. What the engine once decided is taken from
    the record and not decided again.
    """
    records = list(attempts)
    decided = {record.path: record for record in records}
    state, commands = _advance(plan, State(), started, decided)
    for record in records:
        if record.path not in state.attempts:
            continue
        state = replace(state, attempts={**state.attempts, record.path: record.number})
        commands = tuple(c for c in commands if not isinstance(c, Perform))
        outcome = _outcome(record)
        if outcome is not None:
            state, commands = _advance(plan, state, outcome, decided)
    return state, commands


def _outcome(record: AttemptRecord) -> Outcome | None:
    match record.status:
        case "running":
            return None
        case "succeeded" | "skipped":
            return Succeeded(record.path, record.output)
        case "failed" | "unknown":
            return Failed(
                record.path,
                record.error or ErrorInfo("unknown", "The attempt ended without an answer."),
                record.retryable,
                record.retry_after,
                record.status == "unknown",
            )
        case _:
            assert_never(record.status)


def _advance(plan: Plan, state: State, outcome: Outcome, decided: _Decisions) -> _Result:
    if not _is_awaited(state, outcome):
        return state, ()
    match outcome:
        case Started():
            begun = replace(state, started=True, payload=outcome.payload, run=outcome.run)
            return _go_on(plan, begun, 0, decided)
        case Succeeded():
            done = _done(state, outcome.path, outcome.output)
            return _go_on(plan, done, plan.position[outcome.path] + 1, decided)
        case Failed():
            return _after_failure(plan, state, outcome, decided)
        case Cancelled():
            return _finish(state, "cancelled")
        case _:
            assert_never(outcome)


def _is_awaited(state: State, outcome: Outcome) -> bool:
    if state.finished is not None:
        return False
    match outcome:
        case Started():
            return not state.started
        case Succeeded() | Failed():
            return outcome.path in state.attempts
        case Cancelled():
            return True
        case _:
            assert_never(outcome)


def _after_failure(plan: Plan, state: State, failed: Failed, decided: _Decisions) -> _Result:
    step = step_at(plan, failed.path)
    number = state.attempts[failed.path]
    if not isinstance(step, ActionStep):
        return _finish(state, "failed", failed.error)
    if failed.retryable and number < step.retry.attempts:
        wait = max(step.retry.wait_after(number), _patience(failed.retry_after))
        again = replace(state, attempts={**state.attempts, failed.path: number + 1})
        return again, (Perform(failed.path, step.id, number + 1, wait),)
    if step.on_error == "continue":
        done = _done(state, failed.path, failed.error.as_output())
        return _go_on(plan, done, plan.position[failed.path] + 1, decided)
    return _finish(state, "failed", failed.error)


def _patience(retry_after: float | None) -> float:
    if retry_after is None or math.isnan(retry_after):
        return 0.0
    return min(max(retry_after, 0.0), LONGEST_RETRY_AFTER)


def _done(state: State, path: Path, output: Any) -> State:
    attempts = {other: number for other, number in state.attempts.items() if other != path}
    return replace(state, attempts=attempts, outputs=state.outputs.adding(path, output))


def _finish(
    state: State,
    status: FinalStatus,
    error: ErrorInfo | None = None,
    records: Iterable[Command] = (),
) -> _Result:
    return replace(state, finished=status, attempts={}), (*records, Finish(status, error))


def _go_on(plan: Plan, state: State, position: int, decided: _Decisions) -> _Result:
    """Decide steps from ``position`` on, until one must be performed or the run ends."""
    records: list[Command] = []
    # islice and slices walk or copy what lies before or after: both would cost O(run) per step.
    for index in range(position, len(plan.steps)):
        step = plan.steps[index]
        path = step.id
        if isinstance(step, ActionStep) and not step.skip:
            waiting = replace(state, attempts={**state.attempts, path: 1})
            return waiting, (*records, Perform(path, step.id))
        record = _recorded(path, step, decided)
        if record is None:
            record = _decide(step, state)
            records.append(record)
        if record.status == "failed":
            return _finish(state, "failed", record.error, records)
        state = replace(state, outputs=state.outputs.adding(path, record.output))
        if record.status == "succeeded" and _ends_run(step, record.output):
            return _finish(state, "succeeded", None, records)
    return _finish(state, "succeeded", None, records)


def _decide(step: Step, state: State) -> Record:
    if step.skip:
        return Record(step.id, step.id, step.kind, "skipped")
    if not isinstance(step, FilterStep):
        return Record(step.id, step.id, step.kind, "succeeded")
    try:
        passed = conditions.holds(step.when, expressions.renderer(scope(state)))
    except expressions.ExpressionError as error:
        info = ErrorInfo(error.code, error.message)
        return Record(step.id, step.id, step.kind, "failed", error=info)
    return Record(step.id, step.id, step.kind, "succeeded", {"passed": passed})


def _recorded(path: Path, step: Step, decided: _Decisions) -> Record | None:
    """What was decided about ``path`` before, if it is on record."""
    match decided.get(path):
        case AttemptRecord(status="succeeded" | "failed" | "skipped" as status) as record:
            return Record(path, step.id, step.kind, status, record.output, record.error)
        case _:
            return None


def _ends_run(step: Step, output: Any) -> bool:
    if isinstance(step, StopStep):
        return True
    return isinstance(step, FilterStep) and not output["passed"]
