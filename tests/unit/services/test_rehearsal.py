"""One step on its own: the engine says what it would do, with samples for all around it."""

from typing import Any

import pytest

from flowforge.engine.definition import ActionStep
from flowforge.engine.expressions import render
from flowforge.engine.parsing import parse_definition
from flowforge.engine.protocol import Ask, CallZap, Open, Perform, Record, Sleep, Started
from flowforge.engine.scope import scope
from flowforge.errors import Invalid, NotFound
from flowforge.services import rehearsal
from flowforge.services.rehearsal import Stage

TRIGGER = {
    "body": {"n": 7, "items": [{"id": "a", "tags": [1, 2]}, {"id": "b"}], "late": "2030-01-01"}
}


def action(step_id: str, **inputs: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "action": "webhook", "inputs": inputs}


def loop(step_id: str, *steps: dict[str, Any], **source: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "loop", "steps": list(steps), **source}


def condition(left: Any, op: str = "NUMBER_IS_GREATER_THAN", right: Any = 5) -> dict[str, Any]:
    return {"any": [{"all": [{"left": left, "op": op, "right": right}]}]}


def set_up(
    step_id: str, *steps: dict[str, Any], item: Any = rehearsal.WORKED_OUT, **outputs: Any
) -> Stage:
    definition = parse_definition({"trigger": {"kind": "webhook"}, "steps": list(steps)})
    started = Started(payload=TRIGGER, run={"id": "test"})
    return rehearsal.set_up(definition, step_id, started, outputs, item)


def url_of(stage: Stage) -> Any:
    """What the step's input ``url`` becomes."""
    assert stage.commands == (Perform(stage.path, stage.step.id),)
    assert isinstance(stage.step, ActionStep)
    return render(stage.step.inputs["url"], scope(stage.plan, stage.state, stage.path))


def test_an_action_is_to_be_performed_with_the_samples_of_the_steps_before_it() -> None:
    step = action("b", url="{{ trigger.body.n }}{{ steps.a.id }}{{ steps.c.x }}")
    assert url_of(set_up("b", action("a"), step, action("c"), a={"id": 3})) == "73"


def test_a_step_in_a_loop_gets_the_first_item_of_what_the_loop_goes_over() -> None:
    step = action("b", url="{{ item.id }}/{{ index }}/{{ steps.each.item.id }}/{{ steps.a }}")
    each = loop("each", action("a"), step, over="{{ trigger.body.items }}")
    stage = set_up("b", each, a=1)
    assert stage.path == "each[1]/b"
    assert url_of(stage) == "a/1/a/1"


def test_loops_inside_loops_work_their_items_out_from_outside_in() -> None:
    step = action("a", url="{{ item }} of {{ steps.outer.item.id }}")
    inner = loop("inner", step, over="{{ item.tags }}")
    stage = set_up("a", loop("outer", inner, over="{{ trigger.body.items }}", concurrency=5))
    assert stage.path == "outer[1]/inner[1]/a"
    assert url_of(stage) == "1 of a"


def test_an_item_that_is_given_takes_the_place_of_the_list_and_is_no_expression() -> None:
    steps = loop("each", action("a", url="{{ item }}"), over="{{ trigger.body.nothing }}")
    for item in ({"id": "{{ trigger.body.n }}"}, None, [1], "text"):
        assert url_of(set_up("a", steps, item=item)) == item


def test_an_item_that_is_given_finds_a_name_that_no_step_has() -> None:
    steps = loop("each", action("item_0", url="{{ item }}"), count=3)
    assert url_of(set_up("item_0", steps, item=5)) == 5


