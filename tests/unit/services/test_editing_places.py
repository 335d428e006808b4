"""Gestures at any depth: nothing is lost, nothing is there twice, and references follow copies."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.parsing import parse_definition
from flowforge.errors import FlowForgeError, Invalid, NotFound
from flowforge.services import (
    drafts,
    editing,
    editing_branches,
    editing_conditions,
    editing_many,
    editing_places,
)
from flowforge.services.editing_conditions import Spot
from flowforge.services.editing_places import FALLBACK, OUTERMOST, Place
from tests.unit.services.test_nested_drafts import HOLDS, action, nested


def ids_in(draft: dict[str, Any], place: Place) -> list[str]:
    return [step["id"] for step in editing_places.listed(draft, place)]


def all_ids(draft: dict[str, Any]) -> list[str]:
    return [step["id"] for step in drafts.all_steps(draft)]


def branches_of(draft: dict[str, Any], step_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = editing.step_of(draft, step_id)["branches"]
    return found


# ---- places --------------------------------------------------------------------------------------


def test_every_list_of_a_draft_is_a_place_also_an_empty_one() -> None:
    assert list(editing_places.places(nested())) == [
        OUTERMOST,
        Place("way", 0),
        Place("way", 1),
        Place("way", FALLBACK),
        Place("each"),
        Place("both", 0),
    ]


@pytest.mark.parametrize(
    ("place", "ids"),
    [
        (OUTERMOST, ["first", "way", "both", "last"]),
        (Place("way", 0), ["each", "after_each"]),
        (Place("way", 1), []),
        (Place("way", FALLBACK), ["end"]),
        (Place("each"), ["inner"]),
        (Place("both", 0), ["one", "two"]),
    ],
)
def test_a_place_has_its_steps(place: Place, ids: list[str]) -> None:
    assert ids_in(nested(), place) == ids
    for at, step_id in enumerate(ids):
        assert editing_places.where(nested(), step_id) == (place, at)


@pytest.mark.parametrize(
    "place",
    [
        Place("gone"),
        Place("first"),
        Place("way", 2),
        Place("way", -2),
        Place("both", FALLBACK),
        Place("each", 1),
        Place("each", FALLBACK),
    ],
)
def test_a_place_that_is_not_there_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound):
        editing_places.listed(nested(), place)
    with pytest.raises(NotFound):
        editing.add(nested(), "email", 0, place)
    with pytest.raises(NotFound):
        editing_many.move_to(nested(), ["last"], place, 0)


# ---- steps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", list(editing_places.places(nested())))
def test_a_step_is_added_in_any_list(place: Place) -> None:
    draft, step_id = editing.add(nested(), "email", 0, place)
    assert ids_in(draft, place)[0] == step_id == "email"
    assert editing.remove(draft, step_id) == nested()


def test_a_router_without_a_fallback_gets_one_with_its_first_step() -> None:
    draft: dict[str, Any] = {"steps": [{"id": "r", "kind": "router", "branches": []}]}
    draft, step_id = editing.add(draft, "stop", 0, Place("r", FALLBACK))
    assert ids_in(draft, Place("r", FALLBACK)) == [step_id]


def test_a_step_moves_out_of_a_branch_and_back() -> None:
    outside = editing_many.move_to(nested(), ["each"], OUTERMOST, 1)
    assert ids_in(outside, OUTERMOST) == ["first", "each", "way", "both", "last"]
    assert ids_in(outside, Place("each")) == ["inner"]
    assert editing_many.move_to(outside, ["each"], Place("way", 0), 0) == nested()


def test_a_step_moves_within_its_list() -> None:
    draft = editing_many.move_to(nested(), ["first"], OUTERMOST, 99)
    assert ids_in(draft, OUTERMOST) == ["way", "both", "last", "first"]


@pytest.mark.parametrize("place", [Place("way", 1), Place("each"), Place("way", FALLBACK)])
def test_a_step_does_not_go_into_itself(place: Place) -> None:
    with pytest.raises(Invalid, match="into itself"):
        editing_many.move_to(nested(), ["way"], place, 0)


def test_what_is_pasted_gets_ids_of_its_own_and_names_what_was_pasted_with_it() -> None:
    pasted = [
        action("first", inputs={"url": "https://example.com/{{ steps.last.id }}"}),
        action("second", inputs={"body": "{{ steps.first.body }} {{ steps.first_2.x }}"}),
    ]
    draft, first = editing.insert(nested(), pasted, 0, Place("way", 1))
    assert first == "webhook"
    one, two = editing_places.listed(draft, Place("way", 1))
    assert one["inputs"]["url"].endswith("{{ steps.last.id }}")
    assert two["inputs"]["body"] == "{{ steps.webhook.body }} {{ steps.first_2.x }}"
    parse_definition(draft)


def test_what_was_pasted_shares_nothing_with_where_it_came_from() -> None:
    pasted = [action("x", inputs={"headers": {"a": "1"}})]
    draft, made = editing.insert(nested(), pasted, 0)
    editing.step_of(draft, made)["inputs"]["headers"]["a"] = "2"
    assert pasted[0]["inputs"]["headers"]["a"] == "1"


# ---- branches ------------------------------------------------------------------------------------


def waiting() -> dict[str, Any]:
    """Three branches side by side, the last of which waits for both others."""
    return {
        "trigger": None,
        "steps": [
            {
                "id": "both",
                "kind": "parallel",
                "branches": [
                    {"name": "price", "steps": [action("price")]},
                    {
                        "name": "stock",
                        "steps": [
                            action("stock"),
                            action("told", inputs={"body": "{{ steps.stock.body }}"}),
                        ],
                    },
                    {"name": "sum", "depends_on": ["price", "stock"], "steps": []},
                ],
            }
        ],
    }


def test_a_new_branch_of_a_router_begins_with_a_condition() -> None:
    draft = editing_branches.add(nested(), "way")
    assert [branch["name"] for branch in branches_of(draft, "way")] == ["large", "", "Branch 3"]
    assert branches_of(draft, "way")[2]["when"]["any"]
    parse_definition(draft)


def test_a_new_branch_has_a_name_of_its_own() -> None:
    draft = editing_branches.rename(waiting(), "both", 0, "Branch 4")
    draft = editing_branches.add(draft, "both")
    assert branches_of(draft, "both")[3] == {"name": "Branch 5", "steps": []}


def test_branches_that_wait_follow_a_new_name() -> None:
    draft = editing_branches.rename(waiting(), "both", 0, " costs ")
    assert branches_of(draft, "both")[0]["name"] == "costs"
    assert branches_of(draft, "both")[2]["depends_on"] == ["costs", "stock"]


@pytest.mark.parametrize("name", ["stock", "  "])
def test_a_parallel_branch_has_a_name_and_shares_it_with_no_other(name: str) -> None:
    with pytest.raises(Invalid):
        editing_branches.rename(waiting(), "both", 0, name)


def test_a_routers_branch_may_be_without_a_name() -> None:
    draft = editing_branches.rename(nested(), "way", 0, "")
    assert branches_of(draft, "way")[0]["name"] == ""


def test_a_copied_branch_has_steps_of_its_own_that_name_each_other() -> None:
    draft = editing_branches.duplicate(waiting(), "both", 1)
    copy = branches_of(draft, "both")[2]
    assert copy["name"] == "stock 2"
    stock, told = copy["steps"]
    assert told["inputs"]["body"] == f"{{{{ steps.{stock['id']}.body }}}}"
    assert stock["id"] != "stock"
    assert branches_of(draft, "both")[3]["depends_on"] == ["price", "stock"]
    parse_definition(draft)


def test_a_branch_that_goes_is_waited_for_no_more() -> None:
    draft = editing_branches.remove(waiting(), "both", 1)
    assert [branch["name"] for branch in branches_of(draft, "both")] == ["price", "sum"]
    assert branches_of(draft, "both")[1]["depends_on"] == ["price"]
    parse_definition(draft)


def test_the_last_branch_stays() -> None:
    with pytest.raises(Invalid, match="last branch"):
        editing_branches.remove(nested(), "both", 0)


@pytest.mark.parametrize(
    ("at", "by", "names"),
    [
        (0, 1, ["stock", "price", "sum"]),
        (2, -9, ["sum", "price", "stock"]),
        (0, 9, ["stock", "sum", "price"]),
    ],
)
def test_a_branch_moves_and_stops_at_the_ends(at: int, by: int, names: list[str]) -> None:
    draft = editing_branches.move(waiting(), "both", at, by)
    assert [branch["name"] for branch in branches_of(draft, "both")] == names


@pytest.mark.parametrize("at", [-1, 3])
def test_a_branch_that_is_gone_is_not_found(at: int) -> None:
    with pytest.raises(NotFound):
        editing_branches.rename(waiting(), "both", at, "x")
    with pytest.raises(NotFound):
        editing_branches.remove(waiting(), "both", at)


def test_a_step_without_branches_gets_none() -> None:
    with pytest.raises(Invalid, match="Only a router"):
        editing_branches.add(nested(), "first")


# ---- any of them, in any order -------------------------------------------------------------------

GESTURES = [
    "add",
    "move",
    "move_to",
    "duplicate",
    "remove",
    "skip",
    "choose",
    "insert",
    "add_branch",
    "rename_branch",
    "copy_branch",
    "move_branch",
    "remove_branch",
]
KINDS = ["email", "webhook", "filter", "router", "parallel", "loop", "code", "stop"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(GESTURES),
            st.integers(0, 40),
            st.integers(-2, 40),
            st.sampled_from(KINDS),
        ),
        max_size=20,
    )
)
def test_no_gesture_at_any_depth_loses_a_step_or_makes_a_draft_unreadable(
    gestures: list[tuple[str, int, int, str]],
) -> None:
    draft = {**nested(), "limits": {"concurrency": {"limit": 2}}}
    for gesture, which, number, kind in gestures:
        before = deepcopy(draft)
        try:
            after = performed(draft, gesture, which, number, kind)
        except FlowForgeError:
            assert draft == before
            continue
        assert draft == before, "a gesture changed the draft that it was given"
        parse_definition(after)
        ids = all_ids(after)
        assert len(ids) == len(set(ids))
        if gesture in {"move", "move_to", "move_branch"}:
            assert contents(after) == contents(before)
        if gesture in {"add", "insert", "duplicate", "copy_branch", "add_branch"}:
            assert set(all_ids(before)) <= set(ids)
        assert after["limits"] == before["limits"]
        draft = after


def contents(draft: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every step by its id, without the lists inside it."""
    return {
        step["id"]: {key: step[key] for key in step if key not in {"steps", "branches", "fallback"}}
        for step in drafts.all_steps(draft)
    }


