"""What differs, line by line as a person reads it."""

import time
from typing import Any

from flowforge.services import change_words
from flowforge.services.change_words import ChangeLine


def hook(step_id: str, name: str = "", **inputs: Any) -> dict[str, Any]:
    step = {"id": step_id, "kind": "action", "action": "webhook", "inputs": inputs}
    return step | {"name": name} if name else step


def zap(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"trigger": {"kind": "webhook", "settings": {}}, "steps": list(steps), **more}


def lines(before: dict[str, Any], after: dict[str, Any]) -> list[ChangeLine]:
    return change_words.changes(before, after).lines


def test_a_field_is_told_by_the_name_of_its_step_and_its_label_with_both_values() -> None:
    before, after = zap(hook("a", "Tell the CRM", url="x")), zap(hook("a", "Tell the CRM", url="y"))
    assert lines(before, after) == [
        ChangeLine("changed", "a", "url", "Tell the CRM · URL", "x", "y")
    ]
    assert lines(before, before) == []


def test_what_no_form_has_is_told_by_its_path() -> None:
    before, after = zap(hook("a")), zap(hook("a") | {"retry": {"attempts": 5}})
    (line,) = lines(before, after)
    assert (line.where, line.before, line.after) == ("HTTP Webhook · retry attempts", "3", "5")
    (line,) = lines(zap(hook("a")), zap(hook("a"), limits={"deadline_seconds": 3}))
    assert (line.card, line.where, line.after) == ("", "Zap · limits deadline seconds", "3.0")


def test_a_secret_is_told_to_have_changed_and_nothing_else() -> None:
    before = zap(hook("a", headers={"Authorization": "one"}))
    after = zap(hook("a", headers={"Authorization": "two"}))
    (line,) = lines(before, after)
    assert line.is_hidden
    assert (line.before, line.after) == ("", "")


def test_a_step_that_went_keeps_its_name_and_has_no_card_to_open() -> None:
    (line,) = lines(zap(hook("a", "Tell"), hook("b")), zap(hook("b")))
    assert (line.kind, line.card, line.where, line.after) == ("removed", "", "Tell", "")
    assert '"id": "a"' in line.before


def test_a_step_that_came_or_moved_leads_to_its_card() -> None:
    (line,) = lines(zap(hook("a")), zap(hook("a"), hook("b", "New")))
    assert (line.kind, line.card, line.where) == ("added", "b", "New")
    three = [hook("a"), hook("b"), hook("c")]
    (line,) = lines(zap(*three), zap(three[2], *three[:2]))
    assert (line.kind, line.card, line.before, line.after) == (
        "moved",
        "c",
        "place 3 of the zap",
        "place 1 of the zap",
    )


def test_a_long_value_is_cut() -> None:
    (line,) = lines(zap(hook("a", body="x")), zap(hook("a", body="y" * 5_000)))
    assert len(line.after) == change_words.LONGEST + 1


def test_many_changes_of_a_large_zap_are_told_in_little_time() -> None:
    before = zap(*(hook(f"s{number}", url="x") for number in range(2_000)))
    after = zap(*(hook(f"s{number}", url="y") for number in range(2_000)))
    begun = time.thread_time()
    found = change_words.changes(before, after)
    assert (len(found.lines), found.count) == (500, 2_000)
    assert time.thread_time() - begun < 10