@pytest.mark.parametrize("source", [{"count": 0}, {"while": condition(1)}, {"count": "{{ x }}"}])
def test_a_loop_that_counts_or_asks_gives_one_round_whatever_it_says(
    source: dict[str, Any],
) -> None:
    assert url_of(set_up("a", loop("each", action("a", url="{{ index }}"), **source))) == 1


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ("{{ trigger.body.n }}", "The items you have selected must be a list."),
        ([], "With these samples its list is empty."),
    ],
)
def test_a_loop_without_a_round_is_blamed_by_name(over: Any, said: str) -> None:
    with pytest.raises(
        Invalid, match="The loop 'each' around this step has no first round"
    ) as told:
        set_up("a", loop("each", action("a"), over=over))
    assert said in told.value.message


def test_routers_and_parallel_blocks_around_a_step_do_not_keep_it_from_being_tried() -> None:
    deep = action("deep", url="{{ steps.first.ok }}")
    inner = {"id": "both", "kind": "parallel", "branches": [
        {"name": "a", "steps": [action("first")]},
        {"name": "b", "depends_on": ["a"], "steps": [deep]},
    ]}  # fmt: skip
    router = {"id": "way", "kind": "router", "branches": [
        {"name": "never", "when": condition(1), "steps": [inner]},
    ]}  # fmt: skip
    skipped = {**action("earlier"), "skip": True}
    stop = {"id": "end", "kind": "stop"}
    stage = set_up("deep", skipped, stop, router, first={"ok": 1})
    assert stage.path == "deep"
    assert url_of(stage) == 1


def test_what_the_engine_decides_itself_it_decides_with_the_samples() -> None:
    when = condition("{{ steps.a.n }}")
    steps = (action("a"), {"id": "f", "kind": "filter", "when": when, "skip": True})
    for number, is_passed in ((9, True), (1, False)):
        (record,) = set_up("f", *steps, a={"n": number}).commands
        assert isinstance(record, Record)
        assert (record.status, record.output) == ("succeeded", {"passed": is_passed})


def test_a_router_says_which_way_without_going_it() -> None:
    branch = {"name": "large", "when": condition("{{ trigger.body.n }}"), "steps": [action("a")]}
    router = {"id": "way", "kind": "router", "branches": [branch], "fallback": [action("b")]}
    (record,) = set_up("way", router).commands
    assert isinstance(record, Record)
    assert [way["evaluation"] for way in record.output["branches"]] == [True, False]


def test_a_loop_says_what_it_goes_over_and_performs_nothing() -> None:
    stage = set_up("each", loop("each", action("a"), over="{{ trigger.body.items }}"))
    (opened,) = stage.commands
    assert isinstance(opened, Open)
    assert opened.input == {"items": TRIGGER["body"]["items"]}
    (failed,) = set_up("each", loop("each", over=5)).commands
    assert isinstance(failed, Record)
    assert failed.error is not None
    assert failed.error.message == "The items you have selected must be a list."


def test_a_loop_of_very_many_rounds_is_looked_at_and_not_gone_through() -> None:
    stage = set_up("each", loop("each", count=100_000, concurrency=50))
    assert len(stage.commands) == 1
    # Only the loop itself and the round that would begin.
    assert len(stage.state.waits) == 1


def test_whatever_waits_says_for_what() -> None:
    (sleep,) = set_up(
        "nap", {"id": "nap", "kind": "delay", "seconds": "{{ trigger.body.n }}"}
    ).commands
    assert isinstance(sleep, Sleep)
    assert sleep.seconds == 7
    (ask,) = set_up(
        "ok", {"id": "ok", "kind": "approval", "question": "{{ trigger.body.n }}?"}
    ).commands
    assert isinstance(ask, Ask)
    assert ask.question == "7?"
    call = {"id": "sub", "kind": "zap", "zap_id": "z", "input": {"n": "{{ trigger.body.n }}"}}
    (called,) = set_up("sub", call).commands
    assert isinstance(called, CallZap)
    assert called.input == {"n": 7}


