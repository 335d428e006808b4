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
    """JSON Schema of the model; every property has ``title``, ``widget`` and ``order``, a list of
    objects also ``columns``: the controls of each. ``hints`` are told between them.
    """
    schema = model.model_json_schema(mode="validation")
    kinds = schema.get("$defs", {})
    _prepare(schema.get("properties", {}), kinds)
    hints = getattr(model, "hints", ())
    if hints:
        schema["hints"] = [hint.as_data() for hint in hints]
    return schema


def _prepare(controls: dict[str, Any], kinds: dict[str, Any]) -> None:
    for order, control in enumerate(controls.values()):
        control.setdefault("order", order)
        control.setdefault("widget", _widget(control, kinds))
        items = _items(control, kinds)
        if control["widget"] == "multiselect" and "enum" in items:
            control["enum"] = items["enum"]
        if control["widget"] == "rows":
            columns: dict[str, Any] = items.get("properties", {})
            _prepare(columns, kinds)
            control["columns"] = columns


def _widget(control: dict[str, Any], kinds: dict[str, Any]) -> str:
    if control.get("secret") or control.get("writeOnly"):
        return "secret"
    if "enum" in control:
        return "select"
    if _of_reference(control, kinds).get("widget") == "file":
        return "file"
    if control.get("format") == "date-time":
        return "datetime"
    listed = _widget_of_list(_items(control, kinds))
    return listed or WIDGETS.get(str(control.get("type")), "json")


def _widget_of_list(items: dict[str, Any]) -> str:
    if "enum" in items:
        return "multiselect"
    if items.get("widget") == "file":
        return "files"
    if "properties" in items:
        return "rows"
    return "list" if items.get("type") == "string" else ""


def _items(control: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any]:
    """What a list holds; nothing for what is no list."""
    items = control.get("items") if control.get("type") == "array" else None
    if not isinstance(items, dict):
        return {}
    return _of_reference(items, kinds)


def _of_reference(schema: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any]:
    """What it refers to, or else itself."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: dict[str, Any] = kinds.get(name, schema)
    return found
