"""A run rebuilt from its records stands where it stood: the cases that chance seldom draws."""

from dataclasses import replace
from typing import Any

import pytest

from flowforge.engine import loops
from flowforge.engine.advance import advance
from flowforge.engine.folding import fold
from flowforge.engine.parsing import parse_definition
from flowforge.engine.plan import Plan, compile_plan
from flowforge.engine.protocol import (
    DROPPED,
    Ask,
    AttemptRecord,
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
    Rest,
    Started,
    Stored,
    Succeeded,
    Woke,
)
from flowforge.engine.state import LoopState, State

DOWN = ErrorInfo("down", "It is down.")
GIVEN_UP = ErrorInfo(DROPPED, "It was given up.")
BEGIN = Started({"items": [1, 2], "yes": True})
LARGE = Stored("k", 40_000)


def plan_of(*steps: dict[str, Any]) -> Plan:
    return compile_plan(parse_definition({"steps": list(steps)}))


def act(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", **more}


def when(left: str, op: str = "BOOLEAN_IS_TRUE", right: Any = None) -> dict[str, Any]:
    return {"any": [{"all": [{"left": f"{{{{ {left} }}}}", "op": op, "right": right}]}]}


def side_by_side(*branches: list[dict[str, Any]]) -> dict[str, Any]:
    named = [{"name": str(n), "steps": steps} for n, steps in enumerate(branches)]
    return {"id": "both", "kind": "parallel", "branches": named}


def play(plan: Plan, *outcomes: Outcome) -> tuple[State, tuple[Command, ...]]:
    state, commands = advance(plan, State(), BEGIN)
    for outcome in outcomes:
        state, commands = advance(plan, state, outcome)
    return state, commands


BAD = {"id": "bad", "kind": "filter", "when": when("1 | divided_by: 0")}


@pytest.mark.parametrize(
    "beside",
    [
        act("a"),
        {"id": "a", "kind": "approval", "question": "?", "approvers": ["a@b.c"]},
        {"id": "a", "kind": "zap", "zap_id": "z"},
        {"id": "a", "kind": "delay", "seconds": 5},
    ],
    ids=lambda step: step["kind"],
)
def test_nothing_begins_beside_a_step_that_fails_in_the_same_move(beside: dict[str, Any]) -> None:
    state, commands = play(plan_of(side_by_side([beside], [BAD], [act("c")])))
    assert [type(command) for command in commands] == [Open, Record, Close, Finish]
    assert state.finished == "failed"


def test_what_began_earlier_is_awaited() -> None:
    plan = plan_of(side_by_side([act("a")], [act("b"), BAD]))
    state, commands = play(plan, Succeeded("b"))
    assert [type(command) for command in commands] == [Record, Close]
    assert state.waiting == {"a"}
    assert advance(plan, state, Succeeded("a"))[0].finished == "failed"


def test_a_fold_does_not_wait_for_what_never_began() -> None:
    leave = {"id": "out", "kind": "break", "when": when("trigger.yes")}
    loop = {"id": "each", "kind": "loop", "count": 3, "steps": [side_by_side([act("a")], [leave])]}
    plan = plan_of(loop, act("after"))
    state, commands = play(plan)
    assert Perform("each[1]/a", "a") not in commands
    records = [
        AttemptRecord("each", 1, "succeeded", {"count": 3}, {"count": 1, "ended_early": True},
                      seq=3),
        AttemptRecord("each[1]/both", 1, "skipped", {}, error=GIVEN_UP, seq=2),
        AttemptRecord("each[1]/out", 1, "succeeded", output={"broke": True}, seq=1),
        AttemptRecord("after", 1, "running"),
    ]  # fmt: skip
    rebuilt, owed = fold(plan, BEGIN, records)
    assert (rebuilt.waits, owed) == (state.waits, ())
    assert rebuilt.endings == state.endings


LOOKS = {"id": "f", "kind": "filter", "when": when("steps.s.ok")}


def test_the_walk_halts_until_what_it_looks_at_is_there() -> None:
    plan = plan_of(act("s"), side_by_side([LOOKS, act("a")], [act("b")]))
    state, commands = play(plan, Succeeded("s", LARGE))
    assert commands[1:] == (Load("f", (LARGE,)),)
    rows = [
        AttemptRecord("s", 1, "succeeded", output=LARGE, seq=1),
        AttemptRecord("both", 1, "running", {}),
    ]
    assert fold(plan, BEGIN, rows) == (state, (Load("f", (LARGE,)),))
    _, commands = advance(plan, state, Loaded("f", {"k": {"ok": True}}))
    assert commands == (
        Record("f", "f", "filter", "succeeded", {"passed": True}),
        Perform("a", "a"),
        Perform("b", "b"),
    )


def test_who_does_not_wait_for_the_load_loses_nothing() -> None:
    plan = plan_of(act("b0"), act("s"), side_by_side([LOOKS], [act("b")]))
    plan = plan_of(side_by_side([act("s"), LOOKS, act("a")], [act("b"), act("c")]))
    state, commands = play(plan, Succeeded("s", LARGE), Succeeded("b"))
    assert commands == (Perform("c", "c"),)
    state, commands = advance(plan, state, Loaded("f", {"k": {"ok": True}}))
    assert commands[1:] == (Perform("a", "a"),)
    assert state.waiting == {"a", "c"}


def test_what_is_missing_among_the_loaded_is_asked_for_again() -> None:
    plan = plan_of(act("s"), LOOKS, act("a"))
    state, _ = play(plan, Succeeded("s", LARGE))
    state, commands = advance(plan, state, Loaded("f", {}))
    assert commands == (Load("f", (LARGE,)),)
    _, commands = advance(plan, state, Loaded("f", {"k": {"ok": True}}))
    assert commands[-1] == Perform("a", "a")


def test_what_can_no_longer_be_loaded_fails_the_step() -> None:
    plan = plan_of(act("s"), LOOKS, act("a"))
    state, _ = play(plan, Succeeded("s", LARGE))
    gone = ErrorInfo("value_gone", "It is gone.")
    _, commands = advance(plan, state, Failed("f", gone, retryable=False))
    assert commands == (
        Record("f", "f", "filter", "failed", error=gone),
        Finish("failed", gone),
    )


def test_a_loop_that_is_opened_again_goes_over_what_it_went_over() -> None:
    loop = {"id": "each", "kind": "loop", "over": "{{ steps.s.rows }}", "steps": [act("a")]}
    plan = plan_of(act("s"), loop, act("z"))
    items = Stored("items", 50_000)
    records = [
        AttemptRecord("s", 1, "succeeded", output=LARGE, seq=1),
        AttemptRecord("each", 1, "skipped", items, {"count": 2}, GIVEN_UP, promised=True, seq=4),
        AttemptRecord("each[1]/a", 1, "succeeded", seq=2),
        AttemptRecord("each[2]/a", 1, "failed", error=DOWN, promised=True, seq=3),
    ]
    state, owed = fold(plan, BEGIN, records)
    assert owed == (Open("each", "each", "loop", items, {"count": 2}, 2),)
    assert {path: (wait.kind, wait.number) for path, wait in state.waits.items()} == {
        "each[2]/a": ("retry", 2)
    }
    loop_state = state.containers["each"]
    assert isinstance(loop_state, LoopState)
    assert (loop_state.items, loop_state.begun, loop_state.succeeded) == (items, 2, 1)


def test_a_loop_that_was_given_up_says_how_many_rounds_it_was_to_make() -> None:
    loop = {"id": "each", "kind": "loop", "over": "{{ trigger.items }}", "steps": [act("a")]}
    _, commands = play(plan_of(loop), Failed("each[1]/a", DOWN, retryable=False))
    closed = commands[0]
    assert isinstance(closed, Close)
    assert (closed.status, closed.output["count"]) == ("skipped", 2)


@pytest.mark.parametrize("early", [True, False])
def test_a_while_loop_that_has_ended_stays_as_it_ended(*, early: bool) -> None:
    condition = when("index", "NUMBER_IS_LESS_THAN", 9 if early else 2)
    loop = {"id": "w", "kind": "loop", "while": condition, "most": 2, "steps": [act("a")]}
    plan = plan_of(loop, act("z", inputs={"x": "{{ steps.w.ended_early }}"}))
    state, commands = play(plan, Succeeded("w[1]/a"), Succeeded("w[2]/a"))
    closed = commands[0]
    assert isinstance(closed, Close)
    assert closed.output["ended_early"] is early
    records = [
        AttemptRecord("w", 1, "succeeded", {}, closed.output, seq=3),
        AttemptRecord("w[1]/a", 1, "succeeded", seq=1),
        AttemptRecord("w[2]/a", 1, "succeeded", seq=2),
        AttemptRecord("z", 1, "running"),
    ]
    assert fold(plan, BEGIN, records) == (state, ())


def test_rounds_that_are_given_up_leave_nothing_behind() -> None:
    inner = {"id": "in", "kind": "loop", "count": 5,
             "steps": [act("a"), act("b", inputs={"x": "{{ steps.a.y }}"})]}  # fmt: skip
    outer = {"id": "out", "kind": "loop", "count": 2, "on_item_error": "continue",
             "steps": [inner]}  # fmt: skip
    plan = plan_of(outer, act("z"))
    state, _ = play(plan, Succeeded("out[1]/in[1]/a", {"y": 1}))
    assert state.outputs
    state, _ = advance(plan, state, Failed("out[1]/in[1]/b", DOWN, retryable=False))
    assert state.waiting == {"out[2]/in[1]/a"}
    assert not state.outputs


def test_a_call_is_answered_as_it_was_asked_for() -> None:
    for wait, wrong in ((True, Succeeded("z")), (False, ChildEnded("z", "succeeded"))):
        plan = plan_of({"id": "z", "kind": "zap", "zap_id": "x", "wait": wait}, act("a"))
        state, _ = play(plan)
        assert advance(plan, state, wrong) == (state, ())


def test_an_approval_that_failed_its_run_is_asked_again() -> None:
    step = {"id": "ok", "kind": "approval", "question": "?", "on_rejection": "fail"}
    plan = plan_of(step, act("a"))
    no = {"approved": False}
    assert play(plan, Decided("ok", False, no))[0].finished == "failed"
    record = AttemptRecord("ok", 1, "succeeded", output=no, promised=True, seq=1)
    state, owed = fold(plan, BEGIN, [record])
    assert owed == (Ask("ok", "ok", "?", number=2),)
    assert state.waits["ok"].number == 2


def looping(count: int, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"id": "each", "kind": "loop", "count": count, "steps": list(steps)}


PASSES = {"id": "f", "kind": "filter", "when": when("trigger.yes")}


def test_rounds_that_need_nobody_rest_now_and_then() -> None:
    """However many they are, a settlement has its size, and others get their turn."""
    plan = plan_of(side_by_side([looping(2_500, PASSES)], [act("b")]), act("z"))
    state, commands = play(plan)
    rows: list[Command] = []
    rests = 0
    while Rest("each") in commands:
        rests += 1
        assert len(commands) <= loops.MOST_WORK + 10
        assert commands[-1] == Rest("each")
        assert state.waiting == {"each"}, "the walk halts: branches keep their order"
        rows += commands
        records = rows_of(rows)
        rebuilt, owed = fold(plan, BEGIN, records)
        assert (rebuilt, owed) == (state, (Rest("each"),))
        state, commands = advance(plan, state, Woke("each"))
    assert rests == 2_500 * 2 // loops.MOST_WORK
    closed, begun = commands[-2:]
    assert isinstance(closed, Close)
    assert closed.output["count"] == 2_500
    assert begun == Perform("b", "b")


def rows_of(commands: list[Command]) -> list[AttemptRecord]:
    opened = [c for c in commands if isinstance(c, Open)]
    ended = [c for c in commands if isinstance(c, Record)]
    return [AttemptRecord(c.path, 1, "running", c.input, c.output) for c in opened] + [
        AttemptRecord(c.path, 1, c.status, output=c.output, seq=seq)
        for seq, c in enumerate(ended, 1)
    ]


def test_what_goes_on_beside_a_loop_that_rests_is_not_lost() -> None:
    plan = plan_of(side_by_side([act("b"), act("c")], [looping(2_500, PASSES)]))
    state, commands = play(plan)
    assert commands[-1] == Rest("each")
    state, commands = advance(plan, state, Succeeded("b"))
    assert commands == (Perform("c", "c"),)
    assert state.waiting == {"each", "c"}


def test_a_loop_that_rests_can_be_given_up() -> None:
    plan = plan_of(side_by_side([act("b")], [looping(2_500, PASSES)]))
    state, _ = play(plan)
    state, commands = advance(plan, state, Failed("b", DOWN, retryable=False))
    assert [type(command) for command in commands] == [Close, Close, Finish]
    assert advance(plan, state, Woke("each")) == (state, ())


def test_loops_in_loops_have_an_end() -> None:
    inner = {"id": "inner", "kind": "loop", "count": 100_000, "steps": [PASSES]}
    plan = plan_of(looping(100_000, inner))
    state, _ = play(plan)
    # So far from the limit that it takes some more moves, and so near that it is soon there.
    state = replace(state, rounds=loops.MOST_ROUNDS_OF_A_RUN - 5_000)
    while state.finished is None:
        (resting,) = state.waiting
        state, commands = advance(plan, state, Woke(resting))
    finish = commands[-1]
    assert isinstance(finish, Finish)
    assert finish.error is not None
    assert finish.error.code == "too_many_rounds"
    assert state.rounds == loops.MOST_ROUNDS_OF_A_RUN + 1
