"""Going back in a run that has ended: what it failed at, and what of it a new run can keep."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from flowforge.engine.advance import advance
from flowforge.engine.definition import (
    BreakStep,
    FilterStep,
    LoopStep,
    ParallelStep,
    RouterStep,
    Step,
)
from flowforge.engine.folding import fold
from flowforge.engine.plan import Plan, path_in, prefix_of, rounds_around, step_id_of
from flowforge.engine.protocol import DROPPED, AttemptRecord, Cancelled, Path, Started


def casualties(
    plan: Plan,
    started: Started,
    records: Iterable[AttemptRecord],
    cut_short: Collection[str] = (),
) -> list[tuple[Path, int]]:
    """The attempts that a run of these ``records`` ended with: its failure, and what was given up
    or cut short by its end. With a promise of another attempt for each, ``fold`` goes on there.

    ``cut_short``: codes of the errors of attempts that did not end by themselves, but with the run.
    """
    known = list(records)
    # As it was before the end; the engine finds out anew what of it the run itself gave up.
    state, _ = fold(plan, started, [_under_way(record, cut_short) for record in known])
    if state.finished is None:
        state, _ = advance(plan, state, Cancelled())
    latest: dict[Path, int] = {}
    for record in known:
        latest[record.path] = max(record.number, latest.get(record.path, 0))
    paths = dict.fromkeys(state.casualties)
    return [(path, latest[path]) for path in paths if path in latest]


def _under_way(record: AttemptRecord, cut_short: Collection[str]) -> AttemptRecord:
    code = record.error.code if record.error is not None else ""
    is_cut = record.status == "unknown" and (code == DROPPED or code in cut_short)
    if record.promised or not (is_cut or _is_given_up(record)):
        return record
    return replace(record, status="running", seq=None)


def _is_given_up(record: AttemptRecord) -> bool:
    error = record.error
    return record.status == "skipped" and error is not None and error.code == DROPPED


def kept(
    plan: Plan, records: Iterable[AttemptRecord], path: Path | None, lost: Collection[Path] = ()
) -> list[AttemptRecord]:
    """Of ``records`` those that hold for a run that begins anew at ``path``; None: at what was lost.

    Not ``path`` itself, nothing inside it, and nothing that came after it or because of it: later
    in its list and the lists around it, rounds that began later, branches that depend on its
    branch. Nor what was ``lost``, the casualties of the run. Loops and parallel blocks that are
    around ``path``, or were lost, are open again: their records come as ``running``.
    """
    target = [] if path is None else _way_to(plan, path)
    found = []
    for record in records:
        way = _way_to(plan, record.path)
        relation = _relation(plan, way, target)
        # What a stop or a break gave up may be reached again, and otherwise is given up again.
        is_lost = record.path in lost or (_is_given_up(record) and not record.promised)
        if relation == "around" or (relation == "before" and is_lost and _is_open(way, record)):
            found.append(_opened(way[-1].step, record))
        elif relation == "before" and not is_lost:
            found.append(record)
    return found


def divergences(before: Plan, plan: Plan, records: Iterable[AttemptRecord]) -> list[Path]:
    """Where a run of ``before`` with these ``records`` would have gone another way under ``plan``:
    the first steps that are new, stand elsewhere, or decide by something else. What such a step
    does, and not what it is given, makes it another one; steps that are gone make no difference.
    """
    prefixes: dict[tuple[str, ...], set[str]] = {(): {""}}
    for record in records:
        for prefix in rounds_around(prefix_of(record.path)):
            loops = tuple(part.rpartition("[")[0] for part in prefix.split("/"))
            prefixes.setdefault(loops, set()).add(prefix)
    found = []
    waiting = [(0, 0)]
    while waiting:
        old, new = waiting.pop()
        known = [step for step in before.blocks[old].steps if step.id in plan.places]
        for position, step in enumerate(plan.blocks[new].steps):
            former = known[position] if position < len(known) else None
            if former is None or _nature(former) != _nature(step):
                rounds = sorted(prefixes.get(plan.blocks[new].loops, ()))
                found += [path_in(prefix, step.id) for prefix in rounds]
                break
            inside = (before.places[step.id].inside, plan.places[step.id].inside)
            waiting += zip(*inside, strict=True)
    return found


def _nature(step: Step) -> tuple[Any, ...]:
    """What makes a step the same one in two versions: with it, its record means the same."""
    own: Any = None
    match step:
        case LoopStep():
            own = (step.over, step.count, step.while_, step.concurrency > 1)
        case RouterStep():
            own = (step.mode, [branch.when for branch in step.branches])
        case ParallelStep():
            own = [(branch.name, sorted(branch.depends_on)) for branch in step.branches]
        case FilterStep() | BreakStep():
            own = step.when
    return (step.id, step.kind, step.skip, own)


class _Stop(NamedTuple):
    """A step on the way to a path: the list it stands in, its place there, and the round of it
    (of a loop) that the way goes through; 0 where it ends.
    """

    step: Step
    branch: int
    position: int
    round: int


def _way_to(plan: Plan, path: Path) -> list[_Stop]:
    """From the outermost step to the one at ``path``."""
    rounds = {}
    for part in filter(None, prefix_of(path).split("/")):
        loop, _, number = part[:-1].rpartition("[")
        rounds[loop] = int(number)
    way = []
    step_id: str | None = step_id_of(path)
    while step_id is not None:
        place = plan.places[step_id]
        home = plan.blocks[place.block]
        way.append(_Stop(place.step, home.branch, place.position, rounds.get(step_id, 0)))
        step_id = None if home.owner is None else home.owner.id
    return way[::-1]


def _relation(plan: Plan, way: list[_Stop], target: list[_Stop]) -> str:
    """Where a path lies as seen from another: "before" (or beside) it, "after" it, or "around"."""
    for depth, (mine, its) in enumerate(zip(way, target, strict=False)):
        if mine.position != its.position:
            return "before" if mine.position < its.position else "after"
        if depth == len(target) - 1:
            return "after"
        if depth == len(way) - 1:
            return "around" if isinstance(mine.step, LoopStep | ParallelStep) else "before"
        if _part(way, depth) != _part(target, depth):
            return _beside(plan, mine.step, _part(way, depth), _part(target, depth))
    return "before"


def _part(way: list[_Stop], depth: int) -> int:
    """Through which part of the step at ``depth`` the way goes: a round, or a branch."""
    stop = way[depth]
    return stop.round if isinstance(stop.step, LoopStep) else way[depth + 1].branch


def _beside(plan: Plan, step: Step, part: int, other: int) -> str:
    """How two parts of one step follow each other."""
    match step:
        case ParallelStep():
            return "after" if part in _dependants(plan, step, other) else "before"
        case LoopStep() | RouterStep():
            # Also of rounds side by side: one could begin because another had ended.
            return "before" if part < other else "after"
        case _:
            raise AssertionError("nothing else has parts")


def _dependants(plan: Plan, step: ParallelStep, branch: int) -> set[int]:
    """The branches that wait for ``branch``, directly or not."""
    found: set[int] = set()
    waiting = [branch]
    while waiting:
        new = set(plan.followers[step.id].get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _is_open(way: list[_Stop], record: AttemptRecord) -> bool:
    """Whether it is the record of a block that had begun, and not of one that could not."""
    match way[-1].step:
        case LoopStep():
            return record.input is not None
        case ParallelStep():
            return True
    return False


def _opened(step: Step, record: AttemptRecord) -> AttemptRecord:
    """The record of a block as it was before it was closed; how it ended once is no matter."""
    if record.promised:
        return record
    output = record.output
    if isinstance(step, LoopStep):
        items = record.input.get("items") if isinstance(record.input, dict) else None
        count = output.get("count") if isinstance(output, dict) else None
        if step.while_ is not None:
            count = None
        elif items is not None:
            count = len(items)
        elif isinstance(record.input, dict):
            count = record.input.get("count", count)
        output = {"count": count}
    return replace(record, status="running", output=output, error=None, seq=None)
