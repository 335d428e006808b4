"""Schemas for what strangers send: what can be saved, and that no body makes a check go on."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flowforge.engine import schemas
from flowforge.engine.schemas import LARGEST_BYTES, LONGEST_CHECK_SECONDS, findings, problem
from flowforge.engine.triggers import WebhookSettings

PERSON = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Z]"},
        "pets": {"type": "array", "items": {"type": "object", "required": ["age"]}},
    },
}
DRAFT_7 = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "properties": {"a": {"$ref": "#/definitions/text"}},
    "definitions": {"text": {"type": "string"}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_what_fits_has_no_findings_and_what_does_not_is_named() -> None:
    assert problem(PERSON) is None
    assert findings(PERSON, {"name": "Ada", "pets": [{"age": 3}]}) == []
    found = findings(PERSON, {"name": "ada", "pets": [{"age": 3}, {}]})
    assert [one.path for one in found] == ["name", "pets[1]"]
    assert found[1].message == "'age' is a required property"
    assert findings(PERSON, [])[0].message == "[] is not of type 'object'"


def test_older_drafts_are_read_as_what_they_are() -> None:
    assert problem(DRAFT_7) is None
    assert [one.path for one in findings(DRAFT_7, {"a": 1})] == ["a"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": 12}, "no JSON Schema"),
        ({"type": "text"}, "no JSON Schema"),
        ({"$ref": "http://127.0.0.1/schema"}, "outside"),
        ({"allOf": [{"$ref": "file:///etc/passwd"}]}, "outside"),
        ({"$ref": "#"}, "without end"),
        ({"$ref": "#/$defs/nowhere"}, "leads nowhere"),
        ({"pattern": "(?=a)b"}, "cannot be used"),
        ({"pattern": "((a{1,1000}){1,1000}){1,1000}"}, "cannot be used"),
        ({"pattern": "a" * 501}, "at most 500"),
        ({"patternProperties": {"^(a+)+$": {}}}, "patternProperties"),
        ({"description": "d" * LARGEST_BYTES}, "at most 64 KB"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(schema: dict[str, Any], said: str) -> None:
    assert said in str(problem(schema))
    with pytest.raises(ValidationError, match=said[:9]):
        WebhookSettings.model_validate({"schema": schema})


def test_a_property_may_be_named_like_a_keyword() -> None:
    assert problem({"properties": {"patternProperties": {"type": "object"}}}) is None


def doubled() -> dict[str, Any]:
    """Each definition names the next one twice."""
    links = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    return {"$defs": links | {"d40": {}}, "$ref": "#/$defs/d0"}


def test_a_schema_that_doubles_forty_times_is_refused_in_time() -> None:
    began = time.thread_time()
    assert "too long" in str(problem(doubled()))
    assert time.thread_time() - began < 4 * LONGEST_CHECK_SECONDS + 1


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


TREE = {
    "$defs": {
        "x": {
            "type": "array",
            "items": {"allOf": [{"$ref": "#/$defs/x"}, {"anyOf": [{"$ref": "#/$defs/x"}]}]},
        }
    },
    "$ref": "#/$defs/x",
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 200_000 + "b"),
        ({"uniqueItems": True}, [{"a": n} for n in range(200_000)]),
        (TREE, nested(190)),
        ({"items": {"anyOf": [{"const": n} for n in range(200)]}}, ["x"] * 50_000),
        ({"multipleOf": 1e-308}, 1e308),
        ({"multipleOf": 0.1}, 10**400),
        ({"multipleOf": 0.5}, float("nan")),
    ],
)
def test_no_value_keeps_a_check_going(schema: dict[str, Any], value: Any) -> None:
    assert problem(schema) is None
    began = time.thread_time()
    findings(schema, value)
    assert time.thread_time() - began < 4 * LONGEST_CHECK_SECONDS + 1


def test_equal_items_are_what_json_calls_equal() -> None:
    unique = {"uniqueItems": True}
    assert findings(unique, [1, True, "1", [1], {"a": 1}]) == []
    assert findings(unique, [1, 1.0])
    assert findings(unique, [{"a": 1, "b": 2}, {"b": 2, "a": 1}])


@given(JSON, JSON)
def test_any_schema_and_any_value_end_without_an_error(schema: Any, value: Any) -> None:
    if isinstance(schema, dict) and problem(schema) is None:
        findings(schema, value)
    findings(PERSON, value)


def test_that_the_machine_was_busy_is_not_said_of_a_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = schemas._fits

    def held_up(pattern: str, text: str) -> bool:
        time.sleep(LONGEST_CHECK_SECONDS * 1.2)
        return fits(pattern, text)

    monkeypatch.setattr(schemas, "_fits", held_up)
    schema = {"allOf": [{"pattern": "^held"}, {"maxLength": 7}]}
    assert problem(schema) is None
    assert findings(schema, "held up") == []
