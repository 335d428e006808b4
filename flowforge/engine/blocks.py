"""Routers and parallel blocks: which branches are gone into, and what follows when one ends."""

from dataclasses import replace
from typing import Any

from immutables import Map

from flowforge.engine import ending
from flowforge.engine.definition import LoopStep, ParallelStep
from flowforge.engine.move import Move
from flowforge.engine.plan import path_in, prefix_of
from flowforge.engine.protocol import Open, Path
from flowforge.engine.state import ParallelState, RouterState


def end_list(move: Move, block: int, prefix: str) -> None:
    """A list of steps has ended: its owner goes on."""
    home = move.plan.blocks[block]
    match home.owner:
        case None:
            ending.end_scope(move, "", "succeeded")
        case LoopStep():
            move.ended_rounds.append((prefix, "succeeded"))
        case ParallelStep() as owner:
            _end_branch(move, path_in(prefix, owner.id), home.branch)
        case owner:
            path = path_in(prefix, owner.id)
            router = move.containers[path]
            assert isinstance(router, RouterState)  # noqa: S101 - its branches are under way
            if not _take_branch(move, path, router.queue):
                move.go_after(path)


def take(move: Move, path: Path, output: dict[str, Any]) -> bool:
    """Go into the branches that the router at ``path`` took; False if there is no step in them."""
    ways = enumerate(output["branches"])
    return _take_branch(move, path, tuple(branch for branch, way in ways if way["evaluation"]))


def fork(move: Move, step: ParallelStep, path: Path) -> None:
    """Begin the branches that wait for no other."""
    number = move.number(path)
    if not move.is_on_record(path, number):
        move.commands.append(Open(path, step.id, step.kind, {}, None, number))
    left = {index: len(set(branch.depends_on)) for index, branch in enumerate(step.branches)}
    ready = [index for index, needs in left.items() if not needs]
    waiting = Map({index: needs for index, needs in left.items() if needs})
    move.contain(path, ParallelState(waiting, len(ready), number))
    _begin_branches(move, path, ready)
    if not step.branches:
        _join(move, path)


def _take_branch(move: Move, path: Path, queue: tuple[int, ...]) -> bool:
    """Go into the first branch of ``queue`` that has steps; False if none has."""
    place = move.place_of(path)
    for index, branch in enumerate(queue):
        inside = place.inside[branch]
        if move.plan.blocks[inside].steps:
            move.contain(path, RouterState(queue[index + 1 :]))
            move.go(inside, 0, prefix_of(path))
            return True
    move.uncontain(path)
    return False


def _begin_branches(move: Move, path: Path, branches: list[int]) -> None:
    place = move.place_of(path)
    for branch in reversed(branches):
        move.go(place.inside[branch], 0, prefix_of(path))


def _end_branch(move: Move, path: Path, branch: int) -> None:
    block = move.containers[path]
    assert isinstance(block, ParallelState)  # noqa: S101 - one of its branches has just ended
    left, ready = block.left, []
    for index in move.plan.followers[move.place_of(path).step.id].get(branch, ()):
        needs = left[index] - 1
        left = left.set(index, needs) if needs else left.delete(index)
        if not needs:
            ready.append(index)
    going = block.going - 1 + len(ready)
    move.contain(path, replace(block, left=left, going=going))
    _begin_branches(move, path, ready)
    if not going:
        _join(move, path)


def _join(move: Move, path: Path) -> None:
    move.uncontain(path)
    move.close(path, "succeeded")
    move.go_after(path)
