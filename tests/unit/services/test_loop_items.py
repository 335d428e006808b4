"""Items of loops: of the last round, or the first of what a loop goes over."""

from typing import Any

import pytest

from flowforge.services import loop_items

VALUES = {"trigger": {"body": {"orders": [{"rows": [{"sku": "a"}]}, {}]}}, "steps": {}}
OUTER: dict[str, Any] = {"id": "outer", "kind": "loop", "over": "{{ trigger.body.orders }}"}
INNER: dict[str, Any] = {"id": "inner", "kind": "loop", "over": "{{ item.rows }}"}


def test_an_inner_loop_goes_over_what_the_item_of_the_outer_one_has() -> None:
    found = loop_items.items([OUTER, INNER], VALUES, {})
    assert found == {"outer": {"rows": [{"sku": "a"}]}, "inner": {"sku": "a"}}


def test_the_item_of_a_run_goes_before_what_would_be_worked_out() -> None:
    known = {"outer": {"rows": [{"sku": "b"}]}}
    assert loop_items.items([OUTER, INNER], VALUES, known)["inner"] == {"sku": "b"}


def test_the_outer_item_is_also_known_by_its_loop() -> None:
    inner = {**INNER, "over": "{{ steps.outer.item.rows }}"}
    assert loop_items.items([OUTER, inner], VALUES, {})["inner"] == {"sku": "a"}


def test_rounds_that_count_have_their_number() -> None:
    assert loop_items.items([{"id": "n", "kind": "loop", "count": 3}], VALUES, {}) == {"n": 1}


@pytest.mark.parametrize("over", [None, "{{ trigger.body.nothing }}", "text", [], "{{ broken", {}])
def test_what_gives_no_list_has_no_item(over: Any) -> None:
    assert loop_items.items([{**OUTER, "over": over}, INNER], VALUES, {}) == {}
