"""Gestures on several steps at once."""

from copy import deepcopy
from typing import Any

import pytest

from flowforge.engine.parsing import parse_definition
from flowforge.errors import Invalid, NotFound
from flowforge.services import drafts, editing_many, editing_places
from flowforge.services.editing_places import END, FALLBACK, Place
from flowforge.services.editing_words import told


def _call(step_id: str, **inputs: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "action": "webhook", "inputs": inputs}


def _draft() -> dict[str, Any]:
    """first, way(large: [big, each(inner)], fallback: [small]), last."""
    each = {"id": "each", "kind": "loop", "over": [], "steps": [_call("inner")]}
    way = {
        "id": "way",
        "kind": "router",
        "branches": [{"name": "large", "when": {}, "steps": [_call("big"), each]}],
        "fallback": [_call("small")],
    }
    return {"trigger": {"kind": "webhook"}, "steps": [_call("first"), way, _call("last")]}


def _at(draft: dict[str, Any], place: Place = editing_places.OUTERMOST) -> list[str]:
    return [step["id"] for step in editing_places.listed(draft, place)]


def _ids(draft: dict[str, Any]) -> list[str]:
    return [step["id"] for step in drafts.all_steps(draft)]


def test_a_step_inside_another_selected_one_counts_once() -> None:
    found = editing_many.outermost(_draft(), ["inner", "last", "way", "big"])
    assert [step["id"] for step in found] == ["way", "last"]


def test_what_another_tab_took_away_is_named_instead_of_passed_over() -> None:
    for ids in (["first", "nobody"], []):
        with pytest.raises(NotFound, match="gone"):
            editing_many.outermost(_draft(), ids)


def test_several_steps_go_at_once_with_all_that_is_in_them() -> None:
    draft = _draft()
    before = deepcopy(draft)
    after = editing_many.remove(draft, ["small", "each", "inner", "first"])
    assert _ids(after) == ["way", "big", "last"]
    assert draft == before
    parse_definition(after)


def test_several_steps_are_skipped_and_used_again() -> None:
    draft = editing_many.skip(_draft(), ["first", "small"], is_skipped=True)
    assert [step["id"] for step in drafts.all_steps(draft) if step.get("skip")] == [
        "first",
        "small",
    ]
    again = editing_many.skip(draft, ["first", "small", "last"], is_skipped=False)
    assert not any(step.get("skip") for step in drafts.all_steps(again))
    # What was never skipped stays as it was written.
    assert "skip" not in editing_places.step_of(again, "last")


def test_copies_stand_behind_the_last_of_each_list() -> None:
    draft, made = editing_many.duplicate(_draft(), ["first", "big", "last"])
    assert _at(draft) == ["first", "way", "last", made[0], made[2]]
    assert _at(draft, Place("way", 0)) == ["big", made[1], "each"]
    assert len(set(_ids(draft))) == len(_ids(draft))


def test_copies_in_different_lists_name_each_other() -> None:
    draft = _draft()
    small = _call("small", url="{{ steps.first.output.url }}", body="{{ steps.last.body }}")
    draft = editing_places.with_step(draft, "small", small)
    draft, (first, copy) = editing_many.duplicate(draft, ["small", "first"])
    inputs = editing_places.step_of(draft, copy)["inputs"]
    assert inputs["url"] == f"{{{{ steps.{first}.output.url }}}}"
    assert inputs["body"] == "{{ steps.last.body }}"


@pytest.mark.parametrize(
    ("ids", "at", "order"),
    [
        (["first"], 0, ["first", "way", "last"]),
        (["first"], 1, ["first", "way", "last"]),
        (["first"], 2, ["way", "first", "last"]),
        (["first", "last"], 2, ["way", "first", "last"]),
        (["way", "last"], 0, ["way", "last", "first"]),
        (["first"], END, ["way", "last", "first"]),
    ],
)
def test_they_go_before_what_stood_at_the_place(ids: list[str], at: int, order: list[str]) -> None:
    assert _at(editing_many.move_to(_draft(), ids, editing_places.OUTERMOST, at)) == order


def test_steps_of_several_lists_move_together_in_their_order() -> None:
    after = editing_many.move_to(_draft(), ["last", "small", "big"], Place("each"), 0)
    assert _at(after, Place("each")) == ["big", "small", "last", "inner"]
    assert _at(after, Place("way", FALLBACK)) == []
    assert sorted(_ids(after)) == sorted(_ids(_draft()))


@pytest.mark.parametrize("place", [Place("way", 0), Place("each")])
def test_nothing_goes_into_itself(place: Place) -> None:
    with pytest.raises(Invalid, match="into itself"):
        editing_many.move_to(_draft(), ["first", "way"], place, 0)


def test_a_place_that_is_gone_takes_nothing() -> None:
    with pytest.raises(NotFound):
        editing_many.move_to(_draft(), ["first"], Place("way", 7), 0)


def test_what_was_done_to_several_is_told_as_one_gesture() -> None:
    draft, ids = _draft(), ["first", "last"]
    skipped = editing_many.skip(draft, ids, is_skipped=True)
    copied, _ = editing_many.duplicate(draft, ids)
    inside = editing_many.move_to(draft, ids, Place("each"), 0)
    assert told(draft, skipped).what == "skip 2 steps"
    assert told(skipped, draft).what == "use 2 steps again"
    assert told(draft, copied).what == "add 2 steps"
    assert told(draft, editing_many.remove(draft, ids)).what == "delete 2 steps"
    assert told(draft, inside).what == "move steps"
