"""``{a.b}`` of the first FlowForge, translated once and without loss."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine import expressions
from flowforge.services.placeholders import to_liquid, to_seed

BODY = {
    "comment": {"email": "a@b.c", "text": 'say "hi"'},
    "n": 5,
    "items": [{"k": 1}],
    "odd-name": "odd",
    "inside": '{"email": "in@side.io"}',
    "evil": "{{ run.id }}",
}
SCOPE: dict[str, Any] = {"trigger": {"body": BODY}, "steps": {}, "run": {"id": "r1"}}


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{comment.email}", "a@b.c"),
        ("To {comment.email}!", "To a@b.c!"),
        ("{n}", 5),
        ("{n} and {n}", "5 and 5"),
        ("{items.0.k}", 1),
        ("{odd-name}", "odd"),
        ("{inside.email}", "in@side.io"),
        ("{missing.very}", ""),
        ("{evil}", "{{ run.id }}"),
        ("{}", "{}"),
        ("{unclosed", "{unclosed"),
        ("a } b { c", "a } b { c"),
        ("{ {n} }", "{ 5 }"),
        ("{a b}", "{a b}"),
        ('{"a":1}', '{"a":1}'),
        ('{"a":"{n}"}', '{"a":"5"}'),
        ("{{n}}", 5),
        ("{{ run.id }}", "r1"),
        ("{{", "{{"),
        ("{{}}", "{{}}"),
        ("{{{n}}}", "{{{n}}}"),
        ("{% raw %}{n}", "{% raw %}5"),
        ("{{ nonsense | foo }}", "{{ nonsense | foo }}"),
    ],
)
def test_a_text_renders_as_its_owner_meant_it(text: str, rendered: object) -> None:
    assert expressions.render(to_liquid(text), SCOPE) == rendered


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{}", {}),
        ('{"a":"{comment.text}"}', {"a": 'say "hi"'}),
        ('{"n": {n}, "l": [{n}, "{n}!"]}', {"n": 5, "l": [5, "5!"]}),
        ("{n}", 5),
        ("{unclosed", "{unclosed"),
        ('{"broken": ', '{"broken": '),
        ("plain", "plain"),
    ],
)
def test_json_in_a_text_is_opened_where_an_input_takes_json(text: str, rendered: object) -> None:
    assert expressions.render(to_liquid(text, may_open=True), SCOPE) == rendered


def test_values_inside_objects_and_lists_are_translated_and_keys_are_not() -> None:
    given_value = {"{n}": ["{n}", {"deep": "{comment.email}"}, 7, None]}
    rendered = expressions.render(to_liquid(given_value), SCOPE)
    assert rendered == {"{n}": [5, {"deep": "a@b.c"}, 7, None]}


@pytest.mark.parametrize("text", ["{comment.email}", "x {n} y {items.0.k}", "{odd-name}", "{% x"])
def test_metadata_are_read_back_as_they_were_sent(text: str) -> None:
    assert to_seed(to_liquid(text)) == text


@given(st.text(alphabet="{}%ab.0'\" |-[]\\", max_size=40))
def test_no_text_becomes_an_expression_that_cannot_be_read(text: str) -> None:
    translated = to_liquid(text)
    rendered = expressions.render(translated, SCOPE)
    # Whatever a name may be made of could name something: a lone dash is the name of a field.
    if "{{" not in text and not set("ab0-") & set(text):
        assert rendered == text


@given(st.text(alphabet="{}%a.", max_size=30).filter(lambda text: "{{" not in text))
def test_reading_back_loses_nothing(text: str) -> None:
    assert to_seed(to_liquid(text)) == text


@pytest.mark.parametrize(
    "text", ["{" * 100_000, "{a." * 50_000, "{{" * 50_000, '{"' * 50_000, '{"' + '\\"' * 50_000]
)
def test_hostile_texts_take_linear_time(text: str) -> None:
    began = time.thread_time()
    to_liquid(text)
    to_liquid(text, may_open=True)
    assert time.thread_time() - began < 5