def performed(
    draft: dict[str, Any], gesture: str, which: int, number: int, kind: str
) -> dict[str, Any]:
    places = list(editing_places.places(draft))
    place = places[number % len(places)]
    ids = all_ids(draft)
    if gesture == "add" or not ids:
        return editing.add(draft, kind, which, place)[0]
    step_id = ids[which % len(ids)]
    holders = [step["id"] for step in drafts.all_steps(draft) if "branches" in step] or [step_id]
    holder = holders[which % len(holders)]
    found = {
        "move": lambda: editing.move(draft, step_id, number),
        "move_to": lambda: editing_many.move_to(draft, [step_id], place, which),
        "duplicate": lambda: editing.duplicate(draft, step_id)[0],
        "remove": lambda: editing.remove(draft, step_id),
        "skip": lambda: editing.set_option(draft, step_id, "skip", value=True),
        "choose": lambda: editing.choose(draft, step_id, kind),
        "insert": lambda: editing.insert(draft, [editing.step_of(draft, step_id)], 0, place)[0],
        "add_branch": lambda: editing_branches.add(draft, holder),
        "rename_branch": lambda: editing_branches.rename(draft, holder, number % 3, f"b {which}"),
        "copy_branch": lambda: editing_branches.duplicate(draft, holder, number % 3),
        "move_branch": lambda: editing_branches.move(draft, holder, number % 3, which - 2),
        "remove_branch": lambda: editing_branches.remove(draft, holder, number % 3),
    }
    after: dict[str, Any] = found[gesture]()
    return after


def test_the_condition_of_a_filter_is_changed_at_any_depth() -> None:
    draft, step_id = editing.add(nested(), "filter", 0, Place("each"))
    draft = editing_conditions.fill(draft, Spot(step_id), (0, 0), "left", "{{ item.ok }}")
    draft = editing_conditions.add(draft, Spot(step_id), 0)
    draft = editing_conditions.remove(draft, Spot(step_id), (0, 1))
    (group,) = editing_places.listed(draft, Place("each"))[0]["when"]["any"]
    assert [condition["left"] for condition in group["all"]] == ["{{ item.ok }}"]
    assert editing.step_of(draft, "way")["branches"][0]["when"] == HOLDS
