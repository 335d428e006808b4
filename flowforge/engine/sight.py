"""Which steps an expression can see from its place. Decided from the tree alone, O(depth)."""

from collections.abc import Mapping
from dataclasses import dataclass

from flowforge.engine.definition import LoopStep, ParallelStep, RouterStep
from flowforge.engine.plan import Block, Plan

_ROOTS = ("trigger", "steps", "run", "connections")
_LOOP_ROOTS = ("item", "index")
# What Liquid offers of any object.
_OF_OBJECTS = ("size", "first")


@dataclass(frozen=True, slots=True)
class Sight:
    """The view from the step ``at``.

    ``inside``: from within its rounds, which is where the condition of a while loop looks from.
    ``before`` has, for each parallel block, its branches by number, and those that surely ended
    before each began, as bits.
    """

    plan: Plan
    before: Mapping[str, tuple[int, ...]]
    at: str
    inside: bool = False

    def problem(self, reference: tuple[str, ...]) -> str | None:
        """What is wrong with reading ``reference`` here; None when nothing is."""
        root = reference[0]
        if root in _LOOP_ROOTS:
            is_in_loop = self.inside or bool(self._loops(self.at))
            return None if is_in_loop else f"'{root}' is known only inside a loop."
        if root not in _ROOTS:
            return f"'{root}' is unknown. Expressions may name {', '.join(_ROOTS)}."
        if root != "steps" or len(reference) == 1 or reference[1] in _OF_OBJECTS:
            return None
        return self._problem_with_step(reference[1], reference[2:])

    def _problem_with_step(self, name: str, rest: tuple[str, ...]) -> str | None:
        if name not in self.plan.places:
            return f"There is no step '{name}'."
        mine = self._way(self.at)
        theirs = self._way(name)
        # Both ways begin at the run's own list; the last list that they share decides.
        shared = 0
        while shared < min(len(mine), len(theirs)) and mine[shared][0] == theirs[shared][0]:
            shared += 1
        block, my_position = mine[shared - 1]
        position = theirs[shared - 1][1]
        if position > my_position:
            return f"Step '{name}' has not run yet at this point."
        if position < my_position:
            return self._from_outside(name, self.plan.blocks[block])
        return self._within(name, rest, mine[shared:], theirs[shared:])

    def _within(  # noqa: PLR0911 - a table of relations
        self,
        name: str,
        rest: tuple[str, ...],
        mine: list[tuple[int, int]],
        theirs: list[tuple[int, int]],
    ) -> str | None:
        """For a step that is this one, one around it, or one in another branch of one around it."""
        step = self.plan.places[name].step
        if not theirs:
            is_around = isinstance(step, LoopStep) and (bool(mine) or self.inside)
            return None if is_around else f"Step '{name}' has not run yet at this point."
        if not mine:
            # Inside this very step: only a while loop looks at its own rounds.
            if self.inside:
                return None
            return f"Step '{name}' has not run yet at this point."
        their_block = self.plan.blocks[theirs[0][0]]
        my_block = self.plan.blocks[mine[0][0]]
        owner = their_block.owner
        if isinstance(owner, ParallelStep):
            if not self.before[owner.id][my_block.branch] >> their_block.branch & 1:
                there, here = owner.branches[their_block.branch], owner.branches[my_block.branch]
                return (
                    f"Step '{name}' runs beside this one, in branch '{there.name}'. "
                    f"Let '{here.name}' depend on it."
                )
            return self._from_outside(name, their_block)
        if (
            isinstance(owner, RouterStep)
            and owner.mode == "all_matches"
            and their_block.branch < my_block.branch < len(owner.branches)
        ):
            return None
        return f"Step '{name}' is in another branch, which is not taken together with this one."

    def _from_outside(self, name: str, seen_from: Block) -> str | None:
        """A step before this one is seen, unless a loop around it hides its rounds."""
        loops = self._loops(name)
        if len(loops) > len(seen_from.loops):
            loop = loops[len(seen_from.loops)]
            return (
                f"Step '{name}' runs once in each round of the loop '{loop}'. "
                f"Its outputs are in steps.{loop}.iterations."
            )
        return None

    def _loops(self, name: str) -> tuple[str, ...]:
        return self.plan.loops_around(name)

    def _way(self, name: str) -> list[tuple[int, int]]:
        """The lists from the run's own down to the step, and the position in each."""
        way: list[tuple[int, int]] = []
        step_id: str | None = name
        while step_id is not None:
            place = self.plan.places[step_id]
            way.append((place.block, place.position))
            owner = self.plan.blocks[place.block].owner
            step_id = None if owner is None else owner.id
        return way[::-1]


def branches_before(step: ParallelStep) -> tuple[int, ...]:
    """For each branch the ones that have ended when it begins, as bits. O(dependencies)."""
    numbers = {branch.name: number for number, branch in enumerate(step.branches)}
    found: dict[int, int] = {}
    # Depth first with a stack of our own: a chain may be as long as there are branches.
    for first in range(len(step.branches)):
        waiting = [first]
        while waiting:
            number = waiting[-1]
            needed = [numbers[name] for name in step.branches[number].depends_on]
            missing = [each for each in needed if each not in found]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            bits = 0
            for each in needed:
                bits |= found[each] | 1 << each
            found[number] = bits
    return tuple(found[number] for number in range(len(step.branches)))
