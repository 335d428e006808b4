"""What happens when a run reaches a step: what is asked for, recorded or opened, kind by kind."""

from collections.abc import Mapping
from typing import Any, NamedTuple, assert_never

from flowforge.engine import blocks, deciding, ending, loops
from flowforge.engine.deciding import Undecidable
from flowforge.engine.definition import (
    ActionStep,
    ApprovalStep,
    BreakStep,
    CodeStep,
    DelayStep,
    FilterStep,
    LoopStep,
    ParallelStep,
    ReplyStep,
    RouterStep,
    Step,
    StopStep,
    ZapStep,
)
from flowforge.engine.move import Move
from flowforge.engine.plan import path_in
from flowforge.engine.protocol import (
    Ask,
    AttemptRecord,
    CallZap,
    ErrorInfo,
    Path,
    Reply,
    Sleep,
)
from flowforge.engine.scope import needed_in

_NONE: Mapping[str, Any] = {}


class _At(NamedTuple):
    """Where a step is decided about, with what was loaded for it and what is on record."""

    path: Path
    prefix: str
    loaded: Mapping[str, Any]
    known: AttemptRecord | None


def walk(move: Move) -> None:
    """Walk until everything waits, something must be loaded, or the run has ended."""
    while move.finished is None and not move.is_halted:
        if move.ended_rounds:
            loops.end_round(move, *move.ended_rounds.pop())
        elif move.agenda:
            block, position, prefix = move.agenda.pop()
            steps = move.plan.blocks[block].steps
            while position < len(steps) and _reach(move, steps[position], prefix):
                position += 1
            if position == len(steps):
                blocks.end_list(move, block, prefix)
        else:
            return


def decide(move: Move, path: Path, prefix: str, loaded: Mapping[str, Any]) -> None:
    """Decide about the step at ``path`` with what was ``loaded`` for it, and go on behind it."""
    step = move.place_of(path).step
    missing = [one for one in needed_in(move.plan, move, prefix, step.id) if one.key not in loaded]
    if missing:
        # Meanwhile another branch gave something that is looked at as well.
        move.load(path, needed_in(move.plan, move, prefix, step.id), move.number(path))
    elif _decide(move, step, prefix, loaded):
        move.go_after(path)


def _reach(move: Move, step: Step, prefix: str) -> bool:
    """Whether the list goes on at once behind ``step``."""
    path = path_in(prefix, step.id)
    move.work += 1
    if step.skip:
        move.record(path, step, "skipped")
        return True
    if isinstance(step, ActionStep | CodeStep):
        move.perform(path, step)
        return False
    if move.decision(path) is None and not _is_opened_again(move, step, path):
        stored = needed_in(move.plan, move, prefix, step.id)
        if stored:
            move.load(path, stored, move.number(path))
            return False
    return _decide(move, step, prefix, _NONE)


def _is_opened_again(move: Move, step: Step, path: Path) -> bool:
    """Whether it is a loop that is opened again: what it goes over is on record."""
    known = None if move.recorded is None else move.recorded.latest.get(path)
    return isinstance(step, LoopStep) and known is not None and known.input is not None


def _decide(move: Move, step: Step, prefix: str, loaded: Mapping[str, Any]) -> bool:
    """Decide about a step that is not performed; whether the list goes on at once."""
    path = path_in(prefix, step.id)
    known = move.decision(path)
    if known is not None and known.status == "failed" and _failed_at_once(step, known):
        ending.record_failure(move, path, known.error or ErrorInfo("unknown", "It failed."))
        return False
    try:
        return _take_on(move, step, _At(path, prefix, loaded, known))
    except Undecidable as problem:
        if isinstance(step, ZapStep) and step.on_error == "continue":
            move.record(path, step, "failed", error=problem.error)
            move.keep(path, problem.error.as_output())
            return True
        ending.record_failure(move, path, problem.error)
        return False


