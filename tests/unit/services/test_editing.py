"""The builder's gestures on drafts."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.parsing import parse_definition
from flowforge.errors import Invalid, NotFound
from flowforge.services import drafts, editing, editing_conditions
from flowforge.services.editing_conditions import Spot


def _draft(*actions: str) -> dict[str, Any]:
    draft = drafts.empty()
    for action in actions:
        draft, _ = editing.add(draft, action, len(editing.steps_of(draft)))
    return draft


def _ids(draft: dict[str, Any]) -> list[str]:
    return [step["id"] for step in editing.steps_of(draft)]


def test_a_new_step_gets_a_readable_id_of_its_own() -> None:
    draft = _draft("send-sol", "send-sol", "email", "send-sol")
    assert _ids(draft) == ["send_sol", "send_sol_2", "email", "send_sol_3"]


def test_a_step_is_added_where_the_plus_was_pressed() -> None:
    draft, step_id = editing.add(_draft("email", "slack"), "webhook", 1)
    assert step_id == "webhook"
    assert _ids(draft) == ["email", "webhook", "slack"]


def test_a_freed_id_may_be_used_again_but_never_twice() -> None:
    draft = editing.remove(_draft("email", "email", "email"), "email_2")
    draft, _ = editing.add(draft, "email", 0)
    assert sorted(_ids(draft)) == ["email", "email_2", "email_3"]


@pytest.mark.parametrize(
    ("by", "order"),
    [
        (1, ["slack", "email", "webhook"]),
        (-1, ["email", "slack", "webhook"]),
        (9, ["slack", "webhook", "email"]),
    ],
)
def test_moving_stops_at_the_ends(by: int, order: list[str]) -> None:
    assert _ids(editing.move(_draft("email", "slack", "webhook"), "email", by)) == order


def test_a_copy_stands_right_after_its_model_and_shares_nothing_with_it() -> None:
    draft = _draft("webhook", "email")
    draft = editing.set_input(draft, "webhook", "headers", {"a": "1"})
    draft, copy_id = editing.duplicate(draft, "webhook")
    assert _ids(draft) == ["webhook", "webhook_2", "email"]
    editing.step_of(draft, copy_id)["inputs"]["headers"]["a"] = "2"
    assert editing.step_of(draft, "webhook")["inputs"]["headers"] == {"a": "1"}


def test_an_emptied_input_is_no_input() -> None:
    draft = editing.set_input(_draft("email"), "email", "to", "ada@example.com")
    assert editing.step_of(draft, "email")["inputs"] == {"to": "ada@example.com"}
    draft = editing.set_input(draft, "email", "to", "")
    assert editing.step_of(draft, "email")["inputs"] == {}


def test_false_and_zero_are_inputs() -> None:
    draft = editing.set_input(_draft("email"), "email", "body", False)
    draft = editing.set_input(draft, "email", "subject", 0)
    assert editing.step_of(draft, "email")["inputs"] == {"body": False, "subject": 0}


def test_writing_an_input_takes_its_former_name_away() -> None:
    draft = _draft("email")
    draft = editing.set_input(draft, "email", "email", "old@example.com")
    draft = editing.set_input(draft, "email", "to", "new@example.com", formerly=("email",))
    assert editing.step_of(draft, "email")["inputs"] == {"to": "new@example.com"}


def test_another_action_starts_without_the_inputs_of_the_first() -> None:
    draft = editing.set_input(_draft("email"), "email", "to", "ada@example.com")
    changed = editing.choose(draft, "email", "slack")
    assert editing.step_of(changed, "email") == {
        "kind": "action",
        "id": "email",
        "action": "slack",
        "inputs": {},
    }
    assert editing.choose(draft, "email", "email") == draft


def test_settings_reach_their_place_and_unknown_ones_are_refused() -> None:
    draft = editing.set_option(_draft("email"), "email", "attempts", 5)
    draft = editing.set_option(draft, "email", "skip", value=True)
    step = editing.step_of(draft, "email")
    assert step["retry"] == {"attempts": 5}
    assert step["skip"] is True
    with pytest.raises(Invalid):
        editing.set_option(draft, "email", "id", "other")


def test_a_step_that_another_tab_took_away_is_not_found() -> None:
    with pytest.raises(NotFound):
        editing.set_input(_draft("email"), "slack", "message", "hi")


def test_a_new_kind_of_trigger_starts_without_settings() -> None:
    draft = {"trigger": {"kind": "webhook", "settings": {"metadata": 1}}, "steps": []}
    assert editing.set_trigger(draft, "webhook") == draft
    assert editing.set_trigger(draft, "manual")["trigger"] == {"kind": "manual", "settings": {}}


def test_conditions_are_added_changed_and_removed() -> None:
    draft = _draft("filter")
    draft = editing_conditions.fill(
        draft, Spot("filter"), (0, 0), "left", "{{ trigger.body.kind }}"
    )
    draft = editing_conditions.add(draft, Spot("filter"), 0)
    draft = editing_conditions.add(draft, Spot("filter"), 1)
    groups = editing.step_of(draft, "filter")["when"]["any"]
    assert [len(group["all"]) for group in groups] == [2, 1]
    draft = editing_conditions.remove(draft, Spot("filter"), (1, 0))
    groups = editing.step_of(draft, "filter")["when"]["any"]
    assert [len(group["all"]) for group in groups] == [2]
    assert groups[0]["all"][0]["left"] == "{{ trigger.body.kind }}"


_GESTURE = st.tuples(
    st.sampled_from(["add", "move", "duplicate", "remove", "set", "choose"]),
    st.integers(-2, 8),
    st.sampled_from(["email", "webhook", "slack", "send-sol", "filter", "stop"]),
)


@given(st.lists(_GESTURE, max_size=25))
def test_no_gesture_makes_a_draft_unreadable_or_changes_the_one_before(
    gestures: list[tuple[str, int, str]],
) -> None:
    draft = drafts.empty()
    for gesture, number, action in gestures:
        before = deepcopy(draft)
        after = _performed(draft, gesture, number, action)
        assert draft == before
        parse_definition(after)
        draft = after


def _performed(draft: dict[str, Any], gesture: str, number: int, action: str) -> dict[str, Any]:
    ids = _ids(draft)
    if gesture == "add" or not ids:
        return editing.add(draft, action, number)[0]
    step_id = ids[number % len(ids)]
    match gesture:
        case "move":
            return editing.move(draft, step_id, number)
        case "duplicate":
            return editing.duplicate(draft, step_id)[0]
        case "remove":
            return editing.remove(draft, step_id)
        case "choose":
            return editing.choose(draft, step_id, action)
    return editing.set_option(draft, step_id, "name", f"step {number}")
