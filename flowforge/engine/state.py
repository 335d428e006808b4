"""What the engine knows of a run: immutable, shared between versions, O(log n) per change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from immutables import Map

from flowforge.engine.protocol import ErrorInfo, FinalStatus, Path, Started, Stored

WaitKind = Literal["perform", "retry", "sleep", "ask", "zap", "load", "rest"]
Result = Literal["succeeded", "failed", "broken"]
# A list of steps (its number in the plan), a position in it, and the rounds around it.
Spot = tuple[int, int, str]

NOTHING: Map[Any, Any] = Map()
_NOT_BEGUN = Started()


@dataclass(frozen=True, slots=True)
class Wait:
    """An outcome is owed for a path: of its attempt ``number``. ``budget`` is the number of the
    last attempt that a person asked for by hand, 0 if none did: the retry policy counts from it.
    ``output`` is what the step will have given when its time has come.
    """

    kind: WaitKind
    number: int = 1
    budget: int = 0
    output: Any = None


@dataclass(frozen=True, slots=True)
class LoopState:
    """An open loop. ``items`` is a list, ``Stored``, or None where it does not go over items;
    ``count`` is None for a while loop. ``begun`` rounds have begun, ``running`` of them go on.
    """

    items: Any
    count: int | None
    number: int = 1
    begun: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    is_over: bool = False
    ended_early: bool = False


@dataclass(frozen=True, slots=True)
class ParallelState:
    """An open parallel block: for each branch that has not begun, how many others it waits for."""

    left: Map[int, int]
    going: int
    number: int = 1


@dataclass(frozen=True, slots=True)
class RouterState:
    """A router whose branches are under way: those that are still to come."""

    queue: tuple[int, ...]


Container = LoopState | ParallelState | RouterState


@dataclass(frozen=True, slots=True)
class Ending:
    """A round (or the run) that ends as soon as the ``left`` attempts in it have."""

    left: int
    result: Result
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class State:
    """All that the engine knows of a run. ``folding.fold`` rebuilds it from the attempts.

    ``begin`` is how the run began, None before. ``waits`` has every path that an outcome is owed
    for. ``outputs`` has what finished steps gave, by the rounds around them and their id; only what
    expressions may read; ``stored`` has those of them that lie elsewhere. ``containers`` are the blocks under way, ``endings`` the rounds that are
    being given up. ``agenda`` is where the walk goes on once what it looks at is loaded, or it has
    rested. ``rounds`` counts those of all loops.
    ``casualties`` are the paths whose failure, or whose being given up, goes with the end of the
    run.
    """

    begin: Started | None = None
    finished: FinalStatus | None = None
    replied: bool = False
    waits: Map[Path, Wait] = NOTHING
    outputs: Map[str, Map[str, Any]] = NOTHING
    stored: Map[str, Map[str, Stored]] = NOTHING
    containers: Map[Path, Container] = NOTHING
    endings: Map[str, Ending] = NOTHING
    agenda: tuple[Spot, ...] = ()
    rounds: int = 0
    casualties: tuple[Path, ...] = ()

    @property
    def started(self) -> Started:
        """How the run began; empty before it has."""
        return self.begin or _NOT_BEGUN

    @property
    def inputs(self) -> Mapping[Path, Any]:
        """What a person edited before running again, by path."""
        return self.started.inputs

    @property
    def waiting(self) -> frozenset[Path]:
        """The paths that an outcome is owed for."""
        return frozenset(self.waits)


__all__ = [
    "NOTHING",
    "Container",
    "Ending",
    "LoopState",
    "ParallelState",
    "Result",
    "RouterState",
    "Spot",
    "State",
    "Stored",
    "Wait",
    "WaitKind",
]
