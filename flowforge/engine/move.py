"""One move of a run: from one outcome to the commands that follow from it.

A ``Move`` is the state on its way, made for one outcome and thrown away. Where to go next stands
on an agenda: neither long lists nor many rounds can exhaust the stack, and the rooms that know the
kinds of steps need not call each other in circles.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from immutables import Map

from flowforge.engine.definition import LoopStep, Step
from flowforge.engine.plan import Place, Plan, path_in, prefix_of, step_id_of
from flowforge.engine.protocol import (
    AttemptRecord,
    Close,
    Command,
    EndedStatus,
    ErrorInfo,
    FinalStatus,
    Load,
    Path,
    Perform,
    Record,
    Rest,
    Started,
    Stored,
)
from flowforge.engine.records import Recorded
from flowforge.engine.scope import rounds_of, scope_in
from flowforge.engine.state import (
    Container,
    LoopState,
    Result,
    Spot,
    State,
    Wait,
    WaitKind,
)


class Move:
    """The state on its way, piece by piece.

    ``ended_rounds`` are rounds whose loops have not heard of it yet; ``work`` counts the rounds that
    began and the steps that were reached. A move that is ``is_halted``
    goes no further until what it has to look at is loaded.
    """

    __slots__ = (
        "agenda",
        "begin",
        "casualties",
        "commands",
        "containers",
        "ended_rounds",
        "endings",
        "finished",
        "is_halted",
        "outputs",
        "plan",
        "recorded",
        "replied",
        "rounds",
        "stored",
        "waits",
        "work",
    )

    def __init__(self, plan: Plan, state: State, recorded: Recorded | None = None) -> None:
        self.plan = plan
        self.recorded = recorded
        self.commands: list[Command] = []
        self.ended_rounds: list[tuple[str, Result]] = []
        self.is_halted = False
        self.begin = state.begin
        self.finished: FinalStatus | None = state.finished
        self.replied = state.replied
        self.waits = state.waits
        self.outputs = state.outputs
        self.stored = state.stored
        self.containers = state.containers
        self.endings = state.endings
        self.agenda: list[Spot] = list(state.agenda)
        self.rounds = state.rounds
        self.work = 0
        self.casualties = state.casualties

    def result(self) -> tuple[State, tuple[Command, ...]]:
        """The state after the move, and the commands in the order to carry them out."""
        state = State(
            self.begin or _NEVER,
            self.finished,
            self.replied,
            self.waits,
            self.outputs,
            self.stored,
            self.containers,
            self.endings,
            tuple(self.agenda),
            self.rounds,
            self.casualties,
        )
        return state, tuple(self.commands)

    @property
    def started(self) -> Started:
        """How the run began."""
        return self.begin or _NEVER

    # ---- where to go ---------------------------------------------------------------------------

    def place_of(self, path: Path) -> Place:
        return self.plan.places[step_id_of(path)]

    def go(self, block: int, position: int, prefix: str) -> None:
        """Go on at ``position`` of a list of steps inside the round ``prefix``."""
        self.agenda.append((block, position, prefix))

    def go_after(self, path: Path) -> None:
        place = self.place_of(path)
        self.agenda.append((place.block, place.position + 1, prefix_of(path)))

    # ---- rows ----------------------------------------------------------------------------------

    def record(
        self,
        path: Path,
        step: Step,
        status: Literal["succeeded", "failed", "skipped"],
        output: Any = None,
        error: ErrorInfo | None = None,
    ) -> None:
        """Write down what was decided about a step."""
        number = self.number(path)
        self.commands.append(Record(path, step.id, step.kind, status, output, error, number))
        if status != "failed":
            self.keep(path, output)

    def close(
        self,
        path: Path,
        status: EndedStatus,
        output: Any = None,
        error: ErrorInfo | None = None,
    ) -> None:
        """End the open row of ``path``."""
        self.commands.append(Close(path, status, output, error))

    def decision(self, path: Path) -> AttemptRecord | None:
        """What is on record about ``path``; None where it is to be decided now."""
        return None if self.recorded is None else self.recorded.decision(path)

    def number(self, path: Path) -> int:
        """The number of the attempt that begins at ``path``."""
        return 1 if self.recorded is None else self.recorded.number_of_next(path)

    def is_on_record(self, path: Path, number: int) -> bool:
        """Whether a run is being folded, and this attempt is one of its rows."""
        return self.recorded is not None and (path, number) in self.recorded.numbers

    # ---- waits and blocks ----------------------------------------------------------------------

    def wait(self, path: Path, kind: WaitKind, number: int, output: Any = None) -> None:
        self.waits = self.waits.set(path, Wait(kind, number, 0, output))

    def perform(self, path: Path, step: Step) -> None:
        """Have the first attempt of ``step`` made."""
        number = 1 if self.recorded is None else self.recorded.first.get(path, 1)
        self.waits = self.waits.set(path, Wait("perform", number))
        self.commands.append(Perform(path, step.id, number))

    def load(self, path: Path, stored: tuple[Stored, ...], number: int) -> None:
        """Ask for values that must be looked at. The walk goes on when they are there: decisions
        are taken, and recorded, in the order of the walk. While records are left to be folded, the
        walk has been further already.
        """
        self.wait(path, "load", number)
        self.commands.append(Load(path, stored))
        self._halt()

    def rest(self, path: Path, number: int) -> None:
        """Let what there is be written down before the loop at ``path`` goes on."""
        self.wait(path, "rest", number)
        self.commands.append(Rest(path))
        self._halt()

    def _halt(self) -> None:
        self.is_halted = self.recorded is None or self.recorded.is_spent

    def contain(self, path: Path, container: Container) -> None:
        self.containers = self.containers.set(path, container)

    def uncontain(self, path: Path) -> None:
        if path in self.containers:
            self.containers = self.containers.delete(path)

    def loop_at(self, path: Path) -> LoopState:
        loop = self.containers[path]
        assert isinstance(loop, LoopState)  # noqa: S101 - its rounds go on
        return loop

    def change_loop(self, path: Path, **changes: Any) -> None:
        self.contain(path, replace(self.loop_at(path), **changes))

    # ---- outputs -------------------------------------------------------------------------------

    def scope(self, prefix: str, loaded: Mapping[str, Any]) -> Mapping[str, Any]:
        return scope_in(self.plan, self, prefix, loaded)

    def keep(self, path: Path, output: Any) -> None:
        """Remember an output, if anybody may ask for it."""
        step_id, prefix = step_id_of(path), prefix_of(path)
        loop = step_id_of(prefix.rpartition("[")[0])
        if not self.plan.is_read(step_id) and not (loop and self.plan.keeps_rounds(loop)):
            return
        self.outputs = _with(self.outputs, prefix, step_id, output)
        if isinstance(output, Stored):
            self.stored = _with(self.stored, prefix, step_id, output)

    def forget(self, prefix: str) -> None:
        """Forget what the steps of a round gave, and of the rounds inside it."""
        waiting = [prefix]
        while waiting:
            one = waiting.pop()
            known = self.outputs.get(one)
            if known is None:
                continue
            for name in known:
                if isinstance(self.plan.places[name].step, LoopStep):
                    waiting += rounds_of(self, path_in(one, name))
            self.outputs = self.outputs.delete(one)
            if one in self.stored:
                self.stored = self.stored.delete(one)


def _with(values: Map[str, Map[str, Any]], prefix: str, name: str, value: Any) -> Any:
    inner = values.get(prefix)
    return values.set(prefix, Map({name: value}) if inner is None else inner.set(name, value))


_NEVER = Started()
