"""The 22 operators, each against the edges that people meet."""

from typing import Any

import pytest

from flowforge.engine.conditions import OPERATORS, UNARY, Operator, When, compare, holds

CASES: list[tuple[Any, Operator, Any, bool]] = [
    ("Hello World", "TEXT_CONTAINS", "WORLD", True),
    ("Hello", "TEXT_CONTAINS", "x", False),
    ("", "TEXT_CONTAINS", "", True),
    (["A", 1], "TEXT_CONTAINS", '"a"', True),
    (12345, "TEXT_CONTAINS", 34, True),
    (None, "TEXT_CONTAINS", "null", True),
    ("Straße", "TEXT_CONTAINS", "STRASSE", True),
    ("Hello", "TEXT_DOES_NOT_CONTAIN", "hell", False),
    ("Hello", "TEXT_DOES_NOT_CONTAIN", "x", True),
    ("A", "TEXT_EXACTLY_MATCHES", "a", True),
    ("A ", "TEXT_EXACTLY_MATCHES", "a", False),
    (5, "TEXT_EXACTLY_MATCHES", "5", True),
    (True, "TEXT_EXACTLY_MATCHES", "true", True),
    ({"a": 1}, "TEXT_EXACTLY_MATCHES", '{"a": 1}', True),
    ("A", "TEXT_DOES_NOT_EXACTLY_MATCH", "a", False),
    ("A", "TEXT_DOES_NOT_EXACTLY_MATCH", "b", True),
    ("refs/heads/main", "TEXT_START_WITH", "REFS/", True),
    ("refs", "TEXT_START_WITH", "refs/", False),
    ("refs", "TEXT_DOES_NOT_START_WITH", "ref", False),
    ("refs", "TEXT_DOES_NOT_START_WITH", "x", True),
    ("a.PDF", "TEXT_ENDS_WITH", ".pdf", True),
    ("a.pdf", "TEXT_ENDS_WITH", ".doc", False),
    ("a.pdf", "TEXT_DOES_NOT_END_WITH", ".pdf", False),
    ("a.pdf", "TEXT_DOES_NOT_END_WITH", ".doc", True),
    (10, "NUMBER_IS_GREATER_THAN", 9, True),
    ("10", "NUMBER_IS_GREATER_THAN", "9", True),
    (" 10 ", "NUMBER_IS_GREATER_THAN", 9.5, True),
    (10, "NUMBER_IS_GREATER_THAN", 10, False),
    ("b", "NUMBER_IS_GREATER_THAN", "A", True),
    ("10 apples", "NUMBER_IS_GREATER_THAN", "9", False),
    (True, "NUMBER_IS_GREATER_THAN", 0, True),
    ("1e3", "NUMBER_IS_GREATER_THAN", 999, True),
    ("nan", "NUMBER_IS_GREATER_THAN", 1, True),
    (9, "NUMBER_IS_LESS_THAN", "10", True),
    ("9x", "NUMBER_IS_LESS_THAN", "10", False),
    ("", "NUMBER_IS_LESS_THAN", 1, True),
    (-1, "NUMBER_IS_LESS_THAN", -1, False),
    (10.0, "NUMBER_IS_EQUAL_TO", "10", True),
    ("010", "NUMBER_IS_EQUAL_TO", 10, True),
    ("9007199254740993", "NUMBER_IS_EQUAL_TO", 9007199254740992, False),
    ("A", "NUMBER_IS_EQUAL_TO", "a", True),
    (float("nan"), "NUMBER_IS_EQUAL_TO", 1, False),
    ("9" * 5000, "NUMBER_IS_EQUAL_TO", 1, False),
    (True, "BOOLEAN_IS_TRUE", None, True),
    ("false", "BOOLEAN_IS_TRUE", None, False),
    (" FALSE ", "BOOLEAN_IS_TRUE", None, False),
    ("yes", "BOOLEAN_IS_TRUE", None, True),
    (0, "BOOLEAN_IS_TRUE", None, False),
    (float("nan"), "BOOLEAN_IS_TRUE", None, False),
    ([], "BOOLEAN_IS_TRUE", None, True),
    (None, "BOOLEAN_IS_FALSE", None, True),
    ("", "BOOLEAN_IS_FALSE", None, True),
    ("false", "BOOLEAN_IS_FALSE", None, True),
    (1, "BOOLEAN_IS_FALSE", None, False),
    ("2026-01-01", "DATE_IS_BEFORE", "2026-01-02T00:00:00Z", True),
    ("2026-01-01T01:00:00+02:00", "DATE_IS_BEFORE", "2026-01-01", True),
    ("tomorrow", "DATE_IS_BEFORE", "2026-01-02", False),
    ("2026-01-02", "DATE_IS_BEFORE", "", False),
    ("2026-02-30", "DATE_IS_BEFORE", "2027-01-01", False),
    ("2026-01-01T00:00:00Z", "DATE_IS_EQUAL", "2026-01-01T01:00:00+01:00", True),
    (1767225600, "DATE_IS_EQUAL", "2026-01-01", True),
    ("1767225600000", "DATE_IS_EQUAL", "2026-01-01", True),
    ("Thu, 01 Jan 2026 00:00:00 GMT", "DATE_IS_EQUAL", "2026-01-01", True),
    ("nope", "DATE_IS_EQUAL", "nope", False),
    (True, "DATE_IS_EQUAL", True, False),
    (10**400, "DATE_IS_EQUAL", 1, False),
    (float("inf"), "DATE_IS_AFTER", 1, False),
    ("0001-01-01T00:00:00+14:00", "DATE_IS_AFTER", "2026-01-01", False),
    ("2026-01-03", "DATE_IS_AFTER", "2026-01-02", True),
    ("2026-01-02", "DATE_IS_AFTER", "2026-01-02", False),
    (["Red", "blue"], "LIST_CONTAINS", "red", True),
    ([1, 2], "LIST_CONTAINS", "2", True),
    ([], "LIST_CONTAINS", "", False),
    ("red", "LIST_CONTAINS", "RED", True),
    ('["red"]', "LIST_CONTAINS", "red", True),
    ("[broken", "LIST_CONTAINS", "[broken", True),
    (["red"], "LIST_DOES_NOT_CONTAIN", "re", True),
    (["red"], "LIST_DOES_NOT_CONTAIN", "red", False),
    ([], "LIST_IS_EMPTY", None, True),
    ("[]", "LIST_IS_EMPTY", None, True),
    ([0], "LIST_IS_EMPTY", None, False),
    ("", "LIST_IS_EMPTY", None, False),
    (None, "LIST_IS_EMPTY", None, False),
    ({}, "LIST_IS_EMPTY", None, False),
    ([0], "LIST_IS_NOT_EMPTY", None, True),
    ([], "LIST_IS_NOT_EMPTY", None, False),
    ("text", "LIST_IS_NOT_EMPTY", None, False),
    (0, "EXISTS", None, True),
    (False, "EXISTS", None, True),
    ([], "EXISTS", None, True),
    (" ", "EXISTS", None, True),
    (None, "EXISTS", None, False),
    ("", "EXISTS", None, False),
    ("", "DOES_NOT_EXIST", None, True),
    (0, "DOES_NOT_EXIST", None, False),
]
ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**400, float("nan"), float("inf"), "", " ", "x", "[", "[[",
    "[" * 5000, "{", "9" * 10_000, "2026-13-01", "\x00", "\ud800", [], [[]], {}, {"a": None},
]  # fmt: skip


