"""How parts of a run end before their last step: failures, breaks, stops, and the whole run.

What waits in such a part is given up, what performs is awaited; then it has ended.
"""

from collections.abc import Collection
from dataclasses import replace

from flowforge.engine.definition import LoopStep
from flowforge.engine.move import Move
from flowforge.engine.plan import is_within, prefix_of, rounds_around
from flowforge.engine.protocol import (
    DROPPED,
    Ask,
    CallZap,
    Command,
    ErrorInfo,
    FinalStatus,
    Finish,
    Load,
    Path,
    Perform,
    Rest,
    Sleep,
)
from flowforge.engine.state import NOTHING, Container, Ending, LoopState, Result, RouterState

_BEGINNINGS = (Perform, Sleep, Ask, CallZap, Load, Rest)

GIVEN_UP = ErrorInfo(DROPPED, "It was given up: what it belonged to had ended.")


def fail(move: Move, path: Path, error: ErrorInfo) -> None:
    """The step at ``path`` has failed for good: so does what is around it."""
    for prefix in rounds_around(prefix_of(path)):
        loop = move.place_of(prefix.rpartition("[")[0]).step
        if isinstance(loop, LoopStep) and loop.on_item_error == "continue":
            move.keep(path, error.as_output())
            end_scope(move, prefix, "failed", error)
            return
    move.casualties = (*move.casualties, path)
    end_scope(move, "", "failed", error)


def record_failure(move: Move, path: Path, error: ErrorInfo) -> None:
    """The step at ``path`` could not be decided about."""
    move.record(path, move.place_of(path).step, "failed", error=error)
    fail(move, path, error)


def end_scope(move: Move, scope: str, result: Result, error: ErrorInfo | None = None) -> None:
    """End the round ``scope``, or the run (""). O(what goes on side by side)."""
    if not (move.waits or move.containers or move.agenda or move.endings):
        _end_now(move, scope, result, error)
        return
    move.agenda = [spot for spot in move.agenda if not is_within(spot[2], scope)]
    left, dropped = _give_up_waits(move, scope)
    given_up = _close_containers(move, scope)
    if result == "failed" and not scope:
        move.casualties = (*move.casualties, *sorted(dropped), *sorted(given_up))
    for ended in [each for each in move.endings if is_within(each, scope)]:
        move.endings = move.endings.delete(ended)
    if result == "broken":
        move.change_loop(scope.rpartition("[")[0], is_over=True, ended_early=True)
    if left:
        move.endings = move.endings.set(scope, Ending(left, result, error))
    else:
        _end_now(move, scope, result, error)


def drain(move: Move, path: Path, *, failed: bool) -> bool:
    """Whether ``path`` belongs to what is ending; then its outcome starts nothing."""
    endings = move.endings
    if not endings:
        return False
    scope = next((s for s in (*rounds_around(prefix_of(path)), "") if s in endings), None)
    if scope is None:
        return False
    ending = endings[scope]
    if failed and not scope:
        move.casualties = (*move.casualties, path)
    if ending.left > 1:
        move.endings = endings.set(scope, replace(ending, left=ending.left - 1))
    else:
        move.endings = endings.delete(scope)
        _end_now(move, scope, ending.result, ending.error)
    return True


def finish(move: Move, status: FinalStatus, error: ErrorInfo | None = None) -> None:
    """The run has ended."""
    move.agenda.clear()
    move.finished = status
    move.waits, move.containers, move.endings = NOTHING, NOTHING, NOTHING
    move.commands.append(Finish(status, error))


def abort(move: Move, status: FinalStatus, error: ErrorInfo | None) -> None:
    """End the run at once, whatever is under way."""
    performing = sorted(path for path, wait in move.waits.items() if wait.kind == "perform")
    _, dropped = _give_up_waits(move, "")
    given_up = _close_containers(move, "")
    for path in performing:
        move.close(path, "unknown", error=error or GIVEN_UP)
    move.casualties = (*move.casualties, *sorted(dropped), *sorted(given_up), *performing)
    finish(move, status, error)


def _end_now(move: Move, scope: str, result: Result, error: ErrorInfo | None) -> None:
    if scope:
        move.ended_rounds.append((scope, result))
    else:
        finish(move, "failed" if result == "failed" else "succeeded", error)


def _give_up_waits(move: Move, scope: str) -> tuple[int, list[Path]]:
    """How many attempts are being performed in ``scope``, and the waits that were given up.

    What begins in this very move, or (of a run that is folded) has no row, has not begun: it is
    neither awaited nor closed.
    """
    inside = {path: w for path, w in move.waits.items() if is_within(prefix_of(path), scope)}
    if not inside:
        return 0, []
    unbegun = _take_back(move, inside.keys())
    if move.recorded is not None:
        unbegun = {p for p, wait in inside.items() if not move.is_on_record(p, wait.number)}
    left, dropped, waits = 0, [], move.waits.mutate()
    for path, wait in inside.items():
        has_begun = path not in unbegun
        if wait.kind == "perform" and has_begun:
            left += 1
            continue
        del waits[path]
        if wait.kind in ("sleep", "ask", "zap") and has_begun:
            move.close(path, "skipped", error=GIVEN_UP)
        if wait.kind == "retry" or (wait.kind not in ("load", "rest") and has_begun):
            dropped.append(path)
    move.waits = waits.finish()
    return left, dropped


def _take_back(move: Move, paths: Collection[Path]) -> set[Path]:
    """Take back what was asked for in this move for ``paths``, and name them."""
    taken: set[Path] = set()
    left: list[Command] = []
    for command in move.commands:
        if isinstance(command, _BEGINNINGS) and command.path in paths:
            taken.add(command.path)
        else:
            left.append(command)
    move.commands = left
    return taken


def _close_containers(move: Move, scope: str) -> list[Path]:
    """Give up the blocks in ``scope``, and name those that have rows."""
    inside = [
        (path, container)
        for path, container in move.containers.items()
        if is_within(prefix_of(path), scope)
    ]
    for path, container in inside:
        move.containers = move.containers.delete(path)
        if isinstance(container, LoopState) and scope:
            for number in range(1, container.begun + 1):
                move.forget(f"{path}[{number}]")
    with_rows = [(path, each) for path, each in inside if not isinstance(each, RouterState)]
    # Innermost first, as they would have ended.
    for path, container in sorted(with_rows, key=lambda one: (-one[0].count("/"), one[0])):
        move.close(path, "skipped", _known_of(container), GIVEN_UP)
    return [path for path, _ in with_rows]


def _known_of(container: Container) -> dict[str, object] | None:
    """How many rounds a loop was to make: it may go on one day, and its items lie elsewhere."""
    if not isinstance(container, LoopState):
        return None
    return {
        "count": container.begun if container.count is None else container.count,
        "succeeded": container.succeeded,
        "failed": container.failed,
        "ended_early": True,
    }
