"""A draft as the builder draws it: one card per step, and the problems by card and field.

Pure: everything is derived from the definition and the registry; nothing secret is in a card.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flowforge.actions import APPS, REGISTRY
from flowforge.infra.redaction import is_secret_name
from flowforge.services import drafts, editing

TRIGGER = "trigger"
ZAP = ""
FILTER_NAME, STOP_NAME = "Filter", "Stop"
LONGEST_TELL = 90
# The trigger is card 1.
_FIRST_STEP = 2

_PATH = re.compile(r"steps\.(?P<step>[a-z0-9_]+)(?:\.inputs)?\.?(?P<field>.*)")
_FIRST_PART = re.compile(r"[^.\[]+")
_MISSING = re.compile(r"missing '[^']*' field in metadata")
_LABEL = re.compile(r"^'[^']*':? ")


@dataclass(frozen=True)
class Card:
    """One card of the column. ``tells``: the input that says most; ``problems``: how many."""

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


@dataclass(frozen=True)
class ProblemLine:
    """Something to mend: ``card`` to open, ``field`` of its form, in words for a person.

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
    steps = {step["id"]: step for step in editing.steps_of(definition)}
    lines = [_line(steps, each.get("path", ""), each.get("message", "")) for each in details]
    return list(dict.fromkeys(lines))


def choices(query: str = "") -> list[Choice]:
    """What a step may do, best first, where every word of ``query`` is in its name or summary."""
    found = [
        Choice(one.key, one.name, one.summary, one.icon, one.app.name) for one in REGISTRY.values()
    ]
    found += [
        Choice("filter", FILTER_NAME, "Go on only if the data fits.", "", "Flow"),
        Choice("stop", STOP_NAME, "End the run here, as succeeded.", "", "Flow"),
    ]
    words = query.lower().split()
    return [
        one
        for one in found
        if all(word in f"{one.name} {one.summary} {one.app} {one.key}".lower() for word in words)
    ]


def trigger_choices() -> list[Choice]:
    return [
        Choice(one.key, one.name, one.summary, one.icon, app.name)
        for app in APPS
        for one in app.triggers
    ]


def action_name(step: Mapping[str, Any]) -> str:
    """What the step does, in words; empty while nothing is chosen."""
    match step["kind"]:
        case "filter":
            return FILTER_NAME
        case "stop":
            return STOP_NAME
    key = str(step.get("action", ""))
    known = REGISTRY.get(key)
    return known.name if known else key


def icon_of(step: Mapping[str, Any]) -> str:
    """Path of the picture; empty for kinds that the page draws itself."""
    known = REGISTRY.get(drafts.action_key(step))
    return known.icon if known else ""


def _trigger_card(definition: Mapping[str, Any], problems: int) -> Card:
    kind = str((definition.get("trigger") or {}).get("kind", ""))
    known = next((one for one in trigger_choices() if one.key == kind), None)
    return Card(
        id=TRIGGER,
        kind=TRIGGER,
        number=1,
        title=known.name if known else kind or "Choose a trigger",
        action=known.name if known else "",
        tells=known.summary if known else "What starts this zap?",
        icon=known.icon if known else "",
        problems=problems,
        is_empty=not kind,
        is_skipped=False,
        is_first=True,
        is_last=True,
    )


def _step_card(step: Mapping[str, Any], number: int, problems: int, *, is_last: bool) -> Card:
    does = action_name(step)
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
    )


def _tells(step: Mapping[str, Any]) -> str:
    """The first input that is filled in and no secret, on one short line."""
    match step["kind"]:
        case "stop":
            return "Ends the run here."
        case "filter":
            count = sum(len(group.get("all") or ()) for group in _groups(step))
            return f"{count} condition{'' if count == 1 else 's'}" if count else "Always goes on."
    known = REGISTRY.get(drafts.action_key(step))
    inputs = step.get("inputs") or {}
    for name, control in _properties(step).items():
        names = (name, *control.get("formerly", ()))
        value = next((inputs[each] for each in names if each in inputs), None)
        secret = known is not None and (name in known.secret_fields or is_secret_name(name))
        if isinstance(value, str) and value.strip() and not secret:
            return _short(value)
    return known.summary if known else ""


def _groups(step: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((step.get("when") or {}).get("any") or ())


def _short(text: str) -> str:
    line = " ".join(text[: LONGEST_TELL * 4].split())
    return line if len(line) <= LONGEST_TELL else f"{line[: LONGEST_TELL - 1]}…"


def _line(steps: Mapping[str, Mapping[str, Any]], path: str, message: str) -> ProblemLine:
    is_gap = bool(_MISSING.fullmatch(message)) or message.startswith(("Choose ", "Add ", "Say "))
    said = "This is required." if _MISSING.fullmatch(message) else _sentence(message)
    found = _PATH.fullmatch(path)
    step = steps.get(found["step"]) if found else None
    if found is None or step is None:
        card = TRIGGER if path.startswith(TRIGGER) else ZAP
        return ProblemLine(card, "", "Trigger" if card else "Zap", said, is_gap)
    title = step.get("name") or action_name(step) or "Empty step"
    field = _field_of(step, found["field"])
    label = _label(step, field)
    where = f"{title} · {label}" if label else str(title)
    return ProblemLine(step["id"], field, where, said, is_gap)


def _field_of(step: Mapping[str, Any], rest: str) -> str:
    """The form's field: of an input its name of today, of a condition its whole path."""
    if step["kind"] == "filter":
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
    known = REGISTRY.get(drafts.action_key(step))
    found: Mapping[str, Any] = known.json_schema()["properties"] if known else {}
    return found


def _sentence(message: str) -> str:
    """``'url': is not a URL`` becomes ``Is not a URL``: its label stands beside it."""
    bare = _LABEL.sub("", message, count=1) if re.match(r"^'[^']*': ", message) else message
    return f"{bare[:1].upper()}{bare[1:]}"
