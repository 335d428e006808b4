"""What is a definition, and how plainly everything else is refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowforge.engine.definition import MOST_STEPS, ActionStep, FilterStep, RetryPolicy, StopStep
from flowforge.engine.parsing import DEEPEST, DefinitionError, parse_definition
from flowforge.errors import Invalid

FULL: dict[str, Any] = {
    "trigger": {"kind": "webhook", "settings": {}},
    "steps": [
        {
            "id": "post",
            "kind": "action",
            "action": "webhook",
            "name": "Tell the CRM",
            "inputs": {"url": "http://x", "body": {"who": "{{ trigger.body.sender.login }}"}},
            "connection": None,
            "retry": {"attempts": 3, "first_wait": 2, "factor": 2, "longest_wait": 3600},
            "on_error": "stop",
            "timeout_seconds": 60,
            "skip": False,
        },
        {
            "id": "only",
            "kind": "filter",
            "when": {
                "any": [
                    {
                        "all": [
                            {
                                "left": "{{ trigger.body.n }}",
                                "op": "NUMBER_IS_GREATER_THAN",
                                "right": 10,
                                "caseSensitive": True,
                            }
                        ]
                    }
                ]
            },
        },
        {"id": "end", "kind": "stop"},
    ],
    "notes": "why",
}


def details(data: Any) -> dict[str, str]:
    with pytest.raises(DefinitionError) as caught:
        parse_definition(data)
    assert caught.value.details
    return {each["path"]: each["message"] for each in caught.value.details}


def step(**more: Any) -> dict[str, Any]:
    return {"id": "a", "kind": "action", **more}


def with_steps(*steps: Any) -> dict[str, Any]:
    return {"trigger": {"kind": "manual"}, "steps": list(steps)}


def test_a_full_definition_is_read() -> None:
    definition = parse_definition(FULL)
    post, only, end = definition.steps
    assert isinstance(post, ActionStep)
    assert post.retry == RetryPolicy()
    assert isinstance(only, FilterStep)
    assert only.when.any[0].all[0].case_sensitive
    assert isinstance(end, StopStep)


def test_a_definition_survives_json() -> None:
    definition = parse_definition(FULL)
    dumped = definition.model_dump(mode="json")
    assert dumped["steps"][1]["when"]["any"][0]["all"][0]["caseSensitive"] is True
    assert parse_definition(dumped) == definition


@pytest.mark.parametrize(
    "draft",
    [
        {},
        {"trigger": None, "steps": []},
        {"trigger": {"kind": "manual"}},
        {"steps": [{"id": "a", "kind": "action"}]},
        {"steps": [{"id": "a", "kind": "action", "action": "", "inputs": {"url": None}}]},
        {"steps": [{"id": "a", "kind": "filter"}]},
    ],
)
def test_an_incomplete_draft_is_a_definition(draft: dict[str, Any]) -> None:
    assert len(parse_definition(draft).steps) == len(draft.get("steps", []))


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ([], "", "This must be an object."),
        (None, "", "This must be an object."),
        ({"stepz": []}, "stepz", "Unknown key 'stepz'."),
        ({"steps": {}}, "steps", "This must be a list."),
        ({"trigger": {}}, "trigger.kind", "required"),
        ({"trigger": 5}, "trigger", "This must be an object."),
        (
            {"trigger": {"kind": "cron"}},
            "trigger.kind",
            "Unknown kind 'cron'. Known kinds: 'webhook', 'manual', 'form', 'schedule', 'poll'",
        ),
        (
            {"trigger": {"kind": "webhook", "settings": {"x": 1}}},
            "trigger.settings.x",
            "Unknown key 'x'.",
        ),
        (with_steps(step(colour=1)), "steps.a.colour", "Unknown key 'colour'."),
        (with_steps({"id": "a"}), "steps.a.kind", "required"),
        (
            with_steps({"id": "a", "kind": "teleport"}),
            "steps.a.kind",
            "Known kinds: 'action', 'code', 'filter', 'router', 'loop'",
        ),
        (with_steps({"kind": "stop"}), "steps[0].id", "This is required."),
        (with_steps(step(id="A-1")), "steps[0].id", "lower-case"),
        (with_steps(step(id="a" * 49)), "steps." + "a" * 49 + ".id", "at most 48"),
        (with_steps(step(id="a\n")), "steps[0].id", "lower-case"),
        (with_steps(step(id=5)), "steps[0].id", "string"),
        (with_steps(7), "steps[0]", "This must be an object."),
        (with_steps(step(retry={"attempts": 0})), "steps.a.retry.attempts", "greater than"),
        (with_steps(step(retry={"attempts": 21})), "steps.a.retry.attempts", "less than"),
        (with_steps(step(timeout_seconds=0)), "steps.a.timeout_seconds", "greater than 0"),
        (with_steps(step(timeout_seconds=601)), "steps.a.timeout_seconds", "600"),
        (with_steps(step(on_error="go")), "steps.a.on_error", "'stop' or 'continue'"),
        (with_steps(step(inputs=[])), "steps.a.inputs", "object"),
        (
            with_steps({"id": "f", "kind": "filter", "when": {"any": [{"all": [{"op": "IS"}]}]}}),
            "steps.f.when.any[0].all[0].op",
            "TEXT_CONTAINS",
        ),
        (with_steps(step(), step()), "steps.a.id", "2 steps have the id 'a'"),
        ({"notes": float("nan")}, "", "NaN"),
        ({"notes": object()}, "", "object is not JSON"),
        ({1: 2}, "", "Every key must be a text."),
    ],
)
def test_a_mistake_is_named_with_its_place(data: Any, path: str, message: str) -> None:
    found = details(data)
    assert message in found[path]


def test_every_mistake_is_listed_at_once() -> None:
    assert len(details(with_steps(step(x=1, y=2), {"id": "b", "kind": "stop", "z": 3}))) == 3


def test_a_refusal_is_a_422_that_a_person_can_read() -> None:
    with pytest.raises(Invalid, match=r"steps\.a\.colour: Unknown key 'colour'") as caught:
        parse_definition(with_steps(step(colour=1)))
    assert caught.value.status == 422


@pytest.mark.parametrize("depth", [DEEPEST, 100_000])
@pytest.mark.parametrize("kind", [list, dict])
def test_deep_data_is_refused_by_name(depth: int, kind: type) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    assert "levels deep" in details({"steps": [step(inputs={"x": value})]})[""]


def test_too_much_text_is_refused_by_name() -> None:
    assert "too large" in details({"notes": "x" * 5_000_001})[""]


def test_too_many_steps_are_refused_by_name() -> None:
    many = with_steps(*({"id": f"s{n}", "kind": "stop"} for n in range(MOST_STEPS + 1)))
    assert "10001 steps are too many" in details(many)["steps"]


def test_as_many_steps_as_are_allowed_are_read() -> None:
    many = with_steps(*({"id": f"s{n}", "kind": "stop"} for n in range(MOST_STEPS)))
    assert len(parse_definition(many).steps) == MOST_STEPS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=200)
@given(st.fixed_dictionaries({}, optional={"trigger": JSON, "steps": JSON, "notes": JSON}) | JSON)
def test_any_json_is_read_or_refused_in_words(data: Any) -> None:
    try:
        parse_definition(data)
    except DefinitionError as error:
        messages = [each["message"] for each in error.details or []]
        assert messages
        assert all(messages)


def test_waits_double_up_to_the_longest() -> None:
    policy = RetryPolicy(attempts=20, longest_wait=100)
    assert [policy.wait_after(n) for n in (1, 2, 3, 7, 20)] == [2, 4, 8, 100, 100]
    assert RetryPolicy(factor=1, first_wait=5).wait_after(19) == 5
    assert RetryPolicy(first_wait=0).wait_after(19) == 0
    assert RetryPolicy(first_wait=86_400, factor=100, longest_wait=9).wait_after(20) == 9
