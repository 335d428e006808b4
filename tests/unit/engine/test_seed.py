"""Placeholders of the first system: ``{a.b}`` in the metadata of its own route."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.expressions import flatten_seed

PAYLOAD: dict[str, Any] = {
    "comment": {"email": "ann@example.org", "likes": 3, "tags": ["a", {"b": "c"}], "ok": True},
    "name": 'A "quoted" name\n',
    "none": None,
    "text": '{"inner": {"deep": [10, 20]}}',
    "again": "{name}",
    "amount": 0.1,
    "weird-key": 1,
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{comment.email}", "ann@example.org"),
        ("to {comment.email}!", "to ann@example.org!"),
        ("{comment.likes}", "3"),
        ("{amount}", "0.1"),
        ("{comment.ok}", "true"),
        ("{comment.tags}", '["a",{"b":"c"}]'),
        ("{comment.tags.1.b}", "c"),
        ("{comment.tags.9}", ""),
        ("{weird-key}", "1"),
        ("{missing}", ""),
        ("{comment.email.nope}", ""),
        ("{none}", ""),
        ("{text.inner.deep.1}", "20"),
        ("{again}", "{name}"),
        ("{}", "{}"),
        ("{ }", "{ }"),
        ("{unclosed", "{unclosed"),
        ("unopened}", "unopened}"),
        ("{a.}", "{a.}"),
        ("{.a}", "{.a}"),
        ("{{name}}", "{{name}}"),
        ('{"a": 1}', '{"a": 1}'),
        ('{"a": {"b": []}}', '{"a": {"b": []}}'),
        ("[1, 2]", "[1, 2]"),
        ("", ""),
    ],
)
def test_a_text_is_filled(template: str, expected: str) -> None:
    assert flatten_seed(template, PAYLOAD) == expected


def test_a_value_cannot_break_out_of_a_json_text() -> None:
    filled = flatten_seed('{"a":"{name}","b":["x {name}"]}', PAYLOAD)
    assert json.loads(filled) == {"a": PAYLOAD["name"], "b": ["x " + PAYLOAD["name"]]}


def test_a_value_cannot_break_out_of_json_with_bare_placeholders() -> None:
    filled = flatten_seed('{"n": {amount}, "a": "{name}", "who": {name}}', PAYLOAD)
    assert json.loads(filled) == {"n": 0.1, "a": PAYLOAD["name"], "who": PAYLOAD["name"]}


def test_json_inside_json_is_opened_too() -> None:
    filled = flatten_seed(json.dumps({"body": json.dumps({"a": "{name}"})}), PAYLOAD)
    assert json.loads(json.loads(filled)["body"]) == {"a": PAYLOAD["name"]}


def test_lists_and_objects_are_walked_and_keys_left_alone() -> None:
    value = {"{name}": ["{amount}", 5, None, True]}
    assert flatten_seed(value, PAYLOAD) == {"{name}": ["0.1", 5, None, True]}


@pytest.mark.parametrize("payload", [None, 5, "text", [1], "[" * 50_000])
def test_any_payload_will_do(payload: Any) -> None:
    assert flatten_seed("x{a.b}", payload) == "x"


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "bomb",
    [
        "{" * 500_000,
        "{a" * 300_000,
        "{a.b" * 200_000,
        "{" + "a." * 300_000,
        "{" + "a" * 500_000,
        "{}" * 300_000,
        "[" * 300_000 + "{name}",
        '{"a":' * 100_000 + "{name}",
        '"{name}' * 50_000,
        "{" + '"{name}\\' * 50_000,
        "x{text.inner.deep.1}" * 50_000,
    ],
)
def test_a_hostile_text_is_done_at_once(bomb: str) -> None:
    assert isinstance(flatten_seed(bomb, PAYLOAD), str)


@given(st.text(), st.text())
def test_what_is_put_in_stays_a_value_of_its_json(name: str, other: str) -> None:
    template = json.dumps({"a": "{name}", "b": "<{other}>"})
    filled = flatten_seed(template, {"name": name, "other": other})
    assert json.loads(filled) == {"a": name, "b": f"<{other}>"}


@given(st.text(alphabet='{}[]",:ab. \\'))
def test_no_text_makes_it_raise(template: str) -> None:
    assert isinstance(flatten_seed(template, {"a": {"b": template}}), str)
