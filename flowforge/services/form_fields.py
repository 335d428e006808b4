"""The form of one card: its schema and the draft's values in, controls with texts out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as made
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from flowforge.actions import REGISTRY
from flowforge.engine.definition import ActionStep, CodeStep
from flowforge.engine.triggers import ScheduleSettings, settings_of
from flowforge.errors import Invalid
from flowforge.services import (
    cards,
    condition_lines,
    drafts,
    editing,
    form_controls,
    form_inputs,
    form_texts,
    questions,
    retry_words,
    schedules,
    trigger_forms,
    trigger_kinds,
)
from flowforge.services.cards import ProblemLine
from flowforge.services.condition_lines import BranchLine, ConditionLine
from flowforge.services.form_shapes import Field, Pair, Tab
from flowforge.services.questions import Question
from flowforge.services.step_kinds import KINDS

_RETRIED: Mapping[str, type[ActionStep] | type[CodeStep]] = {"action": ActionStep, "code": CodeStep}
_NOWHERE = Tab()


@dataclass(frozen=True)
class Policy:
    """How often a step is tried, as texts for its controls; ``words``: what that comes to. Which of
    the settings a step has depends on what it is.
    """

    has_retry: bool = False
    has_on_error: bool = False
    attempts: str = ""
    first_wait: str = ""
    factor: str = ""
    longest_wait: str = ""
    words: str = ""
    timeout: str = ""
    on_error: str = "stop"


@dataclass(frozen=True)
class Form:
    """All that the panel shows of the chosen card; ``gap``: what is not there yet and has no control. Of a trigger also what it asks, and of a schedule
    what it comes to: a ``sentence`` and the next times, each as its zone has it and as ISO text.
    """

    card: str = ""
    kind: str = ""
    title: str = ""
    name: str = ""
    note: str = ""
    action: str = ""
    summary: str = ""
    icon: str = ""
    is_skipped: bool = False
    error: str = ""
    gap: str = ""
    policy: Policy = Policy()
    branch: int = 0
    has_conditions: bool = False
    questions: list[Question] = made(default_factory=list)
    sentence: str = ""
    next_times: list[Pair] = made(default_factory=list)


@dataclass(frozen=True)
class Panel:
    """The form with its controls, each a list of its own: that is what a page can draw."""

    form: Form
    fields: list[Field]
    conditions: list[ConditionLine]
    branches: list[BranchLine]
    strangers: list[str]


def panel(
    definition: Mapping[str, Any], card: str, problems: Iterable[ProblemLine], tab: Tab = _NOWHERE
) -> Panel:
    """``tab``: what is known beside the draft. Raises: NotFound for a step that is gone."""
    mine, tab = [problem for problem in problems if problem.card == card], tab.of(card)
    if card == cards.TRIGGER:
        return _trigger_panel(definition, mine, tab)
    step = editing.step_of(definition, card)
    schema = form_inputs.schema_of(definition, card)
    values = form_inputs.values_of(definition, card)
    branches = list(step.get("branches") or ())
    branch = min(max(0, tab.branch), len(branches) - 1) if branches else 0
    return Panel(
        replace(_form(step, schema, mine), branch=branch),
        form_controls.fields(schema, values, mine, tab),
        condition_lines.of_step(step, branch, mine),
        condition_lines.branches(step, branch, mine),
        _strangers(step, schema),
    )


def _trigger_panel(definition: Mapping[str, Any], problems: list[ProblemLine], tab: Tab) -> Panel:
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
    settings = settings_of(trigger)
    if trigger.get("kind") == "schedule":
        form = _with_times(form, settings)
    values = trigger_forms.values(trigger)
    fields = form_controls.fields(schema, values, problems, tab, switches=False)
    conditions = condition_lines.lines(settings.get("when") or {}, "when", problems)
    return Panel(form, fields, conditions, [], [])


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


def _form(step: Mapping[str, Any], schema: Mapping[str, Any], mine: list[ProblemLine]) -> Form:
    does = drafts.does(step)
    kind = step["kind"]
    return Form(
        card=step["id"],
        kind=kind,
        title=step.get("name") or does or "Choose an action",
        name=step.get("name", ""),
        note=step.get("note", ""),
        action=str(step.get("action") or ""),
        summary=_summary(step),
        icon=cards.icon_of(step),
        is_skipped=bool(step.get("skip")),
        error=_said(step, schema, mine, is_gap=False),
        gap=_said(step, schema, mine, is_gap=True),
        policy=_policy(step),
        has_conditions=kind in {"filter", "break", "router"} or step.get("while") is not None,
    )


def _policy(step: Mapping[str, Any]) -> Policy:
    kind = _RETRIED.get(step["kind"])
    on_error = step.get("on_error", "stop")
    if kind is None:
        return Policy(has_on_error=step["kind"] == "zap", on_error=on_error)
    otherwise = kind.model_fields["retry"].default
    retry = step.get("retry") or {}
    shown = {
        name: _plain(retry.get(name, _fallback(otherwise, retry, name)))
        for name in type(otherwise).model_fields
    }
    timeout = step.get("timeout_seconds", kind.model_fields["timeout_seconds"].default)
    return Policy(
        has_retry=True,
        has_on_error=True,
        words=retry_words.tells(retry, otherwise),
        timeout=_plain(timeout),
        on_error=on_error,
        **shown,
    )


def _fallback(otherwise: Any, retry: Mapping[str, Any], name: str) -> Any:
    """A policy that is there leaves its own defaults out, not those of the step's kind."""
    return type(otherwise).model_fields[name].default if retry else getattr(otherwise, name)


def _plain(number: Any) -> str:
    """Whole numbers without a point."""
    is_whole = isinstance(number, float) and number.is_integer()
    return form_texts.as_text(int(number) if is_whole else number)


def _summary(step: Mapping[str, Any]) -> str:
    if step["kind"] in KINDS:
        return KINDS[step["kind"]].summary
    known = REGISTRY.get(drafts.action_key(step))
    return known.summary if known else ""


def _said(
    step: Mapping[str, Any], schema: Mapping[str, Any], problems: list[ProblemLine], *, is_gap: bool
) -> str:
    """What no control of the form says."""
    controls = (*schema["properties"], "when.", "while.", "branches[")
    left = [
        each
        for each in problems
        if each.is_gap == is_gap
        and (
            each.field in {"", "action", "inputs"}
            if step["kind"] == "action"
            else not each.field.startswith(controls)
        )
    ]
    return "\n".join(each.message for each in left)


def _strangers(step: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Inputs that the action does not know; a code step may have any."""
    if step["kind"] != "action":
        return []
    known = set(schema["properties"])
    for control in schema["properties"].values():
        known.update(control.get("formerly", ()))
    return [name for name in step.get("inputs") or {} if name not in known]
