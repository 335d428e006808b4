"""Trees of steps: what is refused at once, what keeps them from going live, and with which words."""

import time
from typing import Any

import pytest

from flowforge.engine.checks import ActionSpec, check
from flowforge.engine.parsing import DefinitionError, parse_definition

ACTIONS = {"webhook": ActionSpec(lambda _: ())}
YES = {"any": [{"all": [{"left": "{{ trigger.body.a }}", "op": "EXISTS"}]}]}


def act(step_id: str, **inputs: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "action": "webhook", "inputs": inputs}


def router(*branches: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    ways = [{"name": f"b{n}", "when": YES, "steps": steps} for n, steps in enumerate(branches)]
    return {"id": "r", "kind": "router", "branches": ways, **more}


def parallel(**branches: Any) -> dict[str, Any]:
    ways = [
        {"name": name, "depends_on": each[0], "steps": each[1]} for name, each in branches.items()
    ]
    return {"id": "p", "kind": "parallel", "branches": ways}


def loop(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "each", "kind": "loop", "over": "{{ trigger.body }}", "steps": steps, **more}


def refused(*steps: dict[str, Any], **more: Any) -> dict[str, str]:
    with pytest.raises(DefinitionError) as caught:
        parse_definition({"steps": list(steps), **more})
    assert caught.value.details is not None
    return {each["path"]: each["message"] for each in caught.value.details}


def problems(*steps: dict[str, Any], **more: Any) -> dict[str, str]:
    data = {"trigger": {"kind": "manual"}, "steps": list(steps), **more}
    return {each.path: each.message for each in check(parse_definition(data), ACTIONS)}


@pytest.mark.parametrize(
    ("step", "path", "message"),
    [
        (parallel(a=(["b"], []), b=(["a"], [])), "steps.p", "'a', 'b' wait for each other"),
        (parallel(a=(["a"], [])), "steps.p", "'a' wait for each other"),
        (parallel(a=(["x"], [])), "steps.p", "depends on 'x', and there is no such branch"),
        (router([act("x")], [act("x")]), "steps.x.id", "2 steps have the id 'x'"),
        (loop(loop()), "steps.each.id", "2 steps have the id 'each'"),
        (loop({"id": "x", "kind": "warp"}), "steps.x.kind", "Unknown kind 'warp'"),
        (router([{"id": "x", "kind": "delay", "seconds": -1}]), "steps.x.seconds", "0 to 2592000"),
        (loop(count=3), "steps.each", "one source, this one has over and count"),
        (loop(over=None, count=-1), "steps.each.count", "fewer than 0 times"),
        (loop(concurrency=51), "steps.each.concurrency", "less than or equal to 50"),
        (loop({"id": "x", "kind": "reply", "status": 99}), "steps.x.status", "from 200 to 599"),
        (
            {"id": "x", "kind": "delay", "seconds": 1, "until": "2030-01-01"},
            "steps.x",
            "either seconds or until",
        ),
        ({"id": "x", "kind": "code", "code": "a" * 100_001}, "steps.x.code", "100000"),
        ({"id": "x", "kind": "code", "language": "cobol"}, "steps.x.language", "'python'"),
        ({"id": "x", "kind": "approval", "required": 0}, "steps.x.required", "greater than"),
        (router([], fallbacks=[]), "steps.r.fallbacks", "Unknown key 'fallbacks'."),
        (
            {"id": "r", "kind": "router", "branches": [{"steps": [act("a"), 7]}]},
            "steps.r.branches[0].steps[1]",
            "must be an object",
        ),
    ],
)
def test_what_can_be_no_draft_is_refused_with_its_place(
    step: dict[str, Any], path: str, message: str
) -> None:
    found = refused(step)
    assert list(found) == [path]
    assert message in found[path]


def test_steps_are_counted_at_every_depth_before_they_are_read() -> None:
    half = [act(f"a{n}") for n in range(5_001)]
    other = [act(f"b{n}") for n in range(5_000)]
    began = time.thread_time()
    found = refused(*half, router(other))
    assert found == {"steps": "10002 steps are too many; the limit is 10000."}
    assert time.thread_time() - began < 1


@pytest.mark.parametrize(
    ("steps", "path", "message"),
    [
        ([{"id": "r", "kind": "router"}], "steps.r.branches", "Add at least one branch."),
        ([{"id": "p", "kind": "parallel"}], "steps.p.branches", "Add at least one branch."),
        (
            [{"id": "r", "kind": "router", "branches": [{"steps": []}]}],
            "steps.r.branches[0].when",
            "Say when this branch is taken.",
        ),
        ([loop()], "steps.each.steps", "Add a step to repeat."),
        ([loop(act("a"), over=None)], "steps.each.over", "Choose what to repeat for"),
        ([loop(act("a"), over={"a": 1})], "steps.each.over", "must be a list."),
        (
            [loop(act("a"), **{"over": None, "while": YES, "concurrency": 2})],
            "steps.each.concurrency",
            "one round at a time",
        ),
        ([{"id": "x", "kind": "break"}], "steps.x", "A break ends a loop"),
        ([router([{"id": "x", "kind": "break"}])], "steps.x", "A break ends a loop"),
        ([{"id": "x", "kind": "delay"}], "steps.x.seconds", "Say how long to wait"),
        ([{"id": "x", "kind": "delay", "until": "soon"}], "steps.x.until", "This is not a date."),
        ([{"id": "x", "kind": "delay", "seconds": "long"}], "steps.x.seconds", "a number"),
        ([{"id": "x", "kind": "approval"}], "steps.x.question", "Write the question"),
        (
            [{"id": "x", "kind": "approval", "question": "?", "approvers": ["me"]}],
            "steps.x.approvers[0]",
            "not an e-mail address",
        ),
        (
            [
                {
                    "id": "x",
                    "kind": "approval",
                    "question": "?",
                    "approvers": ["a@b.c"],
                    "required": 2,
                }
            ],
            "steps.x.required",
            "2 approvals are required, and only 1",
        ),
        ([{"id": "x", "kind": "zap"}], "steps.x.zap_id", "Choose the zap to call."),
        ([{"id": "x", "kind": "reply", "status": "ok"}], "steps.x.status", "from 200 to 599"),
        ([router([act("a", x="{{ item }}")])], "steps.a.inputs.x", "only inside a loop"),
        ([loop(act("a", x="{{ steps.zz }}"))], "steps.a.inputs.x", "There is no step 'zz'."),
    ],
)
def test_what_is_incomplete_cannot_go_live(
    steps: list[dict[str, Any]], path: str, message: str
) -> None:
    found = problems(*steps)
    assert list(found) == [path]
    assert message in found[path]


# What a step sees


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        # Earlier in the same list, and before what it stands in.
        ([act("a"), router([act("x", v="{{ steps.a }}")])], None),
        ([act("a"), loop(act("b"), act("x", v="{{ steps.a }}{{ steps.b }}{{ item }}"))], None),
        ([loop(act("x", v="{{ steps.b }}"), act("b"))], "has not run yet"),
        ([router([act("x", v="{{ steps.b }}")]), act("b")], "has not run yet"),
        # After a router or a parallel block: what ran in it.
        ([router([act("a")]), act("x", v="{{ steps.a }}")], None),
        ([parallel(m=([], [act("a")])), act("x", v="{{ steps.a }}")], None),
        # Branches.
        ([router([act("a")], [act("x", v="{{ steps.a }}")])], "in another branch"),
        ([router([act("a")], [act("x", v="{{ steps.a }}")], mode="all_matches")], None),
        ([parallel(m=([], [act("a")]), n=([], [act("x", v="{{ steps.a }}")]))], "depend on it"),
        ([parallel(m=([], [act("a")]), n=(["m"], [act("x", v="{{ steps.a }}")]))], None),
        (
            [parallel(m=([], [act("a")]), n=(["m"], []), o=(["n"], [act("x", v="{{ steps.a }}")]))],
            None,
        ),
        # Loops hide their rounds, and show them together.
        ([loop(act("a")), act("x", v="{{ steps.a }}")], "steps.each.iterations"),
        ([loop(act("a")), act("x", v="{{ steps.each.iterations[0].a }}")], None),
        ([loop(act("x", v="{{ steps.each.index }}"))], None),
        ([act("x", v="{{ steps.x }}")], "has not run yet"),
        ([parallel(m=([], [act("x", v="{{ steps.p }}")]))], "has not run yet"),
    ],
)
def test_a_step_sees_what_has_surely_run(steps: list[dict[str, Any]], message: str | None) -> None:
    found = problems(*steps)
    if message is None:
        assert found == {}
    else:
        assert list(found) == ["steps.x.inputs.v"]
        assert message in found["steps.x.inputs.v"]


