"""What was filled in for the fields of a form: kinds, problems by field, and nothing unasked."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.triggers import FormField
from flowforge.errors import Invalid
from flowforge.services import answers

FIELDS = tuple(
    FormField.model_validate(one)
    for one in (
        {"name": "who", "required": True},
        {"name": "more", "kind": "long_text"},
        {"name": "count", "kind": "number"},
        {"name": "mail", "kind": "email"},
        {"name": "day", "kind": "date"},
        {"name": "agrees", "kind": "yes_no"},
        {"name": "size", "kind": "choice", "options": ["small", "large"]},
        {"name": "cv", "kind": "file"},
    )
)
FILE = {"file_url": "https://example.com/f", "file_id": "1", "name": "cv.pdf", "size": 3}


def test_texts_become_what_their_fields_are_for() -> None:
    found = answers.from_texts(
        FIELDS,
        {
            "who": " Ada ", "more": "a\r\nb", "count": "1.50", "mail": "ada@example.com",
            "day": "2028-02-29", "agrees": "on", "size": "large", "cv": FILE, "stranger": "x",
        },
    )  # fmt: skip
    assert found.problems == {}
    assert found.values == {
        "who": "Ada", "more": "a\nb", "count": 1.5, "mail": "ada@example.com",
        "day": "2028-02-29", "agrees": True, "size": "large", "cv": FILE,
    }  # fmt: skip


def test_what_is_left_empty_is_none_and_a_box_without_a_tick_is_no() -> None:
    found = answers.from_texts(FIELDS, {"who": "Ada", "count": "", "size": ""})
    assert found.problems == {}
    assert found.values["count"] is None
    assert found.values["agrees"] is False


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("who", "   "),
        ("who", "x" * 2001),
        ("count", "NaN"),
        ("count", "1e999"),
        ("count", "Infinity"),
        ("count", "9" * 400),
        ("count", "٣"),
        ("mail", "ada@"),
        ("mail", "a@b.c, d@e.f"),
        ("mail", "a\u202e@b.c"),
        ("day", "2027-02-29"),
        ("day", "24.12.2026"),
        ("size", "huge"),
        ("agrees", "maybe"),
        ("cv", "a text"),
    ],
)
def test_each_wrong_text_is_named_at_its_field(name: str, text: str) -> None:
    found = answers.from_texts(FIELDS, {"who": "Ada", name: text})
    assert list(found.problems) == [name]
    assert found.values[name] is None


def test_a_script_sends_values_of_their_kinds() -> None:
    body = {"who": "Ada", "count": 3, "agrees": False, "day": "2026-12-24"}
    assert answers.from_json(FIELDS, body) == {
        "who": "Ada", "more": None, "count": 3, "mail": None, "day": "2026-12-24",
        "agrees": False, "size": None, "cv": None,
    }  # fmt: skip


def test_unknown_missing_and_wrong_fields_are_refused_together_with_their_paths() -> None:
    with pytest.raises(Invalid) as refusal:
        answers.from_json(FIELDS, {"count": "3", "agrees": "yes", "mail": 7, "other": 1})
    assert {one["path"] for one in refusal.value.details or ()} == {
        "input.who", "input.count", "input.agrees", "input.mail", "input.other",
    }  # fmt: skip


@pytest.mark.parametrize("body", [[], "text", 7, True])
def test_only_an_object_has_fields(body: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        answers.from_json(FIELDS, body)
    assert refusal.value.details == [
        {"path": "input", "message": "must be an object with the fields of the form"}
    ]


def test_what_must_be_yes_is_refused_as_no() -> None:
    terms = (FormField(name="terms", kind="yes_no", required=True),)
    assert answers.from_texts(terms, {}).problems == {"terms": "This has to be yes."}
    assert answers.from_texts(terms, {"terms": "yes"}).values == {"terms": True}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
names = st.sampled_from([field.name for field in FIELDS]) | st.text(max_size=8)


@given(st.dictionaries(names, anything, max_size=8))
def test_nothing_that_is_sent_breaks_it_or_comes_through_unasked(sent: dict[str, Any]) -> None:
    found = answers.from_texts(FIELDS, sent)
    assert set(found.values) == {field.name for field in FIELDS}
    with suppress(Invalid):
        assert set(answers.from_json(FIELDS, sent)) == set(found.values)
