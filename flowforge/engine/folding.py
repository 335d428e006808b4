"""``fold``: from what is on record of a run to the state that it was in, and what is still owed."""

from collections.abc import Iterable

from flowforge.engine.advance import Result, advance, advance_on_record
from flowforge.engine.definition import ActionStep, ApprovalStep, CodeStep, DelayStep, ZapStep
from flowforge.engine.plan import Plan
from flowforge.engine.protocol import (
    Ask,
    AttemptRecord,
    CallZap,
    ChildEnded,
    Close,
    Command,
    Decided,
    ErrorInfo,
    Failed,
    Finish,
    Load,
    Open,
    Outcome,
    Perform,
    Record,
    Reply,
    Rest,
    Sleep,
    Started,
    Succeeded,
    Woke,
)
from flowforge.engine.records import Recorded
from flowforge.engine.state import State


def fold(plan: Plan, started: Started, records: Iterable[AttemptRecord]) -> Result:
    """The state that the ``records`` lead to (in the order of their ends), and the commands that
    are still owed: what the outcomes asked for, except what is on record.

    Records that are ``running`` are under way: their paths are in ``state.waits``, or they are open
    containers. Whoever knows that nobody performs one any more closes it with
    ``Failed(path, error, retryable=…, unknown=True)``. A retry that was promised and has not begun
    is a wait of the kind "retry": nothing is owed until it wakes.
    """
    known = list(records)
    if not known:
        return advance(plan, State(), started)
    recorded = Recorded(known)
    ended = sorted(filter(_has_ended, known), key=_order)
    outcomes = [(each, outcome) for each in ended if (outcome := _outcome(plan, each)) is not None]
    recorded.is_spent = not outcomes
    state, commands = advance_on_record(plan, State(), started, recorded)
    owed = list(commands)
    for place, (record, outcome) in enumerate(outcomes, 1):
        wait = state.waits.get(record.path)
        if wait is None or wait.number != record.number:
            continue
        recorded.is_spent = place == len(outcomes)
        state, commands = advance_on_record(plan, state, outcome, recorded)
        owed += commands
    return state, tuple(command for command in owed if _is_owed(command, state, recorded))


def _has_ended(record: AttemptRecord) -> bool:
    return record.status != "running"


def _order(record: AttemptRecord) -> int:
    # Rows of the first release have no place: they come in the order in which they are given.
    return -1 if record.seq is None else record.seq


def _outcome(plan: Plan, record: AttemptRecord) -> Outcome | None:  # noqa: PLR0911 - a table
    """What was fed to the engine when this row ended; None where the engine itself ended it."""
    place = plan.places.get(record.path.rpartition("/")[2])
    step = None if place is None else place.step
    error = record.error or ErrorInfo("unknown", "The attempt ended without an answer.")
    match step, record.status:
        case ActionStep() | CodeStep(), "succeeded":
            return Succeeded(record.path, record.output)
        case ActionStep() | CodeStep(), "failed" | "unknown":
            return Failed(record.path, error, record.promised, unknown=record.status == "unknown")
        case DelayStep(), "succeeded":
            return Woke(record.path)
        case ApprovalStep(), "succeeded":
            output = record.output or {}
            return Decided(record.path, bool(output.get("approved")), output)
        case ZapStep(wait=True), "succeeded":
            return ChildEnded(record.path, "succeeded", record.output)
        case ZapStep(), "succeeded":
            return Succeeded(record.path, record.output)
        case DelayStep() | ApprovalStep() | ZapStep(), "failed":
            return Failed(record.path, error, retryable=False)
        case _:
            return None


def _is_owed(command: Command, state: State, recorded: Recorded) -> bool:
    match command:
        case Perform() | Sleep() | Ask() | CallZap():
            return _is_awaited(command, state) and not _has_row(command, recorded)
        case Load(path) | Rest(path):
            wait = state.waits.get(path)
            return wait is not None and wait.kind in ("load", "rest")
        case Close(path):
            known = recorded.latest.get(path)
            return known is None or known.status == "running" or known.promised
        case Reply(path):
            return path not in recorded.latest
        case Record() | Open():
            return not _has_row(command, recorded)
        case Finish():
            return True


def _is_awaited(command: Perform | Sleep | Ask | CallZap, state: State) -> bool:
    """Whether it is due: of a promise ``Woke`` comes first."""
    wait = state.waits.get(command.path)
    return wait is not None and wait.kind != "retry" and wait.number == command.number


def _has_row(command: Perform | Sleep | Ask | CallZap | Record | Open, recorded: Recorded) -> bool:
    return (command.path, command.number) in recorded.numbers
