"""A definition on a canvas: nothing overlaps, containers hold what is theirs, every time alike."""

import time
from collections.abc import Callable
from itertools import combinations, count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flowforge.services import drafts, editing_places
from flowforge.services.layout import CARD_HEIGHT, CARD_WIDTH, GAP, TRIGGER, Layout, Node, lay_out

Build = Callable[["count[int]"], list[dict[str, Any]]]


def _leaf(ids: "count[int]") -> dict[str, Any]:
    return {"id": f"s{next(ids)}", "kind": "action", "action": "webhook"}


def _holder(kind: str, inside: list[Build], ids: "count[int]") -> dict[str, Any]:
    step: dict[str, Any] = {"id": f"s{next(ids)}", "kind": kind}
    bodies = [build(ids) for build in inside]
    if kind == "loop":
        return {**step, "over": [], "steps": bodies[0] if bodies else []}
    branches = [{"name": f"b{place}", "steps": body} for place, body in enumerate(bodies)]
    return {**step, "branches": branches}


def _lists(children: st.SearchStrategy[Build]) -> st.SearchStrategy[Build]:
    step = st.one_of(
        st.just(_leaf),
        st.builds(
            lambda kind, inside: lambda ids: _holder(kind, inside, ids),
            st.sampled_from(["router", "loop", "parallel"]),
            st.lists(children, max_size=3),
        ),
    )
    return st.lists(step, max_size=4).map(lambda made: lambda ids: [build(ids) for build in made])


# Ids are given when the whole tree is known: each is its own.
TREES = st.recursive(
    st.integers(0, 3).map(lambda size: lambda ids: [_leaf(ids) for _ in range(size)]),
    _lists,
    max_leaves=12,
).map(lambda build: {"trigger": {"kind": "webhook"}, "steps": build(count())})


def _of(made: Layout) -> dict[str, Node]:
    return {node.id: node for node in made.nodes}


def _contains(outer: Node, inner: Node) -> bool:
    return (
        outer.x <= inner.x
        and outer.y + CARD_HEIGHT <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def _overlap(one: Node, other: Node) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@given(TREES)
def test_neighbours_never_overlap(definition: dict[str, Any]) -> None:
    made = lay_out(definition)
    for one, other in combinations(made.nodes, 2):
        if one.parent == other.parent:
            assert not _overlap(one, other), (one, other)


@given(TREES)
def test_a_container_holds_all_that_is_in_it_below_its_head(definition: dict[str, Any]) -> None:
    nodes = _of(lay_out(definition))
    for node in nodes.values():
        if node.parent:
            assert nodes[node.parent].form == "container"
            assert nodes[node.parent].depth == node.depth - 1
            assert _contains(nodes[node.parent], node)
        else:
            assert node.depth == 0


@given(TREES)
def test_every_step_is_there_once_in_the_order_of_the_run(definition: dict[str, Any]) -> None:
    made = lay_out(definition)
    steps = [node.id for node in made.nodes if node.form in {"step", "container"}]
    assert steps == [step["id"] for step in drafts.all_steps(definition)]
    assert len(_of(made)) == len(made.nodes)
    assert made.nodes[0].id == TRIGGER


@given(TREES)
def test_each_node_but_the_trigger_has_one_way_to_it_from_above(definition: dict[str, Any]) -> None:
    made = lay_out(definition)
    nodes = _of(made)
    assert sorted(edge.target for edge in made.edges) == sorted(nodes.keys() - {TRIGGER})
    for edge in made.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        assert edge.depth == target.depth
        assert target.y >= source.y + CARD_HEIGHT // 2
        assert target.parent in {source.parent, source.id}


@given(TREES)
def test_to_be_changed_every_list_is_there_and_ends_in_a_place_to_add(
    definition: dict[str, Any],
) -> None:
    made = lay_out(definition, is_open=True)
    nodes = _of(made)
    ends = [node.id for node in made.nodes if node.form == "end"]
    places = editing_places.places(definition)
    assert sorted(ends) == sorted(f"{place.step}/{place.branch}/end" for place in places)
    assert sorted(edge.target for edge in made.edges) == sorted(nodes.keys() - {TRIGGER})
    for one, other in combinations(made.nodes, 2):
        if one.parent == other.parent:
            assert not _overlap(one, other), (one, other)
    for node in nodes.values():
        assert not node.parent or _contains(nodes[node.parent], node)


@given(TREES)
def test_the_same_definition_is_laid_out_the_same_way(definition: dict[str, Any]) -> None:
    assert lay_out(definition) == lay_out(definition)


def test_steps_in_a_row_stand_below_one_another() -> None:
    made = lay_out({"steps": [{"id": "a", "kind": "stop"}, {"id": "b", "kind": "stop"}]})
    assert [(node.x, node.y) for node in made.nodes] == [
        (-CARD_WIDTH // 2, place * (CARD_HEIGHT + GAP)) for place in range(3)
    ]


def test_branches_stand_side_by_side_with_their_names() -> None:
    fork = {
        "id": "way",
        "kind": "router",
        "branches": [{"name": "large", "steps": [{"id": "big", "kind": "stop"}]}, {"name": ""}],
        "fallback": [{"id": "other", "kind": "stop"}],
    }
    nodes = _of(lay_out({"steps": [fork]}))
    labels = [nodes[f"way/{place}"] for place in range(3)]
    assert [label.name for label in labels] == ["large", "Branch 2", "Fallback"]
    assert len({label.y for label in labels}) == 1
    assert nodes["big"].x == labels[0].x
    assert nodes["big"].x < labels[1].x < nodes["other"].x


def test_a_thousand_steps_take_no_time() -> None:
    def loop(number: int) -> dict[str, Any]:
        inside = [{"id": f"l{number}_{each}", "kind": "stop"} for each in range(9)]
        return {"id": f"l{number}", "kind": "loop", "over": [], "steps": inside}

    definition = {"steps": [loop(number) for number in range(100)]}
    took = []
    for _ in range(5):
        begun = time.thread_time()
        made = lay_out(definition)
        took.append(time.thread_time() - begun)
    assert len(made.nodes) == 1101
    assert min(took) < 0.05
