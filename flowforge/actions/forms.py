"""The builder's form of an input model: JSON Schema plus what a form control needs."""

from typing import Any

from pydantic import BaseModel

WIDGETS = {
    "string": "text",
    "boolean": "checkbox",
    "integer": "number",
    "number": "number",
    "object": "keyvalue",
}


def form_schema(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema of the model; every property has ``title``, ``widget`` and ``order``."""
    schema = model.model_json_schema(mode="validation")
    for order, control in enumerate(schema.get("properties", {}).values()):
        control.setdefault("order", order)
        control.setdefault("widget", _widget(control))
    return schema


def _widget(control: dict[str, Any]) -> str:
    if control.get("secret") or control.get("writeOnly"):
        return "secret"
    if "enum" in control:
        return "select"
    return WIDGETS.get(str(control.get("type")), "json")
