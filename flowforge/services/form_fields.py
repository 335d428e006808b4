"""The form of one step: JSON Schema and inputs in, controls with texts out, and back again.

Promises: what a control shows, read back, is the same input; the value of a secret never leaves
the draft: a form knows only whether there is one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as made
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from pydantic import ValidationError

from flowforge.actions import REGISTRY
from flowforge.engine import expressions
from flowforge.engine.conditions import OPERATORS, UNARY
from flowforge.engine.triggers import ScheduleSettings, settings_of
from flowforge.errors import Invalid, Malformed
from flowforge.infra import documents
from flowforge.services import (
    cards,
    drafts,
    editing,
    kind_forms,
    questions,
    schedules,
    trigger_forms,
    trigger_kinds,
)
from flowforge.services.cards import ProblemLine
from flowforge.services.questions import Question
from flowforge.services.step_kinds import KINDS

DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT = 3, 60


@dataclass(frozen=True)
class Pair:
    """One line of a list of names and values."""

    name: str
    value: str


@dataclass(frozen=True)
class Field:
    """One control. ``is_set``: a secret that is stored and not shown; ``options``: what a select
    offers, each with its words.
    """

    name: str
    label: str
    hint: str
    widget: str
    is_required: bool
    placeholder: str
    value: str
    options: list[Pair]
    pairs: list[Pair]
    is_set: bool
    error: str
    is_gap: bool


@dataclass(frozen=True)
class ConditionLine:
    """One condition of a filter, at (group, place)."""

    group: int
    place: int
    left: str
    op: str
    right: str
    is_unary: bool
    opens_group: bool
    error: str


@dataclass(frozen=True)
class Form:
    """All that the panel shows of the chosen card. Of a trigger also what it asks, and of a schedule
    what it comes to: a ``sentence`` and the next times, each as its zone has it and as ISO text.
    """

    card: str = ""
    kind: str = ""
    title: str = ""
    name: str = ""
    action: str = ""
    summary: str = ""
    icon: str = ""
    is_skipped: bool = False
    on_error: str = "stop"
    attempts: int = DEFAULT_ATTEMPTS
    timeout: str = str(DEFAULT_TIMEOUT)
    error: str = ""
    questions: list[Question] = made(default_factory=list)
    sentence: str = ""
    next_times: list[Pair] = made(default_factory=list)


@dataclass(frozen=True)
class Panel:
    """The form with its controls, each a list of its own: that is what a page can draw."""

    form: Form
    fields: list[Field]
    conditions: list[ConditionLine]
    strangers: list[str]


# What people read: of "TEXT_START_WITH" that is "text starts with".
_VERBS = {
    "start with": "starts with",
    "does not start with": "does not start with",
    "exactly matches": "is",
    "does not exactly match": "is not",
}
_KINDS = ("text", "number", "boolean", "date", "list")


def _operator_name(operator: str) -> str:
    words = operator.replace("_", " ").lower()
    kind, _, rest = words.partition(" ")
    if kind not in _KINDS:
        return words
    return f"{kind}: {_VERBS.get(rest, rest)}"


OPERATOR_NAMES = tuple((operator, _operator_name(operator)) for operator in OPERATORS)


def panel(definition: Mapping[str, Any], card: str, problems: Iterable[ProblemLine]) -> Panel:
    """Raises: NotFound for a step that is gone."""
    mine = [problem for problem in problems if problem.card == card]
    if card == cards.TRIGGER:
        return _trigger_panel(definition, mine)
    step = editing.step_of(definition, card)
    known = REGISTRY.get(drafts.action_key(step))
    schema: Mapping[str, Any] = kind_forms.FORMS.get(step["kind"], {})
    values: Mapping[str, Any] = kind_forms.shown(step) if schema else step.get("inputs") or {}
    if known and step["kind"] == "action":
        schema = known.json_schema()
    fields = _fields(schema, values, mine)
    own_names = {field.name for field in fields} | set(_former_names(schema))
    # Only an action says which inputs there may be; a code step may have any.
    inputs = (step.get("inputs") or {}) if step["kind"] == "action" else {}
    strangers = [name for name in inputs if name not in own_names]
    return Panel(_form(step, mine), fields, _conditions(step, mine), strangers)


def _trigger_panel(definition: Mapping[str, Any], problems: list[ProblemLine]) -> Panel:
    trigger = definition.get("trigger") or {}
    card = cards.cards({"trigger": trigger}, [])[0]
    known = trigger_kinds.known(trigger_kinds.key_of(trigger))
    schema = trigger_forms.schema(trigger)
    names = schema["properties"]
    others = [one for one in problems if one.field not in names and "when" not in one.field]
    form = Form(
        card=cards.TRIGGER,
        kind=cards.TRIGGER,
        title=card.title,
        summary=known.summary if known else card.tells,
        action=card.action,
        icon=card.icon,
        error="\n".join(each.message for each in others if not each.is_gap),
        questions=questions.listed(trigger),
    )
    if trigger.get("kind") == "schedule":
        form = _with_times(form, settings_of(trigger))
    fields = _fields(schema, trigger_forms.values(trigger), problems)
    return Panel(form, fields, _conditions(settings_of(trigger), problems), [])


def _with_times(form: Form, settings: Mapping[str, Any]) -> Form:
    try:
        found = schedules.preview(ScheduleSettings.model_validate(settings))
    except (Invalid, ValidationError):
        return form
    zone = ZoneInfo(found.timezone)
    times = [
        Pair(f"{at.astimezone(zone):%a %d %b %Y, %H:%M:%S}".removesuffix(":00"), at.isoformat())
        for at in found.next
    ]
    return replace(form, sentence=found.sentence, next_times=times)


def read(action: str, name: str, text: str) -> Any:
    """The input that ``text`` in that control of an action means; "" for none."""
    return meant(_control(action, name), text)


def meant(control: Mapping[str, Any], text: str) -> Any:
    """What ``text`` in a control means; "" for nothing.

    A text that cannot be what the control is for is kept as it is: the checks will say so.
    """
    widget = control["widget"]
    if expressions.is_template(text) and not text.lstrip().startswith(("{", "[")):
        return text
    if widget in ("json", "keyvalue") and text.lstrip()[:1] in ("{", "["):
        return _json(text)
    if widget == "number" and control.get("type") in ("integer", "number"):
        return _number(text)
    if widget == "checkbox":
        return text == "true"
    return text


def with_pair(value: Any, place: int, part: str, text: str) -> dict[str, str]:
    """The object with one name or value written; ``place`` one past the end adds a line.

    Raises: Invalid for a name that another line has.
    """
    pairs = [[pair.name, pair.value] for pair in _pairs(value)]
    if place >= len(pairs):
        pairs.append(["", ""])
        place = len(pairs) - 1
    pairs[place][0 if part == "name" else 1] = text
    names = [pair[0] for pair in pairs]
    if len(set(names)) < len(names):
        raise Invalid(f"There is already a line for '{text}'.", code="duplicate_name")
    return {name: each for name, each in pairs if name or each}


def without_pair(value: Any, place: int) -> dict[str, str]:
    pairs = _pairs(value)
    return {pair.name: pair.value for at, pair in enumerate(pairs) if at != place}


def former_names(action: str, name: str) -> tuple[str, ...]:
    return tuple(_control(action, name).get("formerly", ()))


def as_text(value: Any) -> str:
    """How a control shows an input: a text as it is, all else as JSON, readable."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return documents.dump(value)


