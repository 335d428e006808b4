"""Where what a form asks for stands in a draft: settings of the trigger, fields of a step of its own
kind, inputs of an action, and parts of an input whose fields depend on another one. Pure.
"""

from collections.abc import Mapping
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.errors import Invalid
from flowforge.services import drafts, editing, kind_forms, trigger_forms
from flowforge.services.editing import Draft
from flowforge.services.form_shapes import Tab

Schema = Mapping[str, Any]
Control = Mapping[str, Any]
NOTHING: Schema = {"properties": {}}
_PART: Control = {"widget": "text"}


def schema_of(draft: Mapping[str, Any], card: str) -> Schema:
    """The form of the card. Raises: NotFound for a step that is gone."""
    if card == editing.TRIGGER:
        return trigger_forms.schema(draft.get("trigger") or {})
    step = editing.step_of(draft, card)
    if step["kind"] != "action":
        return kind_forms.schema(step)
    known = REGISTRY.get(drafts.action_key(step))
    return known.json_schema() if known else NOTHING


def values_of(draft: Mapping[str, Any], card: str) -> Mapping[str, Any]:
    """What the draft has for the form of the card, by the names of controls."""
    if card == editing.TRIGGER:
        return trigger_forms.values(draft.get("trigger") or {})
    step = editing.step_of(draft, card)
    if step["kind"] in kind_forms.FORMS:
        return kind_forms.shown(step)
    return step.get("inputs") or {}


def control_of(draft: Mapping[str, Any], card: str, name: str, tab: Tab) -> Control:
    """Raises: Invalid for a control that the form does not have."""
    if card == editing.TRIGGER:
        return trigger_forms.control(trigger_forms.trigger_of(draft), name)
    step = editing.step_of(draft, card)
    outer, _, part = name.partition(".")
    if part:
        found = tab.of(card).found.get(outer)
        inner = (found.schema if found and found.schema else NOTHING)["properties"]
        control: Control = inner.get(part, _PART)
        return control
    if step["kind"] in kind_forms.FORMS:
        return kind_forms.control(step["kind"], name)
    controls = schema_of(draft, card)["properties"]
    if name not in controls:
        raise Invalid(f"This action has no input '{name[:60]}'.", code="unknown_input")
    known: Control = controls[name]
    return known


def value_of(draft: Draft, card: str, name: str) -> Any:
    values = values_of(draft, card)
    if card == editing.TRIGGER or name in values:
        return values.get(name)
    outer, _, part = name.partition(".")
    around = values.get(outer)
    return around.get(part) if part and isinstance(around, Mapping) else None


def with_value(draft: Draft, card: str, name: str, value: Any) -> Draft:
    """The draft with another value there; None, "" and nothing in a list are the same as none."""
    if card == editing.TRIGGER:
        return trigger_forms.filled(draft, name, value)
    step = editing.step_of(draft, card)
    outer, _, part = name.partition(".")
    if part and step["kind"] in ("action", *kind_forms.FORMS):
        around = value_of(draft, card, outer)
        inner = {key: each for key, each in _parts(around).items() if key != part}
        if value not in (None, "", []):
            inner[part] = value
        name, value = outer, inner or None
    if step["kind"] in kind_forms.FORMS:
        return kind_forms.filled(draft, card, name, value)
    control = schema_of(draft, card)["properties"].get(name) or {}
    formerly = tuple(control.get("formerly", ()))
    return editing.set_input(draft, card, name, None if value == [] else value, formerly=formerly)


def _parts(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
