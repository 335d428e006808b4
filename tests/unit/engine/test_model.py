"""Random zaps, random outcomes in random order, a crash at any point: always what the reference does."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from immutables import Map

from flowforge.engine.advance import advance
from flowforge.engine.definition import Definition
from flowforge.engine.folding import fold
from flowforge.engine.parsing import parse_definition
from flowforge.engine.plan import compile_plan, step_at
from flowforge.engine.protocol import (
    Ask,
    AttemptRecord,
    CallZap,
    Cancelled,
    ChildEnded,
    Close,
    Command,
    Decided,
    ErrorInfo,
    Failed,
    Finish,
    Load,
    Loaded,
    Open,
    Outcome,
    Perform,
    Record,
    Sleep,
    Started,
    Stored,
    Succeeded,
    TimedOut,
    Woke,
)
from flowforge.engine.state import LoopState, State
from tests.unit.engine.reference import Reference

DOWN = ErrorInfo("down", "It is down.")


class Draw:
    """Definitions, drawn: every kind, nested, with conditions over what came before."""

    def __init__(self, rng: random.Random, most: int) -> None:
        self.rng = rng
        self.left = most
        self.number = 0
        self.readable: list[str] = []

    def definition(self) -> Definition:
        return parse_definition({"steps": self.steps(0, in_loop=False)})

    def steps(self, depth: int, *, in_loop: bool) -> list[dict[str, Any]]:
        found = []
        for _ in range(self.rng.randint(0 if depth else 1, 4)):
            if self.left <= 0:
                break
            self.left -= 1
            found.append(self.step(depth, in_loop=in_loop))
        return found

    def step(self, depth: int, *, in_loop: bool) -> dict[str, Any]:
        kinds = ["action"] * 6 + ["code", "filter", "delay", "approval", "zap", "reply", "stop"]
        kinds += ["break", "break"] if in_loop else []
        kinds += ["router", "loop", "loop", "parallel", "parallel"] * (2 if depth < 4 else 0)
        kind = self.rng.choice(kinds)
        self.number += 1
        step = {"id": f"s{self.number}", "kind": kind, "skip": self.rng.random() < 0.05}
        step |= getattr(self, f"_{kind}")(depth, in_loop)
        if kind in ("action", "code", "approval", "zap"):
            self.readable.append(str(step["id"]))
        return step

    def when(self, *, in_loop: bool) -> dict[str, Any]:
        paths = ["trigger.yes", "trigger.no", *(f"steps.{name}.ok" for name in self.readable[-4:])]
        paths += ["item", "index"] if in_loop else []
        left = "{{ " + self.rng.choice(paths) + " }}"
        return {"any": [{"all": [{"left": left, "op": "BOOLEAN_IS_TRUE"}]}]}

    def _action(self, _depth: int, _in_loop: bool) -> dict[str, Any]:
        retry = {"attempts": self.rng.randint(1, 3), "first_wait": self.rng.choice([0, 1])}
        return {"on_error": self.rng.choice(["stop", "stop", "continue"]), "retry": retry}

    _code = _action

    def _filter(self, _depth: int, in_loop: bool) -> dict[str, Any]:
        return {"when": self.when(in_loop=in_loop)}

    _break = _filter

    def _router(self, depth: int, in_loop: bool) -> dict[str, Any]:
        branches = [
            {"when": self.when(in_loop=in_loop), "steps": self.steps(depth + 1, in_loop=in_loop)}
            for _ in range(self.rng.randint(1, 3))
        ]
        mode = self.rng.choice(["first_match", "all_matches"])
        fallback = self.steps(depth + 1, in_loop=in_loop)
        return {"mode": mode, "branches": branches, "fallback": fallback}

    def _loop(self, depth: int, _in_loop: bool) -> dict[str, Any]:
        right = self.rng.randint(0, 3)
        condition = {"left": "{{ index }}", "op": "NUMBER_IS_LESS_THAN", "right": right}
        source: dict[str, Any] = self.rng.choice(
            [
                {"over": "{{ trigger.items }}"},
                {"count": self.rng.randint(0, 3)},
                {"while": {"any": [{"all": [condition]}]}, "most": self.rng.randint(1, 3)},
            ]
        )
        return {
            **source,
            "concurrency": 1 if "while" in source else self.rng.randint(1, 3),
            "on_item_error": self.rng.choice(["stop", "continue"]),
            "steps": self.steps(depth + 1, in_loop=True),
        }

    def _parallel(self, depth: int, in_loop: bool) -> dict[str, Any]:
        names = ["a", "b", "c"][: self.rng.randint(1, 3)]
        branches = []
        for place, name in enumerate(names):
            needs = [other for other in names[:place] if self.rng.random() < 0.4]
            steps = self.steps(depth + 1, in_loop=in_loop)
            branches.append({"name": name, "depends_on": needs, "steps": steps})
        self.rng.shuffle(branches)
        return {"branches": branches}

    def _delay(self, _depth: int, _in_loop: bool) -> dict[str, Any]:
        return {"seconds": self.rng.choice([0, 5])}

    def _approval(self, _depth: int, _in_loop: bool) -> dict[str, Any]:
        return {"question": "?", "on_rejection": self.rng.choice(["end", "continue", "fail"])}

    def _zap(self, _depth: int, _in_loop: bool) -> dict[str, Any]:
        ways = ["stop", "continue"]
        return {"zap_id": "z", "wait": self.rng.random() < 0.7, "on_error": self.rng.choice(ways)}

    def _reply(self, _depth: int, _in_loop: bool) -> dict[str, Any]:
        return {"body": "x", "stop": self.rng.random() < 0.2}

    def _stop(self, _depth: int, _in_loop: bool) -> dict[str, Any]:
        return {}


class Shell:
    """A shell in memory: rows, and a state that it may lose at any time.

    ``large`` is the share of values that are stored elsewhere.
    """

    def __init__(self, definition: Definition, seed: int, large: float = 0.0) -> None:
        self.chance = random.Random(seed)
        self.large = large
        self.values: dict[str, Any] = {}
        self.loads: list[Load] = []
        self.crashes = 0.0
        self.plan = compile_plan(definition)
        self.started = Started({"yes": True, "no": False, "items": [True, False, 7]})
        self.seed = seed
        self.state = State()
        self.rows: dict[tuple[str, int], AttemptRecord] = {}
        self.seq = 0
        self.performed: list[tuple[str, int]] = []
        self.finish: Finish | None = None
        self.replies = 0
        self.all_succeed = False

    def feed(self, outcome: Outcome) -> None:
        """Advance, and write all that belongs together: a crash finds all of it or nothing."""
        state, commands = advance(self.plan, self.state, outcome)
        again, nothing = advance(self.plan, state, outcome)
        if not isinstance(outcome, Failed | Woke | Succeeded):
            assert nothing == ()
            assert again is state
        self._end_attempt(outcome, state)
        self.state = state
        for command in commands:
            self.carry_out(command)
        self._check_commands(commands)
        while self.loads:
            if self.chance.random() < self.crashes:
                self.crash()
            self.answer_load(self.loads.pop())

    def answer_load(self, load: Load) -> None:
        self.feed(Loaded(load.path, {each.key: self.values[each.key] for each in load.values}))

    def stored(self, value: Any) -> Any:
        """The value as a row or a state holds it: itself, or where it is stored."""
        if value is None or self.chance.random() >= self.large:
            return value
        key = f"value{len(self.values)}"
        self.values[key] = value
        return Stored(key, 40_000)

    def _check_commands(self, commands: tuple[Command, ...]) -> None:
        assert sum(isinstance(command, Finish) for command in commands) <= 1
        if self.state.finished is not None:
            assert isinstance(commands[-1], Finish)
            assert not self.state.waits

    def _end_attempt(self, outcome: Outcome, state: State) -> None:
        if not isinstance(outcome, Succeeded | Failed):
            return
        wait = self.state.waits.get(outcome.path)
        if wait is None or wait.kind != "perform":
            return
        row = self.rows[outcome.path, wait.number]
        after = state.waits.get(outcome.path)
        is_success = isinstance(outcome, Succeeded)
        self._end(
            row,
            status="succeeded" if is_success else "unknown" if outcome.unknown else "failed",  # type: ignore[union-attr]
            output=outcome.output if isinstance(outcome, Succeeded) else None,
            error=None if isinstance(outcome, Succeeded) else outcome.error,
            promised=not is_success and after is not None,
        )

    def _end(self, row: AttemptRecord, **changes: Any) -> None:
        self.seq += 1
        self.rows[row.path, row.number] = replace(row, **changes, seq=self.seq)

    def carry_out(self, command: Command) -> None:
        match command:
            case Perform(path, _, number, wait):
                if not wait:
                    self._open(path, number)
                    self.performed.append((path, number))
            case Record():
                self._open(command.path, command.number)
                row = self.rows[command.path, command.number]
                self._end(row, status=command.status, output=command.output, error=command.error)
            case Open():
                has_items = isinstance(command.input, dict) and "items" in command.input
                given = self.stored(command.input) if has_items else command.input
                self._open(command.path, command.number, given, command.output)
            case Sleep():
                self._open(command.path, command.number, {"seconds": command.seconds})
            case Ask() | CallZap():
                self._open(command.path, command.number)
            case Close():
                number = max(n for path, n in self.rows if path == command.path)
                row = self.rows[command.path, number]
                assert row.status == "running"
                self._end(row, status=command.status, output=command.output, error=command.error)
            case Finish():
                assert self.finish is None
                self.finish = command
            case Load():
                assert not self.loads, "one after the other"
                self.loads.append(command)
            case _:
                self.replies += 1

    def _open(self, path: str, number: int, given: Any = None, output: Any = None) -> None:
        assert (path, number) not in self.rows, "every attempt has one row"
        self.rows[path, number] = AttemptRecord(path, number, "running", given, output)

    def crash(self) -> None:
        """Lose the state: what the rows give must be the same, and only what was to be loaded is
        owed.
        """
        rebuilt, owed = fold(self.plan, self.started, list(self.rows.values()))
        owed = tuple(command for command in owed if not isinstance(command, Finish))
        assert [load.path for load in owed if isinstance(load, Load)] == [
            load.path for load in self.loads
        ]
        # What was at hand before, such as the items of a loop, may now have to be read as well.
        for load, before in zip(owed, self.loads, strict=True):
            assert isinstance(load, Load)
            assert set(before.values) <= set(load.values)
        self.loads = [load for load in owed if isinstance(load, Load)]
        assert self._stored(rebuilt) == rebuilt.stored
        for name in (
            "waits",
            "outputs",
            "stored",
            "endings",
            "agenda",
            "rounds",
            "finished",
            "replied",
        ):
            assert getattr(rebuilt, name) == getattr(self.state, name), name
        assert self._shown(rebuilt) == self._shown(self.state)
        self.state = rebuilt

    def _stored(self, state: State) -> Map[str, Map[str, Stored]]:
        """Those of the outputs that lie elsewhere, worked out anew."""
        found = {
            prefix: Map(
                {name: value for name, value in values.items() if isinstance(value, Stored)}
            )
            for prefix, values in state.outputs.items()
        }
        return Map({prefix: values for prefix, values in found.items() if values})

    def _shown(self, state: State) -> dict[str, Any]:
        """The blocks under way; what a loop goes over may lie elsewhere after a fold."""
        return {
            path: replace(each, items=self.values[each.items.key]["items"])
            if isinstance(each, LoopState) and isinstance(each.items, Stored)
            else each
            for path, each in state.containers.items()
        }

    def answer(self, path: str) -> tuple[Outcome, Any]:  # noqa: PLR0911 - a table
        """What happens to ``path`` next: for the engine, and in the reference's words."""
        wait = self.state.waits[path]
        chance = random.Random(f"{self.seed}:{path}:{wait.number}")
        bad = not self.all_succeed and chance.random() < 0.3
        output = {"ok": chance.random() < 0.5}
        match wait.kind:
            case "perform" if bad:
                retryable = chance.random() < 0.6
                unknown = chance.random() < 0.3
                return Failed(path, DOWN, retryable, unknown=unknown), ("failed", retryable)
            case "perform":
                return Succeeded(path, self.stored(output)), ("succeeded", output)
            case "ask" if bad and chance.random() < 0.5:
                return Woke(path), "expired"
            case "ask":
                ok = not bad
                return Decided(path, ok, {"approved": ok, "ok": ok}), "approved" if ok else "no"
            case "zap":
                step = step_at(self.plan, path)
                if bad:
                    ended = ChildEnded(path, "failed", error=DOWN)
                    return (ended if step.wait else Failed(path, DOWN, False)), ("failed", False)  # type: ignore[union-attr]
                kept = self.stored(output)
                good = ChildEnded(path, "succeeded", kept)
                return (good if step.wait else Succeeded(path, kept)), ("succeeded", output)  # type: ignore[union-attr]
            case _:
                return Woke(path), None


