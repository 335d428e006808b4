"""A draft rewritten as JSON keeps the secrets that nobody was shown."""

from typing import Any

import pytest

from flowforge.errors import Invalid, NotFound
from flowforge.infra.redaction import REDACTED
from flowforge.services import drafts, rewriting

SECRET = "https://hooks.slack.com/services/T/B/x"
CALL = {
    "id": "call",
    "kind": "action",
    "action": "webhook",
    "inputs": {"url": "http://x", "headers": {"Authorization": "Bearer abc"}, "steps": [{"a": 1}]},
}
TELL = {
    "id": "tell",
    "kind": "action",
    "action": "slack",
    "inputs": {"webhookUrl": SECRET, "message": "hello"},
}
PASSWORD = {"left": {"password": "x"}, "op": "EXISTS"}


def _definition() -> dict[str, Any]:
    return {
        "trigger": {"kind": "webhook", "settings": {"metadata": {"token": "t"}}},
        "steps": [
            CALL,
            {
                "id": "each",
                "kind": "loop",
                "over": [],
                "steps": [
                    {
                        "id": "way",
                        "kind": "router",
                        "branches": [
                            {"name": "a", "when": {"any": [{"all": [PASSWORD]}]}, "steps": [TELL]}
                        ],
                        "fallback": [],
                    }
                ],
            },
        ],
    }


@pytest.mark.parametrize("step_id", ["", "call", "each", "way", "tell"])
def test_what_is_shown_and_sent_back_changes_nothing(step_id: str) -> None:
    definition = _definition()
    visible = rewriting.shown(definition, step_id)
    assert SECRET not in str(visible)
    assert "Bearer abc" not in str(visible)
    assert rewriting.rewritten(definition, visible, step_id) == definition


def test_a_secret_keeps_to_its_step_wherever_that_goes() -> None:
    visible = rewriting.shown(_definition())
    call, each = visible["steps"]
    moved = {**visible, "steps": [{**each, "steps": [call, *each["steps"]]}]}
    after = rewriting.rewritten(_definition(), moved)
    found = {step["id"]: step for step in drafts.all_steps(after)}
    assert found["call"] == CALL
    assert found["tell"] == TELL


def test_a_new_value_takes_the_place_of_the_secret() -> None:
    visible = rewriting.shown(_definition(), "tell")
    visible["inputs"]["webhookUrl"] = "https://hooks.slack.com/services/new"
    after = rewriting.rewritten(_definition(), visible, "tell")
    told = next(step for step in drafts.all_steps(after) if step["id"] == "tell")
    assert told["inputs"]["webhookUrl"] == "https://hooks.slack.com/services/new"


def test_a_stand_in_where_no_secret_was_is_refused_with_its_place() -> None:
    visible = rewriting.shown(_definition(), "call")
    visible["inputs"]["url"] = REDACTED
    with pytest.raises(Invalid, match=r"At call\.inputs\.url there is no secret"):
        rewriting.rewritten(_definition(), visible, "call")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], "one JSON object"),
        ({"id": "call"}, 'with "kind"'),
        ({**CALL, "id": "other"}, "keeps its id"),
        ({**CALL, "retries": 3}, "retries"),
        ({**CALL, "inputs": 3}, "inputs"),
        ({"id": "call", "kind": "loop", "steps": [TELL]}, "tell"),
    ],
)
def test_what_is_no_step_is_refused_and_says_why(value: Any, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        rewriting.rewritten(_definition(), value, "call")
    assert sentence in f"{refused.value.message} {refused.value.details}"


def test_a_step_that_is_gone_is_not_there() -> None:
    with pytest.raises(NotFound):
        rewriting.shown(_definition(), "nobody")
