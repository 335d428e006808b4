"""Loops: which rounds begin, which are over, and what a loop has come to at its end."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowforge.engine import deciding, ending
from flowforge.engine.deciding import Undecidable
from flowforge.engine.definition import LoopStep
from flowforge.engine.move import Move
from flowforge.engine.plan import path_in, prefix_of, step_id_of
from flowforge.engine.protocol import AttemptRecord, ErrorInfo, Open, Path, Stored
from flowforge.engine.scope import needed_in
from flowforge.engine.state import LoopState, Result

# Of all loops of a run together: it has a row for each of their steps, and rows are read again.
MOST_ROUNDS_OF_A_RUN = 200_000
# More than this is not done in one move: others want to go on, and a settlement has its size.
MOST_WORK = 1_000

_NONE: Mapping[str, Any] = {}


def begin(move: Move, step: LoopStep, prefix: str, loaded: Mapping[str, Any]) -> None:
    """Open the loop and begin its first rounds. Raises Undecidable where it has no items."""
    path = path_in(prefix, step.id)
    number = move.number(path)
    known = None if move.recorded is None else move.recorded.latest.get(path)
    if known is not None and known.input is not None:
        # Even where it is opened again: its rounds are on record, and go by these items.
        items, count = _on_record(step, known)
        said = known.input
    else:
        items, count = deciding.rounds(step, move.scope(prefix, loaded))
        said = {"items": items} if items is not None else {"count": count} if count else {}
    if not move.is_on_record(path, number):
        move.commands.append(Open(path, step.id, step.kind, said, {"count": count}, number))
    move.contain(path, LoopState(items, count, number))
    turn(move, path)


def turn(move: Move, path: Path, loaded: Mapping[str, Any] = _NONE) -> None:
    """Let the loop at ``path`` go on; it fails where its condition cannot be worked out."""
    if path in move.waits:
        return  # it rests
    if move.work >= MOST_WORK and not _is_next_on_record(move, path):
        move.rest(path, move.loop_at(path).number)
        return
    try:
        _begin_rounds(move, path, loaded)
    except Undecidable as problem:
        fail(move, path, problem.error)


def fail(move: Move, path: Path, error: ErrorInfo) -> None:
    """What a while loop asks about cannot be known."""
    move.uncontain(path)
    move.close(path, "failed", error=error)
    ending.fail(move, path, error)


def end_round(move: Move, prefix: str, result: Result) -> None:
    """The round ``prefix`` has ended."""
    path = prefix.rpartition("[")[0]
    loop = move.loop_at(path)
    loop = replace(
        loop,
        running=loop.running - 1,
        succeeded=loop.succeeded + (result != "failed"),
        failed=loop.failed + (result == "failed"),
    )
    if loop.count is not None and not move.plan.keeps_rounds(step_id_of(path)):
        move.forget(prefix)
    move.contain(path, loop)
    if loop.running == 0 or not loop.is_over:
        turn(move, path)


def _on_record(step: LoopStep, known: AttemptRecord) -> tuple[Any, int | None]:
    """What a loop goes over, from its row: the items, ``Stored``, or None; and how many."""
    if step.while_ is not None:
        return None, None
    given = known.input
    if isinstance(given, Mapping) and "items" in given:
        return given["items"], len(given["items"])
    if isinstance(given, Mapping) and "count" in given:
        return None, given["count"]
    # Of stored items the output has the number: of all, or of those that it came to.
    count = known.output.get("count") if isinstance(known.output, Mapping) else None
    return (given if isinstance(given, Stored) else None), count or 0


def _begin_rounds(move: Move, path: Path, loaded: Mapping[str, Any]) -> None:
    """Begin as many rounds as may run beside each other; close the loop if none is left."""
    place = move.place_of(path)
    step = place.step
    assert isinstance(step, LoopStep)  # noqa: S101 - only loops have rounds
    loop = move.loop_at(path)
    most = 1 if loop.count is None else step.concurrency
    first = loop.begun + 1
    while not loop.is_over and loop.running < most:
        if loop.count is None:
            again = _again(move, step, path, loop, loaded)
            if again is None:
                return
            if not again or loop.begun >= step.most:
                loop = replace(loop, is_over=True, ended_early=again)
                break
        elif loop.begun >= loop.count:
            break
        loop = replace(loop, begun=loop.begun + 1, running=loop.running + 1)
    _forget_round_before(move, path, loop)
    move.contain(path, loop)
    _count(move, loop.begun - first + 1)
    for number in range(loop.begun, first - 1, -1):
        move.go(place.inside[0], 0, f"{path}[{number}]")
    if loop.running == 0:
        _close(move, path, loop)


def _is_next_on_record(move: Move, path: Path, begun: int | None = None) -> bool:
    if move.recorded is None:
        return False
    begun = move.loop_at(path).begun if begun is None else begun
    return f"{path}[{begun + 1}]" in move.recorded.rounds


def _count(move: Move, number: int) -> None:
    move.rounds += number
    move.work += number
    if move.rounds > MOST_ROUNDS_OF_A_RUN:
        raise Undecidable(
            "too_many_rounds",
            f"The loops of a run have at most {MOST_ROUNDS_OF_A_RUN:,} rounds together.",
        )


def _again(
    move: Move, step: LoopStep, path: Path, loop: LoopState, loaded: Mapping[str, Any]
) -> bool | None:
    """Whether a while loop goes on; None where a stored value must be loaded first."""
    if _is_next_on_record(move, path, loop.begun):
        return True
    known = move.decision(path)
    if known is not None and known.status == "succeeded":
        return loop.begun < known.output["count"] or bool(known.output["ended_early"])
    if known is not None and known.status == "failed" and known.error is not None:
        raise Undecidable(known.error.code, known.error.message)
    # What its last round gave is what it asks about.
    prefix = f"{path}[{loop.begun}]" if loop.begun else prefix_of(path)
    stored = needed_in(move.plan, move, prefix, step.id)
    if any(value.key not in loaded for value in stored):
        move.load(path, stored, loop.number)
        return None
    assert step.while_ is not None  # noqa: S101 - it has no count
    return deciding.holds(step.while_, move.scope(prefix, loaded))


def _forget_round_before(move: Move, path: Path, loop: LoopState) -> None:
    """A while loop's rounds are kept until it has asked about them."""
    if loop.count is None and loop.begun and not move.plan.keeps_rounds(step_id_of(path)):
        last = loop.begun if loop.is_over else loop.begun - 1
        move.forget(f"{path}[{last}]")


def _close(move: Move, path: Path, loop: LoopState) -> None:
    output = {
        "count": loop.begun,
        "succeeded": loop.succeeded,
        "failed": loop.failed,
        "ended_early": loop.ended_early,
    }
    move.uncontain(path)
    move.close(path, "succeeded", output)
    move.keep(path, output)
    move.go_after(path)
