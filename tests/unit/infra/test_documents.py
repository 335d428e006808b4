"""JSON from strangers: read exactly, or refused with a sentence that names the place."""

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.errors import Malformed
from flowforge.infra.documents import DEEPEST, dump, parse

whole_text = st.text(st.characters(exclude_categories=["Cs"]))
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**300), max_value=10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | whole_text
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(whole_text, inner), max_leaves=20
)


@given(documents)
def test_what_is_dumped_is_parsed_back_exactly(value: Any) -> None:
    assert parse(dump(value)) == value


@given(documents)
def test_what_another_writer_wrote_is_parsed_exactly(value: Any) -> None:
    assert parse(json.dumps(value, indent=1).encode()) == value


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_garbage_is_malformed_or_read_but_never_anything_else(data: bytes | str) -> None:
    try:
        value = parse(data)
    except Malformed as refusal:
        assert refusal.message.startswith("The body ")  # noqa: PT017 - both ways out are fine
        return
    assert parse(dump(value)) == value


@given(
    st.recursive(
        st.floats() | st.text() | st.integers() | st.decimals() | st.datetimes(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.text() | st.integers() | st.booleans() | st.none(), inner)
        ),
        max_leaves=10,
    )
)
def test_anything_python_computes_is_dumped_as_json_that_parses(value: Any) -> None:
    parse(dump(value))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'{"a":\n tru}', "The body is not valid JSON: invalid literal, expected 'true' at line 2 column 2."),
        (b"", "The body is empty where JSON was expected."),
        (b" \n", "The body is empty where JSON was expected."),
        (b'"a\xff"', "The body is not valid JSON: it is not UTF-8 text at byte 3."),
        ("a\ud800", "The body is not valid text: half a surrogate pair at character 2."),
        (b"1e999", "The body is not valid JSON: the number is too large at line 1 column 1."),
    ],
)  # fmt: skip
def test_a_refusal_says_what_and_where(data: bytes | str, sentence: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse(data)
    assert refusal.value.message == sentence


def test_the_refusal_names_the_thing_it_was_given() -> None:
    with pytest.raises(Malformed, match=r"^The seed file is not valid JSON"):
        parse(b"{", what="seed file")


@pytest.mark.parametrize("text", ["NaN", "-Infinity", '"\\ud800"', '{"\\udfff":1}', '"\x01"'])
def test_what_json_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_the_deepest_document_is_read_and_one_level_more_is_refused(opening: str) -> None:
    closing = "]" if opening == "[" else "}"

    def nested(levels: int) -> str:
        return opening * (levels - 1) + opening[0] + closing * levels

    assert dump(parse(nested(DEEPEST))) == nested(DEEPEST)
    with pytest.raises(Malformed, match="deeper than 200 levels"):
        parse(nested(DEEPEST + 1))


@pytest.mark.timeout(2)
def test_a_hundred_thousand_levels_are_refused_at_once() -> None:
    with pytest.raises(Malformed, match="deeper than 200 levels"):
        parse(b"[" * 100_000)


def test_a_wide_document_is_not_taken_for_a_deep_one() -> None:
    wide: list[Any] = [[{"a": []}] for _ in range(500)]
    assert parse(dump(wide)) == wide


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**300, 2**53 + 1])
def test_large_integers_stay_exact(number: int) -> None:
    value = parse(f'{{"id": {number}}}')["id"]
    assert value == number
    assert isinstance(value, int)
    assert dump(value) == str(number)


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert parse(b"\xef\xbb\xbf{}") == {}


def test_the_last_of_two_equal_keys_wins_unless_unique_keys_are_asked_for() -> None:
    assert parse('{"a":1,"a":2}') == {"a": 2}
    with pytest.raises(Malformed, match="has the key 'a' twice"):
        parse('{"b":{"a":1,"a":2}}', unique_keys=True)


def test_what_json_cannot_carry_gets_its_nearest_form() -> None:
    value = {
        7: Decimal("1.10"),
        None: math.nan,
        True: "a\ud800b",
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "id": UUID(int=7),
        "big": 2**70,
        "set": {1},
    }
    assert json.loads(dump(value)) == {
        "7": "1.10",
        "null": None,
        "true": "a\ufffdb",
        "when": "2026-01-02T00:00:00+00:00",
        "id": str(UUID(int=7)),
        "big": 2**70,
        "set": [1],
    }


def test_what_has_no_json_form_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        dump({"a": object()})


def test_a_value_that_contains_itself_ends_in_an_error() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="refers to itself"):
        dump(circle)
