"""What texts with expressions come to, with the samples that there are: shown while they are typed.

Promises: rendered by the engine, within its limits; secrets are taken out of the samples before;
nothing that is returned is long. What is wrong is said in words that name the place.
"""

import asyncio
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from liquid.exceptions import LiquidError
from liquid.token import TOKEN_OUTPUT
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.engine import expressions
from flowforge.engine.dialect import DIALECT, tokenize
from flowforge.engine.expressions import ExpressionError
from flowforge.infra import documents
from flowforge.models import Zap
from flowforge.services import (
    drafts,
    form_reading,
    form_shapes,
    insertion,
    loop_items,
    references,
    samples,
    trigger_samples,
)
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.references import Path, Surroundings
from flowforge.services.sample_trees import inert, kind_of, look

MOST_TEXTS = 60
LONGEST_SHOWN = 2_000
MOST_NOTES = 5
_WHOLE = re.compile(r"\{\{[^{}]*\}\}")
_HAS_DEFAULT = re.compile(r"\|\s*default\b")

# How the filters that people look for are written; the others are offered by their name alone.
USAGE: Mapping[str, str] = {
    "append": 'append: "!"',
    "at_least": "at_least: 0",
    "at_most": "at_most: 100",
    "date": 'date: "%d %B %Y"',
    "default": 'default: ""',
    "divided_by": "divided_by: 2",
    "join": 'join: ", "',
    "map": 'map: "name"',
    "minus": "minus: 1",
    "modulo": "modulo: 2",
    "plus": "plus: 1",
    "prepend": 'prepend: "#"',
    "remove": 'remove: " "',
    "replace": 'replace: "a", "b"',
    "round": "round: 2",
    "slice": "slice: 0, 10",
    "split": 'split: ","',
    "times": "times: 2",
    "truncate": "truncate: 80",
    "truncatewords": "truncatewords: 12",
    "where": 'where: "kind", "new"',
}


@dataclass(frozen=True)
class Asked:
    """A text to look at. ``key`` names its field; ``widget``: what kind of control it stands in."""

    key: str
    text: str
    widget: str = "text"


@dataclass(frozen=True)
class Chip:
    """One ``{{ … }}``: what it names in a person's words, and its value now. ``state``: ok, missing,
    untested or wrong.
    """

    source: str
    label: str
    value: str
    kind: str
    state: str


@dataclass(frozen=True)
class Look:
    """What a text comes to: ``value`` of ``kind``. ``error``: why it cannot be rendered; ``notes``:
    what is missing in the samples.
    """

    key: str
    value: str = ""
    kind: str = ""
    is_cut: bool = False
    error: str = ""
    notes: list[str] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)


def filters() -> list[str]:
    """All filters, each as it is written."""
    return [USAGE.get(name, name) for name in sorted(DIALECT.filters)]


