"""Files in a form: shown line by line, changed line by line, and never taken to another place."""

from typing import Any

import pytest

from flowforge.errors import Invalid
from flowforge.services import clippings, file_rows, form_fields, form_gestures, portable
from flowforge.services.form_shapes import Field
from flowforge.services.step_kinds import new_step

UPLOAD = {"file_id": "f1", "name": "plan.pdf", "content_type": "application/pdf", "size": 2_500}
WORDS = "{{ trigger.body.attachment }}"


def draft(attachments: Any = None, kind: str = "action", **more: Any) -> dict[str, Any]:
    step = {**new_step("it", kind), **more}
    if kind == "action":
        inputs = {"to": "a@example.com", "body": "Hi"}
        step |= {"action": "email", "inputs": inputs}
        if attachments is not None:
            inputs["attachments"] = attachments
    return {"trigger": {"kind": "webhook"}, "steps": [step]}


def shown(before: dict[str, Any]) -> Field:
    fields = form_fields.panel(before, "it", []).fields
    return next(one for one in fields if one.name == "attachments")


def kept(before: dict[str, Any], *gestures: Any) -> Any:
    for gesture in gestures:
        before = gesture(before)
    return before["steps"][0]["inputs"].get("attachments")


def lines(value: Any) -> list[tuple[str, str, str]]:
    return [
        (cell.widget, cell.label, cell.value) for row in file_rows.rows(value) for cell in row.cells
    ]


def test_uploads_have_name_and_size_and_all_else_is_text() -> None:
    field = shown(draft([UPLOAD, WORDS]))
    assert (field.widget, field.may_switch) == ("files", False)
    assert lines([UPLOAD, WORDS]) == [("stored", "plan.pdf", "2.5 KB"), ("text", "", WORDS)]
    assert [row.is_last for row in field.rows] == [False, True]
    # An expression for all of them is one line.
    assert lines(WORDS) == [("text", "", WORDS)]
    assert lines({"file_url": "https://example.com/x"}) == [("text", "", "https://example.com/x")]
    assert lines(None) == lines([]) == []


def test_what_no_line_can_show_is_json() -> None:
    assert shown(draft([1])).widget == "json"
    assert shown(draft(["x"] * (file_rows.MOST_LINES + 1))).widget == "json"


def test_files_are_added_changed_and_taken_away() -> None:
    end = file_rows.MOST_LINES
    add = form_gestures.filling_item("it", "attachments", end, "", WORDS)
    attach = form_gestures.attaching("it", "attachments", UPLOAD)
    assert kept(draft(), add, attach) == [WORDS, UPLOAD]
    change = form_gestures.filling_item("it", "attachments", 0, "", " https://example.com/x ")
    assert kept(draft([WORDS, UPLOAD]), change) == ["https://example.com/x", UPLOAD]
    empty = form_gestures.filling_item("it", "attachments", 0, "", "")
    assert kept(draft([WORDS, UPLOAD]), empty) == [UPLOAD]
    assert kept(draft([UPLOAD]), form_gestures.dropping_item("it", "attachments", 0)) is None
    # Leaving the empty line changes nothing.
    nothing = form_gestures.filling_item("it", "attachments", end, "", "")
    assert kept(draft(), nothing) is None
    assert kept(draft(WORDS), attach) == [WORDS, UPLOAD]


def test_where_one_file_is_wanted_the_next_takes_its_place() -> None:
    control = {"widget": "file"}
    assert file_rows.with_line(control, None, 100, WORDS) == WORDS
    assert file_rows.with_line(control, WORDS, 100, UPLOAD) == UPLOAD
    assert file_rows.with_line(control, UPLOAD, 0, "") == ""


def test_a_file_is_attached_only_where_there_is_an_input_for_it() -> None:
    with pytest.raises(Invalid, match="no input 'nothing'"):
        form_gestures.attaching("it", "nothing", UPLOAD)(draft())


def test_no_upload_leaves_its_place_and_expressions_and_addresses_do() -> None:
    definition = draft([UPLOAD, WORDS], name="Mail")
    assert kept(portable.definition(definition)) == [WORDS]
    assert kept(definition) == [UPLOAD, WORDS]
    assert "f1" not in clippings.copied_text(definition, ["it"])
    assert kept(portable.definition(draft(UPLOAD))) is None


def test_data_that_code_takes_is_an_input_of_it_by_one_gesture() -> None:
    before = draft(kind="code", code="x = 1", inputs={"a": "{{ trigger.body.a }}"})
    after = form_gestures.taking("it", "n", "{{ trigger.body.n }}", "x = inputs['n']")(before)
    step = after["steps"][0]
    assert step["code"] == "x = inputs['n']"
    assert step["inputs"] == {"a": "{{ trigger.body.a }}", "n": "{{ trigger.body.n }}"}
