"""``advance``: from what happened to what must happen next. Pure: no clock, no chance, no I/O.

Promises: an outcome for a path that nobody waits for gives no command (a late duplicate); a
finished run never moves again; every step that is reached gets exactly one final record; the cost
of an outcome does not grow with the length of the run.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowforge.engine import blocks, ending, loops
from flowforge.engine.definition import ActionStep, ApprovalStep, CodeStep, ZapStep
from flowforge.engine.move import Move
from flowforge.engine.plan import Plan, prefix_of, step_at, step_id_of
from flowforge.engine.protocol import (
    Cancelled,
    ChildEnded,
    Command,
    Decided,
    ErrorInfo,
    Failed,
    Loaded,
    Outcome,
    Path,
    Perform,
    Started,
    Succeeded,
    TimedOut,
    Woke,
)
from flowforge.engine.reaching import decide, walk
from flowforge.engine.records import Recorded
from flowforge.engine.state import State, Wait

# A provider may ask for patience, but not hold a run for ever.
LONGEST_RETRY_AFTER = 86_400.0

Result = tuple[State, tuple[Command, ...]]
_Answer = Succeeded | Failed | Woke | Decided | ChildEnded | Loaded

# Which outcomes a wait can be ended by.
_ANSWERS: dict[str, tuple[type, ...]] = {
    "perform": (Succeeded, Failed),
    "retry": (Woke,),
    "sleep": (Woke, Failed),
    "ask": (Decided, Woke, Failed),
    "zap": (Failed,),
    "load": (Loaded, Failed),
    "rest": (Woke,),
}


def advance(plan: Plan, state: State, outcome: Outcome) -> Result:
    """The state after ``outcome``, and the commands that follow, in the order to carry them out.

    ``Finish`` is always last. No commands and the same state: the outcome was a late duplicate.
    """
    return advance_on_record(plan, state, outcome, None)


def advance_on_record(
    plan: Plan, state: State, outcome: Outcome, recorded: Recorded | None
) -> Result:
    """The same; what is on record is taken from there and not decided again."""
    if state.finished is not None:
        return state, ()
    match outcome:
        case Started():
            if state.begin is not None:
                return state, ()
            move = Move(plan, state, recorded)
            move.begin = outcome
            move.go(0, 0, "")
        case Cancelled() | TimedOut():
            move = Move(plan, state, recorded)
            is_cancelled = isinstance(outcome, Cancelled)
            error = None if isinstance(outcome, Cancelled) else outcome.error
            ending.abort(move, "cancelled" if is_cancelled else "timed_out", error)
        case _:
            wait = state.waits.get(outcome.path)
            if wait is None or not _is_answer(plan, wait, outcome):
                return state, ()
            move = Move(plan, state, recorded)
            move.waits = move.waits.delete(outcome.path)
            _answer(move, wait, outcome)
    walk(move)
    return move.result()


def _is_answer(plan: Plan, wait: Wait, outcome: _Answer) -> bool:
    if wait.kind == "zap" and not isinstance(outcome, Failed):
        step = step_at(plan, outcome.path)
        waits = isinstance(step, ZapStep) and step.wait
        return isinstance(outcome, ChildEnded if waits else Succeeded)
    return isinstance(outcome, _ANSWERS[wait.kind])


def _answer(move: Move, wait: Wait, outcome: _Answer) -> None:
    match outcome:
        case Succeeded(path, output):
            if wait.kind == "zap":
                move.close(path, "succeeded", output)
            move.keep(path, output)
            if not ending.drain(move, path, failed=False):
                move.go_after(path)
        case Failed():
            _after_failure(move, wait, outcome)
        case Woke(path):
            _wake(move, wait, path)
        case Decided(path, approved, output):
            _decided(move, path, output, approved=approved)
        case ChildEnded():
            _child_ended(move, outcome)
        case Loaded(path, values) if path in move.containers:
            loops.turn(move, path, values)
        case Loaded(path, values):
            decide(move, path, prefix_of(path), values)


def _child_ended(move: Move, ended: ChildEnded) -> None:
    if ended.status == "succeeded":
        move.close(ended.path, "succeeded", ended.output)
        move.keep(ended.path, ended.output)
        move.go_after(ended.path)
    else:
        problem = _problem_of_child(ended)
        move.close(ended.path, "failed", ended.output, problem)
        _fail_or_go_on(move, ended.path, problem)


def _problem_of_child(ended: ChildEnded) -> ErrorInfo:
    run_id = ended.output.get("run_id") if isinstance(ended.output, Mapping) else None
    which = f" {run_id}" if run_id else ""
    said = f" {ended.error.message}" if ended.error else ""
    return ErrorInfo("zap_failed", f"The called zap's run{which} ended as {ended.status}.{said}")


def _wake(move: Move, wait: Wait, path: Path) -> None:
    match wait.kind:
        case "retry":
            move.waits = move.waits.set(path, replace(wait, kind="perform"))
            move.commands.append(Perform(path, step_id_of(path), wait.number))
        case "rest":
            loops.turn(move, path)
        case "sleep":
            move.close(path, "succeeded", wait.output)
            move.keep(path, wait.output)
            move.go_after(path)
        case _:
            output = {"approved": False, "timed_out": True, "signals": []}
            _decided(move, path, output, approved=False)


def _decided(move: Move, path: Path, output: Any, *, approved: bool) -> None:
    place = move.place_of(path)
    assert isinstance(place.step, ApprovalStep)  # noqa: S101 - nothing else is asked
    move.close(path, "succeeded", output)
    move.keep(path, output)
    if approved or place.step.on_rejection == "continue":
        move.go_after(path)
    elif place.step.on_rejection == "end":
        blocks.end_list(move, place.block, prefix_of(path))
    else:
        said = "Nobody approved it in time." if output.get("timed_out") else "It was not approved."
        ending.fail(move, path, ErrorInfo("rejected", said))


def _after_failure(move: Move, wait: Wait, failed: Failed) -> None:
    path = failed.path
    match wait.kind:
        case "perform":
            if ending.drain(move, path, failed=True):
                return
            if not _try_again(move, wait, failed):
                _fail_or_go_on(move, path, failed.error)
        case "load":
            if path in move.containers:
                loops.fail(move, path, failed.error)
            else:
                ending.record_failure(move, path, failed.error)
        case _:
            move.close(path, "failed", error=failed.error)
            _fail_or_go_on(move, path, failed.error)


def _try_again(move: Move, wait: Wait, failed: Failed) -> bool:
    """Promise another attempt, if the policy has one left. On record the promise itself decides:
    one that the policy would not have made was made by a person, and the policy begins anew.
    """
    step = step_at(move.plan, failed.path)
    assert isinstance(step, ActionStep | CodeStep)  # noqa: S101 - nothing else is performed
    tried = wait.number - wait.budget
    is_left = tried < step.retry.attempts
    is_folded = move.recorded is not None
    if not failed.retryable or not (is_left or is_folded):
        return False
    number = wait.number + 1
    budget = wait.budget if is_left else wait.number
    seconds = max(step.retry.wait_after(max(tried, 1)), _patience(failed.retry_after))
    at_once = move.is_on_record(failed.path, number) if is_folded else seconds == 0
    kind = "perform" if at_once else "retry"
    move.waits = move.waits.set(failed.path, Wait(kind, number, budget))  # type: ignore[arg-type]
    move.commands.append(Perform(failed.path, step.id, number, 0.0 if at_once else seconds))
    return True


def _fail_or_go_on(move: Move, path: Path, error: ErrorInfo) -> None:
    step = step_at(move.plan, path)
    if isinstance(step, ActionStep | CodeStep | ZapStep) and step.on_error == "continue":
        move.keep(path, error.as_output())
        move.go_after(path)
    else:
        ending.fail(move, path, error)


def _patience(retry_after: float | None) -> float:
    if retry_after is None or math.isnan(retry_after):
        return 0.0
    return min(max(retry_after, 0.0), LONGEST_RETRY_AFTER)