def test_only_the_samples_that_a_step_may_look_at_are_asked_for() -> None:
    def reads(step_id: str, *steps: dict[str, Any]) -> set[str]:
        return set(rehearsal.reads(parse_definition({"steps": list(steps)}), step_id))

    a, b = action("a"), action("b", url="{{ steps.a.x }}")
    assert reads("b", a, b, action("c")) == {"a"}
    assert reads("a", a, b) == set()
    assert reads("b", a, action("z"), action("b", url="{{ steps | json }}")) == {"a", "b", "z"}
    assert reads("a", b, loop("each", a, over="{{ steps.b.list }}")) == {"b"}
    with pytest.raises(NotFound, match="no step 'gone'"):
        reads("gone", a)


def test_an_unknown_step_is_not_found() -> None:
    with pytest.raises(NotFound, match="no step 'gone'"):
        set_up("gone", action("a"))


BRANCHES = [{"name": "large", "when": condition("{{ trigger.body.n }}"), "steps": []}]


@pytest.mark.parametrize(
    ("step", "note"),
    [
        ({"kind": "filter", "when": condition(9)}, "A run goes on here."),
        ({"kind": "filter", "when": condition(1)}, "The list of steps ends here: it does not hold."),
        ({"kind": "router", "branches": BRANCHES}, "A run takes: large."),
        ({"kind": "router"}, "A run takes: Fallback."),
        ({"kind": "loop", "over": [7]}, "A run makes 1 round here."),
        ({"kind": "loop", "count": 100_000}, "A run makes 100000 rounds here."),
        (
            {"kind": "loop", "while": condition(9), "most": 5},
            "A run asks before each round whether the conditions hold.",
        ),
        (
            {"kind": "parallel", "branches": [{"name": "a"}, {"name": "b"}]},
            "A run goes through these side by side: a, b.",
        ),
        ({"kind": "delay", "seconds": 7200}, "A run waits here 2 hours."),
        (
            {"kind": "delay", "until": "{{ trigger.body.late }}"},
            "A run waits here until 2030-01-01T00:00:00+00:00.",
        ),
        (
            {"kind": "approval", "question": "?", "approvers": ["a@e.com", "b@e.com"]},
            "A run asks a@e.com, b@e.com here and waits. Nobody was asked now.",
        ),
        (
            {"kind": "approval", "question": "?"},
            "A run asks the members of the project here and waits. Nobody was asked now.",
        ),
        (
            {"kind": "zap", "zap_id": "z"},
            "A run starts the zap z here and waits for its end. It was not started now.",
        ),
        (
            {"kind": "zap", "zap_id": "z", "wait": False},
            "A run starts the zap z here. It was not started now.",
        ),
        ({"kind": "reply", "body": {"n": "{{ trigger.body.n }}"}}, "Whoever waits for the run gets this answer."),
        ({"kind": "stop"}, "A run ends here, succeeded."),
    ],
)  # fmt: skip
def test_what_is_not_performed_is_foretold(step: dict[str, Any], note: str) -> None:
    told = rehearsal.foretold(set_up("x", {"id": "x", **step}))
    assert told is not None
    assert (told.status, told.note) == ("succeeded", note)


@pytest.mark.parametrize("holds", [True, False])
def test_a_break_says_whether_it_leaves_its_loop(holds: bool) -> None:
    step = {"id": "x", "kind": "break", "when": condition(9 if holds else 1)}
    told = rehearsal.foretold(set_up("x", loop("each", step, count=2)))
    assert told is not None
    assert told.output == {"broke": holds}


def test_what_is_wrong_with_a_step_is_foretold_as_its_failure() -> None:
    told = rehearsal.foretold(
        set_up("x", {"id": "x", "kind": "reply", "status": "{{ trigger.body.n }}"})
    )
    assert told is not None
    assert told.status == "failed"
    assert told.error is not None
    assert told.error.message == "A status is a number from 200 to 599, not 7."


def test_what_is_to_be_performed_is_not_foretold() -> None:
    for step in (action("x"), {"id": "x", "kind": "code", "code": "1"}):
        assert rehearsal.foretold(set_up("x", step)) is None
