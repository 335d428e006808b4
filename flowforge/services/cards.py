"""A draft as the builder draws it: one card per step of the outermost list, what stands inside it,
and the problems by card and field.

Pure: everything is derived from the definition and the registry; nothing secret is in a card.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.infra.redaction import is_secret_name
from flowforge.services import drafts, editing, trigger_forms, trigger_kinds, trigger_words
from flowforge.services.step_kinds import KINDS
from flowforge.services.step_words import tells_of_kind

TRIGGER = "trigger"
ZAP = ""
LONGEST_TELL = 90
MOST_INSIDE = 200
# The trigger is card 1.
_FIRST_STEP = 2

_PATH = re.compile(r"steps\.(?P<step>[a-z0-9_]+)(?:\.inputs)?\.?(?P<field>.*)")
_OF_TRIGGER = re.compile(r"^trigger(\.settings)?\.?")
_FIRST_PART = re.compile(r"[^.\[]+")
_MISSING = re.compile(r"missing '[^']*' field in metadata")
_LABEL = re.compile(r"^'[^']*':? ")
# So begin the checks' sentences about what nobody has filled in yet.
_ASKS = ("Choose ", "Add ", "Say ", "Write ")


@dataclass(frozen=True)
class InnerLine:
    """A step inside a card, or (``id`` empty) the name of the branch that the next ones stand in.

    ``depth`` counts from 1: the steps that stand directly in the card.
    """

    id: str
    kind: str
    depth: int
    title: str
    tells: str
    icon: str
    is_skipped: bool


@dataclass(frozen=True)
class Card:
    """One card of the column. ``tells``: the input that says most; ``problems``: how many, those
    of the steps ``inside`` among them. Of very many steps inside the first are shown;
    ``inside_more`` counts the others.
    """

    id: str
    kind: str
    number: int
    title: str
    action: str
    tells: str
    icon: str
    problems: int
    is_empty: bool
    is_skipped: bool
    is_first: bool
    is_last: bool
    inside: list[InnerLine] = field(default_factory=list)
    inside_more: int = 0


@dataclass(frozen=True)
class ProblemLine:
    """Something to mend: ``card`` to open, ``field`` of its form, in words for a person. Of a step
    inside another it is the card around it, and ``where`` names the step.

    ``is_gap``: something is not filled in yet, rather than filled in wrongly.
    """

    card: str
    field: str
    where: str
    message: str
    is_gap: bool


@dataclass(frozen=True)
class Choice:
    """An entry of the step or trigger picker."""

    key: str
    name: str
    summary: str
    icon: str
    app: str


def cards(definition: Mapping[str, Any], found: Iterable[ProblemLine]) -> list[Card]:
    counts: dict[str, int] = {}
    for problem in found:
        counts[problem.card] = counts.get(problem.card, 0) + 1
    steps = editing.steps_of(definition)
    return [
        _trigger_card(definition, counts.get(TRIGGER, 0)),
        *(
            _step_card(step, number, counts.get(step["id"], 0), is_last=step is steps[-1])
            for number, step in enumerate(steps, start=_FIRST_STEP)
        ),
    ]


def problem_lines(
    definition: Mapping[str, Any], details: Iterable[Mapping[str, str]]
) -> list[ProblemLine]:
    """The checks' findings in the builder's words; a card's duplicates are told once."""
    steps = {step["id"]: step for step in drafts.all_steps(definition)}
    around = {
        inner["id"]: outer["id"]
        for outer in editing.steps_of(definition)
        for inner in drafts.all_steps({"steps": [outer]})
    }
    lines = []
    for each in details:
        path, message = each.get("path", ""), each.get("message", "")
        is_of_trigger = path.startswith(TRIGGER)
        lines.append(
            _trigger_line(definition, path, message)
            if is_of_trigger
            else _line(steps, around, path, message)
        )
    return list(dict.fromkeys(lines))


def choices(query: str = "") -> list[Choice]:
    """What a step may do, best first, where every word of ``query`` is in its name or summary."""
    found = [
        Choice(one.key, one.name, one.summary, one.icon, one.app.name) for one in REGISTRY.values()
    ]
    found += [
        Choice(kind.key, kind.name, kind.summary, "", "Flow")
        for kind in KINDS.values()
        if kind.is_offered
    ]
    words = query.lower().split()
    return [
        one
        for one in found
        if all(word in f"{one.name} {one.summary} {one.app} {one.key}".lower() for word in words)
    ]


def trigger_choices() -> list[Choice]:
    return [
        Choice(one.key, one.name, one.summary, one.icon, one.name)
        for one in trigger_kinds.all_kinds()
    ]


def icon_of(step: Mapping[str, Any]) -> str:
    """Path of the picture; empty for kinds that the page draws itself."""
    known = REGISTRY.get(drafts.action_key(step))
    return known.icon if known else ""


def _trigger_card(definition: Mapping[str, Any], problems: int) -> Card:
    trigger = definition.get("trigger") or {}
    kind = str(trigger.get("kind", ""))
    known = trigger_kinds.known(trigger_kinds.key_of(trigger))
    tells = _short(trigger_words.tells(trigger))
    return Card(
        id=TRIGGER,
        kind=TRIGGER,
        number=1,
        title=known.name if known else kind or "Choose a trigger",
        action=known.name if known else "",
        tells=tells or (known.summary if known else "What starts this zap?"),
        icon=known.icon if known else "",
        problems=problems,
        is_empty=not kind,
        is_skipped=False,
        is_first=True,
        is_last=True,
    )


