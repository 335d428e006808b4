"""The forms of steps that are no actions say what the steps are, and nothing else."""

from typing import Any

import pytest

from flowforge.engine.definition import Definition
from flowforge.engine.parsing import parse_definition
from flowforge.errors import Invalid
from flowforge.services import form_fields, form_gestures, kind_forms
from flowforge.services.step_kinds import new_step

WIDGETS = {
    "text", "textarea", "json", "code", "number", "select", "checkbox", "keyvalue", "list",
    "datetime", "dynamic",
}  # fmt: skip


def _draft(kind: str, **fields: Any) -> dict[str, Any]:
    return {"trigger": {"kind": "webhook"}, "steps": [{**new_step("it", kind), **fields}]}


def _parsed(draft: dict[str, Any]) -> Any:
    definition = parse_definition(draft)
    assert isinstance(definition, Definition)
    return definition.steps[0]


@pytest.mark.parametrize("kind", kind_forms.FORMS)
def test_every_field_is_one_of_the_step(kind: str) -> None:
    fields = type(_parsed(_draft(kind))).model_fields
    schema = kind_forms.FORMS[kind]
    assert set(schema["properties"]) - kind_forms.CHOICES <= set(fields)
    assert set(schema["required"]) <= set(schema["properties"])
    assert {field["widget"] for field in schema["properties"].values()} <= WIDGETS
    for name, field in schema["properties"].items():
        if "default" in field and name in fields:
            assert field["default"] == fields[name].default


@pytest.mark.parametrize("kind", kind_forms.FORMS)
def test_a_form_that_is_read_back_changes_nothing(kind: str) -> None:
    draft = _draft(kind)
    before = _parsed(draft)
    for field in form_fields.panel(draft, "it", []).fields:
        if field.value and field.widget != "keyvalue":
            draft = form_gestures.filling("it", field.name, field.value)(draft)
    assert _parsed(draft) == before


@pytest.mark.parametrize(
    ("kind", "field", "text", "value"),
    [
        ("code", "code", '{"a": 1}', '{"a": 1}'),
        ("code", "code", "[1, 2]", "[1, 2]"),
        ("delay", "seconds", "90", 90),
        ("delay", "seconds", "0.5", 0.5),
        ("delay", "seconds", "{{ trigger.body.n }}", "{{ trigger.body.n }}"),
        ("loop", "over", "[1, 2]", [1, 2]),
        ("loop", "over", "{{ trigger.body }}", "{{ trigger.body }}"),
        (
            "approval",
            "approvers",
            " a@example.com\n\nb@example.com ",
            ["a@example.com", "b@example.com"],
        ),
        ("reply", "stop", "true", True),
        ("zap", "input", '{"x": "{{ trigger.body.x }}"}', {"x": "{{ trigger.body.x }}"}),
    ],
)
def test_a_text_becomes_what_the_step_wants(kind: str, field: str, text: str, value: Any) -> None:
    (step,) = form_gestures.filling("it", field, text)(_draft(kind))["steps"]
    assert step[field] == value
    parse_definition({"trigger": None, "steps": [step]})


def test_an_empty_text_takes_the_field_away() -> None:
    draft = _draft("approval", question="Go?", approvers=["a@example.com"])
    for field in ("question", "approvers"):
        draft = form_gestures.filling("it", field, "")(draft)
    assert draft["steps"] == [{"id": "it", "kind": "approval"}]


def test_a_loop_goes_over_one_thing_and_a_delay_has_one_end() -> None:
    (loop,) = form_gestures.filling("it", "count", "3")(_draft("loop"))["steps"]
    assert (loop["count"], "over" in loop) == (3, False)
    (delay,) = form_gestures.filling("it", "until", "2099-01-01T00:00:00Z")(_draft("delay"))[
        "steps"
    ]
    assert "seconds" not in delay
    (delay,) = form_gestures.filling("it", "until", "")(_draft("delay"))["steps"]
    assert delay["seconds"] == 60


def test_inputs_of_code_are_names_and_values() -> None:
    draft = form_gestures.filling_pair("it", "inputs", 1, "name", "who")(_draft("code"))
    draft = form_gestures.filling_pair("it", "inputs", 1, "value", "{{ trigger.body.who }}")(draft)
    draft = form_gestures.dropping_pair("it", "inputs", 0)(draft)
    assert draft["steps"][0]["inputs"] == {"who": "{{ trigger.body.who }}"}


def test_a_field_that_the_form_does_not_have_cannot_be_set() -> None:
    with pytest.raises(Invalid):
        form_gestures.filling("it", "steps", "[]")(_draft("loop"))
