"""What each kind of step writes down, asks for and says when it cannot."""

from typing import Any

import pytest

from flowforge.engine.advance import advance
from flowforge.engine.expressions import render
from flowforge.engine.parsing import parse_definition
from flowforge.engine.plan import compile_plan
from flowforge.engine.protocol import (
    Ask,
    CallZap,
    ChildEnded,
    Close,
    Command,
    Decided,
    ErrorInfo,
    Failed,
    Finish,
    Open,
    Outcome,
    Perform,
    Record,
    Reply,
    Sleep,
    Started,
    Succeeded,
    TimedOut,
    Woke,
)
from flowforge.engine.scope import scope
from flowforge.engine.state import State

BODY: dict[str, Any] = {
    "n": 5,
    "items": [{"q": 1}, {"q": 2}, {"q": 3}],
    "text": "a",
    "json": "[1,2]",
}
DOWN = ErrorInfo("down", "It is down.")


def act(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "action": "webhook", **more}


def play(steps: list[dict[str, Any]], *outcomes: Outcome) -> list[Command]:
    """What the last of the outcomes leads to."""
    plan = compile_plan(parse_definition({"steps": steps}))
    state, commands = advance(plan, State(), Started({"body": BODY}))
    for outcome in outcomes:
        state, commands = advance(plan, state, outcome)
    return list(commands)


def failure(step: dict[str, Any]) -> ErrorInfo:
    """Why the step fails at once, and the run with it."""
    record, finish = play([step, act("after")])
    assert isinstance(record, Record)
    assert isinstance(finish, Finish)
    assert (record.status, finish.status) == ("failed", "failed")
    assert record.error is not None
    assert record.error == finish.error
    return record.error


@pytest.mark.parametrize(
    ("step", "code", "message"),
    [
        ({"kind": "loop", "over": "{{ trigger.body.n }}"}, "not_a_list",
         "The items you have selected must be a list."),
        ({"kind": "loop", "over": "{{ trigger.body.none }}"}, "not_a_list",
         "The items you have selected must be a list."),
        ({"kind": "loop", "count": "{{ trigger.body.text }}"}, "bad_count",
         'How often a loop runs must be a whole number from 0, not "a".'),
        ({"kind": "loop", "count": "-1"}, "bad_count",
         'How often a loop runs must be a whole number from 0, not "-1".'),
        ({"kind": "loop", "count": 100_001}, "too_many_rounds",
         "A loop has at most 100,000 rounds, not 100,001."),
        ({"kind": "delay", "seconds": "{{ trigger.body.text }}"}, "bad_delay",
         'A delay takes 0 to 2592000 seconds (30 days), not "a".'),
        ({"kind": "delay", "seconds": "-5"}, "bad_delay",
         'A delay takes 0 to 2592000 seconds (30 days), not "-5".'),
        ({"kind": "delay", "until": "{{ trigger.body.text }}"}, "bad_date",
         '"a" is not a date. Give one like 2026-12-24T18:00:00+01:00.'),
        ({"kind": "approval", "question": "?", "approvers": ["{{ trigger.body.text }}"]},
         "bad_approver", '"a" is not an e-mail address.'),
        ({"kind": "reply", "status": "{{ trigger.body.n }}"}, "bad_reply",
         "A status is a number from 200 to 599, not 5."),
        ({"kind": "reply", "headers": {"a b": "c"}}, "bad_reply",
         '"a b" is not the name of a header.'),
        ({"kind": "reply", "headers": {"a": "b\r\nc: d"}}, "bad_reply",
         "The header a holds what a header cannot hold."),
        ({"kind": "reply", "headers": {"a": "✓"}}, "bad_reply",
         "The header a holds what a header cannot hold."),
        ({"kind": "reply", "headers": {"Content-Length": "9"}}, "bad_reply",
         "The header Content-Length is not for a reply to set."),
        ({"kind": "reply", "headers": {"set-cookie": "session=mine"}}, "bad_reply",
         "The header set-cookie is not for a reply to set."),
        ({"kind": "reply", "body": "{{ 1 | divided_by: 0 }}"}, "expression", None),
    ],
)  # fmt: skip
def test_a_step_that_cannot_be_decided_fails_with_a_sentence(
    step: dict[str, Any], code: str, message: str | None
) -> None:
    error = failure({"id": "x", **step})
    assert error.code == code
    assert message is None or error.message == message