def _failed_at_once(step: Step, known: AttemptRecord) -> bool:
    """Whether the step failed where it was reached, and not later by an outcome of its own."""
    if isinstance(step, LoopStep):
        return known.input is None
    return not isinstance(step, DelayStep | ApprovalStep | ZapStep | ParallelStep)


def _take_on(
    move: Move,
    step: Step,
    at: _At,
) -> bool:
    match step:
        case FilterStep() | BreakStep() | RouterStep():
            return _choose(move, step, at)
        case ReplyStep():
            return _reply(move, step, at)
        case StopStep():
            move.record(at.path, step, "succeeded")
            ending.end_scope(move, "", "succeeded")
        case LoopStep():
            loops.begin(move, step, at.prefix, at.loaded)
        case ParallelStep():
            blocks.fork(move, step, at.path)
        case DelayStep():
            _sleep(move, step, at)
        case ApprovalStep():
            _ask(move, step, at)
        case ZapStep():
            _call(move, step, at)
        case ActionStep() | CodeStep():
            raise AssertionError("these are performed")
        case _:
            assert_never(step)
    return False


def _choose(
    move: Move,
    step: FilterStep | BreakStep | RouterStep,
    at: _At,
) -> bool:
    """Work out the condition of the step, or take from the record how it came out."""
    scope = move.scope(at.prefix, at.loaded)
    match step:
        case FilterStep():
            output = at.known.output if at.known else {"passed": deciding.holds(step.when, scope)}
        case BreakStep():
            output = at.known.output if at.known else {"broke": deciding.holds(step.when, scope)}
        case RouterStep():
            output = at.known.output if at.known else deciding.ways(step, scope)
    move.record(at.path, step, "succeeded", output)
    match step:
        case FilterStep():
            if not output["passed"]:
                blocks.end_list(move, move.plan.places[step.id].block, at.prefix)
            return bool(output["passed"])
        case BreakStep():
            leaves = bool(output["broke"] and at.prefix)
            if leaves:
                ending.end_scope(move, at.prefix, "broken")
            return not leaves
        case RouterStep():
            return not blocks.take(move, at.path, output)


def _reply(
    move: Move,
    step: ReplyStep,
    at: _At,
) -> bool:
    if at.known is None:
        given = deciding.answer(step, move.scope(at.prefix, at.loaded))
        move.record(at.path, step, "succeeded", {**given._asdict(), "sent": not move.replied})
        if not move.replied:
            move.commands.append(Reply(at.path, *given))
    else:
        move.record(at.path, step, "succeeded", at.known.output)
    move.replied = True
    if step.stop:
        ending.end_scope(move, "", "succeeded")
    return not step.stop


def _sleep(
    move: Move,
    step: DelayStep,
    at: _At,
) -> None:
    number = move.number(at.path)
    if at.known is None:
        seconds, until = deciding.sleep(step, move.scope(at.prefix, at.loaded))
        output: Any = {"seconds": seconds} if until is None else {"until": until}
        move.commands.append(Sleep(at.path, step.id, seconds, until, number))
    else:
        output = at.known.input
    move.wait(at.path, "sleep", number, output)


def _ask(
    move: Move,
    step: ApprovalStep,
    at: _At,
) -> None:
    number = move.number(at.path)
    if at.known is None:
        question, approvers = deciding.asked(step, move.scope(at.prefix, at.loaded))
        command = Ask(
            at.path,
            step.id,
            question,
            approvers,
            step.required,
            step.veto,
            step.timeout_seconds,
            number,
        )
        move.commands.append(command)
    move.wait(at.path, "ask", number)


def _call(
    move: Move,
    step: ZapStep,
    at: _At,
) -> None:
    number = move.number(at.path)
    if at.known is None:
        edited = move.started.inputs
        given = (
            edited[at.path]
            if at.path in edited
            else deciding.rendered(step.input, move.scope(at.prefix, at.loaded))
        )
        move.commands.append(CallZap(at.path, step.id, step.zap_id, given, step.wait, number))
    move.wait(at.path, "zap", number)