def test_the_condition_of_a_loop_looks_at_its_last_round() -> None:
    condition = {"any": [{"all": [{"left": "{{ steps.a.more }}", "op": "BOOLEAN_IS_TRUE"}]}]}
    assert problems(loop(act("a"), **{"over": None, "while": condition})) == {}


def test_keys_of_limits_know_the_trigger_only() -> None:
    limits = {
        "concurrency": {"key": "{{ trigger.body.a }}"},
        "debounce": {"seconds": 1, "key": "{{ run.id }}"},
    }
    assert problems(act("a"), limits=limits) == {
        "limits.debounce.key": "Only 'trigger' is known before a run begins."
    }


def test_what_is_passed_over_is_not_judged_with_all_that_is_in_it() -> None:
    assert problems(act("a"), {**router([{"id": "x", "kind": "zap"}]), "skip": True}) == {}


def diamonds(number: int) -> dict[str, Any]:
    branches: dict[str, Any] = {"s0": ([], [act("a0")])}
    for n in range(number):
        branches[f"l{n}"] = ([f"s{n}"], [act(f"l{n}", v="{{ steps.a0 }}")])
        branches[f"r{n}"] = ([f"s{n}"], [act(f"r{n}")])
        branches[f"s{n + 1}"] = ([f"l{n}", f"r{n}"], [act(f"a{n + 1}", v=f"{{{{ steps.l{n} }}}}")])
    return parallel(**branches)


def test_forty_diamonds_one_after_the_other_are_no_work() -> None:
    data = {"trigger": {"kind": "manual"}, "steps": [diamonds(40)]}
    began = time.thread_time()
    assert check(parse_definition(data), ACTIONS) == []
    # There are 2 ** 40 ways through them; a slow machine needs some milliseconds.
    assert time.thread_time() - began < 0.5
