"""The engine is tested as data in, data out: no database, no event loop, no mocks."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from flowforge.engine.advance import (
    LONGEST_RETRY_AFTER,
    advance,
    compile_plan,
    fold,
    scope,
    step_at,
)
from flowforge.engine.definition import Step, parse_definition
from flowforge.engine.expressions import render
from flowforge.engine.protocol import (
    AttemptRecord,
    Cancelled,
    Command,
    ErrorInfo,
    Failed,
    Finish,
    Outcome,
    Perform,
    Plan,
    Record,
    Started,
    State,
    Succeeded,
)

DOWN = ErrorInfo("http_503", "down")
BEGIN = Started({"body": {"n": 1}}, {"id": "r1"})


def plan_of(*steps: dict[str, Any]) -> Plan:
    return compile_plan(parse_definition({"steps": list(steps)}))


def act(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "action": "webhook", **more}


def only_if(step_id: str, left: Any, op: str = "BOOLEAN_IS_TRUE", **more: Any) -> dict[str, Any]:
    when = {"any": [{"all": [{"left": left, "op": op}]}]}
    return {"id": step_id, "kind": "filter", "when": when, **more}


STOP = {"id": "end", "kind": "stop"}


def play(plan: Plan, *outcomes: Outcome) -> list[tuple[Command, ...]]:
    state, given = State(), []
    for outcome in outcomes:
        state, commands = advance(plan, state, outcome)
        given.append(commands)
    return given


def down(path: str, *, retryable: bool = True, **more: Any) -> Failed:
    return Failed(path, DOWN, retryable, **more)


def test_steps_run_in_order() -> None:
    assert play(plan_of(act("a"), act("b")), BEGIN, Succeeded("a", 1), Succeeded("b", 2)) == [
        (Perform("a", "a", 1, 0.0),),
        (Perform("b", "b", 1, 0.0),),
        (Finish("succeeded"),),
    ]


def test_a_zap_without_steps_succeeds_at_once() -> None:
    assert play(plan_of(), BEGIN) == [(Finish("succeeded"),)]


def test_retries_wait_longer_each_time_and_then_the_run_fails() -> None:
    assert play(plan_of(act("a")), BEGIN, down("a"), down("a"), down("a")) == [
        (Perform("a", "a", 1, 0.0),),
        (Perform("a", "a", 2, 2.0),),
        (Perform("a", "a", 3, 4.0),),
        (Finish("failed", DOWN),),
    ]


def test_what_cannot_be_mended_is_not_tried_again() -> None:
    given = play(plan_of(act("a")), BEGIN, down("a", retryable=False))
    assert given[-1] == (Finish("failed", DOWN),)


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        (90, 90),
        (0.5, 2),
        (None, 2),
        (-5, 2),
        (float("nan"), 2),
        (float("inf"), LONGEST_RETRY_AFTER),
    ],
)
def test_the_provider_may_ask_for_more_patience(retry_after: float | None, wait: float) -> None:
    given = play(plan_of(act("a")), BEGIN, down("a", retry_after=retry_after))
    assert given[-1] == (Perform("a", "a", 2, wait),)


@pytest.mark.parametrize("retryable", [True, False])
def test_an_unknown_outcome_is_tried_again_only_if_that_does_no_harm(*, retryable: bool) -> None:
    given = play(plan_of(act("a")), BEGIN, down("a", retryable=retryable, unknown=True))
    assert isinstance(given[-1][0], Perform) is retryable


def test_a_run_may_go_on_after_a_failed_step() -> None:
    plan = plan_of(act("a", on_error="continue", retry={"attempts": 2}), act("b"))
    state, _ = advance(plan, State(), BEGIN)
    state, commands = advance(plan, state, down("a"))
    assert commands == (Perform("a", "a", 2, 2.0),)
    state, commands = advance(plan, state, down("a"))
    assert commands == (Perform("b", "b"),)
    assert render("{{ steps.a.error.message }}", scope(state)) == "down"
    assert advance(plan, state, Succeeded("b"))[1] == (Finish("succeeded"),)


@pytest.mark.parametrize(
    "late",
    [Succeeded("a", 2), down("a"), Succeeded("nope"), down("nope"), Started({"other": 1})],
)
def test_a_late_duplicate_changes_nothing(late: Outcome) -> None:
    plan = plan_of(act("a"), act("b"))
    state, _ = advance(plan, State(), BEGIN)
    state, _ = advance(plan, state, Succeeded("a", 1))
    assert advance(plan, state, late) == (state, ())


@pytest.mark.parametrize("end", [Succeeded("a"), down("a", retryable=False), Cancelled()])
@pytest.mark.parametrize("late", [BEGIN, Succeeded("a"), down("a"), Cancelled()])
def test_a_finished_run_never_moves_again(end: Outcome, late: Outcome) -> None:
    plan = plan_of(act("a"))
    state, _ = advance(plan, State(), BEGIN)
    state, commands = advance(plan, state, end)
    assert isinstance(commands[-1], Finish)
    assert state.finished == commands[-1].status
    assert state.waiting == frozenset()
    assert advance(plan, state, late) == (state, ())


def test_a_run_can_be_cancelled_before_and_while_it_runs() -> None:
    plan = plan_of(act("a"))
    assert play(plan, Cancelled(), BEGIN) == [(Finish("cancelled"),), ()]
    assert play(plan, BEGIN, Cancelled(), Succeeded("a"))[1:] == [(Finish("cancelled"),), ()]


def test_a_filter_that_holds_lets_the_run_pass_and_is_recorded() -> None:
    given = play(plan_of(only_if("f", "{{ trigger.body.n }}"), act("a")), BEGIN)
    passed = Record("f", "f", "filter", "succeeded", {"passed": True})
    assert given == [(passed, Perform("a", "a"))]


def test_a_filter_that_does_not_hold_ends_the_run_as_succeeded() -> None:
    plan = plan_of(act("a"), only_if("f", "{{ steps.a.ok }}"), act("b"))
    stopped = Record("f", "f", "filter", "succeeded", {"passed": False})
    assert play(plan, BEGIN, Succeeded("a", {"ok": False}))[1] == (stopped, Finish("succeeded"))


def test_a_filter_sees_the_output_of_the_step_before() -> None:
    plan = plan_of(act("a"), only_if("f", "{{ steps.a.output.ok }}"), act("b"))
    assert play(plan, BEGIN, Succeeded("a", {"ok": True}))[1][-1] == Perform("b", "b")


def test_an_empty_filter_lets_everything_pass() -> None:
    assert play(plan_of({"id": "f", "kind": "filter"}, act("a")), BEGIN)[0][-1] == Perform("a", "a")


def test_a_filter_that_cannot_be_worked_out_fails_the_run_and_says_why() -> None:
    (commands,) = play(plan_of(only_if("f", "{{ 1 | divided_by: 0 }}"), act("a")), BEGIN)
    record, finish = commands
    assert isinstance(record, Record)
    assert isinstance(finish, Finish)
    assert (record.status, finish.status) == ("failed", "failed")
    assert record.error == finish.error
    assert finish.error is not None
    assert finish.error.code == "expression"
    assert "can't divide by 0" in finish.error.message


def test_a_stop_step_ends_the_run_as_succeeded() -> None:
    given = play(plan_of(act("a"), STOP, act("b")), BEGIN, Succeeded("a"))
    assert given[1] == (Record("end", "end", "stop", "succeeded"), Finish("succeeded"))


def test_skipped_steps_are_passed_over_and_recorded() -> None:
    plan = plan_of(
        act("a", skip=True),
        only_if("f", "", skip=True),
        {**STOP, "skip": True},
        act("b"),
    )
    assert play(plan, BEGIN) == [
        (
            Record("a", "a", "action", "skipped"),
            Record("f", "f", "filter", "skipped"),
            Record("end", "end", "stop", "skipped"),
            Perform("b", "b"),
        )
    ]


def test_the_scope_offers_trigger_steps_and_run_without_copying() -> None:
    plan = plan_of(act("a"), act("b"))
    state, _ = advance(plan, State(), BEGIN)
    output = {"id": 7}
    state, _ = advance(plan, state, Succeeded("a", output))
    inputs = {"n": "{{ trigger.body.n }}", "id": "{{ steps.a.id }}", "run": "{{ run.id }}"}
    assert render(inputs, scope(state)) == {"n": 1, "id": 7, "run": "r1"}
    assert scope(state)["steps"]["a"] is output
    assert scope(state)["trigger"] is BEGIN.payload


def test_a_path_leads_to_its_step() -> None:
    assert step_at(plan_of(act("a"), act("b")), "b").id == "b"
    with pytest.raises(KeyError):
        step_at(plan_of(), "b")


def test_an_old_state_can_be_continued_differently() -> None:
    plan = plan_of(act("a"), act("b"))
    state, _ = advance(plan, State(), BEGIN)
    one, _ = advance(plan, state, Succeeded("a", 1))
    two, _ = advance(plan, state, Succeeded("a", 2))
    assert (one.outputs["a"], two.outputs["a"], dict(state.outputs)) == (1, 2, {})


# fold: a state rebuilt from what was recorded


def test_nothing_recorded_is_a_run_that_begins() -> None:
    plan = plan_of(act("a"))
    assert fold(plan, BEGIN, []) == advance(plan, State(), BEGIN)


def test_a_running_attempt_owes_nothing_and_is_waited_for() -> None:
    plan = plan_of(act("a"), act("b"))
    state, commands = fold(
        plan,
        BEGIN,
        [
            AttemptRecord("a", 1, "failed", error=DOWN, retryable=True),
            AttemptRecord("a", 2, "succeeded", {"x": 1}),
            AttemptRecord("b", 1, "running"),
        ],
    )
    assert commands == ()
    assert (state.waiting, dict(state.attempts)) == (frozenset({"b"}), {"b": 1})
    assert dict(state.outputs) == {"a": {"x": 1}}


def test_an_attempt_that_nobody_performs_any_more_is_closed_as_unknown() -> None:
    plan = plan_of(act("a"))
    state, _ = fold(plan, BEGIN, [AttemptRecord("a", 2, "running")])
    _, commands = advance(plan, state, down("a", retryable=True, unknown=True))
    assert commands == (Perform("a", "a", 3, 4.0),)
    state, commands = fold(plan, BEGIN, [AttemptRecord("a", 3, "running")])
    _, commands = advance(plan, state, down("a", retryable=True, unknown=True))
    assert commands == (Finish("failed", DOWN),)


def test_a_promised_retry_is_still_owed() -> None:
    record = AttemptRecord("a", 1, "unknown", error=DOWN, retryable=True, retry_after=50)
    assert fold(plan_of(act("a")), BEGIN, [record])[1] == (Perform("a", "a", 2, 50),)


def test_what_was_decided_is_not_decided_again() -> None:
    plan = plan_of(only_if("f", "{{ trigger.body.n }}"), act("a"))
    state, commands = fold(plan, BEGIN, [AttemptRecord("f", 1, "succeeded", {"passed": False})])
    assert (state.finished, commands) == ("succeeded", (Finish("succeeded"),))


def test_what_was_decided_is_not_recorded_again() -> None:
    plan = plan_of(only_if("f", "{{ trigger.body.n }}"), act("x", skip=True), act("a"))
    records = [
        AttemptRecord("f", 1, "succeeded", {"passed": True}),
        AttemptRecord("x", 1, "skipped"),
    ]
    assert fold(plan, BEGIN, records)[1] == (Perform("a", "a"),)


def test_a_recorded_failure_of_a_filter_stays_one() -> None:
    plan = plan_of(only_if("f", "{{ trigger.body.n }}"), act("a"))
    _, commands = fold(plan, BEGIN, [AttemptRecord("f", 1, "failed", error=DOWN)])
    assert commands == (Finish("failed", DOWN),)


def test_records_of_paths_that_nobody_waits_for_are_left_aside() -> None:
    plan = plan_of(act("a"), act("b"))
    records = [AttemptRecord("zzz", 1, "succeeded"), AttemptRecord("a", 1, "succeeded", 5)]
    assert fold(plan, BEGIN, records)[1] == (Perform("b", "b"),)


# cost


class Watched(tuple[Step, ...]):
    """A tuple that may be indexed, and counts it, but not walked or copied."""

    __slots__ = ()
    reads = 0

    def __getitem__(self, index: Any) -> Any:
        assert isinstance(index, int), "a slice copies what lies behind"
        Watched.reads += 1
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Step]:
        raise AssertionError("walking all steps costs O(run)")


def calls_of_a_run(length: int) -> int:
    """Python and C calls that a run of ``length`` steps makes inside ``advance``."""
    plan = plan_of(*(act(f"s{number}") for number in range(length)))
    plan = Plan(Watched(plan.steps), plan.position)
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        state, _ = advance(plan, State(), BEGIN)
        shared = state.outputs
        for number in range(length):
            state, _ = advance(plan, state, Succeeded(f"s{number}", number))
    finally:
        sys.setprofile(before)
    assert state.finished == "succeeded"
    assert state.outputs._entries is shared._entries, "outputs were copied"
    return calls


def test_the_cost_of_a_run_is_linear_in_its_steps() -> None:
    Watched.reads = 0
    short = calls_of_a_run(1_000)
    assert Watched.reads <= 1_000
    assert calls_of_a_run(3_000) <= 3 * short + 100
