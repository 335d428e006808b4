"""The difference of two definitions: complete, bounded, in words, and without secrets."""

import json
import time
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.parsing import parse_definition
from flowforge.infra.redaction import REDACTED
from flowforge.services import diffs, drafts
from flowforge.services.diffs import Change, diff


def hook(step_id: str, **inputs: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "action": "webhook", "inputs": inputs}


def zap(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"trigger": {"kind": "webhook", "settings": {}}, "steps": list(steps), **more}


def router(step_id: str, **branches: list[dict[str, Any]]) -> dict[str, Any]:
    listed = [{"name": name, "steps": steps} for name, steps in branches.items()]
    return {"id": step_id, "kind": "router", "branches": listed}


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    return diff(before, after).changes


def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [change.summary for change in changes(before, after)]


def test_a_step_that_came_is_told_with_its_place_and_what_it_is() -> None:
    (change,) = changes(zap(hook("a")), zap(hook("a"), hook("b", url="https://e.com")))
    assert (change.kind, change.path, change.step_id) == ("added", "steps.b", "b")
    assert change.before is None
    assert change.after == hook("b", url="https://e.com")
    assert change.summary == "Added step 'b' (HTTP Webhook) at place 2 of the zap."


def test_a_step_that_went_is_told_with_what_it_was_and_so_are_those_inside_it() -> None:
    loop = {"id": "each", "kind": "loop", "over": [1], "steps": [hook("inner")]}
    gone = changes(zap(loop, hook("a")), zap(hook("a")))
    assert [(change.kind, change.step_id) for change in gone] == [
        ("removed", "each"),
        ("removed", "inner"),
    ]
    assert gone[0].before == {"id": "each", "kind": "loop", "over": [1]}
    assert gone[0].summary == "Removed step 'each' (Loop)."


def test_a_move_within_a_list_names_only_the_step_that_was_moved() -> None:
    steps = [hook(f"s{number}") for number in range(6)]
    (change,) = changes(zap(*steps), zap(*steps[1:4], steps[0], *steps[4:]))
    assert (change.kind, change.step_id) == ("moved", "s0")
    assert change.before == {"list": "the zap", "position": 1}
    assert change.after == {"list": "the zap", "position": 4}


def test_a_step_that_others_pushed_aside_has_not_moved() -> None:
    assert [c.kind for c in changes(zap(hook("a")), zap(hook("new"), hook("a")))] == ["added"]


def test_a_move_into_a_branch_names_the_branch() -> None:
    before = zap(hook("a"), router("way", large=[hook("b")]))
    after = zap(router("way", large=[hook("b"), hook("a")]))
    assert told(before, after) == [
        "Moved step 'a' (HTTP Webhook) from place 1 of the zap to place 2 of branch 'large' of 'way'."
    ]


def test_a_changed_input_is_named_to_its_innermost_key() -> None:
    before = zap(hook("a", url="https://e.com", body={"who": {"name": "Ada"}, "n": 1}))
    after = zap(hook("a", url="https://e.com", body={"who": {"name": "Bob"}, "n": 1}))
    (change,) = changes(before, after)
    assert change.path == "steps.a.inputs.body.who.name"
    assert (change.before, change.after) == ("Ada", "Bob")
    assert change.summary == 'Step \'a\': inputs.body.who.name changed from "Ada" to "Bob".'


def test_what_was_left_out_is_its_default() -> None:
    written = zap({**hook("a"), "on_error": "stop", "skip": False}, limits={})
    assert changes(zap(hook("a")), written) == []
    more = zap({**hook("a"), "retry": {"attempts": 5}})
    (change,) = changes(zap(hook("a")), more)
    assert (change.path, change.before, change.after) == ("steps.a.retry.attempts", 3, 5)


def test_inputs_that_came_and_went_are_told() -> None:
    assert told(zap(hook("a", old=1)), zap(hook("a", new=2))) == [
        "Step 'a': inputs.old was taken away. It was 1.",
        "Step 'a': inputs.new was added: 2.",
    ]


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, True), (0, False), ("", None), ([], {})])
def test_values_of_another_type_are_not_equal(one: Any, other: Any) -> None:
    (change,) = changes(zap(hook("a", n=one)), zap(hook("a", n=other)))
    assert change.path == "steps.a.inputs.n"


def test_branches_are_compared_by_name() -> None:
    when = {"any": [{"all": [{"left": "{{ trigger.body.n }}", "op": "EXISTS"}]}]}
    before = zap(router("way", a=[], b=[], c=[]))
    after = deepcopy(before)
    branches = after["steps"][0]["branches"]
    branches[1]["when"] = when
    assert [change.path for change in changes(before, after)] == ["steps.way.branches.b.when.any"]
    branches.insert(0, branches.pop())
    assert [(change.path, change.after) for change in changes(before, after)][1:] == [
        ("steps.way.branches", ["c", "a", "b"])
    ]


def test_branches_of_one_name_are_told_apart() -> None:
    twins: dict[str, Any] = {
        "id": "way",
        "kind": "router",
        "branches": [{"name": "x", "steps": [hook("a")]}, {"name": "x", "steps": [hook("b")]}],
    }
    other = deepcopy(twins)
    other["branches"][0]["steps"], other["branches"][1]["steps"] = [hook("b")], [hook("a")]
    assert sorted(change.step_id for change in changes(zap(twins), zap(other))) == ["a", "b"]