@pytest.mark.parametrize(("left", "op", "right", "expected"), CASES)
def test_an_operator_decides(left: Any, op: Operator, right: Any, *, expected: bool) -> None:
    assert compare(left, op, right) is expected


def test_there_are_22_operators_and_each_has_cases_for_both_answers() -> None:
    assert len(OPERATORS) == 22
    seen = {(op, expected) for _, op, _, expected in CASES}
    assert seen == {(op, answer) for op in OPERATORS for answer in (True, False)}


@pytest.mark.parametrize("op", OPERATORS)
def test_no_operand_makes_an_operator_raise(op: Operator) -> None:
    for left in ODD:
        for right in ODD:
            assert compare(left, op, right) in (True, False)


@pytest.mark.parametrize(
    "op", ["TEXT_CONTAINS", "TEXT_EXACTLY_MATCHES", "TEXT_START_WITH", "TEXT_ENDS_WITH"]
)
def test_case_counts_when_it_is_asked_for(op: Operator) -> None:
    assert compare("Red", op, "red")
    assert not compare("Red", op, "red", case_sensitive=True)
    assert compare("Red", op, "Red", case_sensitive=True)


def test_case_counts_inside_lists_when_it_is_asked_for() -> None:
    assert not compare(["Red"], "LIST_CONTAINS", "red", case_sensitive=True)


def when(*groups: list[bool]) -> When:
    conditions = [[{"left": each, "op": "BOOLEAN_IS_TRUE"} for each in group] for group in groups]
    return When.model_validate({"any": [{"all": group} for group in conditions]})


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([], True),
        ([[]], True),
        ([[True, True]], True),
        ([[True, False]], False),
        ([[False], [True]], True),
        ([[False], [True, False]], False),
        ([[False], []], True),
    ],
)
def test_groups_are_an_or_of_ands(groups: list[list[bool]], *, expected: bool) -> None:
    assert holds(when(*groups), lambda value: value) is expected


def test_what_is_not_decisive_is_not_rendered() -> None:
    rendered: list[Any] = []

    def render(value: Any) -> Any:
        rendered.append(value)
        return value

    assert holds(when([True], [False]), render)
    assert rendered == [True]


def test_operators_of_one_operand_ignore_the_right_side() -> None:
    assert all(compare(None, op, ODD) == compare(None, op, None) for op in UNARY)