def test_a_router_says_which_ways_it_takes() -> None:
    yes = {
        "any": [
            {"all": [{"left": "{{ trigger.body.n }}", "op": "NUMBER_IS_GREATER_THAN", "right": 1}]}
        ]
    }
    no = {
        "any": [
            {"all": [{"left": "{{ trigger.body.n }}", "op": "NUMBER_IS_LESS_THAN", "right": 1}]}
        ]
    }
    branches = [
        {"name": "low", "when": no},
        {"name": "high", "when": yes, "steps": [act("h")]},
        {"when": yes},
    ]
    record, perform = play([{"id": "r", "kind": "router", "branches": branches}])
    assert isinstance(record, Record)
    assert record.output == {
        "branches": [
            {"branchName": "low", "branchIndex": 1, "evaluation": False},
            {"branchName": "high", "branchIndex": 2, "evaluation": True},
            {"branchName": "Branch 3", "branchIndex": 3, "evaluation": False},
            {"branchName": "Fallback", "branchIndex": 4, "evaluation": False},
        ]
    }
    assert perform == Perform("h", "h")


def test_where_no_branch_is_taken_the_run_goes_on_behind_the_router() -> None:
    no = {"any": [{"all": [{"left": "", "op": "EXISTS"}]}]}
    steps = [
        {"id": "r", "kind": "router", "branches": [{"when": no, "steps": [act("x")]}]},
        act("y"),
    ]
    assert play(steps)[-1] == Perform("y", "y")


def test_a_loop_has_a_row_an_item_and_an_index_from_one() -> None:
    steps = [{"id": "each", "kind": "loop", "over": "{{ trigger.body.items }}",
              "steps": [act("a", inputs={"v": "{{ item.q }}/{{ index }}/{{ steps.each.index }}"})]}]  # fmt: skip
    opened, perform = play(steps)
    assert opened == Open("each", "each", "loop", {"items": BODY["items"]}, {"count": 3})
    assert perform == Perform("each[1]/a", "a")
    plan = compile_plan(parse_definition({"steps": steps}))
    state, _ = advance(plan, State(), Started({"body": BODY}))
    state, _ = advance(plan, state, Succeeded("each[1]/a"))
    seen = scope(plan, state, "each[2]/a")
    assert render("{{ item.q }}/{{ index }}/{{ steps.each.index }}", seen) == "2/2/2"


def test_a_list_in_a_text_is_a_list() -> None:
    steps = [{"id": "each", "kind": "loop", "over": "{{ trigger.body.json }}", "steps": [act("a")]}]
    opened = play(steps)[0]
    assert isinstance(opened, Open)
    assert opened.output == {"count": 2}


def test_an_empty_loop_ends_at_once() -> None:
    steps = [{"id": "each", "kind": "loop", "over": [], "steps": [act("a")]}]
    said = {"count": 0, "succeeded": 0, "failed": 0, "ended_early": False}
    assert play(steps)[1:] == [Close("each", "succeeded", said), Finish("succeeded")]


def test_what_rounds_gave_can_be_read_after_the_loop() -> None:
    inner = {"id": "inner", "kind": "loop", "count": 2, "steps": [act("b")]}
    steps = [
        {"id": "each", "kind": "loop", "count": 2, "steps": [act("a"), inner]},
        act("x", inputs={"v": "{{ steps.each.iterations }}"}),
    ]
    plan = compile_plan(parse_definition({"steps": steps}))
    state, _ = advance(plan, State(), Started({}))
    for path in ("each[1]/a", "each[1]/inner[1]/b", "each[1]/inner[2]/b",
                 "each[2]/a", "each[2]/inner[1]/b", "each[2]/inner[2]/b"):  # fmt: skip
        state, _ = advance(plan, state, Succeeded(path, path))
    seen = scope(plan, state, "x")
    assert render("{{ steps.each.iterations[1].a }}", seen) == "each[2]/a"
    assert (
        render("{{ steps.each.iterations[1].inner.iterations[0].b }}", seen) == "each[2]/inner[1]/b"
    )
    assert render("{{ steps.each.count }}", seen) == 2


def test_outputs_that_nobody_reads_are_not_held() -> None:
    steps = [{"id": "each", "kind": "loop", "count": 3,
              "steps": [act("a"), act("b", inputs={"v": "{{ steps.a }}"})]}]  # fmt: skip
    plan = compile_plan(parse_definition({"steps": steps}))
    state, _ = advance(plan, State(), Started({}))
    for number in (1, 2):
        state, _ = advance(plan, state, Succeeded(f"each[{number}]/a", "large"))
        assert dict(state.outputs[f"each[{number}]"]) == {"a": "large"}
        state, _ = advance(plan, state, Succeeded(f"each[{number}]/b", "large"))
        assert not state.outputs, "the round is over"


def test_a_failed_item_ends_its_round_only_if_asked_to() -> None:
    loop = {"id": "each", "kind": "loop", "count": 2, "steps": [act("a"), act("b")]}
    bad = Failed("each[1]/a", DOWN, retryable=False)
    closed, finish = play([loop], bad)
    assert isinstance(closed, Close)
    assert (closed.path, closed.status, finish) == ("each", "skipped", Finish("failed", DOWN))
    assert play([{**loop, "on_item_error": "continue"}], bad) == [Perform("each[2]/a", "a")]


