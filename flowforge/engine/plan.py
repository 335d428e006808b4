"""A definition made ready to be advanced: where each step stands, and what expressions may read.

Compiled once per version, O(steps), and shared by all its runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowforge.engine import expressions
from flowforge.engine.definition import (
    Definition,
    Limits,
    LoopStep,
    ParallelStep,
    RouterStep,
    Step,
    bodies,
)
from flowforge.engine.protocol import Path

# Names no step can have.
EVERYTHING = "*"
ITEM = "."


@dataclass(frozen=True, slots=True)
class Block:
    """A list of steps. ``owner`` is the step that it stands in, ``branch`` which of its lists;
    ``loops`` the ids of the loops around it, outermost first.
    """

    steps: tuple[Step, ...]
    owner: Step | None
    branch: int
    loops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step stands. ``inside`` are the numbers of its own lists."""

    step: Step
    block: int
    position: int
    inside: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """``uses`` says for each step which others its expressions read, ``reads`` is all of them;
    ``iterated`` are the loops whose rounds are looked at from outside. ``followers`` says for each
    parallel block which of its branches (by number) wait for which.
    """

    blocks: tuple[Block, ...]
    places: Mapping[str, Place]
    uses: Mapping[str, frozenset[str]]
    reads: frozenset[str]
    iterated: frozenset[str]
    followers: Mapping[str, Mapping[int, tuple[int, ...]]]
    limits: Limits

    def loops_around(self, step_id: str) -> tuple[str, ...]:
        """The ids of the loops around a step, outermost first."""
        return self.blocks[self.places[step_id].block].loops

    def is_read(self, step_id: str) -> bool:
        """Whether any expression may look at the output of the step."""
        return step_id in self.reads or EVERYTHING in self.reads

    def may_be_read(self, step_id: str) -> bool:
        """Whether anybody may ask for the output of the step, in its round or after it."""
        return (
            step_id not in self.places
            or self.is_read(step_id)
            or any(self.keeps_rounds(loop) for loop in self.loops_around(step_id))
        )

    def keeps_rounds(self, loop_id: str) -> bool:
        """Whether any expression may look at the rounds of the loop once they are over."""
        return loop_id in self.iterated or EVERYTHING in self.reads


def compile_plan(definition: Definition) -> Plan:
    """The plan of a definition."""
    blocks: list[Block] = []
    places: dict[str, Place] = {}
    # Blocks get their numbers as they are found; each step then knows those of its own lists.
    waiting = [Block(definition.steps, None, 0, ())]
    while waiting:
        block = waiting.pop()
        number = len(blocks)
        blocks.append(block)
        for position, step in enumerate(block.steps):
            loops = (*block.loops, step.id) if isinstance(step, LoopStep) else block.loops
            waiting += [
                Block(steps, step, branch, loops)
                for branch, steps in reversed(list(enumerate(bodies(step))))
            ]
            places[step.id] = Place(step, number, position, ())
    inside: dict[str, list[int]] = {}
    for number, block in sorted(enumerate(blocks), key=lambda one: one[1].branch):
        if block.owner is not None:
            inside.setdefault(block.owner.id, []).append(number)
    for step_id, numbers in inside.items():
        place = places[step_id]
        places[step_id] = Place(place.step, place.block, place.position, tuple(numbers))
    found = {step_id: _references(place.step) for step_id, place in places.items()}
    uses = {step_id: frozenset(_used(paths, places)) for step_id, paths in found.items()}
    return Plan(
        tuple(blocks),
        places,
        uses,
        frozenset().union(*uses.values()),
        _with_loops_inside(
            {loop for paths in found.values() for loop in _iterated(paths)}, blocks, places
        ),
        {
            step_id: _followers(place.step)
            for step_id, place in places.items()
            if isinstance(place.step, ParallelStep)
        },
        definition.limits,
    )


def _with_loops_inside(
    iterated: set[str], blocks: Sequence[Block], places: Mapping[str, Place]
) -> frozenset[str]:
    """Who looks at the rounds of a loop looks at those of the loops in it as well."""
    return frozenset(
        step_id
        for step_id, place in places.items()
        if isinstance(place.step, LoopStep)
        and not iterated.isdisjoint((*blocks[place.block].loops, step_id))
    )


def _followers(step: ParallelStep) -> dict[int, tuple[int, ...]]:
    numbers = {branch.name: number for number, branch in enumerate(step.branches)}
    found: dict[int, list[int]] = {}
    for number, branch in enumerate(step.branches):
        for name in set(branch.depends_on):
            found.setdefault(numbers[name], []).append(number)
    return {number: tuple(sorted(each)) for number, each in found.items()}


def step_at(plan: Plan, path: Path) -> Step:
    """The step that ``path`` addresses; KeyError if there is none."""
    return plan.places[step_id_of(path)].step


def step_id_of(path: Path) -> str:
    return path.rpartition("/")[2]


def prefix_of(path: Path) -> str:
    """The rounds around ``path``: ``each[2]/inner[1]``, or nothing."""
    return path.rpartition("/")[0]


def path_in(prefix: str, step_id: str) -> Path:
    return f"{prefix}/{step_id}" if prefix else step_id


def rounds_around(prefix: str) -> Iterator[str]:
    """The prefixes of the rounds that ``prefix`` stands in, innermost first, itself included."""
    while prefix:
        yield prefix
        prefix = prefix_of(prefix)


def is_within(prefix: str, scope: str) -> bool:
    """Whether what stands in ``prefix`` belongs to the round ``scope`` (nothing: the run)."""
    return not scope or prefix == scope or prefix.startswith(scope + "/")


def _references(step: Step) -> set[tuple[str, ...]]:
    """The paths that the expressions of ``step`` itself read. An expression that cannot be read
    fails where it is rendered.
    """
    found: set[tuple[str, ...]] = set()
    for value in _texts(step):
        try:
            found |= expressions.references(value)
        except expressions.ExpressionError:
            continue
    return found


# Only what the step renders itself: the steps inside it have entries of their own.
_INSIDE = frozenset({"steps", "branches", "fallback", "kind", "id", "name", "code"})


def _texts(step: Step) -> Iterator[str]:
    values: list[Any] = [
        getattr(step, name) for name in type(step).model_fields if name not in _INSIDE
    ]
    if isinstance(step, RouterStep):
        values += [branch.when for branch in step.branches]
    while values:
        value = values.pop()
        if isinstance(value, str):
            if expressions.is_template(value):
                yield value
        elif isinstance(value, Mapping):
            values += value.values()
        elif isinstance(value, list | tuple):
            values += value
        elif hasattr(type(value), "model_fields"):
            values += [getattr(value, name) for name in type(value).model_fields]


def _used(paths: set[tuple[str, ...]], places: Mapping[str, Place]) -> Iterator[str]:
    for path in paths:
        if path[0] == "item":
            yield ITEM
        elif path[0] == "steps":
            known = len(path) > 1 and path[1] in places
            yield path[1] if known else EVERYTHING
            if known and isinstance(places[path[1]].step, LoopStep | ParallelStep):
                yield ITEM


def _iterated(paths: set[tuple[str, ...]]) -> Iterator[str]:
    for path in paths:
        if path[0] == "steps" and len(path) > 1:
            inner = path[3:4] if path[2:3] == ("output",) else path[2:3]
            if not inner or inner[0] == "iterations":
                yield path[1]
