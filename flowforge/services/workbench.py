"""What the builder works on: a zap's draft with everything that its page shows of it.

Promise: an edit is one gesture on the newest draft, refused when somebody else was quicker.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.errors import Conflict, Invalid
from flowforge.services import (
    cards,
    editing,
    events,
    form_fields,
    insertion,
    kind_forms,
    samples,
    snapshots,
    trigger_forms,
    trigger_samples,
    undoing,
    versions,
    zaps,
)
from flowforge.services.access import Actor
from flowforge.services.cards import Line, ProblemLine, Target
from flowforge.services.editing import Draft
from flowforge.services.event_filters import EventFilter
from flowforge.services.insertion import DataGroup
from flowforge.services.snapshots import Offered
from flowforge.services.trigger_samples import EventLine
from flowforge.services.zaps import ZapView

Gesture = Callable[[Draft], Draft]


@dataclass(frozen=True)
class Bench:
    """A zap as its builder shows it."""

    zap: ZapView
    lines: list[Line]
    problems: list[ProblemLine]
    offered: Offered


@dataclass(frozen=True)
class Received:
    """The newest request that a zap's trigger received; ``id`` is empty for none."""

    id: str = ""
    method: str = ""
    verdict: str = ""
    reason: str = ""
    received_at: str = ""
    body: Any = None
    run_id: str = ""


class Requests(NamedTuple):
    """The last events, and the data by hand that stands for them, if somebody wrote any."""

    lines: list[EventLine]
    is_by_hand: bool
    data: Any


async def look(session: AsyncSession, actor: Actor, zap_id: str) -> Bench:
    return await bench(session, actor, await zaps.get(session, actor, zap_id))


async def edit(
    session: AsyncSession, actor: Actor, zap_id: str, revision: int, gesture: Gesture
) -> Bench:
    """The zap after ``gesture``; one that changes nothing saves nothing.

    Raises: Conflict ``stale_revision`` if the draft is not the one of ``revision`` any more.
    """
    zap = await zaps.get(session, actor, zap_id)
    if zap.draft_revision != revision:
        raise Conflict(
            "This zap was changed somewhere else in the meantime. Reload it to see the change.",
            code="stale_revision",
        )
    draft = gesture(zap.definition)
    if draft == zap.definition:
        return await bench(session, actor, zap)
    # A field saves itself while somebody is typing in it.
    saved = await zaps.save_draft(
        session, actor, zap_id, revision=revision, definition=draft, joins=True
    )
    return await bench(session, actor, saved)


async def undo(session: AsyncSession, actor: Actor, zap_id: str, revision: int) -> Bench:
    """Raises: Conflict, as ``undoing.undo`` does."""
    return await bench(session, actor, await undoing.undo(session, actor, zap_id, revision))


async def redo(session: AsyncSession, actor: Actor, zap_id: str, revision: int) -> Bench:
    """Raises: Conflict, as ``undoing.redo`` does."""
    return await bench(session, actor, await undoing.redo(session, actor, zap_id, revision))


async def bench(session: AsyncSession, actor: Actor, zap: ZapView) -> Bench:
    problems = await versions.problems(session, actor, zap.definition)
    found = cards.problem_lines(zap.definition, problems)
    offered = await snapshots.offered(session, zap.id)
    return Bench(zap, cards.lines(zap.definition, found), found, offered)


async def data(session: AsyncSession, actor: Actor, zap: ZapView, card: str) -> list[DataGroup]:
    """What ``card`` may insert, with real values where there are any."""
    if card == cards.TRIGGER:
        return []
    found = await samples.samples(session, actor, zap.id)
    return insertion.groups(zap.definition, found, card)


async def targets(session: AsyncSession, actor: Actor, zap_id: str, card: str) -> list[Target]:
    """The lists that the step may be moved to. Raises: NotFound."""
    zap = await zaps.get(session, actor, zap_id)
    return cards.targets(zap.definition, card)