def _step_card(step: Mapping[str, Any], number: int, problems: int, *, is_last: bool) -> Card:
    does = drafts.does(step)
    inside, more = _inside(step)
    return Card(
        id=step["id"],
        kind=step["kind"],
        number=number,
        title=step.get("name") or does or "Choose an action",
        action=does,
        tells=_tells(step),
        icon=icon_of(step),
        problems=problems,
        is_empty=step["kind"] == "action" and not step.get("action"),
        is_skipped=bool(step.get("skip")),
        is_first=number == _FIRST_STEP,
        is_last=is_last,
        inside=inside,
        inside_more=more,
    )


def _inside(step: Mapping[str, Any]) -> tuple[list[InnerLine], int]:
    """The lines below a card, and how many steps more there are than these show."""
    lines: list[InnerLine] = []
    waiting = [(body, 1) for body in reversed(drafts.bodies(step))]
    left_out = 0
    while waiting:
        body, depth = waiting.pop()
        if body.name and len(lines) < MOST_INSIDE:
            lines.append(InnerLine("", "", depth, body.name, "", "", is_skipped=False))
        for place, inner in enumerate(body.steps):
            if len(lines) >= MOST_INSIDE:
                left_out += len(drafts.all_steps({"steps": [inner]}))
                continue
            lines.append(_inner_line(inner, depth))
            below = drafts.bodies(inner)
            if below:
                # The rest of this list comes after what is inside this step.
                waiting.append((drafts.Body("", body.steps[place + 1 :]), depth))
                waiting += [(each, depth + 1) for each in reversed(below)]
                break
    return lines, left_out


def _inner_line(step: Mapping[str, Any], depth: int) -> InnerLine:
    return InnerLine(
        id=step["id"],
        kind=step["kind"],
        depth=depth,
        title=drafts.step_name(step) or "Choose an action",
        tells=_tells(step),
        icon=icon_of(step),
        is_skipped=bool(step.get("skip")),
    )


def _tells(step: Mapping[str, Any]) -> str:
    """What a step does in one short line; of an action, the first input that is filled in and no
    secret.
    """
    if step["kind"] in KINDS:
        return _short(tells_of_kind(step))
    known = REGISTRY.get(drafts.action_key(step))
    inputs = step.get("inputs") or {}
    for name, control in _properties(step).items():
        names = (name, *control.get("formerly", ()))
        value = next((inputs[each] for each in names if each in inputs), None)
        secret = known is not None and (name in known.secret_fields or is_secret_name(name))
        if isinstance(value, str) and value.strip() and not secret:
            return _short(value)
    return known.summary if known else ""


def _short(text: str) -> str:
    line = " ".join(text[: LONGEST_TELL * 4].split())
    return line if len(line) <= LONGEST_TELL else f"{line[: LONGEST_TELL - 1]}…"


def _said(message: str) -> tuple[str, bool]:
    """The check's sentence in the builder's words, and whether something is not filled in yet."""
    is_missing = bool(_MISSING.fullmatch(message))
    said = "This is required." if is_missing else _sentence(message)
    return said, is_missing or message.startswith(_ASKS)


def _trigger_line(definition: Mapping[str, Any], path: str, message: str) -> ProblemLine:
    said, is_gap = _said(message)
    name = _OF_TRIGGER.sub("", path)
    controls = trigger_forms.schema(definition.get("trigger") or {})["properties"]
    # An item of a list is told at the control of the whole list.
    field = next((one for one in (name, name.partition("[")[0]) if one in controls), name)
    title = str(controls.get(field, {}).get("title", ""))
    return ProblemLine(TRIGGER, field, f"Trigger · {title}" if title else "Trigger", said, is_gap)


def _line(
    steps: Mapping[str, Mapping[str, Any]], around: Mapping[str, str], path: str, message: str
) -> ProblemLine:
    said, is_gap = _said(message)
    found = _PATH.fullmatch(path)
    step = steps.get(found["step"]) if found else None
    if found is None or step is None:
        return ProblemLine(ZAP, "", "Zap", said, is_gap)
    title = drafts.step_name(step) or "Empty step"
    name = _field_of(step, found["field"])
    label = _label(step, name)
    where = f"{title} · {label}" if label else title
    card = around[step["id"]]
    # A form shows the fields of its own step alone.
    return ProblemLine(card, name if card == step["id"] else "", where, said, is_gap)


def _field_of(step: Mapping[str, Any], rest: str) -> str:
    """The form's field: of an input its name of today, of other kinds the whole path."""
    if step["kind"] != "action":
        return rest
    first = _FIRST_PART.match(rest)
    name = first[0] if first else ""
    for current, control in _properties(step).items():
        if name in control.get("formerly", ()):
            return str(current)
    return name


def _label(step: Mapping[str, Any], field: str) -> str:
    return str(_properties(step).get(field, {}).get("title", ""))


def _properties(step: Mapping[str, Any]) -> Mapping[str, Any]:
    return _properties_of(drafts.action_key(step))


@lru_cache(maxsize=1000)
def _properties_of(action: str) -> Mapping[str, Any]:
    """Asked for every step of a zap, and derived anew each time they would be half its page."""
    known = REGISTRY.get(action)
    found: Mapping[str, Any] = known.json_schema()["properties"] if known else {}
    return found


def _sentence(message: str) -> str:
    """``'url': is not a URL`` becomes ``Is not a URL``: its label stands beside it."""
    bare = _LABEL.sub("", message, count=1) if re.match(r"^'[^']*': ", message) else message
    return f"{bare[:1].upper()}{bare[1:]}"
