"""The forms of steps that are no actions: which fields a person fills in, and what their texts mean.

Written like the schema of an action's inputs, so that one form draws both. Steps inside a step and
its branches have no field here: they are cards of their own.
"""

from collections.abc import Mapping
from typing import Any

from flowforge.errors import Invalid
from flowforge.services import editing, step_kinds
from flowforge.services.editing import Draft, Step

Schema = Mapping[str, Any]


def _field(title: str, widget: str, hint: str = "", **more: Any) -> dict[str, Any]:
    return {"title": title, "widget": widget, "description": hint, **more}


def _hint(text: str, look: str, before: str) -> dict[str, str]:
    return {"text": text, "look": look, "before": before}


def _form(*required: str, **fields: dict[str, Any]) -> Schema:
    ordered = {name: {**field, "order": at} for at, (name, field) in enumerate(fields.items())}
    return {"properties": ordered, "required": list(required)}


_SECONDS = {"type": "number"}
_WHOLE = {"type": "integer"}

# What a loop goes on for: only one of these is set, and its form asks for that one.
_REPEATS = {
    "over": "For each item of a list",
    "count": "A number of times",
    "while": "While conditions hold",
}
# Fields that stand for a choice, and are none of the step itself.
CHOICES = frozenset({"repeats"})

FORMS: Mapping[str, Schema] = {
    "router": _form(
        mode=_field(
            "Which branches are taken",
            "select",
            enum=["first_match", "all_matches"],
            names={
                "first_match": "The first one that fits",
                "all_matches": "All that fit, one after the other",
            },
            default="first_match",
            switch=False,
        ),
    ),
    "code": _form(
        "code",
        code=_field(
            "Python", "code", "It sees inputs. What its last line is, or result, is its output."
        ),
        inputs=_field("Inputs", "keyvalue"),
    ),
    "loop": _form(
        repeats=_field(
            "Repeat", "select", enum=list(_REPEATS), names=_REPEATS, default="over", switch=False
        ),
        over=_field("List", "json", "Such as {{ trigger.body.items }}.", only_for="over"),
        count=_field("How often", "number", only_for="count", **_WHOLE),
        most=_field("At most so many rounds", "number", default=1_000, only_for="while", **_WHOLE),
        concurrency=_field("Rounds at once", "number", default=1, not_for="while", **_WHOLE),
        on_item_error=_field(
            "If a step of a round fails",
            "select",
            "With the next round: the one that failed ends early.",
            enum=["stop", "continue"],
            names={"stop": "Stop the loop as failed", "continue": "Go on with the next round"},
            default="stop",
            switch=False,
        ),
    ),
    "delay": _form(
        seconds=_field("Seconds", "number", "At most 30 days.", **_SECONDS),
        until=_field("Or until", "datetime"),
    ),
    "approval": _form(
        "question",
        question=_field("Question", "textarea"),
        approvers=_field(
            "Who is asked",
            "list",
            "E-mail addresses. Without any, members decide on the run's page.",
            placeholder="grace@example.com",
            switch=False,
        ),
        required=_field("Approvals needed", "number", default=1, **_WHOLE),
        timeout_seconds=_field("Seconds to answer", "number", **_SECONDS),
        on_rejection=_field(
            "If it is not approved",
            "select",
            enum=["end", "continue", "fail"],
            names={
                "end": "End here: steps after it are left out",
                "continue": "Go on all the same",
                "fail": "Fail the run",
            },
            default="end",
            switch=False,
        ),
    ),
    "zap": _form(
        "zap_id",
        zap_id=_field("Zap", "select", asks={"searches": True}),
        input=_field(
            "What it gets", "dynamic", "Its trigger.body.", asks={"depends_on": ["zap_id"]}
        ),
        wait=_field("Wait until it has ended", "checkbox", default=True, switch=False),
    ),
    "reply": _form(
        status=_field("Status", "number", default=200, **_WHOLE),
        body=_field("Body", "json"),
        headers=_field("Headers", "keyvalue"),
        stop=_field("End the run here", "checkbox", default=False, switch=False),
    ),
}
_HINTS: Mapping[str, list[dict[str, str]]] = {
    "reply": [
        _hint(
            "Answers a zap that started this run, or whoever asked at `{{syncUrl}}`."
            " The **first** reply of a run counts.",
            "info",
            "status",
        )
    ],
    "code": [
        _hint(
            "It runs in a sandbox: *no* files, *no* network. What it needs goes into `inputs`.",
            "tip",
            "code",
        )
    ],
}
# Of these only one may be set: filling in one empties the others.
_EITHER = {"loop": ("over", "count", "while"), "delay": ("seconds", "until")}
_BEGINS: Mapping[str, Any] = {"over": "{{ trigger.body.items }}", "count": 3}


def schema(step: Mapping[str, Any]) -> Schema:
    """The form of this step: without fields that mean nothing as it is now."""
    form = {**FORMS.get(step["kind"], _form()), "hints": _HINTS.get(step["kind"], ())}
    if step["kind"] != "loop":
        return form
    way = _way(step)
    asked = {
        name: field
        for name, field in form["properties"].items()
        if field.get("only_for", way) == way and field.get("not_for") != way
    }
    return {**form, "properties": asked}


def control(kind: str, name: str) -> Mapping[str, Any]:
    """Raises: Invalid for a field that the kind's form does not have."""
    known: Mapping[str, Any] = FORMS[kind]["properties"]
    if name not in known:
        raise Invalid(f"This step has no field '{name}'.", code="unknown_input")
    found: Mapping[str, Any] = known[name]
    return found


def shown(step: Mapping[str, Any]) -> dict[str, Any]:
    """The step's fields as its form shows them."""
    values = {name: step[name] for name in FORMS[step["kind"]]["properties"] if name in step}
    return values | {"repeats": _way(step)} if step["kind"] == "loop" else values


def filled(draft: Draft, step_id: str, name: str, value: Any) -> Draft:
    """The draft with one field of the step; an empty text is the same as no field."""
    step = editing.step_of(draft, step_id)
    control(step["kind"], name)
    if name == "repeats":
        return editing.replace(draft, step_id, _repeating(step, str(value)))
    after = {key: each for key, each in step.items() if key != name}
    if value not in (None, "", []):
        after[name] = value
        if name in _EITHER.get(step["kind"], ()):
            after = {
                key: each
                for key, each in after.items()
                if key == name or key not in _EITHER[step["kind"]]
            }
    return editing.replace(draft, step_id, after)


def _way(step: Mapping[str, Any]) -> str:
    """What the loop goes on for."""
    return next((way for way in _REPEATS if step.get(way) is not None), "over")


def _repeating(step: Step, way: str) -> Step:
    if way not in _REPEATS:
        raise Invalid("A loop goes over a list, a number of times, or while conditions hold.")
    if way == _way(step):
        return step
    rest = {key: each for key, each in step.items() if key not in _REPEATS}
    if way == "while":
        # Each round decides whether there is another one.
        rest.pop("concurrency", None)
        return {**rest, "while": step_kinds.new_when()}
    return {**rest, way: _BEGINS[way]}