def test_a_delay_sleeps_and_is_over_when_it_wakes() -> None:
    steps = [{"id": "d", "kind": "delay", "seconds": "{{ trigger.body.n }}"}, act("a")]
    assert play(steps) == [Sleep("d", "d", 5.0, None)]
    assert play(steps, Woke("d")) == [Close("d", "succeeded", {"seconds": 5.0}), Perform("a", "a")]
    until = [{"id": "d", "kind": "delay", "until": "2030-01-01T00:00:00+01:00"}]
    assert play(until) == [Sleep("d", "d", None, "2029-12-31T23:00:00+00:00")]


ASKS = {
    "id": "ok",
    "kind": "approval",
    "question": "Ship {{ trigger.body.n }}?",
    "timeout_seconds": 60,
}


def test_an_approval_asks_and_goes_on_when_it_is_given() -> None:
    asked = play([{**ASKS, "approvers": ["a@b.c, d@e.f"], "required": 2}, act("a")])
    assert asked == [Ask("ok", "ok", "Ship 5?", ("a@b.c", "d@e.f"), 2, True, 60.0)]
    given = play([ASKS, act("a")], Decided("ok", True, {"approved": True}))
    assert given == [Close("ok", "succeeded", {"approved": True}), Perform("a", "a")]


@pytest.mark.parametrize(
    ("way", "last"),
    [
        ("end", Finish("succeeded")),
        ("continue", Perform("a", "a")),
        ("fail", Finish("failed", ErrorInfo("rejected", "It was not approved."))),
    ],
)
def test_without_an_approval_it_goes_on_as_it_was_told(way: str, last: Command) -> None:
    steps = [{**ASKS, "on_rejection": way}, act("a")]
    assert play(steps, Decided("ok", False, {"approved": False}))[-1] == last
    late = play(steps, Woke("ok"))
    assert isinstance(late[0], Close)
    assert late[0].output["timed_out"] is True
    assert type(late[-1]) is type(last)


def test_a_zap_is_called_with_its_input_and_waited_for() -> None:
    step = {"id": "z", "kind": "zap", "zap_id": "Z", "input": {"n": "{{ trigger.body.n }}"}}
    assert play([step]) == [CallZap("z", "z", "Z", {"n": 5}, True)]
    ended = ChildEnded("z", "succeeded", {"output": 1})
    assert play([step], ended) == [Close("z", "succeeded", {"output": 1}), Finish("succeeded")]
    closed, finish = play([step], ChildEnded("z", "failed", {"run_id": "r2"}, DOWN))
    assert isinstance(finish, Finish)
    assert finish.error == ErrorInfo(
        "zap_failed", "The called zap's run r2 ended as failed. It is down."
    )
    on = play([{**step, "on_error": "continue"}, act("a")], ChildEnded("z", "timed_out"))
    assert on[-1] == Perform("a", "a")
    assert play([{**step, "wait": False}, act("a")], Succeeded("z", {}))[-1] == Perform("a", "a")
    assert isinstance(closed, Close)


def test_the_first_reply_is_sent_and_later_ones_are_only_recorded() -> None:
    reply = {
        "id": "one",
        "kind": "reply",
        "status": 201,
        "headers": {"X-A": 5},
        "body": {"n": "{{ trigger.body.n }}"},
    }
    first, sent, second, finish = play(
        [reply, {"id": "two", "kind": "reply", "stop": True}, act("a")]
    )
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert sent == Reply("one", 201, {"X-A": "5"}, {"n": 5})
    assert (first.output["sent"], second.output["sent"]) == (True, False)
    assert finish == Finish("succeeded")


def test_when_a_run_is_out_of_time_all_that_is_open_is_closed() -> None:
    branches = [
        {"name": "a", "steps": [act("a")]},
        {"name": "b", "steps": [{"id": "d", "kind": "delay", "seconds": 9}]},
    ]
    late = ErrorInfo("deadline", "late")
    commands = play([{"id": "p", "kind": "parallel", "branches": branches}], TimedOut(late))
    closed = {c.path: c.status for c in commands if isinstance(c, Close)}
    assert closed == {"d": "skipped", "p": "skipped", "a": "unknown"}
    assert commands[-1] == Finish("timed_out", late)


def test_twenty_levels_are_no_trouble() -> None:
    step = act("inner")
    for level in range(20):
        step = {"id": f"l{level}", "kind": "loop", "count": 1, "steps": [step]}
    path = "/".join(f"l{level}[1]" for level in reversed(range(20))) + "/inner"
    assert play([step])[-1] == Perform(path, "inner")
    assert play([step], Succeeded(path))[-1] == Finish("succeeded")
