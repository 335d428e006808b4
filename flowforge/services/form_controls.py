"""One control of a form: what it shows of the value that the draft has. Pure.

Promises: what a control shows, read back by ``form_reading``, is the same value; the value of a
secret never leaves the draft: a control knows only whether there is one.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from flowforge.engine import expressions
from flowforge.engine.conditions import read_date
from flowforge.errors import Malformed
from flowforge.infra import documents
from flowforge.services import date_texts, file_rows, form_texts, lint_secrets, markdown
from flowforge.services.cards import ProblemLine
from flowforge.services.form_shapes import Cell, Field, Found, Option, Pair, Row, Tab

Control = Mapping[str, Any]

# Where a person picks something, an expression can stand instead.
SWITCHES = frozenset({"select", "multiselect", "checkbox", "datetime", "list", "rows", "dynamic"})
_LISTS = frozenset({"list", "rows", "multiselect"})
# More are edited as JSON.
MOST_LINES = 200
NOTHING_FOUND = Found("", "")


def fields(
    schema: Mapping[str, Any],
    values: Mapping[str, Any],
    problems: list[ProblemLine],
    tab: Tab,
    *,
    switches: bool = True,
) -> list[Field]:
    """The controls of a form in their order. ``switches``: whether any may hold an expression."""
    required = set(schema.get("required", ()))
    listed = sorted(schema.get("properties", {}).items(), key=lambda each: each[1]["order"])
    made = []
    for name, control in listed:
        names = (name, *control.get("formerly", ()))
        value = next((values[each] for each in names if each in values), None)
        problem = _problem(names, problems)
        one = _field(name, control, value, tab, switches=switches)
        made.append(
            replace(
                one,
                asks=asked_of(schema, name, values),
                is_required=name in required,
                error=problem.message if problem else "",
                is_gap=problem.is_gap if problem else False,
            )
        )
        made += _inner(one, value, problems, tab)
    hints = schema.get("hints") or ()
    return _with_hints(made, hints, tab.urls) if hints else made


def asked_of(schema: Mapping[str, Any], name: str, values: Mapping[str, Any]) -> str:
    """What the options of a control depend on, as a short text that is another one where that is
    something else; empty for a control whose options are known.
    """
    controls = schema["properties"]
    asks = controls[name].get("asks")
    if asks is None:
        return ""
    seen = [
        # Of a secret only whether there is one.
        is_hidden(controls[other], values.get(other)) or values.get(other)
        for other in asks.get("depends_on", ())
        if other in controls
    ]
    return hashlib.blake2b(documents.dump(seen).encode(), digest_size=9).hexdigest()


def is_hidden(control: Control, value: Any) -> bool:
    """Whether the value is a secret that is stored, and no expression that leads to one."""
    is_there = value is not None and not expressions.is_template(value)
    return bool(control["widget"] == "secret" and is_there)


def _problem(names: Iterable[str], problems: Iterable[ProblemLine]) -> ProblemLine | None:
    """The first that is about the input, or about a part of it."""
    for each in problems:
        for name in names:
            rest = each.field.removeprefix(name)
            if each.field == name or (rest != each.field and rest[:1] in {"[", "."}):
                return each
    return None


def _field(name: str, control: Control, value: Any, tab: Tab, *, switches: bool) -> Field:
    widget, default = control["widget"], control.get("default")
    found = tab.found.get(name, NOTHING_FOUND)
    if widget == "dynamic" and found.schema is None:
        widget = "json"
    may_switch = (
        (switches or "asks" in control) and widget in SWITCHES and control.get("switch", True)
    )
    is_expression = may_switch and (
        name in tab.by_hand or (value is not None and not _fits(widget, value))
    )
    if (
        widget in {"keyvalue", *_LISTS, *file_rows.WIDGETS}
        and not is_expression
        and not _fits(widget, value)
    ):
        widget = "json"
    if is_expression:
        widget = "text"
    text = "" if is_hidden(control, value) else _text(control, widget, value)
    is_whole = name in tab.whole or not form_texts.is_long(text)
    is_default = value is None and widget in {"select", "checkbox"} and default is not None
    shown = form_texts.as_text(default) if is_default else _shown(text, is_whole=is_whole)
    return Field(
        name,
        widget if is_whole else "huge",
        label=control.get("title", name),
        hint=_hint_of(control, value),
        placeholder=control.get("placeholder") or form_texts.as_text(default),
        value=shown,
        options=_options(control, found, default if is_default else value),
        pairs=pairs(value) if widget == "keyvalue" else [],
        is_set=is_hidden(control, value),
        rows=_rows(control, widget, value),
        may_switch=may_switch,
        is_expression=is_expression,
        said=_said(control["widget"], value),
        size="" if is_whole else form_texts.size_of(text),
        stage=found.stage,
        trouble=found.trouble,
        searches=bool((control.get("asks") or {}).get("searches")),
        chosen=found.names.get(shown, shown),
        has_more=found.has_more,
    )


def _inner(field: Field, value: Any, problems: list[ProblemLine], tab: Tab) -> list[Field]:
    """The controls that a dynamic one stands for: each a part of its value."""
    found = tab.found.get(field.name)
    if field.widget != "dynamic" or found is None or found.schema is None:
        return []
    inner = fields(found.schema, value if isinstance(value, dict) else {}, [], tab)
    named = [replace(one, name=f"{field.name}.{one.name}") for one in inner]
    return [
        replace(one, error=problem.message, is_gap=problem.is_gap)
        if (problem := _problem((one.name,), problems))
        else one
        for one in named
    ]


def _fits(widget: str, value: Any) -> bool:
    """Whether the control can show the value, rather than as an expression or as JSON."""
    if value is None:
        return True
    judge = _JUDGES.get(widget)
    return judge(value) if judge else not expressions.is_template(value)


def _is_short_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) <= MOST_LINES


_JUDGES: Mapping[str, Callable[[Any], bool]] = {
    "list": lambda value: _is_short_list(value) and all(isinstance(one, str) for one in value),
    "rows": lambda value: _is_short_list(value) and all(isinstance(one, dict) for one in value),
    "multiselect": lambda value: (
        _is_short_list(value) and not any(isinstance(one, dict | list) for one in value)
    ),
    "keyvalue": lambda value: isinstance(value, dict) and len(value) <= MOST_LINES,
    "datetime": lambda value: read_date(value) is not None,
    "checkbox": lambda value: isinstance(value, bool),
    "dynamic": lambda value: isinstance(value, dict),
    "file": file_rows.fits,
    "files": file_rows.fits,
}


def _text(control: Control, widget: str, value: Any) -> str:
    match widget:
        case "keyvalue" | "rows" | "dynamic" | "file" | "files":
            return ""
        case "list":
            return "\n".join(value or ())
        case "multiselect":
            return ", ".join(map(str, value or ()))
        case "datetime":
            return date_texts.local_text(value)
    return form_texts.as_text(value)


def _shown(text: str, *, is_whole: bool) -> str:
    return text if is_whole else form_texts.beginning(text)


def _said(widget: str, value: Any) -> str:
    """What a value comes to, where that is not what it looks like."""
    if value is None or expressions.is_template(value):
        return ""
    match widget:
        case "datetime":
            return date_texts.in_words(value)
        case "json" if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
            return _not_json(value)
    return ""


def _not_json(text: str) -> str:
    try:
        documents.parse(text, what="text")
    except Malformed as problem:
        return f"{problem.message} It is sent as it is."
    return ""


def _options(control: Control, found: Found, value: Any) -> list[Option]:
    """What may be chosen; what is chosen already is among it, whatever is offered today."""
    names = control.get("names") or {}
    offered = [(str(one), str(names.get(one, one))) for one in control.get("enum", ())]
    offered += found.options
    if not offered and not control.get("asks"):
        return []
    if control["widget"] == "select" and "default" not in control and not control.get("asks"):
        offered = [("", "Choose…"), *(one for one in offered if one[0])]
    chosen = _chosen(value)
    known = {key for key, _ in offered}
    others = [(one, found.names.get(one, one)) for one in chosen if one not in known]
    return [Option(key, label, is_on=key in chosen) for key, label in (*offered, *others)]


def _chosen(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return [] if value in (None, "") or isinstance(value, dict) else [form_texts.as_text(value)]


def _hint_of(control: Control, value: Any) -> str:
    said = str(control.get("description", ""))
    names = lint_secrets.named(value) if control["widget"] == "keyvalue" else []
    if not names:
        return said
    return f"{said} A secret stands here as it was typed: {', '.join(names)}.".strip()


def pairs(value: Any) -> list[Pair]:
    items = value.items() if isinstance(value, dict) else ()
    return [Pair(str(name), form_texts.as_text(each)) for name, each in items]


def _rows(control: Control, widget: str, value: Any) -> list[Row]:
    if widget in file_rows.WIDGETS:
        return file_rows.rows(value)
    if widget not in {"list", "rows"}:
        return []
    columns = control.get("columns")
    listed = list(value or ())
    return [
        Row(
            place=at,
            cells=_cells(columns, one) if columns else [_cell("", {"widget": "text"}, one)],
            is_first=at == 0,
            is_last=at == len(listed) - 1,
        )
        for at, one in enumerate(listed)
    ]


def _cells(columns: Mapping[str, Any], row: Mapping[str, Any]) -> list[Cell]:
    ordered = sorted(columns.items(), key=lambda each: each[1]["order"])
    return [_cell(name, control, row.get(name)) for name, control in ordered]


def _cell(name: str, control: Control, value: Any) -> Cell:
    default = control.get("default")
    shown = default if value is None and control["widget"] in {"select", "checkbox"} else value
    return Cell(
        name=name,
        label=control.get("title", name),
        widget=control["widget"],
        value=form_texts.as_text(shown),
        placeholder=control.get("placeholder") or form_texts.as_text(default),
        options=_options(control, NOTHING_FOUND, shown),
    )


def _with_hints(
    made: list[Field], hints: Iterable[Mapping[str, Any]], urls: Mapping[str, str]
) -> list[Field]:
    """The controls with what is told between them."""
    listed = list(made)
    for number, hint in enumerate(hints):
        at = next((at for at, one in enumerate(listed) if one.name == hint.get("before")), 0)
        listed.insert(at, _hint(number, hint, urls))
    return listed


def _hint(number: int, hint: Mapping[str, Any], urls: Mapping[str, str]) -> Field:
    text = str(hint["text"])
    for name, url in urls.items():
        text = text.replace(f"{{{{{name}}}}}", url)
    look = str(hint.get("look", "plain"))
    return Field(f"hint_{number}", "hint", look=look, blocks=markdown.blocks(text))
