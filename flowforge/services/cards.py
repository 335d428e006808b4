"""A draft as the builder draws it: a card for each step, the lists that they stand in, and the
problems by card and field.

Pure: everything is derived from the definition and the registry; nothing secret is in a card.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.infra.redaction import is_secret_name
from flowforge.services import drafts, editing_places, trigger_forms, trigger_kinds, trigger_words
from flowforge.services.editing_places import FALLBACK, OUTERMOST, Place, Step
from flowforge.services.step_kinds import KINDS
from flowforge.services.step_words import tells_of_kind

TRIGGER = "trigger"
ZAP = ""
LONGEST_TELL = 90
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
class Card:
    """A step, or the trigger. ``number`` counts those of the outermost list, the trigger being 1; it
    is 0 inside. ``tells``: the input that says most; ``problems``: how many; ``is_first`` and
    ``is_last``: in its list; ``note``: the beginning of what was written for readers.
    """

    id: str = ""
    kind: str = ""
    number: int = 0
    title: str = ""
    action: str = ""
    tells: str = ""
    note: str = ""
    icon: str = ""
    problems: int = 0
    is_empty: bool = False
    is_skipped: bool = False
    is_first: bool = False
    is_last: bool = False


@dataclass(frozen=True)
class Line:
    """One line of the column: a ``card``, the head of a ``branch``, or the ``end`` of a list, where
    a step may be added. ``depth``: how many steps are around it.

    It stands before position ``at`` of the list ``step`` and ``branch`` (as in
    ``editing_places.Place``). Of a branch ``title`` is its name; ``is_fixed``: the fallback, which
    is always there.
    """

    what: str
    depth: int
    step: str
    branch: int
    at: int
    title: str = ""
    is_first: bool = False
    is_last: bool = False
    is_fixed: bool = False
    card: Card = Card()


@dataclass(frozen=True)
class Target:
    """A list that a step may be moved to, in words."""

    step: str
    branch: int
    title: str
    depth: int
    is_here: bool


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


def cards(definition: Mapping[str, Any], found: Iterable[ProblemLine]) -> list[Card]:
    """The trigger and every step, at any depth, in the order in which they stand."""
    return cards_of(lines(definition, found))


def cards_of(column: Iterable[Line]) -> list[Card]:
    return [line.card for line in column if line.what == "card"]


def lines(definition: Mapping[str, Any], found: Iterable[ProblemLine]) -> list[Line]:
    """The whole column, from the trigger to the end of the outermost list."""
    counts = Counter(problem.card for problem in found)
    trigger = _trigger_card(definition, counts[TRIGGER])
    first = Line("card", 0, "", 0, 0, card=trigger)
    steps = editing_places.listed(definition, OUTERMOST)
    return [first, *_lines(steps, OUTERMOST, 0, counts)]


def targets(definition: Mapping[str, Any], step_ids: Collection[str]) -> list[Target]:
    """Every list that the steps may be moved to; ``is_here``: all of them stand in it.

    Raises: NotFound.
    """
    moved = [editing_places.step_of(definition, each) for each in step_ids]
    own = {each for step in moved for each in editing_places.inside(step)}
    lists = {editing_places.where(definition, each)[0] for each in step_ids}
    here = lists.pop() if len(lists) == 1 else None
    found = [Target("", 0, "The zap itself", 0, is_here=here == OUTERMOST)]
    waiting = [(step, 0) for step in reversed(editing_places.listed(definition, OUTERMOST))]
    while waiting:
        step, depth = waiting.pop()
        if step["id"] in own:
            continue
        inner: list[tuple[Step, int]] = []
        for place in editing_places.places_in(step):
            title = f"{drafts.step_name(step)} → {branch_name(step, place.branch)}"
            is_here = place == here
            found.append(Target(place.step, place.branch, title, depth + 1, is_here=is_here))
            inner += [(each, depth + 1) for each in editing_places.steps_at(step, place.branch)]
        waiting += reversed(inner)
    return found


def branch_name(step: Mapping[str, Any], branch: int) -> str:
    """What a person calls that list of steps inside ``step``."""
    if step["kind"] == "loop":
        return "each round"
    if branch == FALLBACK:
        return "Fallback"
    return str(step["branches"][branch].get("name") or f"Branch {branch + 1}")


def problem_lines(
    definition: Mapping[str, Any], details: Iterable[Mapping[str, str]]
) -> list[ProblemLine]:
    """The checks' findings in the builder's words; a card's duplicates are told once."""
    return list(dict.fromkeys(located(definition, details)))


def located(
    definition: Mapping[str, Any], details: Iterable[Mapping[str, str]]
) -> Iterator[ProblemLine]:
    """The card and the field of each path, with its message in the builder's words."""
    steps = {step["id"]: step for step in drafts.all_steps(definition)}
    for each in details:
        path, message = each.get("path", ""), each.get("message", "")
        is_of_trigger = path.startswith(TRIGGER)
        if is_of_trigger:
            yield _trigger_line(definition, path, message)
        else:
            yield _line(steps, path, message)


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


def _lines(
    steps: Sequence[Step], place: Place, depth: int, counts: Mapping[str, int]
) -> Iterator[Line]:
    """The lines of one list and of all that is inside its steps."""
    for at, step in enumerate(steps):
        card = replace(
            _step_card(step, counts.get(step["id"], 0)),
            number=0 if depth else at + _FIRST_STEP,
            is_first=at == 0,
            is_last=at == len(steps) - 1,
        )
        yield Line("card", depth, place.step, place.branch, at, card=card)
        branches = len(step.get("branches") or ())
        for inner in editing_places.places_in(step):
            if step["kind"] != "loop":
                yield Line(
                    "branch",
                    depth + 1,
                    inner.step,
                    inner.branch,
                    0,
                    title=branch_name(step, inner.branch),
                    is_first=inner.branch == 0,
                    is_last=inner.branch == branches - 1,
                    is_fixed=inner.branch == FALLBACK,
                )
            inside = editing_places.steps_at(step, inner.branch)
            yield from _lines(inside, inner, depth + 1, counts)
    yield Line("end", depth, place.step, place.branch, len(steps))


def _step_card(step: Step, problems: int) -> Card:
    does = drafts.does(step)
    return Card(
        id=step["id"],
        kind=step["kind"],
        title=step.get("name") or does or "Choose an action",
        action=does,
        tells=_tells(step),
        note=_short(str(step.get("note") or "")),
        icon=icon_of(step),
        problems=problems,
        is_empty=step["kind"] == "action" and not step.get("action"),
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


def _line(steps: Mapping[str, Mapping[str, Any]], path: str, message: str) -> ProblemLine:
    said, is_gap = _said(message)
    found = _PATH.fullmatch(path)
    step = steps.get(found["step"]) if found else None
    if found is None or step is None:
        return ProblemLine(ZAP, "", "Zap", said, is_gap)
    title = drafts.step_name(step) or "Empty step"
    name = _field_of(step, found["field"])
    label = _label(step, name)
    where = f"{title} · {label}" if label else title
    return ProblemLine(step["id"], name, where, said, is_gap)


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