def _form(step: Mapping[str, Any], problems: list[ProblemLine]) -> Form:
    does = drafts.does(step)
    retry = step.get("retry") or {}
    return Form(
        card=step["id"],
        kind=step["kind"],
        title=step.get("name") or does or "Choose an action",
        name=step.get("name", ""),
        action=str(step.get("action") or ""),
        summary=_summary(step),
        icon=cards.icon_of(step),
        is_skipped=bool(step.get("skip")),
        on_error=step.get("on_error", "stop"),
        attempts=retry.get("attempts", DEFAULT_ATTEMPTS),
        timeout=as_text(step.get("timeout_seconds", DEFAULT_TIMEOUT)),
        error=_error(step, problems),
    )


def _summary(step: Mapping[str, Any]) -> str:
    if step["kind"] in KINDS:
        return KINDS[step["kind"]].summary
    known = REGISTRY.get(drafts.action_key(step))
    return known.summary if known else ""


def _error(step: Mapping[str, Any], problems: list[ProblemLine]) -> str:
    """What no control of the form says: where there are none, all that is wrong."""
    if step["kind"] in {"action", "filter"}:
        whole = [each.message for each in problems if each.field in ("", "action", "inputs")]
        return whole[0] if whole else ""
    known = kind_forms.FORMS.get(step["kind"], {}).get("properties", {})
    problems = [each for each in problems if each.field not in known]
    return "\n".join(f"{each.where}: {each.message}" for each in problems)


