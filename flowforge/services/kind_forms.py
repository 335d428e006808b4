"""The forms of steps that are no actions: which fields a person fills in, and what their texts mean.

Written like the schema of an action's inputs, so that one form draws both. Steps inside a step and
its branches have no field here: they are cards of their own.
"""

from collections.abc import Mapping
from typing import Any

from flowforge.errors import Invalid
from flowforge.services import editing
from flowforge.services.editing import Draft

Schema = Mapping[str, Any]


def _field(title: str, widget: str, hint: str = "", **more: Any) -> dict[str, Any]:
    return {"title": title, "widget": widget, "description": hint, **more}


def _form(*required: str, **fields: dict[str, Any]) -> Schema:
    ordered = {name: {**field, "order": at} for at, (name, field) in enumerate(fields.items())}
    return {"properties": ordered, "required": list(required)}


_SECONDS = {"type": "number"}
_WHOLE = {"type": "integer"}

FORMS: Mapping[str, Schema] = {
    "code": _form(
        "code",
        code=_field(
            "Python", "code", "It sees inputs. What its last line is, or result, is its output."
        ),
        inputs=_field("Inputs", "keyvalue"),
    ),
    "loop": _form(
        over=_field("For each item of", "json", "A list, such as {{ trigger.body.items }}."),
        count=_field("Or so many times", "number", **_WHOLE),
        concurrency=_field("Rounds at once", "number", default=1, **_WHOLE),
        on_item_error=_field(
            "If a step of a round fails",
            "select",
            "continue: that round ends, the others go on.",
            enum=["stop", "continue"],
            default="stop",
        ),
    ),
    "delay": _form(
        seconds=_field("Seconds", "number", "At most 30 days.", **_SECONDS),
        until=_field("Or until", "text", "A date with its time, such as 2027-03-01T08:00:00Z."),
    ),
    "approval": _form(
        "question",
        question=_field("Question", "textarea"),
        approvers=_field(
            "Who is asked",
            "textarea",
            "E-mail addresses, one a line. Without any, members decide on the run's page.",
        ),
        required=_field("Approvals needed", "number", default=1, **_WHOLE),
        timeout_seconds=_field("Seconds to answer", "number", **_SECONDS),
        on_rejection=_field(
            "If it is not approved",
            "select",
            "end: the steps after it are left out.",
            enum=["end", "continue", "fail"],
            default="end",
        ),
    ),
    "zap": _form(
        "zap_id",
        zap_id=_field("Zap", "text", "Its id: the end of its builder's address."),
        input=_field("What it gets", "json", "Its trigger.body."),
        wait=_field("Wait until it has ended", "checkbox", default=True),
    ),
    "reply": _form(
        status=_field("Status", "number", default=200, **_WHOLE),
        body=_field("Body", "json"),
        headers=_field("Headers", "keyvalue"),
        stop=_field("End the run here", "checkbox", default=False),
    ),
}
# Of these only one may be set: filling in one empties the others.
_EITHER = {"loop": ("over", "count", "while"), "delay": ("seconds", "until")}


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
    if step["kind"] == "approval" and "approvers" in values:
        values["approvers"] = "\n".join(str(one) for one in values["approvers"])
    return values


def filled(draft: Draft, step_id: str, name: str, value: Any) -> Draft:
    """The draft with one field of the step; an empty text is the same as no field."""
    step = editing.step_of(draft, step_id)
    control(step["kind"], name)
    if name == "approvers" and isinstance(value, str):
        value = [line.strip() for line in value.splitlines() if line.strip()]
    after = dict(step)
    if value in (None, "", []):
        after.pop(name, None)
    else:
        after[name] = value
        for other in _EITHER.get(step["kind"], ()):
            if other != name and name in _EITHER[step["kind"]]:
                after.pop(other, None)
    return editing.replace(draft, step_id, after)
