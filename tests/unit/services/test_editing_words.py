"""What was done to a draft, told by what differs."""

from collections.abc import Callable
from typing import Any

import pytest

from flowforge.services import editing, editing_branches, editing_many
from flowforge.services.editing_places import OUTERMOST, Place
from flowforge.services.editing_words import told
from tests.unit.services.test_nested_drafts import nested

HTTP = "“HTTP Webhook”"
Draft = dict[str, Any]


@pytest.mark.parametrize(
    ("gesture", "what", "field"),
    [
        (lambda d: editing.add(d, "email", 1, Place("each"))[0], "add “Send Email”", ""),
        (lambda d: editing.duplicate(d, "way")[0], "add “Router”", ""),
        (lambda d: editing.remove(d, "each"), "delete “Loop”", ""),
        (lambda d: editing_many.move_to(d, ["inner"], OUTERMOST, 0), f"move {HTTP}", ""),
        (lambda d: editing_many.move_to(d, ["each"], OUTERMOST, 0), "move “Loop”", ""),
        (lambda d: editing.move(d, "way", 1), "swap “Router” and “Parallel”", ""),
        (lambda d: editing.move(d, "way", 2), "move “Router”", ""),
        (lambda d: editing.move(d, "last", -3), f"move {HTTP}", ""),
        (lambda d: editing.set_option(d, "inner", "skip", value=True), f"skip {HTTP}", ""),
        (lambda d: editing.set_option(d, "inner", "name", "Tell"), f"rename {HTTP}", "inner.name"),
        (
            lambda d: editing.set_input(d, "inner", "url", "https://x"),
            f"change URL of {HTTP}",
            "inner.inputs.url",
        ),
        (lambda d: editing.choose(d, "inner", "email"), f"change what {HTTP} does", ""),
        (lambda d: editing.set_trigger(d, "manual"), "change the trigger", ""),
        (lambda d: d | {"limits": {}}, "change the limits", "limits"),
        (lambda d: {"steps": []}, "change the whole draft", ""),
        (lambda d: d | {"steps": []}, "delete 4 steps", ""),
        (lambda d: editing_branches.add(d, "way"), "add a branch to “Router”", ""),
        (lambda d: editing_branches.remove(d, "way", 0), "delete a branch of “Router”", ""),
        (lambda d: editing_branches.move(d, "way", 0, 1), "move a branch of “Router”", ""),
        (lambda d: editing_branches.rename(d, "way", 0, "x"), "rename a branch of “Router”", ""),
    ],
)
def test_a_gesture_is_told(gesture: Callable[[Draft], Draft], what: str, field: str) -> None:
    draft = nested()
    found = told(draft, gesture(draft))
    assert found.what == what
    assert found.field == field or (not field and "change" in what)


def test_a_step_is_called_by_its_name_and_no_name_is_too_long() -> None:
    draft = editing.set_option(nested(), "first", "name", "Tell\nthe CRM")
    assert told(draft, editing.remove(draft, "first")).what == "delete “Tell the CRM”"
    draft = editing.set_option(nested(), "first", "name", "x" * 200)
    assert len(told(draft, editing.remove(draft, "first")).what) < 60


def test_what_a_skipped_step_does_again_is_told() -> None:
    draft = editing.set_option(nested(), "first", "skip", value=True)
    after = editing.set_option(draft, "first", "skip", value=False)
    assert told(draft, after).what == f"use {HTTP} again"


def test_one_and_true_are_different_values() -> None:
    draft = editing.set_input(nested(), "first", "body", 1)
    after = editing.set_input(draft, "first", "body", value=True)
    assert told(draft, after).field == "first.inputs.body"