async def received(session: AsyncSession, actor: Actor, zap_id: str) -> Received:
    page = await events.list_events(session, actor, EventFilter(zap_id=zap_id), limit=1)
    if not page.data:
        return Received()
    event = await events.get_event(session, actor, page.data[0].id)
    return Received(
        id=event.id,
        method=event.method,
        verdict=event.verdict,
        reason=event.reason or "",
        received_at=_iso(event.received_at),
        body=event.body,
        run_id=event.run_ids[0] if event.run_ids else "",
    )


async def requests(session: AsyncSession, actor: Actor, zap_id: str) -> Requests:
    """What may stand for the trigger."""
    found = await trigger_samples.last_events(session, actor, zap_id)
    is_by_hand, data = await trigger_samples.by_hand(session, actor, zap_id)
    return Requests(found, is_by_hand, data)


def filling(card: str, field: str, text: str) -> Gesture:
    """What stands in a control now becomes the step's input."""

    def gesture(draft: Draft) -> Draft:
        if card == cards.TRIGGER:
            asked = trigger_forms.control(trigger_forms.trigger_of(draft), field)
            return trigger_forms.filled(draft, field, form_fields.meant(asked, text))
        step = editing.step_of(draft, card)
        if step["kind"] in kind_forms.FORMS:
            control = kind_forms.control(step["kind"], field)
            return kind_forms.filled(draft, card, field, form_fields.meant(control, text))
        action = str(step.get("action", ""))
        value = form_fields.read(action, field, text)
        formerly = form_fields.former_names(action, field)
        return editing.set_input(draft, card, field, value, formerly=formerly)

    return gesture


def setting(card: str, field: str, value: Any) -> Gesture:
    """An input as it is, or none (``None``): of a secret, whose control shows nothing."""

    def gesture(draft: Draft) -> Draft:
        if card == cards.TRIGGER:
            return trigger_forms.filled(draft, field, value)
        return editing.set_input(draft, card, field, value)

    return gesture


def filling_pair(card: str, field: str, place: int, part: str, text: str) -> Gesture:
    """One name or value of an input that is a list of both."""

    def gesture(draft: Draft) -> Draft:
        after = form_fields.with_pair(_input(draft, card, field), place, part, text)
        return _with_input(draft, card, field, after or None)

    return gesture


def dropping_pair(card: str, field: str, place: int) -> Gesture:
    def gesture(draft: Draft) -> Draft:
        after = form_fields.without_pair(_input(draft, card, field), place)
        return _with_input(draft, card, field, after or None)

    return gesture


def gesture_of_option(card: str, option: str, text: str) -> Gesture:
    """A setting of a step from what a control says of it.

    Raises: Invalid for what the setting cannot be, in words for a person.
    """
    value: str | int | float | bool = text.strip()
    match option:
        case "name":
            value = text.strip()[:200]
        case "skip":
            value = text == "true"
        case "on_error":
            value = "continue" if text == "continue" else "stop"
        case "attempts":
            value = _within(text, 1, 20, "Between 1 and 20 attempts.")
        case "timeout_seconds":
            value = _within(text, 1, 600, "Between 1 and 600 seconds.")
    return lambda draft: editing.set_option(draft, card, option, value)


def _input(draft: Draft, card: str, field: str) -> Any:
    if card == cards.TRIGGER:
        return trigger_forms.values(trigger_forms.trigger_of(draft)).get(field)
    step = editing.step_of(draft, card)
    return (step if step["kind"] in kind_forms.FORMS else step.get("inputs") or {}).get(field)


def _with_input(draft: Draft, card: str, field: str, value: Any) -> Draft:
    if card == cards.TRIGGER:
        return trigger_forms.filled(draft, field, value)
    if editing.step_of(draft, card)["kind"] in kind_forms.FORMS:
        return kind_forms.filled(draft, card, field, value)
    return editing.set_input(draft, card, field, value)


def _within(text: str, least: int, most: int, sentence: str) -> int:
    number = int(text) if text.strip().isdecimal() else 0
    if not least <= number <= most:
        raise Invalid(sentence)
    return number


def _iso(moment: dt.datetime) -> str:
    return moment.isoformat()
