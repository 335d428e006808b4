"""Cards, forms and insertable data of a draft."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.actions import REGISTRY
from flowforge.engine import expressions
from flowforge.errors import Invalid
from flowforge.services import (
    cards,
    choices,
    drafts,
    editing,
    form_fields,
    form_inputs,
    form_reading,
    form_shapes,
    form_texts,
    insertion,
    sample_trees,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def _draft(*actions: str) -> dict[str, Any]:
    draft = drafts.empty()
    for action in actions:
        draft, _ = editing.add(draft, action, len(editing.steps_of(draft)))
    return draft


def _problems(draft: dict[str, Any]) -> list[cards.ProblemLine]:
    return cards.problem_lines(draft, drafts.problems(draft))


def _field(draft: dict[str, Any], card: str, name: str) -> form_shapes.Field:
    fields = form_fields.panel(draft, card, _problems(draft)).fields
    return next(field for field in fields if field.name == name)


def _read(action: str, name: str, text: str) -> Any:
    """What ``text`` in that control of a new step means."""
    draft = drafts.empty() | {"steps": [{"kind": "action", "id": "it", "action": action}]}
    control = form_inputs.control_of(draft, "it", name, form_shapes.Tab())
    return form_reading.meant(control, text)


@pytest.mark.parametrize("action", list(REGISTRY))
def test_every_action_has_a_form_with_a_control_for_each_input(action: str) -> None:
    draft = _draft(action)
    (step,) = editing.steps_of(draft)
    panel = form_fields.panel(draft, step["id"], _problems(draft))
    controls = [field for field in panel.fields if field.widget != "hint"]
    assert {field.name for field in controls} == set(REGISTRY[action].json_schema()["properties"])
    assert all(field.label and field.widget for field in controls)
    assert any(field.is_required for field in controls)


@pytest.mark.parametrize("action", list(REGISTRY))
def test_a_new_step_has_gaps_and_no_mistakes(action: str) -> None:
    problems = _problems(_draft(action))
    assert problems
    assert all(problem.is_gap for problem in problems)


def test_a_wrong_value_is_a_mistake_at_its_field_without_the_fields_name() -> None:
    draft = editing.set_input(_draft("webhook"), "webhook", "url", "nope")
    (problem,) = _problems(draft)
    assert (problem.card, problem.field, problem.is_gap) == ("webhook", "url", False)
    assert problem.where == "HTTP Webhook · URL"
    assert problem.message == "Must be a full URL such as https://example.com/hook"
    assert _field(draft, "webhook", "url").error == problem.message


def test_a_problem_of_the_zap_belongs_to_no_card() -> None:
    (problem,) = _problems(drafts.empty())
    assert (problem.card, problem.where) == ("", "Zap")


def test_a_card_counts_its_problems_and_tells_what_it_does() -> None:
    draft = editing.set_input(_draft("email"), "email", "to", "ada@example.com")
    trigger, email = cards.cards(draft, _problems(draft))
    assert (trigger.title, trigger.problems, trigger.is_empty) == ("Webhook", 0, False)
    assert (email.title, email.problems, email.tells) == ("Send Email", 1, "ada@example.com")
    assert email.is_first
    assert email.is_last


def test_a_step_without_an_action_is_an_empty_card() -> None:
    draft = drafts.empty() | {"steps": [{"kind": "action", "id": "later", "action": ""}]}
    _, card = cards.cards(draft, _problems(draft))
    assert card.is_empty
    assert card.problems == 1
    assert form_fields.panel(draft, "later", _problems(draft)).fields == []


def test_a_secret_is_in_no_card_and_no_form() -> None:
    secret = "https://hooks.slack.com/services/T/B/very-secret"
    draft = editing.set_input(_draft("slack"), "slack", "webhookUrl", secret)
    field = _field(draft, "slack", "webhookUrl")
    assert field.is_set
    assert secret not in repr(form_fields.panel(draft, "slack", _problems(draft)))
    assert secret not in repr(cards.cards(draft, _problems(draft)))


def test_an_expression_in_a_secret_is_no_secret() -> None:
    draft = editing.set_input(_draft("slack"), "slack", "webhookUrl", "{{ trigger.body.url }}")
    field = _field(draft, "slack", "webhookUrl")
    assert (field.is_set, field.value) == (False, "{{ trigger.body.url }}")


def test_an_input_under_its_former_name_is_shown_and_complained_about_at_its_new_one() -> None:
    draft = editing.set_input(_draft("email"), "email", "email", "ada@example.com")
    assert _field(draft, "email", "to").value == "ada@example.com"
    assert form_fields.panel(draft, "email", []).strangers == []
    empty = _field(_draft("email"), "email", "to")
    assert (empty.error, empty.is_gap) == ("This is required.", True)


def test_an_input_that_the_action_does_not_know_can_be_seen() -> None:
    draft = editing.set_input(_draft("email"), "email", "colour", "red")
    assert form_fields.panel(draft, "email", []).strangers == ["colour"]


@given(JSON.filter(lambda value: isinstance(value, dict | list)))
def test_what_a_json_control_shows_reads_back_as_the_same_value(value: Any) -> None:
    assert _read("webhook", "body", form_texts.as_text(value)) == value


@pytest.mark.parametrize(
    "text", ["{{ trigger.body }}", '{"a": {{ trigger.body.n }}}', "{oops", "plain"]
)
def test_a_text_that_is_no_json_stays_the_text_that_was_typed(text: str) -> None:
    assert _read("webhook", "body", text) == text


def test_an_expression_inside_json_stays_inside_json() -> None:
    read = _read("webhook", "body", '{"name": "{{ trigger.body.name }}"}')
    assert read == {"name": "{{ trigger.body.name }}"}


def test_an_amount_keeps_all_the_digits_that_were_typed() -> None:
    assert _read("send-sol", "amount", "0.10") == "0.10"


def test_an_input_that_no_action_declares_is_refused() -> None:
    with pytest.raises(Invalid):
        _read("email", "colour", "red")
    with pytest.raises(Invalid):
        _read("nothing", "to", "x")


def test_lines_of_names_and_values_are_added_changed_and_removed() -> None:
    headers = form_reading.with_pair(None, 0, "name", "X-One")
    headers = form_reading.with_pair(headers, 0, "value", "1")
    headers = form_reading.with_pair(headers, 9, "name", "X-Two")
    assert headers == {"X-One": "1", "X-Two": ""}
    headers = form_reading.with_pair(headers, 0, "name", "X-First")
    assert list(headers.items()) == [("X-First", "1"), ("X-Two", "")]
    assert form_reading.without_pair(headers, 0) == {"X-Two": ""}


def test_two_lines_of_one_name_are_refused_instead_of_losing_one() -> None:
    with pytest.raises(Invalid):
        form_reading.with_pair({"Accept": "a", "X": "b"}, 1, "name", "Accept")


def test_every_word_of_a_search_must_be_found() -> None:
    assert [choice.key for choice in choices.of_steps("slack")] == ["slack"]
    assert [choice.key for choice in choices.of_steps("SEND mail")] == ["email"]
    assert choices.of_steps("slack fax") == []
    assert {choice.key for choice in choices.of_steps()} >= {*REGISTRY, "filter", "stop"}


@given(JSON)
def test_each_line_of_the_data_picker_inserts_the_value_that_it_shows(body: Any) -> None:
    scope = {"trigger": {"body": body}}
    for line in sample_trees.lines("trigger.body", body):
        expressions.references(line.expression)
        value = expressions.render(line.expression, scope)
        assert sample_trees.look(value) == line.value or value in ("", None)


def test_a_step_may_insert_only_what_ran_before_it() -> None:
    draft = _draft("webhook", "slack", "email")
    titles = [group.title for group in insertion.groups(draft, {}, "slack")]
    assert titles == ["1. Webhook", "2. HTTP Webhook", "The run itself"]
    assert insertion.groups(draft, {}, cards.TRIGGER) == []


def test_a_step_that_never_ran_offers_what_it_promises() -> None:
    group = insertion.groups(_draft("webhook", "email"), {}, "email")[1]
    assert "{{ steps.webhook.body }}" in [line.expression for line in group.lines]
    assert group.note


def test_huge_data_makes_a_short_list_of_short_lines() -> None:
    body = {f"key{n}": "x" * 100_000 for n in range(1000)}
    lines = sample_trees.lines("trigger.body", body)
    assert len(lines) <= sample_trees.MOST_LINES
    assert max(len(line.value) for line in lines) <= sample_trees.LONGEST_VALUE
