"""The data picker: what a step may insert, as lines with real values and the expression for each.

Pure. Before anything was received or run, the outputs' schemas stand in for real values.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.infra import documents
from flowforge.services import cards, drafts, editing

MOST_LINES = 150
DEEPEST = 6
LONGEST_VALUE = 80

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class DataLine:
    """``expression`` is what a click inserts; ``value`` a short look at the real value."""

    expression: str
    label: str
    depth: int
    value: str
    is_branch: bool


@dataclass(frozen=True)
class DataGroup:
    """The lines of one source. ``note`` says why there are none, or that they are no samples."""

    title: str
    icon: str
    note: str
    is_open: bool
    lines: list[DataLine]


def groups(definition: Mapping[str, Any], samples: Mapping[str, Any], card: str) -> list[DataGroup]:
    """What the step ``card`` may use: the trigger, the items of the loops around it, the steps
    before it.
    """
    if card == cards.TRIGGER:
        return []
    found = _trigger_groups(definition, samples.get("trigger"))
    seen, loops = _sight(editing.steps_of(definition), card) or ([], [])
    items = samples.get("items") or {}
    if loops:
        # Inside several loops the plain names are those of the innermost.
        found.append(_item_group(loops[-1], items))
    outputs = samples.get("steps") or {}
    numbers = {step["id"]: at for at, step in enumerate(editing.steps_of(definition), start=2)}
    found += [_step_group(step, numbers, outputs) for step in seen if _has_output(step)]
    return found


def _sight(steps: list[editing.Step], card: str) -> tuple[list[editing.Step], ...] | None:
    """What ``card`` sees of ``steps``, and the loops around it; None where it is not in them."""
    seen: list[editing.Step] = []
    for step in steps:
        if step["id"] == card:
            return seen, []
        for body in drafts.bodies(step):
            inside = _sight(body.steps, card)
            if inside is not None:
                around = [step] if step["kind"] == "loop" else []
                return seen + inside[0], around + inside[1]
        seen.append(step)
        seen += _seen_after(step)
    return None


def _seen_after(step: editing.Step) -> list[editing.Step]:
    """The steps inside ``step`` that those after it see; rounds of a loop keep theirs."""
    if step["kind"] == "loop":
        return []
    found: list[editing.Step] = []
    for body in drafts.bodies(step):
        for inner in body.steps:
            found += [inner, *_seen_after(inner)]
    return found


def lines(path: str, value: Any) -> list[DataLine]:
    """``value`` at ``path`` and everything inside it, as far as a person would read."""
    found = []
    for line in _walk(path, path.rpartition(".")[2], value, 0):
        found.append(line)
        if len(found) >= MOST_LINES:
            break
    return found


def look(value: Any) -> str:
    """``value`` on one short line."""
    match value:
        case Mapping():
            return f"{len(value)} field{'' if len(value) == 1 else 's'}"
        case list():
            return f"{len(value)} item{'' if len(value) == 1 else 's'}"
        case str():
            text = " ".join(value[: LONGEST_VALUE * 4].split())
        case _:
            text = documents.dump(value)
    return inert(text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…")


def inert(text: str) -> str:
    """``text`` with what is unseen spelled out: direction marks would turn the words around."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def _trigger_groups(definition: Mapping[str, Any], sample: Any) -> list[DataGroup]:
    card = cards.cards(definition, [])[0]
    if not isinstance(sample, Mapping):
        note = "Nothing received yet. Send a request to the webhook URL to see real values."
        whole = DataLine("{{ trigger.body }}", "body", 0, "everything that is sent", is_branch=True)
        return [DataGroup(f"1. {card.title}", card.icon, note, is_open=True, lines=[whole])]
    found = [
        DataGroup(
            f"1. {card.title}",
            card.icon,
            "",
            is_open=True,
            lines=lines("trigger.body", sample.get("body")),
        )
    ]
    for name in ("query", "headers"):
        if sample.get(name):
            inside = lines(f"trigger.{name}", sample[name])
            found.append(DataGroup(name.capitalize(), "", "", is_open=False, lines=inside))
    return found


def _item_group(loop: Mapping[str, Any], items: Mapping[str, Any]) -> DataGroup:
    index = DataLine("{{ index }}", "index", 0, "the number of the round, from 1", is_branch=False)
    title = f"Round of {drafts.step_name(loop)}"
    if loop["id"] in items:
        inside = [*lines("item", items[loop["id"]]), index]
        return DataGroup(title, cards.icon_of(loop), "", is_open=True, lines=inside)
    item = DataLine("{{ item }}", "item", 0, "the item of the round", is_branch=True)
    note = "Real values appear after the first run, or after a test of the loop."
    return DataGroup(title, cards.icon_of(loop), note, is_open=True, lines=[item, index])


# What the output of a kind of its own has, before there is a real one.
_PROMISED: Mapping[str, tuple[str, ...]] = {
    "code": (),
    "loop": ("count", "succeeded", "failed", "iterations"),
    "approval": ("approved", "timed_out", "signals"),
    "zap": ("run_id", "status", "output"),
}


def _has_output(step: Mapping[str, Any]) -> bool:
    return step["kind"] == "action" or step["kind"] in _PROMISED


def _step_group(
    step: Mapping[str, Any], numbers: Mapping[str, int], outputs: Mapping[str, Any]
) -> DataGroup:
    name = drafts.step_name(step) or "Empty step"
    title = f"{numbers[step['id']]}. {name}" if step["id"] in numbers else name
    path = f"steps.{step['id']}"
    if step["id"] in outputs:
        inside = lines(path, outputs[step["id"]])
        return DataGroup(title, cards.icon_of(step), "", is_open=True, lines=inside)
    note = "Real values appear after the first run."
    return DataGroup(title, cards.icon_of(step), note, is_open=True, lines=_promised(step, path))


def _promised(step: Mapping[str, Any], path: str) -> list[DataLine]:
    known = REGISTRY.get(drafts.action_key(step)) if step["kind"] == "action" else None
    titles = {
        name: control.get("title", name)
        for name, control in (known.output_schema().get("properties", {}) if known else {}).items()
    } or {name: name for name in _PROMISED.get(step["kind"], ())}
    found = [
        DataLine(f"{{{{ {path}.{name} }}}}", name, 0, title, is_branch=False)
        for name, title in titles.items()
    ]
    if step["kind"] == "code":
        found = [DataLine(f"{{{{ {path} }}}}", step["id"], 0, "the result", is_branch=True)]
    return found


def _walk(path: str, label: str, value: Any, depth: int) -> Iterator[DataLine]:
    is_branch = isinstance(value, Mapping | list)
    yield DataLine(f"{{{{ {path} }}}}", label, depth, look(value), is_branch)
    if not is_branch or depth >= DEEPEST:
        return
    for key, inside in _items(value):
        step = _step(key)
        if step is not None:
            label = f"[{key}]" if isinstance(key, int) else inert(key)
            yield from _walk(f"{path}{step}", label, inside, depth + 1)


def _items(value: Mapping[str, Any] | Sequence[Any]) -> Iterator[tuple[str | int, Any]]:
    # Of a list the first item shows what all look like.
    yield from value.items() if isinstance(value, Mapping) else enumerate(value[:1])


def _step(key: str | int) -> str | None:
    """How an expression names ``key``; None where no expression can."""
    if isinstance(key, int):
        return f"[{key}]"
    if _PLAIN.fullmatch(key):
        return f".{key}"
    if "}}" in key or "%}" in key or "\n" in key or "\\" in key:
        return None
    for quote in ('"', "'"):
        if quote not in key:
            return f"[{quote}{key}{quote}]"
    return None
