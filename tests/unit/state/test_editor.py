"""JSON in a box: what a person reads of a value, and is told of a text."""

import pytest

from flowforge.errors import Invalid
from flowforge.state import editor


@pytest.mark.parametrize(
    "value", [{"a": [1, 2.5, "é", None, True]}, [], "text", 12345678901234567890]
)
def test_what_is_shown_is_what_is_read(value: object) -> None:
    assert editor.value_of(editor.text_of(value)) == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Line 1, column 1: a value is missing here"),
        ('{"a": 1\n "b": 2}', "Line 2, column 2: a comma or a closing bracket is missing here"),
        ('{"a": 1,\n}', "Line"),
        ('{"a" 1}', "Line 1, column 6: a colon is missing here"),
        ("{} {}", "Line 1, column 4: this comes after the end"),
        ('{"a": "b}', "Line 1, column 7: this text has no closing quote"),
        ('{"a": 1, "a": 2}', "'a'"),
        ("NaN", ""),
        ('"\\ud800"', ""),
        ("[" * 100_000, ""),
        ("[" * 201 + "]" * 201, ""),
        ("9" * 1_000_001, "too long"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        editor.value_of(text)
    assert sentence in refused.value.message
    assert refused.value.message.endswith(".")


def test_of_many_mistakes_the_first_are_told() -> None:
    details = [{"path": f"steps.s{n}", "message": "Wrong."} for n in range(9)]
    lines = editor.sentence_of(Invalid("Many", details=details)).splitlines()
    assert lines[0] == "steps.s0: Wrong."
    assert lines[-1] == "… and 4 more"
    assert editor.sentence_of(Invalid("One thing.")) == "One thing."