async def looks(
    session: AsyncSession, actor: Actor, zap_id: str, card: str, asked: Sequence[Asked]
) -> list[Look]:
    """What the texts in the fields of ``card`` come to; those without expressions are left out."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    texts = [one for one in asked[:MOST_TEXTS] if expressions.is_template(one.text)]
    if not texts:
        return []
    around = await _surroundings(
        session, zap, card, {path for one in texts for path in _reads(one.text)}
    )
    # The engine's limits leave room for a second of work.
    return await asyncio.to_thread(lambda: [looked_at(one, around) for one in texts])


def looked_at(asked: Asked, around: Surroundings) -> Look:
    """What one text comes to. Pure."""
    try:
        # Without the names that the text sets itself.
        free = {path[0] for path in expressions.references(asked.text)}
    except ExpressionError as problem:
        return Look(asked.key, error=problem.message, chips=_chips(asked.text, around))
    chips = _chips(asked.text, around, free)
    wrong = next((chip.value for chip in chips if chip.state == "wrong"), "")
    said = [chip.value for chip in chips if chip.state in ("missing", "untested")]
    notes = list(dict.fromkeys([*said, *_cuts(asked.text, around)]))[:MOST_NOTES]
    if wrong:
        return Look(asked.key, error=wrong, notes=notes, chips=chips)
    try:
        meant = form_reading.meant({"widget": asked.widget}, asked.text)
        value = expressions.render(meant, around.values)
    except ExpressionError as problem:
        return Look(asked.key, error=problem.message, notes=notes, chips=chips)
    text = value if isinstance(value, str) else documents.dump(value)
    shown = "\n".join(map(inert, text[:LONGEST_SHOWN].split("\n")))
    is_cut = len(text) > LONGEST_SHOWN
    return Look(asked.key, shown, kind_of(value), is_cut=is_cut, notes=notes, chips=chips)


def widget_of(fields: Iterable[form_shapes.Field], key: str) -> str:
    """The kind of control that ``key``, the id of an input, belongs to."""
    return next((one.widget for one in fields if f"in-{one.name}" == key), "text")


# ---- one text ------------------------------------------------------------------------------------


def _outputs(text: str) -> Iterator[str]:
    """The ``{{ … }}`` of a text, each once, as far as it can be read."""
    try:
        found = [token.value for token in tokenize(text) if token.kind == TOKEN_OUTPUT]
    except LiquidError:
        found = _WHOLE.findall(text)
    yield from dict.fromkeys(found)


def _paths(source: str) -> list[Path]:
    """What one ``{{ … }}`` reads, in the order in which it is written."""
    try:
        found = expressions.references(source)
    except ExpressionError:
        return []
    return sorted(found, key=lambda path: (source.find(".".join(path[:2])), path))


def _chips(text: str, around: Surroundings, free: Iterable[str] | None = None) -> list[Chip]:
    """Those of ``text`` that read something. What tags look at may be missing: they ask for that."""
    found = []
    for source in _outputs(text):
        paths = [path for path in _paths(source) if free is None or path[0] in free]
        if paths:
            found.append(_chip(source, paths, around))
    return found


def _chip(source: str, paths: Sequence[Path], around: Surroundings) -> Chip:
    label = references.label(paths[0], around)
    for path in paths:
        fault = references.fault(path, around)
        if fault is None or (fault.state == "missing" and _HAS_DEFAULT.search(source)):
            continue
        return Chip(source, label, fault.sentence, "", fault.state)
    try:
        value = expressions.render(source, around.values)
    except ExpressionError as problem:
        return Chip(source, label, problem.message, "", "wrong")
    return Chip(source, label, look(value), kind_of(value), "ok")


def _cuts(text: str, around: Surroundings) -> Iterator[str]:
    """Which values are not the whole ones here, though a run has them."""
    named = {path[1] for path in _reads(text) if path[0] == "steps" and len(path) > 1}
    for step in sorted(named & around.cut):
        name = inert(around.names[step])
        yield f"“{name}” gave much: its lists are cut to {samples.LONGEST_LIST} here, not in a run."


# ---- samples -------------------------------------------------------------------------------------


def _reads(text: str) -> set[tuple[str, ...]]:
    try:
        return expressions.references(text)
    except ExpressionError:
        return {tuple(path) for source in _outputs(text) for path in _paths(source)}


async def _surroundings(
    session: AsyncSession, zap: Zap, card: str, paths: Collection[tuple[str, ...]]
) -> Surroundings:
    """What the card sees, with the samples of what ``paths`` read and no others."""
    before, loops = insertion.sight(zap.draft, card)
    around = [step["id"] for step in loops]
    seen = frozenset([*(step["id"] for step in before), *around])
    # The items of loops may have to be worked out.
    read = set(paths).union(*(_reads(str(loop.get("over", ""))) for loop in loops))
    named = {path[1] for path in read if path[0] == "steps" and len(path) > 1}
    found = await samples.looked_at(session, zap, seen & named, around)
    steps = dict(found.steps)
    values: dict[str, Any] = {"steps": steps, "run": _run(zap)}
    if any(path[0] == "trigger" for path in read):
        received = await trigger_samples.shown(session, zap)
        values |= {} if received is None else {"trigger": received}
    for loop, item in loop_items.items(loops, values, found.items).items():
        steps[loop] = {**steps.get(loop, {}), "index": 1, "item": item}
    if loops:
        innermost = steps.get(around[-1], {})
        values |= {"index": 1, **{name: innermost[name] for name in ("item",) if name in innermost}}
    names = {step["id"]: drafts.step_name(step) for step in drafts.all_steps(zap.draft)}
    return Surroundings(names, seen, values, bool(loops), found.cut)


def _run(zap: Zap) -> dict[str, Any]:
    """Of a run that is still to come."""
    return {"id": "…", "zap_id": zap.id, "version": zap.live_version or 1, "started_at": "…"}
