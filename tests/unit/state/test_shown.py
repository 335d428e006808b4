"""Values as a tab shows them: bounded, inert, in words."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.infra.redaction import redact
from flowforge.state import shown

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(json_values)
def test_what_is_shown_is_json_of_the_same_value(value: object) -> None:
    made = shown.shown(value)
    assert made.is_there is (value is not None)
    if made.is_there:
        assert json.loads(made.text) == redact(value)


def test_what_is_named_like_a_secret_is_not_shown() -> None:
    text = shown.shown({"user": {"name": "Ada", "api_key": "hidden-one"}}).text
    assert "Ada" in text
    assert "hidden-one" not in text


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200b", "\ufeff", "\x85"])
def test_marks_that_nobody_sees_are_spelled_out(mark: str) -> None:
    made = shown.shown({f"a{mark}b": f"c{mark}d"})
    assert mark not in made.text
    assert json.loads(made.text) == {f"a{mark}b": f"c{mark}d"}
    assert mark not in shown.message({"code": "x", "message": f"no{mark}"})


def test_letters_of_every_script_stay_as_they_are() -> None:
    assert shown.shown("مرحبا 你好 😀").text == '"مرحبا 你好 😀"'


def test_a_long_value_is_cut_and_says_how_long_it_is() -> None:
    made = shown.shown("x" * 1_000_000)
    assert len(made.text) == shown.BEGINNING
    assert made.is_cut
    assert made.size == "976.6 kB"
    assert not shown.shown("x" * 900_000, shown.MOST).is_cut


def test_what_can_be_had_elsewhere_is_there_in_full_or_not_at_all() -> None:
    assert shown.shown({"a": 1}, url="/all").text == '{\n  "a": 1\n}'
    made = shown.shown("x" * 20_000, url="/all")
    assert (made.text, made.url, made.is_cut, made.bytes) == ("", "/all", True, 20_002)


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (None, ""),
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1 s"),
        (1249, "1.2 s"),
        (59_999, "59.9 s"),
        (60_000, "1 min 0 s"),
        (184_000, "3 min 4 s"),
        (7_500_000, "2 h 5 min"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(milliseconds: int | None, words: str) -> None:
    assert shown.duration(milliseconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (1023, "1023 B"), (1024, "1 kB"), (2_621_440, "2.5 MB")]
)
def test_a_size_is_in_the_unit_that_fits(count: int, words: str) -> None:
    assert shown.size(count) == words


def test_counts_are_words() -> None:
    assert [shown.counted(number, "action") for number in (0, 1, 2)] == [
        "no actions",
        "1 action",
        "2 actions",
    ]


def test_a_moment_is_text_that_a_browser_reads() -> None:
    assert shown.moment(dt.datetime(2026, 6, 5, tzinfo=dt.UTC)) == "2026-06-05T00:00:00+00:00"
    assert shown.moment(None) == ""


def test_nulls_and_bells_of_an_error_are_spelled_out_and_its_lines_stay() -> None:
    assert shown.message({"message": "a\x00b\x07\n\tc"}) == "a\\u0000b\\u0007\n\tc"
