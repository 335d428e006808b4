"""Random zaps, random outcomes, a crash at any point: always what a tiny interpreter says."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flowforge.engine.advance import advance, compile_plan, fold
from flowforge.engine.definition import ActionStep, Definition, parse_definition
from flowforge.engine.protocol import (
    AttemptRecord,
    Cancelled,
    Command,
    ErrorInfo,
    Failed,
    Finish,
    Outcome,
    Perform,
    Record,
    Started,
    State,
    Succeeded,
)

ERROR = ErrorInfo("http_500", "It broke.")


@dataclass(frozen=True)
class Answer:
    """How one attempt ends."""

    status: str
    output: Any = None
    retryable: bool = False
    retry_after: float | None = None

    def outcome(self, path: str) -> Outcome:
        if self.status == "succeeded":
            return Succeeded(path, self.output)
        unknown = self.status == "unknown"
        return Failed(path, ERROR, self.retryable, self.retry_after, unknown)


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    steps: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 7))):
        kind = draw(st.sampled_from(["action", "action", "action", "filter", "stop"]))
        step: dict[str, Any] = {"id": f"s{number}", "kind": kind}
        step["skip"] = draw(st.sampled_from([False, False, False, True]))
        if kind == "action":
            step["on_error"] = draw(st.sampled_from(["stop", "continue"]))
            step["retry"] = {
                "attempts": draw(st.integers(1, 4)),
                "first_wait": draw(st.sampled_from([0, 1, 2.5])),
                "factor": draw(st.sampled_from([1, 2])),
                "longest_wait": draw(st.sampled_from([1, 3, 3600])),
            }
        if kind == "filter":
            seen = f"steps.s{draw(st.integers(0, 7))}"
            left = draw(st.sampled_from(["trigger.go", f"{seen}.error", f"{seen}.x"]))
            step["when"] = {"any": [{"all": [{"left": f"{{{{ {left} }}}}", "op": "EXISTS"}]}]}
        steps.append(step)
    return parse_definition({"steps": steps})


ANSWERS = st.one_of(
    st.builds(Answer, st.just("succeeded"), st.sampled_from([None, {"x": 1}, {"y": [1]}, "t"])),
    st.builds(
        Answer,
        st.sampled_from(["failed", "unknown"]),
        retryable=st.booleans(),
        retry_after=st.sampled_from([None, None, 0.5, 30.0]),
    ),
)
# One answer per attempt of each step; asked for more, a step succeeds.
BOOKS = st.lists(st.lists(ANSWERS, max_size=4), max_size=8)


def book_of(answers: list[list[Answer]]) -> Callable[[str, int], Answer]:
    def book(path: str, number: int) -> Answer:
        row = answers[int(path[1:])] if int(path[1:]) < len(answers) else []
        return row[number - 1] if number <= len(row) else Answer("succeeded", {"x": number})

    return book


def interpret(
    definition: Definition, payload: dict[str, Any], book: Callable[[str, int], Answer]
) -> list[Command]:
    """All commands of a run, as plainly as one can say it."""
    log: list[Command] = []
    outputs: dict[str, Any] = {}
    for step in definition.steps:
        if step.skip:
            log.append(Record(step.id, step.id, step.kind, "skipped"))
        elif step.kind == "stop":
            return [*log, Record(step.id, step.id, "stop", "succeeded"), Finish("succeeded")]
        elif step.kind == "filter":
            root, *keys = step.when.any[0].all[0].left.strip("{} ").split(".")
            value: Any = payload if root == "trigger" else outputs
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            passed = value is not None and value != ""
            log.append(Record(step.id, step.id, "filter", "succeeded", {"passed": passed}))
            if not passed:
                return [*log, Finish("succeeded")]
        else:
            attempts, output = interpret_action(step, book)
            log += attempts
            if output is STOPPED:
                return [*log, Finish("failed", ERROR)]
            outputs[step.id] = output
    return [*log, Finish("succeeded")]


STOPPED = object()


def interpret_action(
    step: ActionStep, book: Callable[[str, int], Answer]
) -> tuple[list[Command], Any]:
    log: list[Command] = []
    wait = 0.0
    for number in range(1, step.retry.attempts + 1):
        log.append(Perform(step.id, step.id, number, wait))
        answer = book(step.id, number)
        if answer.status == "succeeded":
            return log, answer.output
        if not answer.retryable:
            break
        grown = step.retry.first_wait * step.retry.factor ** (number - 1)
        wait = max(min(grown, step.retry.longest_wait), answer.retry_after or 0.0)
    error = {"error": {"code": ERROR.code, "message": ERROR.message}}
    return log, error if step.on_error == "continue" else STOPPED


@dataclass
class Shell:
    """A shell in memory: a table of attempts, and a state that it may lose at any time."""

    definition: Definition
    started: Started
    crashes: list[bool]
    promises_only: bool = False
    log: list[Command] = field(default_factory=list)
    table: list[AttemptRecord] = field(default_factory=list)
    rounds: int = 0

    def __post_init__(self) -> None:
        self.plan = compile_plan(self.definition)
        self.state = State()

    def crash(self, owed: tuple[Command, ...]) -> None:
        """Perhaps lose the state: what the record gives must be the same, and owe the same."""
        self.rounds += 1
        if not self.crashes or not self.crashes[self.rounds % len(self.crashes)]:
            return
        rebuilt, commands = fold(self.plan, self.started, self.table)
        assert rebuilt == self.state
        assert commands == owed
        self.state = rebuilt

    def hand_in(self, outcome: Outcome) -> Perform | None:
        """Deliver an outcome twice; write down what follows; the attempt to make next, if any."""
        self.state, commands = advance(self.plan, self.state, outcome)
        assert advance(self.plan, self.state, outcome)[1] == () or isinstance(outcome, Failed)
        self.log += commands
        for command in commands:
            if isinstance(command, Record):
                self.table.append(
                    AttemptRecord(command.path, 1, command.status, command.output, command.error)
                )
        self._close(outcome, commands)
        *_, last = commands
        self.crash((last,))
        return last if isinstance(last, Perform) else None

    def _close(self, outcome: Outcome, commands: tuple[Command, ...]) -> None:
        """Complete the row of the attempt that ``outcome`` is about."""
        index = next((n for n, row in enumerate(self.table) if row.status == "running"), None)
        if index is None:
            return
        row = self.table[index]
        match outcome:
            case Succeeded():
                self.table[index] = replace(row, status="succeeded", output=outcome.output)
            case Failed():
                again = isinstance(commands[0], Perform) and commands[0].path == row.path
                self.table[index] = replace(
                    row,
                    status="unknown" if outcome.unknown else "failed",
                    error=outcome.error,
                    # A shell may store what was asked, or only what was promised.
                    retryable=again if self.promises_only else outcome.retryable,
                    retry_after=outcome.retry_after,
                )

    def run(self, book: Callable[[str, int], Answer]) -> None:
        todo = self.hand_in(self.started)
        while todo is not None:
            assert self.rounds < 200, "every run ends"
            self.table.append(AttemptRecord(todo.path, todo.number, "running"))
            self.crash(())
            todo = self.hand_in(book(todo.path, todo.number).outcome(todo.path))


RUN = st.tuples(definitions(), BOOKS, st.sampled_from([{}, {"go": 1}]))


@settings(max_examples=400, deadline=None)
@given(RUN, st.lists(st.booleans(), min_size=1, max_size=6), st.booleans())
def test_a_run_is_as_the_interpreter_says_wherever_it_crashes(
    run: tuple[Definition, list[list[Answer]], dict[str, Any]],
    crashes: list[bool],
    promises_only: bool,
) -> None:
    definition, answers, payload = run
    book = book_of(answers)
    shell = Shell(definition, Started(payload), crashes, promises_only)
    shell.run(book)
    assert shell.log == interpret(definition, payload, book)
    assert isinstance(shell.log[-1], Finish)
    assert shell.state.finished == shell.log[-1].status


@settings(max_examples=200, deadline=None)
@given(RUN)
def test_every_step_that_is_reached_has_one_final_row(
    run: tuple[Definition, list[list[Answer]], dict[str, Any]],
) -> None:
    definition, answers, payload = run
    shell = Shell(definition, Started(payload), [])
    shell.run(book_of(answers))
    promised = {(c.path, c.number) for c in shell.log if isinstance(c, Perform)}
    final = [row.path for row in shell.table if (row.path, row.number + 1) not in promised]
    assert len(final) == len(set(final))
    reached = [step.id for step in definition.steps][: len(final)]
    assert sorted(final) == sorted(reached)


OUTCOMES = st.one_of(
    st.builds(Started),
    st.builds(Cancelled),
    st.builds(Succeeded, st.sampled_from(["s0", "s1", "s2", "zz"])),
    st.builds(Failed, st.sampled_from(["s0", "s1", "zz"]), st.just(ERROR), st.booleans()),
)


@settings(max_examples=300, deadline=None)
@given(definitions(), st.lists(OUTCOMES, max_size=25))
def test_outcomes_in_any_order_never_break_the_rules(
    definition: Definition, outcomes: list[Outcome]
) -> None:
    plan, state = compile_plan(definition), State()
    finishes = 0
    for outcome in outcomes:
        before = state
        awaited = getattr(outcome, "path", None) in state.waiting or isinstance(
            outcome, Started | Cancelled
        )
        state, commands = advance(plan, state, outcome)
        if before.finished is not None or not awaited or not commands:
            assert commands == ()
            assert state is before
            continue
        assert all(isinstance(command, Record) for command in commands[:-1])
        assert not isinstance(commands[-1], Record)
        finishes += isinstance(commands[-1], Finish)
        assert dict(before.outputs).items() <= dict(state.outputs).items()
    assert finishes <= 1
