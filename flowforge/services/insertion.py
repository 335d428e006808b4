"""The data picker: what a step may insert, as lines with real values and the expression for each.

Pure. Before anything was received or run, the outputs' schemas stand in for real values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.services import cards, drafts, editing, loop_items
from flowforge.services.sample_trees import MOST_LINES, DataLine, lines

# Of all sources together; each has some, however many there are.
MOST_OF_ALL = 3_000
_LEAST = 40


@dataclass(frozen=True)
class DataGroup:
    """The lines of one source. ``note`` says why there are none, or that they are no samples;
    ``untested``: the step whose test would give real values.
    """

    title: str
    icon: str
    note: str
    is_open: bool
    lines: list[DataLine]
    untested: str = ""


def groups(definition: Mapping[str, Any], samples: Mapping[str, Any], card: str) -> list[DataGroup]:
    """What the step ``card`` may use: the trigger, the items of the loops around it, the steps
    before it.
    """
    if card == cards.TRIGGER:
        return []
    seen, loops = sight(definition, card)
    seen = [step for step in seen if _has_output(step)]
    room = max(_LEAST, min(MOST_LINES, MOST_OF_ALL // (len(seen) + len(loops) + 3)))
    found = _trigger_groups(definition, samples.get("trigger"), room)
    values = {"trigger": samples.get("trigger"), "steps": samples.get("steps") or {}}
    items = loop_items.items(loops, values, samples.get("items") or {})
    # Inside several loops the plain names are those of the innermost.
    found += [_item_group(loop, items, room, is_plain=loop is loops[-1]) for loop in loops[::-1]]
    outputs = samples.get("steps") or {}
    numbers = {step["id"]: at for at, step in enumerate(editing.steps_of(definition), start=2)}
    found += [_step_group(step, numbers, outputs, room) for step in seen]
    return [*found, _run_group()]


def sight(
    definition: Mapping[str, Any], card: str
) -> tuple[list[editing.Step], list[editing.Step]]:
    """The steps that the step ``card`` sees, and the loops around it, outermost first."""
    return _sight(editing.steps_of(definition), card) or ([], [])


def _sight(
    steps: list[editing.Step], card: str
) -> tuple[list[editing.Step], list[editing.Step]] | None:
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


def _trigger_groups(definition: Mapping[str, Any], sample: Any, room: int) -> list[DataGroup]:
    card = cards.cards(definition, [])[0]
    if not isinstance(sample, Mapping):
        note = "Nothing received yet. Send a request to the webhook URL to see real values."
        whole = DataLine("{{ trigger.body }}", "body", 0, "everything that is sent", "object")
        return [DataGroup(f"1. {card.title}", card.icon, note, is_open=True, lines=[whole])]
    found = [
        DataGroup(
            f"1. {card.title}",
            card.icon,
            "",
            is_open=True,
            lines=lines("trigger.body", sample.get("body"), room),
        )
    ]
    for name in ("query", "headers"):
        if sample.get(name):
            inside = lines(f"trigger.{name}", sample[name], room)
            found.append(DataGroup(name.capitalize(), "", "", is_open=False, lines=inside))
    return found


def _item_group(
    loop: Mapping[str, Any], items: Mapping[str, Any], room: int, *, is_plain: bool
) -> DataGroup:
    root = "" if is_plain else f"steps.{loop['id']}."
    index = DataLine(
        f"{{{{ {root}index }}}}", "index", 0, "the number of the round, from 1", "number"
    )
    title = f"Round of {drafts.step_name(loop)}"
    if loop["id"] in items:
        inside = [*lines(f"{root}item", items[loop["id"]], room), index]
        return DataGroup(title, cards.icon_of(loop), "", is_open=is_plain, lines=inside)
    item = DataLine(f"{{{{ {root}item }}}}", "item", 0, "the item of the round", "object")
    note = "Real values appear after the first run, or after a test of the loop."
    inside = [item, index]
    return DataGroup(title, cards.icon_of(loop), note, is_open=True, lines=inside)


_OF_RUN = (
    ("id", "the run's id", "text"),
    ("zap_id", "the zap's id", "text"),
    ("version", "the version that runs", "number"),
    ("started_at", "when it began", "text"),
)


def _run_group() -> DataGroup:
    inside = [
        DataLine(f"{{{{ run.{name} }}}}", name, 0, told, kind) for name, told, kind in _OF_RUN
    ]
    return DataGroup("The run itself", "", "", is_open=False, lines=inside)


# What the output of a kind of its own has, before there is a real one.
_PROMISED: Mapping[str, tuple[str, ...]] = {
    "code": (),
    "loop": ("count", "succeeded", "failed", "iterations"),
    "approval": ("approved", "timed_out", "signals"),
    "zap": ("run_id", "status", "output"),
}


def _has_output(step: Mapping[str, Any]) -> bool:
    return step["kind"] == "action" or step["kind"] in _PROMISED


# A test of these gives what a run would; the others only say what they wait for.
_TESTABLE = frozenset({"action", "code", "loop"})


def _step_group(
    step: Mapping[str, Any], numbers: Mapping[str, int], outputs: Mapping[str, Any], room: int
) -> DataGroup:
    name = drafts.step_name(step) or "Empty step"
    title = f"{numbers[step['id']]}. {name}" if step["id"] in numbers else name
    path = f"steps.{step['id']}"
    if step["id"] in outputs:
        inside = lines(path, outputs[step["id"]], room)
        return DataGroup(title, cards.icon_of(step), "", is_open=True, lines=inside)
    is_testable = step["kind"] in _TESTABLE and drafts.action_key(step) != ""
    return DataGroup(
        title,
        cards.icon_of(step),
        "Not tested yet: no real values." if is_testable else "Real values appear after a run.",
        is_open=True,
        lines=_promised(step, path),
        untested=step["id"] if is_testable else "",
    )


def _promised(step: Mapping[str, Any], path: str) -> list[DataLine]:
    """What the output will have, as far as that is known before there is one."""
    if step["kind"] == "code":
        return [DataLine(f"{{{{ {path} }}}}", step["id"], 0, "the result", "object")]
    known = REGISTRY.get(drafts.action_key(step)) if step["kind"] == "action" else None
    schema = known.output_schema().get("properties", {}) if known else {}
    told = {name: control.get("title", name) for name, control in schema.items()}
    told = told or {name: name for name in _PROMISED.get(step["kind"], ())}
    kinds = {name: _KINDS.get(control.get("type", ""), "") for name, control in schema.items()}
    return [
        DataLine(f"{{{{ {path}.{name} }}}}", name, 0, title, kinds.get(name, ""))
        for name, title in told.items()
    ]


_KINDS = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}
