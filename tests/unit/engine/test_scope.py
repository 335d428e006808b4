"""What expressions see of loops: rounds as a list, none of them made before it is looked at."""

from typing import Any

import pytest
from immutables import Map

from flowforge.engine.expressions import render
from flowforge.engine.parsing import parse_definition
from flowforge.engine.plan import Plan, compile_plan
from flowforge.engine.protocol import Started, Stored
from flowforge.engine.scope import needed, scope
from flowforge.engine.state import LoopState, State


def act(step_id: str, **inputs: str) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "inputs": inputs}


def plan_of(*steps: dict[str, Any]) -> Plan:
    return compile_plan(parse_definition({"steps": list(steps)}))


EACH = {"id": "each", "kind": "loop", "over": "{{ trigger.items }}", "steps": [act("a")]}
READER = act("x", all="{{ steps.each.iterations }}", item="{{ item }}")
PLAN = plan_of(EACH, READER)
ROUNDS: dict[str, Map[str, Any]] = {f"each[{n}]": Map({"a": {"n": n}}) for n in (1, 2, 3)}
AFTER = State(
    Started({}),
    outputs=Map({"": Map({"each": {"count": 3, "succeeded": 3}}), **ROUNDS}),
)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ steps.each.iterations[0].a.n }}", 1),
        ("{{ steps.each.iterations[-1].a.n }}", 3),
        ("{{ steps.each.iterations[3].a.n }}", ""),
        ("{{ steps.each.iterations.size }}", 3),
        ("{{ steps.each.iterations.first.a.n }}", 1),
        ("{{ steps.each.iterations.last.a.n }}", 3),
        ("{{ steps.each.iterations | size }}", 3),
        ("{{ steps.each.iterations | map: 'a' | map: 'n' | join: ',' }}", "1,2,3"),
        ("{{ steps.each.iterations | reverse | first | json }}", '{"a":{"n":3}}'),
        ("{{ steps.each.iterations | slice: 1, 1 | json }}", '[{"a":{"n":2}}]'),
        ("{% for r in steps.each.iterations %}{{ r.a.n }};{% endfor %}", "1;2;3;"),
        ("is {{ steps.each.iterations }}", 'is [{"a":{"n":1}},{"a":{"n":2}},{"a":{"n":3}}]'),
        ("{{ steps.each.iterations }}", [{"a": {"n": 1}}, {"a": {"n": 2}}, {"a": {"n": 3}}]),
        (
            "{{ steps.each }}",
            {"count": 3, "succeeded": 3, "iterations": [{"a": {"n": n}} for n in (1, 2, 3)]},
        ),
    ],
)
def test_rounds_are_read_like_any_list(template: str, value: Any) -> None:
    assert render(template, scope(PLAN, AFTER, "x")) == value


def test_one_round_of_very_many_is_looked_at_alone() -> None:
    many = LoopState(None, 10**12, begun=10**12)
    state = State(Started({}), containers=Map({"each": many}), outputs=Map(ROUNDS))
    assert render("{{ steps.each.iterations[1].a.n }}", scope(PLAN, state, "x")) == 2


def test_a_round_sees_its_own_and_those_around_it() -> None:
    inner = {"id": "in", "kind": "loop", "count": 2, "steps": [act("b"), act("c")]}
    plan = plan_of(act("s"), {"id": "out", "kind": "loop", "count": 2, "steps": [act("a"), inner]})
    state = State(
        Started({"t": 0}),
        outputs=Map(
            {
                "": Map({"s": "s"}),
                "out[1]": Map({"a": "other"}),
                "out[2]": Map({"a": "mine"}),
                "out[2]/in[1]": Map({"b": "past"}),
                "out[2]/in[2]": Map({"b": "now"}),
            }
        ),
        containers=Map(
            {
                "out": LoopState(["p", "q"], 2, begun=2),
                "out[2]/in": LoopState(None, 2, begun=2),
            }
        ),
    )
    text = "{{ steps.s }} {{ steps.a }} {{ steps.b }} {{ item }} {{ index }}"
    text += " {{ steps.out.item }} {{ steps.out.index }} {{ steps.in.index }} {{ steps.c }}|"
    assert render(text, scope(plan, state, "out[2]/in[2]/c")) == "s mine now 2 2 q 2 2 |"
    assert render("{{ steps.a }}{{ item }}", scope(plan, state, "after")) == ""


def test_what_is_stored_is_needed_only_by_who_looks_at_it() -> None:
    plan = plan_of(
        act("s"),
        act("t"),
        act("x", v="{{ steps.s.y }}"),
        act("y", v="{{ steps.t.y }}"),
        act("z", v="{{ steps[trigger.name] }}"),
        act("n", v="plain"),
    )
    one, other = Stored("one", 1), Stored("other", 2)
    outputs = Map({"": Map({"s": one, "t": other})})
    state = State(Started({}), outputs=outputs, stored=outputs)
    assert needed(plan, state, "x") == (one,)
    assert needed(plan, state, "y") == (other,)
    assert set(needed(plan, state, "z")) == {one, other}
    assert needed(plan, state, "n") == ()
    seen = scope(plan, state, "x", {"one": {"y": 5}})
    assert render("{{ steps.s.y }}", seen) == 5


def test_items_that_are_stored_are_needed_where_they_are_looked_at() -> None:
    loop = {**EACH, "steps": [act("a", v="{{ item.q }}"), act("b", v="{{ index }}")]}
    plan = plan_of(loop)
    items = Stored("items", 1)
    state = State(Started({}), containers=Map({"each": LoopState(items, 2, begun=2)}))
    assert needed(plan, state, "each[2]/a") == (items,)
    assert needed(plan, state, "each[2]/b") == ()
    loaded = {"items": {"items": [{"q": "x"}, {"q": "y"}]}}
    assert render("{{ item.q }}", scope(plan, state, "each[2]/a", loaded)) == "y"


def test_a_stored_value_inside_rounds_is_needed_by_who_reads_the_rounds() -> None:
    large = Stored("large", 1)
    outputs = Map({"": Map({"each": {"count": 2}}), "each[2]": Map({"a": large})})
    state = State(Started({}), outputs=outputs, stored=Map({"each[2]": Map({"a": large})}))
    assert needed(PLAN, state, "x") == (large,)
    seen = scope(PLAN, state, "x", {"large": {"n": 2}})
    assert render("{{ steps.each.iterations[1].a.n }}", seen) == 2
