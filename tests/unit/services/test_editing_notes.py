"""Sticky notes: made, written, moved, painted and taken away; and what a definition accepts."""

from typing import Any

import pytest

from flowforge.engine.definition import LONGEST_NOTE, MOST_NOTES
from flowforge.engine.parsing import DefinitionError, parse_definition
from flowforge.errors import Invalid, NotFound
from flowforge.services import diffs, drafts, editing_notes
from flowforge.services.editing_words import told


def _noted() -> dict[str, Any]:
    draft, _ = editing_notes.add(drafts.empty(), 100, 50)
    return draft


def test_a_new_note_has_its_middle_where_it_was_asked_for() -> None:
    (note,) = editing_notes.notes_of(_noted())
    assert (note["x"] + note["width"] / 2, note["y"] + note["height"] / 2) == (100, 50)
    parse_definition(_noted())


def test_a_freed_id_is_used_again() -> None:
    draft = _noted()
    draft, second = editing_notes.add(draft, 0, 0)
    draft = editing_notes.remove(draft, "note_1")
    draft, third = editing_notes.add(draft, 0, 0)
    assert (second, third) == ("note_2", "note_1")


def test_a_note_is_written_moved_and_painted() -> None:
    draft = editing_notes.write(_noted(), "note_1", "Ask <Ada>.")
    draft = editing_notes.place(draft, "note_1", {"x": -7.4, "y": 3, "width": 300, "height": 90})
    draft = editing_notes.paint(draft, "note_1", "blue")
    assert draft["notes"] == [
        {
            "id": "note_1",
            "text": "Ask <Ada>.",
            "x": -7,
            "y": 3,
            "width": 300,
            "height": 90,
            "color": "blue",
        }
    ]
    parse_definition(draft)


def test_a_place_out_of_all_bounds_is_clipped_to_what_a_draft_accepts() -> None:
    for box in ({"x": 1e12, "y": -1e12}, {"width": 0, "height": 1e9}):
        parse_definition(editing_notes.place(_noted(), "note_1", box))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "7", None])
def test_a_place_is_a_number(bad: Any) -> None:
    with pytest.raises(Invalid, match="numbers"):
        editing_notes.place(_noted(), "note_1", {"x": bad})


def test_one_text_of_a_script_is_a_note_and_nothing_of_it_is_lost() -> None:
    text = "x" * (LONGEST_NOTE + 1)
    notes = editing_notes.notes_of({"notes": text})
    assert "".join(note["text"] for note in notes) == text
    draft = editing_notes.paint({**drafts.empty(), "notes": text}, "note_2", "pink")
    assert [note["color"] for note in draft["notes"]] == ["yellow", "pink"]
    parse_definition(draft)


def test_what_a_note_cannot_be_is_refused_in_words() -> None:
    with pytest.raises(Invalid, match="5,001"):
        editing_notes.write(_noted(), "note_1", "x" * (LONGEST_NOTE + 1))
    with pytest.raises(Invalid, match="yellow, green"):
        editing_notes.paint(_noted(), "note_1", "url(x)")
    with pytest.raises(NotFound, match="note is gone"):
        editing_notes.write(_noted(), "note_9", "")
    full = {"notes": [{"id": f"note_{n}", "x": 0, "y": 0} for n in range(MOST_NOTES)]}
    with pytest.raises(Invalid, match="at most 200"):
        editing_notes.add(full, 0, 0)


@pytest.mark.parametrize(
    ("notes", "path", "message"),
    [
        ([{"id": "a", "x": 0, "y": 0, "text": "x" * 5_001}], "notes[0].text", "5000"),
        ([{"id": "a", "x": 0}], "notes[0].y", "required"),
        ([{"id": "a", "x": 0, "y": 0, "color": "red"}], "notes[0].color", "yellow"),
        ([{"id": "a", "x": 0, "y": 0}] * 2, "notes", "Two notes have the id 'a'"),
        (7, "notes", "list"),
        ({"list": []}, "notes", "list"),
    ],
)
def test_a_wrong_note_is_named_by_its_place(notes: Any, path: str, message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        parse_definition({**drafts.empty(), "notes": notes})
    (detail,) = refused.value.details or []
    assert detail["path"] == path
    assert message in detail["message"]


def test_typing_into_a_note_is_a_field_and_everything_else_a_gesture_of_its_own() -> None:
    empty, one = drafts.empty(), _noted()
    two, _ = editing_notes.add(one, 0, 0)
    moved = editing_notes.place(two, "note_2", {"x": 5})
    written = editing_notes.write(moved, "note_2", "Hello")
    pairs = [(empty, one), (one, two), (two, moved), (moved, written), (two, one)]
    assert [told(before, after) for before, after in pairs] == [
        ("add a note", ""),
        ("add a note", ""),
        ("change a note", ""),
        ("change a note", "notes[1].text"),
        ("delete a note", ""),
    ]


def test_two_versions_differ_in_their_notes() -> None:
    before = _noted()
    after = editing_notes.write(before, "note_1", "Ask Ada.")
    (change,) = diffs.diff(before, after).changes
    assert change.path == "notes[0].text"
    assert change.summary == 'Notes[0]: text changed from "" to "Ask Ada.".'