def test_another_kind_under_the_same_id_is_one_change() -> None:
    (change,) = changes(zap(hook("a")), zap({"id": "a", "kind": "stop"}))
    assert change.summary == "Step 'a' is another kind of step: Stop."
    assert change.after == {"id": "a", "kind": "stop"}


def test_trigger_limits_and_notes_are_part_of_it() -> None:
    after = zap(hook("a"), limits={"concurrency": {"limit": 2}}, notes="mind the gap")
    after["trigger"] = {"kind": "manual", "settings": {}}
    paths = [change.path for change in changes(zap(hook("a")), after)]
    assert "trigger.kind" in paths
    assert "limits.concurrency" in paths
    assert "notes" in paths
    assert told(zap(notes="a"), zap(notes="b")) == ['Notes: changed from "a" to "b".']


@pytest.mark.parametrize(
    ("action", "field"),
    [("webhook", "headers"), ("slack", "webhookUrl")],
)
def test_a_changed_secret_is_told_and_not_shown(action: str, field: str) -> None:
    def step(secret: str) -> dict[str, Any]:
        value: Any = {"Authorization": secret} if field == "headers" else secret
        return {"id": "a", "kind": "action", "action": action, "inputs": {field: value}}

    (change,) = changes(zap(step("S3CRET-one")), zap(step("S3CRET-two")))
    assert (change.before, change.after) == (REDACTED, REDACTED)
    assert change.summary.endswith("changed. Its value is not shown.")
    for found in (changes(zap(), zap(step("S3CRET-one"))), changes(zap(step("S3CRET-one")), zap())):
        assert "S3CRET" not in repr(found)


def test_large_values_and_many_changes_are_bounded() -> None:
    before, after = zap(hook("a", body="x" * 100_000)), zap(hook("a", body=["y"] * 100_000))
    (change,) = changes(before, after)
    assert len(change.before) == len(change.after) == diffs.LONGEST_VALUE + 1
    assert len(change.summary) < 300
    many = diff(zap(), zap(*({"id": f"s{n}", "kind": "stop"} for n in range(2_000))))
    assert (len(many.changes), many.left_off) == (diffs.MOST_CHANGES, 2_000 - diffs.MOST_CHANGES)


def test_ten_thousand_steps_turned_around_are_compared_in_time() -> None:
    steps = [{"id": f"s{n}", "kind": "stop"} for n in range(10_000)]
    began = time.thread_time()
    turned = diff(zap(*steps), zap(*reversed(steps)))
    assert len(turned.changes) + turned.left_off == 9_999
    # Quadratic would be minutes.
    assert time.thread_time() - began < 10


LEAVES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"kind": "stop"},
        {"kind": "delay", "seconds": 1},
        {"kind": "delay", "seconds": 2},
        {"kind": "action", "action": "webhook", "inputs": {"url": "a"}},
        {"kind": "action", "action": "webhook", "inputs": {"url": "b", "body": [1, {"c": 2}]}},
    ]
)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Small trees whose steps have ids of one small set, so that two have many in common."""
    ids = draw(st.permutations([f"s{number}" for number in range(7)]))

    def tree(deep: int) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = []
        for _ in range(draw(st.integers(0, 3))):
            if not ids:
                break
            step_id = ids.pop()
            kind = draw(st.sampled_from(["leaf", "loop", "router"])) if deep else "leaf"
            match kind:
                case "loop":
                    steps.append({"id": step_id, "kind": "loop", "steps": tree(deep - 1)})
                case "router":
                    names = draw(st.lists(st.sampled_from(["a", "b", ""]), max_size=3))
                    branches = [{"name": name, "steps": tree(deep - 1)} for name in names]
                    fallback = tree(deep - 1)
                    steps.append(
                        {
                            "id": step_id,
                            "kind": "router",
                            "branches": branches,
                            "fallback": fallback,
                        }
                    )
                case _:
                    steps.append({"id": step_id, **draw(LEAVES)})
        return steps

    return zap(*tree(2))


def whole(definition: dict[str, Any]) -> str:
    return json.dumps(parse_definition(definition).model_dump())


@given(definitions(), definitions())
def test_there_is_a_change_exactly_where_there_is_a_difference(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert diff(one, one) == diff(other, other) == diffs.Diff([], 0)
    assert bool(changes(one, other)) == (whole(one) != whole(other))


@given(definitions(), definitions())
def test_the_way_back_takes_away_what_the_way_there_added(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    def ids(kind: str, before: dict[str, Any], after: dict[str, Any]) -> set[str]:
        return {change.step_id for change in changes(before, after) if change.kind == kind}

    assert ids("added", one, other) == ids("removed", other, one)
    here = {step["id"] for step in drafts.all_steps(one)}
    there = {step["id"] for step in drafts.all_steps(other)}
    assert ids("added", one, other) == there - here
    assert len(ids("moved", one, other)) == len(ids("moved", other, one))


@given(st.permutations(range(8)))
def test_as_few_steps_as_possible_have_moved(order: list[int]) -> None:
    steps = [{"id": f"s{n}", "kind": "stop"} for n in range(8)]
    moved = {c.step_id for c in changes(zap(*steps), zap(*(steps[n] for n in order)))}
    stayed = [n for n in order if f"s{n}" not in moved]
    assert stayed == sorted(stayed)
    # The longest rising part, the slow way.
    longest = [1] * 8
    for at, number in enumerate(order):
        longest[at] += max((longest[i] for i in range(at) if order[i] < number), default=0)
    assert len(stayed) == max(longest)