def _fields(
    schema: Mapping[str, Any], inputs: Mapping[str, Any], problems: list[ProblemLine]
) -> list[Field]:
    wrong = {problem.field: problem for problem in reversed(problems)}
    required = set(schema.get("required", ()))
    controls = sorted(schema.get("properties", {}).items(), key=lambda each: each[1]["order"])
    made = []
    for name, control in controls:
        names = (name, *control.get("formerly", ()))
        value = next((inputs[each] for each in names if each in inputs), None)
        problem = next((wrong[each] for each in names if each in wrong), None)
        made.append(_field(name, control, value, name in required, problem))
    return made


def _field(
    name: str,
    control: Mapping[str, Any],
    value: Any,
    is_required: bool,
    problem: ProblemLine | None,
) -> Field:
    widget = control["widget"]
    is_hidden = widget == "secret" and value is not None and not expressions.is_template(value)
    if widget == "keyvalue" and value is not None and not isinstance(value, dict):
        widget = "json"
    default = control.get("default")
    shown = default if value is None and widget in ("select", "checkbox") else value
    return Field(
        name=name,
        label=control.get("title", name),
        hint=control.get("description", ""),
        widget=widget,
        is_required=is_required,
        placeholder=control.get("placeholder") or as_text(default),
        value="" if is_hidden or widget == "keyvalue" else as_text(shown),
        options=_options(control),
        pairs=_pairs(value) if widget == "keyvalue" else [],
        is_set=is_hidden,
        error=problem.message if problem else "",
        is_gap=problem.is_gap if problem else False,
    )


def _options(control: Mapping[str, Any]) -> list[Pair]:
    names = control.get("names") or {}
    return [Pair(str(one), str(names.get(one, one))) for one in control.get("enum", ())]


def _pairs(value: Any) -> list[Pair]:
    items = value.items() if isinstance(value, dict) else ()
    return [Pair(str(name), as_text(each)) for name, each in items]


def _conditions(step: Mapping[str, Any], problems: list[ProblemLine]) -> list[ConditionLine]:
    lines = []
    for group_at, group in enumerate((step.get("when") or {}).get("any") or ()):
        for at, condition in enumerate(group.get("all") or ()):
            here = f"when.any[{group_at}].all[{at}]"
            wrong = [problem.message for problem in problems if problem.field.startswith(here)]
            op = condition.get("op", "")
            lines.append(
                ConditionLine(
                    group=group_at,
                    place=at,
                    left=as_text(condition.get("left")),
                    op=op,
                    right=as_text(condition.get("right")),
                    is_unary=op in UNARY,
                    opens_group=at == 0 and group_at > 0,
                    error=wrong[0] if wrong else "",
                )
            )
    return lines


def _control(action: str, name: str) -> Mapping[str, Any]:
    known = REGISTRY.get(action)
    control: Mapping[str, Any] | None = (
        known.json_schema()["properties"].get(name) if known else None
    )
    if control is None:
        raise Invalid(f"This action has no input '{name}'.", code="unknown_input")
    return control


def _former_names(schema: Mapping[str, Any]) -> list[str]:
    return [
        former
        for control in schema.get("properties", {}).values()
        for former in control.get("formerly", ())
    ]


def _json(text: str) -> Any:
    try:
        return documents.parse(text)
    except Malformed:
        return text


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
