"""Publish checks: what keeps a draft from going live, with step and field."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from flowforge.engine.checks import ActionSpec, Problem, check
from flowforge.engine.parsing import parse_definition


def validate(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not inputs.get("url"):
        yield "url", "Field required"
    elif not str(inputs["url"]).startswith("http"):
        yield "url", "This is no URL."
    for name, value in inputs.get("headers", {}).items():
        if not isinstance(value, str) or "\n" in value or "{{" in value:
            yield f"headers.{name}", "This is no header."
    if "body" in inputs and "form" in inputs:
        yield "", "Give either a body or a form."


ACTIONS = {
    "webhook": ActionSpec(validate, required=frozenset({"url"})),
    "slack": ActionSpec(lambda _: (), connection="slack"),
}
POST = {"id": "post", "kind": "action", "action": "webhook", "inputs": {"url": "http://x"}}


def problems(*steps: dict[str, Any], trigger: Any = "manual") -> dict[str, str]:
    data = {"trigger": trigger and {"kind": trigger}, "steps": list(steps)}
    found = check(parse_definition(data), ACTIONS)
    assert len({each.path for each in found}) == len(found), found
    return {each.path: each.message for each in found}


def post(**inputs: Any) -> dict[str, Any]:
    return {**POST, "inputs": {"url": "http://x", **inputs}}


def test_a_complete_draft_has_no_problems() -> None:
    later = {"id": "b", "kind": "action", "action": "webhook",
             "inputs": {"url": "{{ steps.post.body.next }}", "body": "{{ trigger.body }}"}}  # fmt: skip
    assert problems(POST, later, {"id": "end", "kind": "stop"}) == {}


def test_a_trigger_and_a_step_are_needed() -> None:
    assert problems(trigger=None) == {
        "trigger": "Choose what starts this zap.",
        "steps": "Add at least one step.",
    }


@pytest.mark.parametrize(
    ("step", "path", "message"),
    [
        ({**POST, "action": ""}, "steps.post.action", "Choose an action."),
        (
            {**POST, "action": "x"},
            "steps.post.action",
            "No handler registered for action 'x'",
        ),
        ({**POST, "inputs": {}}, "steps.post.inputs.url", "This is required."),
        ({**POST, "inputs": {"url": ""}}, "steps.post.inputs.url", "This is required."),
        (post(url="ftp"), "steps.post.inputs.url", "This is no URL."),
        (post(headers={"a": 5}), "steps.post.inputs.headers.a", "This is no header."),
        (post(body=1, form=2), "steps.post.inputs", "Give either a body or a form."),
        ({**POST, "action": "slack"}, "steps.post.connection", "Choose a connection."),
        (post(body="{{ a b }}"), "steps.post.inputs.body", "{{ a b }}: expected end"),
        (post(body={"x": ["{{ no }}"]}), "steps.post.inputs.body.x[0]", "'no' is unknown."),
        (post(body="{{ now }}"), "steps.post.inputs.body", "'now' is unknown."),
        (post(body="{{ item.x }}"), "steps.post.inputs.body", "only inside a loop"),
        (post(body="{{ steps.later.x }}"), "steps.post.inputs.body", "There is no step 'later'."),
        (post(body="{{ steps.post.x }}"), "steps.post.inputs.body", "has not run yet"),
    ],
)
def test_a_problem_is_named_with_step_and_field(
    step: dict[str, Any], path: str, message: str
) -> None:
    found = problems(step)
    assert list(found) == [path]
    assert message in found[path]


def test_what_holds_an_expression_is_not_judged_by_its_text() -> None:
    assert problems(post(url="{{ trigger.body.url }}", headers={"a": "{{ trigger.x }}"})) == {}


def test_plain_inputs_beside_expressions_are_judged() -> None:
    found = problems(post(headers={"a": "{{ trigger.x }}", "b": "x\ny"}))
    assert list(found) == ["steps.post.inputs.headers.b"]


def test_a_later_step_cannot_be_read() -> None:
    found = problems(post(body="{{ steps.b.x }}"), {"id": "b", "kind": "stop"})
    assert found == {"steps.post.inputs.body": "Step 'b' has not run yet at this point."}


def test_a_step_that_is_passed_over_is_not_judged() -> None:
    assert problems({**POST, "action": "", "skip": True}) == {}


def test_a_filter_is_judged_side_by_side() -> None:
    conditions = [
        {"left": "", "op": "EXISTS"},
        {"left": "{{ steps.x.y }}", "op": "TEXT_CONTAINS"},
        {"left": "{{ trigger.body.a }}", "op": "NUMBER_IS_EQUAL_TO", "right": "{{ | }}"},
    ]
    step = {"id": "f", "kind": "filter", "when": {"any": [{"all": conditions}]}}
    found = problems(step)
    here = "steps.f.when.any[0].all"
    assert list(found) == [
        f"{here}[0].left",
        f"{here}[1].right",
        f"{here}[1].left",
        f"{here}[2].right",
    ]


def test_a_problem_is_a_detail_of_an_answer() -> None:
    assert Problem("a", "b").as_detail() == {"path": "a", "message": "b"}
