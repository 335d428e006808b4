"""Conditions and branches in the panel: shown, edited, put in order; a circle is impossible."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.conditions import OPERATORS, UNARY
from flowforge.engine.definition import CodeStep, RetryPolicy
from flowforge.engine.parsing import parse_definition
from flowforge.errors import Invalid, NotFound
from flowforge.services import (
    cards,
    condition_lines,
    drafts,
    editing,
    editing_branches,
    editing_conditions,
    form_fields,
    form_gestures,
    retry_words,
)
from flowforge.services.editing_conditions import Spot
from flowforge.services.form_shapes import Tab
from flowforge.services.step_kinds import new_step

PLACES = {
    "filter": Spot("it"),
    "break": Spot("it"),
    "loop": Spot("it"),
    "router": Spot("it", 0),
    "trigger": Spot("trigger"),
}


def draft(kind: str, **fields: Any) -> dict[str, Any]:
    step = new_step("it", kind) if kind != "trigger" else new_step("it", "stop")
    return {"trigger": {"kind": "webhook"}, "steps": [{**step, **fields}]}


def panel(before: dict[str, Any], card: str = "it", branch: int = 0) -> form_fields.Panel:
    found = cards.problem_lines(before, drafts.problems(before))
    return form_fields.panel(before, card, found, Tab(card, branch))


def parallel(**waits: list[str]) -> dict[str, Any]:
    branches = [{"name": name, "depends_on": needed, "steps": []} for name, needed in waits.items()]
    return draft("parallel", branches=branches)


@pytest.mark.parametrize(("kind", "spot"), PLACES.items())
def test_conditions_are_edited_in_the_same_way_wherever_they_stand(kind: str, spot: Spot) -> None:
    before = draft(kind)
    if kind == "loop":
        before = form_gestures.filling("it", "repeats", "while")(before)
    while panel(before, spot.card).conditions:
        before = editing_conditions.remove(before, spot, (0, 0))
    before = editing_conditions.add(before, spot, 0)
    before = editing_conditions.fill(before, spot, (0, 0), "left", "{{ trigger.body.n }}")
    before = editing_conditions.fill(before, spot, (0, 0), "op", "TEXT_CONTAINS")
    before = editing_conditions.fill(before, spot, (0, 0), "right", "order")
    before = editing_conditions.fill(before, spot, (0, 0), "caseSensitive", value=True)
    before = editing_conditions.add(before, spot, 1)
    parse_definition(before)
    first, second = panel(before, spot.card).conditions
    assert (first.left, first.op, first.right) == (
        "{{ trigger.body.n }}",
        "TEXT_CONTAINS",
        "order",
    )
    assert (first.takes_case, first.is_case_sensitive, first.ends_group) == (True, True, True)
    assert second.opens_group
    after = editing_conditions.remove(before, spot, (1, 0))
    assert len(panel(after, spot.card).conditions) == 1
    with pytest.raises(NotFound):
        editing_conditions.fill(after, spot, (1, 0), "left", "x")
    with pytest.raises(Invalid):
        editing_conditions.fill(after, spot, (0, 0), "middle", "x")


def test_a_step_without_conditions_and_a_branch_that_is_gone_are_told_apart() -> None:
    with pytest.raises(Invalid):
        editing_conditions.add(draft("delay"), Spot("it"), 0)
    with pytest.raises(NotFound):
        editing_conditions.add(draft("router"), Spot("it", 5), 0)


@pytest.mark.parametrize("op", OPERATORS)
def test_the_right_side_is_there_only_where_the_operator_takes_one(op: str) -> None:
    condition = {"left": "x", "op": op, "right": "y"}
    (line,) = panel(draft("filter", when={"any": [{"all": [condition]}]})).conditions
    assert line.is_unary == (op in UNARY)
    assert line.takes_case == (
        op.startswith("TEXT_") or op in {"LIST_CONTAINS", "LIST_DOES_NOT_CONTAIN"}
    )
    assert condition_lines.operator_name(op)


def test_a_branch_tells_when_it_is_taken_and_which_problem_is_its() -> None:
    when = {
        "any": [
            {
                "all": [
                    {"left": "{{ trigger.body.n }}", "op": "NUMBER_IS_GREATER_THAN", "right": 10}
                ]
            },
            {"all": [{"left": "", "op": "EXISTS"}]},
        ]
    }
    before = draft(
        "router", branches=[{"name": "large", "when": when}, {"name": "small", "when": {"any": []}}]
    )
    large, small = panel(before, branch=1).branches
    assert large.tells == "trigger.body.n is greater than 10 or … exists"
    assert (large.problems, small.problems) == (1, 1)
    assert (large.is_open, small.is_open) == (False, True)
    assert panel(before, branch=9).form.branch == 1
    assert panel(before).form.gap == ""


def test_a_problem_of_a_condition_leads_to_its_branch() -> None:
    before = draft("router", branches=[{"name": "a", "when": {"any": []}}] * 2)
    found = cards.problem_lines(before, drafts.problems(before))
    assert [condition_lines.branch_of(each.field) for each in found] == [0, 1]
    assert condition_lines.branch_of("inputs.url") == 0


# ---- what waits for what ---------------------------------------------------------------------------


def test_what_is_said_about_a_side_leads_to_its_control() -> None:
    pair = [
        {"left": "{{ trigger.body.n }}", "op": "EXISTS", "right": ""},
        {"left": "a", "op": "TEXT_CONTAINS", "right": "x" * 30_000},
    ]
    shown = panel(draft("filter", when={"any": [{"all": pair}]})).conditions
    leads = {
        "when.any[0].all[0].left": "left-0-0",
        "when.any[0].all[0]": "left-0-0",
        "branches[1].when.any[0].all[0].op": "op-0-0",
        # It takes no right side, and the other is too long to be shown.
        "when.any[0].all[0].right": "op-0-0",
        "when.any[0].all[1].left": "op-0-1",
        "when.any[3].all[0].left": "",
        "when": "",
        "company[0].all[0]": "",
    }
    assert {field: condition_lines.control_of(field, shown) for field in leads} == leads


def test_a_branch_waits_for_others_unless_they_wait_for_it() -> None:
    before = parallel(a=[], b=["a"], c=["b"])
    first = panel(before).branches[0]
    assert [(each.name, each.is_on, each.is_possible) for each in first.waits] == [
        ("b", False, False),
        ("c", False, False),
    ]
    assert first.tells == "at once"
    assert panel(before).branches[2].tells == "after b"
    after = editing_branches.wait_for(before, "it", 2, "a", is_on=True)
    assert after["steps"][0]["branches"][2]["depends_on"] == ["b", "a"]
    after = editing_branches.wait_for(after, "it", 2, "b", is_on=False)
    assert after["steps"][0]["branches"][2]["depends_on"] == ["a"]
    with pytest.raises(Invalid, match="wait for each other"):
        editing_branches.wait_for(before, "it", 0, "c", is_on=True)
    with pytest.raises(Invalid, match="no such branch"):
        editing_branches.wait_for(before, "it", 0, "z", is_on=True)
    with pytest.raises(Invalid, match="parallel"):
        editing_branches.wait_for(draft("router"), "it", 0, "b", is_on=True)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.booleans())))
def test_what_the_boxes_allow_never_makes_a_circle(ticks: list[tuple[str, str, bool]]) -> None:
    before = parallel(a=[], b=[], c=[], d=[])
    for name, other, is_on in ticks:
        branch = next(each for each in panel(before).branches if each.name == name)
        possible = {each.name for each in branch.waits if each.is_possible}
        if other in possible:
            before = editing_branches.wait_for(before, "it", branch.at, other, is_on=is_on)
    parse_definition(before)


# ---- loops, notes, retries -------------------------------------------------------------------------


def test_a_loop_asks_only_for_what_it_goes_on_for() -> None:
    def names(before: dict[str, Any]) -> set[str]:
        return {field.name for field in panel(before).fields}

    before = draft("loop", concurrency=5)
    assert names(before) == {"repeats", "over", "concurrency", "on_item_error"}
    before = form_gestures.filling("it", "repeats", "while")(before)
    assert names(before) == {"repeats", "most", "on_item_error"}
    assert panel(before).form.has_conditions
    assert "concurrency" not in before["steps"][0]
    parse_definition(before)
    before = form_gestures.filling("it", "repeats", "count")(before)
    assert names(before) == {"repeats", "count", "concurrency", "on_item_error"}
    parse_definition(before)
    with pytest.raises(Invalid):
        form_gestures.filling("it", "repeats", "forever")(before)


def test_a_note_is_kept_with_the_step_and_shown_on_its_card() -> None:
    before = form_gestures.setting_option("it", "note", " Ask Grace.\nFirst. ")(draft("delay"))
    assert before["steps"][0]["note"] == "Ask Grace.\nFirst."
    parse_definition(before)
    assert cards.cards(before, [])[1].note == "Ask Grace. First."
    assert panel(before).form.note == "Ask Grace.\nFirst."
    after = form_gestures.setting_option("it", "note", "")(before)
    assert after == draft("delay")
    with pytest.raises(Invalid):
        parse_definition(form_gestures.setting_option("it", "note", "x" * 2_001)(before))


@pytest.mark.parametrize(
    ("retry", "words"),
    [
        ({"attempts": 1}, "Tried once: a failure is final."),
        ({"attempts": 2}, "Tried again after 2 s; gives up after 2 s of waiting at the most."),
        (
            {"attempts": 4},
            "Tried again after 2 s, 4 s and 8 s; gives up after 14 s of waiting at the most.",
        ),
        (
            {"attempts": 8, "first_wait": 600, "factor": 3},
            (
                "Tried again after 10 min, 30 min, 1 h … at most 1 h;"
                " gives up after 5 h 40 min of waiting at the most."
            ),
        ),
        ({"attempts": 99}, ""),
    ],
)
def test_a_policy_is_told_in_words(retry: dict[str, Any], words: str) -> None:
    assert retry_words.tells(retry, RetryPolicy()) == words


def test_the_policy_of_a_kind_is_shown_with_its_own_defaults() -> None:
    action, code = panel(draft("webhook")).form.policy, panel(draft("code")).form.policy
    assert (action.attempts, action.first_wait, action.timeout) == ("3", "2", "60")
    assert (code.attempts, code.timeout) == ("1", "10")
    assert code.words == "Tried once: a failure is final."
    default = CodeStep.model_fields["retry"].default
    assert retry_words.tells({}, default) == code.words
    assert panel(draft("zap")).form.policy.has_on_error
    assert not panel(draft("zap")).form.policy.has_retry
    assert not panel(draft("delay")).form.policy.has_on_error


def test_settings_are_kept_one_by_one_and_emptied_ones_are_gone() -> None:
    before = draft("webhook")
    for option, text in (("attempts", "5"), ("factor", "1.5"), ("longest_wait", "60")):
        before = form_gestures.setting_option("it", option, text)(before)
    assert before["steps"][0]["retry"] == {"attempts": 5, "factor": 1.5, "longest_wait": 60}
    parse_definition(before)
    for option in ("attempts", "factor", "longest_wait"):
        before = form_gestures.setting_option("it", option, "")(before)
    assert before == draft("webhook")
    assert editing.step_of(before, "it")["action"] == "webhook"


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("attempts", "0"),
        ("attempts", "2.5"),
        ("factor", "nan"),
        ("first_wait", "-1"),
        ("first_wait", "x"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_its_bounds(option: str, text: str) -> None:
    with pytest.raises(Invalid, match="Give a number from"):
        form_gestures.setting_option("it", option, text)(draft("webhook"))


def test_a_setting_that_no_step_has_is_refused() -> None:
    with pytest.raises(Invalid):
        form_gestures.setting_option("it", "kind", "stop")(draft("webhook"))