def run_both(
    rng: random.Random, *, most: int, crashes: float, large: float = 0.0
) -> tuple[Shell, Reference]:
    definition = Draw(rng, most).definition()
    shell = Shell(definition, rng.randint(0, 10**6), large)
    shell.crashes = crashes
    reference = Reference(dict(shell.started.payload))
    shell.feed(shell.started)
    reference.start(definition.steps)
    compare(shell, reference)
    for _ in range(2_000):
        if shell.state.finished is not None:
            return shell, reference
        if rng.random() < crashes:
            shell.crash()
        path = rng.choice(sorted(shell.state.waits))
        outcome, said = shell.answer(path)
        shell.feed(outcome)
        reference.happen(path, said)
        compare(shell, reference)
    raise AssertionError("every run ends")


def compare(shell: Shell, reference: Reference) -> None:
    ours = {path: (wait.kind, wait.number) for path, wait in shell.state.waits.items()}
    theirs = {path: (one.kind, one.number) for path, one in reference.pending.items()}
    assert ours == theirs
    assert shell.state.finished == reference.status


CHANCE = st.randoms(use_true_random=False)
THOROUGH = settings(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@THOROUGH
@given(CHANCE)
def test_a_run_is_what_the_reference_says_wherever_it_crashes(rng: random.Random) -> None:
    shell, reference = run_both(rng, most=14, crashes=0.5, large=rng.choice([0, 0.5]))
    for path, (count, succeeded, failed) in reference.loops.items():
        row = next((row for (p, _), row in shell.rows.items() if p == path), None)
        assert row is not None
        if row.status == "succeeded":
            said = row.output
            assert (said["count"], said["succeeded"], said["failed"]) == (count, succeeded, failed)


@pytest.mark.parametrize("seed", range(400))
def test_larger_zaps_too(seed: int) -> None:
    rng = random.Random(seed)
    shell, _ = run_both(rng, most=60, crashes=0.15, large=rng.choice([0, 0.5]))
    successes = [path for (path, _), row in shell.rows.items() if row.status == "succeeded"]
    assert len(successes) == len(set(successes)), "a success is recorded once"
    assert all(row.status != "running" for row in shell.rows.values())
    assert shell.replies <= 1


@pytest.mark.parametrize("seed", range(300))
def test_a_failed_run_that_is_opened_again_repeats_no_success(seed: int) -> None:
    rng = random.Random(seed)
    shell, _ = run_both(rng, most=25, crashes=0, large=rng.choice([0, 0.5]))
    if shell.state.finished != "failed":
        return
    before = {path for (path, _), row in shell.rows.items() if row.status == "succeeded"}
    for path in shell.state.casualties:
        number = max(n for p, n in shell.rows if p == path)
        shell.rows[path, number] = replace(shell.rows[path, number], promised=True)
    shell.finish, shell.all_succeed = None, True
    performed = len(shell.performed)
    shell.state, owed = fold(shell.plan, shell.started, list(shell.rows.values()))
    for command in owed:
        if not isinstance(command, Load):
            shell.carry_out(command)
    for load in owed:
        if isinstance(load, Load):
            shell.answer_load(load)
    for _ in range(2_000):
        if shell.state.finished is not None:
            break
        shell.feed(shell.answer(rng.choice(sorted(shell.state.waits)))[0])
        if rng.random() < 0.3 and shell.state.finished is None:
            shell.crash()
    assert shell.state.finished == "succeeded"
    assert before.isdisjoint(path for path, _ in shell.performed[performed:])


OUTCOMES = st.one_of(
    st.builds(Started),
    st.builds(Cancelled),
    st.builds(TimedOut, st.just(DOWN)),
    *(
        st.builds(
            kind, st.sampled_from(["s1", "s2", "s3", "s2[1]/s3", "zz", "", "s1[x]/s2"]), *more
        )
        for kind, more in (
            (Succeeded, ()),
            (Woke, ()),
            (Failed, (st.just(DOWN), st.booleans())),
            (Decided, (st.booleans(),)),
            (ChildEnded, (st.sampled_from(["succeeded", "failed"]),)),
            (Loaded, (st.just({}),)),
        )
    ),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CHANCE, st.lists(OUTCOMES, max_size=25))
def test_outcomes_that_nobody_waits_for_never_break_the_rules(
    rng: random.Random, outcomes: list[Outcome]
) -> None:
    plan, state = compile_plan(Draw(rng, 10).definition()), State()
    for outcome in outcomes:
        before = state
        state, commands = advance(plan, state, outcome)
        if before.finished is not None:
            assert (state, commands) == (before, ())
        if not commands and not isinstance(outcome, Started | Succeeded | Failed | Woke | Decided):
            assert state == before


def test_what_is_stored_is_loaded_where_the_engine_must_look_into_it() -> None:
    definition = parse_definition(
        {
            "steps": [
                {"id": "a", "kind": "action"},
                {"id": "each", "kind": "loop", "over": "{{ steps.a.rows }}",
                 "steps": [{"id": "b", "kind": "action", "inputs": {"x": "{{ item }}"}}]},
            ]
        }
    )  # fmt: skip
    plan = compile_plan(definition)
    stored = Stored("k", 40_000)
    state, _ = advance(plan, State(), Started())
    state, commands = advance(plan, state, Succeeded("a", stored))
    assert commands == (Load("each", (stored,)),)
    state, commands = advance(plan, state, Loaded("each", {"k": {"rows": [1, 2]}}))
    assert [type(command) for command in commands] == [Open, Perform]
    assert state.outputs[""]["a"] == stored, "what was loaded is not kept"
