"""The engine is tested as data in, data out: no database, no event loop, no mocks."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from flowforge.engine.advance import LONGEST_RETRY_AFTER, advance
from flowforge.engine.expressions import render
from flowforge.engine.folding import fold
from flowforge.engine.parsing import parse_definition
from flowforge.engine.plan import Plan, compile_plan, step_at
from flowforge.engine.protocol import (
    AttemptRecord,
    Cancelled,
    Close,
    Command,
    ErrorInfo,
    Failed,
    Finish,
    Outcome,
    Perform,
    Record,
    Started,
    Succeeded,
    Woke,
)
from flowforge.engine.scope import scope
from flowforge.engine.state import State, Wait

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
    """What each outcome leads to; retries that were promised are woken in between."""
    state, given = State(), []
    for outcome in outcomes:
        for path, wait in state.waits.items():
            if wait.kind == "retry":
                state, commands = advance(plan, state, Woke(path))
                assert commands == (Perform(path, path, wait.number),)
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
    plan = plan_of(
        act("a", on_error="continue", retry={"attempts": 2}),
        act("b", inputs={"x": "{{ steps.a }}"}),
    )
    state, _ = advance(plan, State(), BEGIN)
    state, commands = advance(plan, state, down("a"))
    assert commands == (Perform("a", "a", 2, 2.0),)
    state, _ = advance(plan, state, Woke("a"))
    state, commands = advance(plan, state, down("a"))
    assert commands == (Perform("b", "b"),)
    assert render("{{ steps.a.error.message }}", scope(plan, state, "b")) == "down"
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
    _, cancelled, late = play(plan, BEGIN, Cancelled(), Succeeded("a"))
    closed, finish = cancelled
    assert isinstance(closed, Close)
    assert (closed.path, closed.status) == ("a", "unknown"), "nobody knows what it did"
    assert (finish, late) == (Finish("cancelled"), ())


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
    plan = plan_of(act("a"), act("b", inputs={"x": "{{ steps.a.id }}"}))
    state, _ = advance(plan, State(), BEGIN)
    output = {"id": 7}
    state, _ = advance(plan, state, Succeeded("a", output))
    inputs = {"n": "{{ trigger.body.n }}", "id": "{{ steps.a.id }}", "run": "{{ run.id }}"}
    assert render(inputs, scope(plan, state, "b")) == {"n": 1, "id": 7, "run": "r1"}
    assert scope(plan, state, "b")["steps"]["a"] is output
    assert scope(plan, state, "b")["trigger"] is BEGIN.payload


def test_a_path_leads_to_its_step() -> None:
    assert step_at(plan_of(act("a"), act("b")), "b").id == "b"
    with pytest.raises(KeyError):
        step_at(plan_of(), "b")


def test_an_old_state_can_be_continued_differently() -> None:
    plan = plan_of(act("a"), act("b", inputs={"x": "{{ steps.a }}"}))
    state, _ = advance(plan, State(), BEGIN)
    one, _ = advance(plan, state, Succeeded("a", 1))
    two, _ = advance(plan, state, Succeeded("a", 2))
    assert (one.outputs[""]["a"], two.outputs[""]["a"], len(state.outputs)) == (1, 2, 0)


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
            AttemptRecord("a", 1, "failed", error=DOWN, promised=True, seq=1),
            AttemptRecord("a", 2, "succeeded", output={"x": 1}, seq=2),
            AttemptRecord("b", 1, "running"),
        ],
    )
    assert commands == ()
    assert dict(state.waits) == {"b": Wait("perform", 1)}
    assert not state.outputs, "nobody reads it"


def test_an_attempt_that_nobody_performs_any_more_is_closed_as_unknown() -> None:
    plan = plan_of(act("a"))
    state, _ = fold(plan, BEGIN, [AttemptRecord("a", 2, "running")])
    _, commands = advance(plan, state, down("a", retryable=True, unknown=True))
    assert commands == (Perform("a", "a", 3, 4.0),)
    state, commands = fold(plan, BEGIN, [AttemptRecord("a", 3, "running")])
    _, commands = advance(plan, state, down("a", retryable=True, unknown=True))
    assert commands == (Finish("failed", DOWN),)


def test_a_promised_retry_is_waited_for() -> None:
    record = AttemptRecord("a", 1, "unknown", error=DOWN, promised=True, seq=1)
    plan = plan_of(act("a"))
    state, commands = fold(plan, BEGIN, [record])
    assert (commands, dict(state.waits)) == ((), {"a": Wait("retry", 2)})
    assert advance(plan, state, Woke("a"))[1] == (Perform("a", "a", 2),)


def test_a_retry_that_a_person_asked_for_begins_the_policy_anew() -> None:
    plan = plan_of(act("a", retry={"attempts": 2}))
    records = [
        AttemptRecord("a", 1, "failed", error=DOWN, promised=True, seq=1),
        AttemptRecord("a", 2, "failed", error=DOWN, promised=True, seq=2),
        AttemptRecord("a", 3, "running"),
    ]
    state, _ = fold(plan, BEGIN, records)
    state, commands = advance(plan, state, down("a"))
    assert commands == (Perform("a", "a", 4, 2.0),)
    state, _ = advance(plan, state, Woke("a"))
    assert advance(plan, state, down("a"))[1] == (Finish("failed", DOWN),)


def test_what_was_decided_is_not_decided_again() -> None:
    plan = plan_of(only_if("f", "{{ trigger.body.n }}"), act("a"))
    state, commands = fold(
        plan, BEGIN, [AttemptRecord("f", 1, "succeeded", output={"passed": False}, seq=1)]
    )
    assert (state.finished, commands) == ("succeeded", (Finish("succeeded"),))


def test_what_was_decided_is_not_recorded_again() -> None:
    plan = plan_of(only_if("f", "{{ trigger.body.n }}"), act("x", skip=True), act("a"))
    records = [
        AttemptRecord("f", 1, "succeeded", output={"passed": True}, seq=1),
        AttemptRecord("x", 1, "skipped", seq=2),
    ]
    assert fold(plan, BEGIN, records)[1] == (Perform("a", "a"),)


def test_a_recorded_failure_of_a_filter_stays_one() -> None:
    plan = plan_of(only_if("f", "{{ trigger.body.n }}"), act("a"))
    _, commands = fold(plan, BEGIN, [AttemptRecord("f", 1, "failed", error=DOWN, seq=1)])
    assert commands == (Finish("failed", DOWN),)


def test_records_of_paths_that_nobody_waits_for_are_left_aside() -> None:
    plan = plan_of(act("a"), act("b"))
    records = [
        AttemptRecord("zzz", 1, "succeeded", seq=1),
        AttemptRecord("a", 1, "succeeded", output=5, seq=2),
    ]
    assert fold(plan, BEGIN, records)[1] == (Perform("b", "b"),)


# cost


def calls_of(plan: Plan, *outcomes: Outcome) -> int:
    """Python and C calls that a run makes inside ``advance``."""
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    state, before = State(), sys.getprofile()
    sys.setprofile(count)
    try:
        for outcome in outcomes:
            state, _ = advance(plan, state, outcome)
    finally:
        sys.setprofile(before)
    assert state.finished == "succeeded"
    return calls


def calls_of_a_list(length: int) -> int:
    names = [f"s{number}" for number in range(length)]
    plan = plan_of(*(act(name, inputs={"x": "{{ steps.s0 }}"}) for name in names))
    return calls_of(plan, BEGIN, *(Succeeded(name, 1) for name in names))


def calls_of_a_loop(rounds: int) -> int:
    plan = plan_of({"id": "each", "kind": "loop", "count": rounds, "steps": [act("a")]})
    ends = (Succeeded(f"each[{number}]/a", 1) for number in range(1, rounds + 1))
    return calls_of(plan, BEGIN, *ends)


@pytest.mark.parametrize("calls", [calls_of_a_list, calls_of_a_loop])
def test_the_cost_of_a_run_is_linear_in_its_steps(calls: Callable[[int], int]) -> None:
    assert calls(3_000) <= 3.1 * calls(1_000)
