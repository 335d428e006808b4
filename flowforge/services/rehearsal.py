"""One step of a draft on its own, with samples for everything around it. Pure.

The engine itself is asked what it would do: of the draft is left the step, without what stands in
it, and the loops around it; steps before it have given their samples; routers and parallel blocks
around it are passed through. So a test and a run cannot come to differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowforge.engine.definition import (
    BreakStep,
    CodeStep,
    Definition,
    FilterStep,
    LoopStep,
    ParallelStep,
    ReplyStep,
    RouterStep,
    Step,
    StopStep,
)
from flowforge.engine.folding import fold
from flowforge.engine.plan import EVERYTHING, Plan, compile_plan
from flowforge.engine.protocol import (
    Ask,
    AttemptRecord,
    CallZap,
    Close,
    Command,
    EndedStatus,
    ErrorInfo,
    Open,
    Path,
    Perform,
    Record,
    Sleep,
    Started,
)
from flowforge.engine.state import State
from flowforge.errors import Invalid, NotFound
from flowforge.services.step_words import counted, seconds_in_words

# No item was given: the loops around the step work theirs out.
WORKED_OUT = object()


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a run would do at a step that is not performed; ``note`` says it in a sentence."""

    status: EndedStatus = "succeeded"
    input: Any = None
    output: Any = None
    error: ErrorInfo | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the engine stands: ``commands`` is what it asks for of the step at ``path``."""

    plan: Plan
    state: State
    path: Path
    step: Step
    commands: tuple[Command, ...]


def reads(definition: Definition, step_id: str) -> frozenset[str]:
    """The steps whose outputs the step, or a loop around it, may look at.

    Raises: NotFound for a step that is not in the definition.
    """
    plan = compile_plan(definition)
    if step_id not in plan.places:
        raise NotFound(f"There is no step '{step_id}' in the draft.")
    used = plan.uses[step_id].union(*(plan.uses[loop] for loop in plan.loops_around(step_id)))
    return frozenset(plan.places if EVERYTHING in used else used & plan.places.keys())


def set_up(
    definition: Definition,
    step_id: str,
    started: Started,
    outputs: Mapping[str, Any],
    item: Any = WORKED_OUT,
) -> Stage:
    """The stage for the step. ``outputs`` are the samples by step; ``item`` is that of the
    innermost loop, by default the first one of what it goes over with these samples.

    Raises: Invalid where a loop around the step gives no round, NotFound for an unknown step.
    """
    whole = compile_plan(definition)
    if step_id not in whole.places:
        raise NotFound(f"There is no step '{step_id}' in the draft.")
    loops = whole.loops_around(step_id)
    given = {name: value for name, value in outputs.items() if name not in {step_id, *loops}}
    step = scene = _emptied(whole.places[step_id].step, _free_id(whole, "round"))
    for loop_id in reversed(loops):
        loop = whole.places[loop_id].step
        assert isinstance(loop, LoopStep)  # noqa: S101 - the plan says so
        source = _source(loop)
        if loop_id == loops[-1] and item is not WORKED_OUT:
            stand_in = _free_id(whole, "item")
            given[stand_in] = [item]
            source = {"over": f"{{{{ steps.{stand_in} }}}}", "count": None, "while_": None}
        scene = loop.model_copy(update={"steps": (scene,), **_PLAIN, "concurrency": 1, **source})
    before = tuple(CodeStep(id=name, kind="code") for name in given)
    plan = compile_plan(
        Definition.model_construct(steps=(*before, scene), limits=definition.limits)
    )
    records = [
        AttemptRecord(name, 1, "succeeded", output=value, seq=seq)
        for seq, (name, value) in enumerate(given.items())
    ]
    state, commands = fold(plan, started, records)
    path = "/".join([*(f"{loop}[1]" for loop in loops), step_id])
    mine = tuple(each for each in commands if getattr(each, "path", None) == path)
    if not mine:
        raise _no_round(commands)
    return Stage(plan, state, path, step, mine)


_PLAIN = {"skip": False}


def foretold(stage: Stage) -> Foretold | None:
    """What a run would do here; None for a step that has to be performed to know."""
    match stage.commands[0]:
        case Perform():
            return None
        case Record(status="failed", error=error):
            return Foretold("failed", error=error)
        case Record(output=output):
            return Foretold(output=output, note=_of_record(stage.step, output))
        case Open(input=items, output=known):
            return _of_open(stage.step, items, known)
        case other:
            return _of_wait(other)


def _of_wait(command: Command) -> Foretold:
    """What a run would wait for; nothing of it happens now, so there is no output yet."""
    match command:
        case Sleep(seconds=seconds, until=until):
            given = {"until": until} if seconds is None else {"seconds": seconds}
            long = f"until {until}" if seconds is None else seconds_in_words(seconds)
            return Foretold(input=given, note=f"A run waits here {long}.")
        case Ask() as ask:
            whom = ", ".join(ask.approvers) or "the members of the project"
            return Foretold(
                input={"question": ask.question, "approvers": list(ask.approvers)},
                note=f"A run asks {whom} here and waits. Nobody was asked now.",
            )
        case CallZap(zap_id=zap_id, input=given, wait=wait):
            waits = " and waits for its end" if wait else ""
            note = f"A run starts the zap {zap_id} here{waits}. It was not started now."
            return Foretold(input=given, note=note)
    return Foretold()


def _of_record(step: Step, output: Any) -> str:
    match step:
        case FilterStep():
            return (
                "A run goes on here."
                if output["passed"]
                else "The list of steps ends here: it does not hold."
            )
        case RouterStep():
            ways = [way["branchName"] for way in output["branches"] if way["evaluation"]]
            return f"A run takes: {', '.join(ways)}."
        case BreakStep():
            return "A run leaves the loop here." if output["broke"] else "The loop goes on."
        case ReplyStep():
            return "Whoever waits for the run gets this answer."
        case StopStep():
            return "A run ends here, succeeded."
    return ""


def _of_open(step: Step, items: Any, known: Any) -> Foretold:
    if isinstance(step, ParallelStep):
        names = ", ".join(branch.name for branch in step.branches)
        return Foretold(note=f"A run goes through these side by side: {names}.")
    count = (known or {}).get("count")
    if count is None:
        return Foretold(note="A run asks before each round whether the conditions hold.")
    rounds = counted(count, "round")
    return Foretold(input=items, output={"count": count}, note=f"A run makes {rounds} here.")


def _emptied(step: Step, stand_in: str) -> Step:
    """The step without what stands in it: only it is tried. It is tried even if it is skipped.

    In a loop stands one step, at which the engine waits: else it would go through all rounds.
    """
    nothing: dict[str, Any] = {}
    match step:
        case RouterStep() | ParallelStep():
            branches = [branch.model_copy(update={"steps": ()}) for branch in step.branches]
            nothing = {"branches": tuple(branches)} | (
                {"fallback": ()} if isinstance(step, RouterStep) else {}
            )
        case LoopStep():
            inside = CodeStep(id=stand_in, kind="code")
            nothing = {"steps": (inside,), "concurrency": 1}
    return step.model_copy(update={**_PLAIN, **nothing})


def _source(loop: LoopStep) -> dict[str, Any]:
    """One round is enough, and it need not be allowed to begin."""
    return {} if loop.over is not None else {"count": 1, "while_": None}


def _free_id(plan: Plan, base: str) -> str:
    number = 0
    while (name := f"{base}_{number}") in plan.places:
        number += 1
    return name


def _no_round(commands: tuple[Command, ...]) -> Invalid:
    """Why the step is not reached, from what became of the loops around it."""
    for command in commands:
        match command:
            case Record(path, status="failed", error=error) | Close(path, "failed", error=error):
                said = error.message if error else "It failed."
                return _blamed(path, said)
            case Open(path, output={"count": 0}):
                return _blamed(path, "With these samples its list is empty.")
    return Invalid("With these samples the step is not reached.", code="not_reached")


def _blamed(path: Path, said: str) -> Invalid:
    loop = path.rpartition("/")[2]
    return Invalid(
        f"The loop '{loop}' around this step has no first round. {said} Test the loop first, or"
        " give an item with the sample.",
        code="no_item",
    )
