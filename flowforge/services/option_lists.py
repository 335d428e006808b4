"""Options of a form that are found out while somebody fills it in, and fields that depend on others.

In two parts, because no transaction is open while a service is asked: ``prepare`` reads the draft,
``find`` asks. Promises: only what the actor's project has is offered; whatever a service does, an
answer comes back in time, if only that there is none.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.actions import POLLERS, REGISTRY
from flowforge.actions.choices import MOST_CHOICES
from flowforge.actions.sdk import ActionError, Asked, Choice, Fields, FindContext, Options
from flowforge.engine import expressions
from flowforge.engine.triggers import PollSettings, settings_of
from flowforge.errors import Invalid
from flowforge.infra.runtime import Runtime
from flowforge.services import (
    drafts,
    editing,
    form_controls,
    form_inputs,
    poll_inputs,
    zap_options,
    zaps,
)
from flowforge.services.access import Actor, Permission, require
from flowforge.services.editing import TRIGGER, Draft
from flowforge.services.form_shapes import Found

log = structlog.get_logger()

LONGEST_SECONDS = 10.0
LONGEST_SEARCH = 200
MOST_AT_ONCE = 20
_POLLED = "inputs."

_under_way = asyncio.Semaphore(MOST_AT_ONCE)


@dataclass(frozen=True)
class Prepared:
    """A question that is ready to be asked, or ``answer`` where it needs nobody else."""

    asks: str
    search: str = ""
    finder: Options | Fields | None = None
    inputs: Mapping[str, Any] | None = None
    answer: Found | None = None


async def prepare(  # noqa: PLR0917 - whose, which control, and what is looked for
    session: AsyncSession,
    actor: Actor,
    zap_id: str,
    card: str,
    name: str,
    search: str,
    vault: Any,
) -> Prepared:
    """Raises: NotFound for a zap or step that is not the actor's; Invalid for a control that has
    nothing to be found out.
    """
    require(actor, Permission.EDIT)
    draft = (await zaps.get(session, actor, zap_id)).definition
    schema, values = form_inputs.schema_of(draft, card), form_inputs.values_of(draft, card)
    if "asks" not in schema["properties"].get(name, {}):
        raise Invalid("This field has no options to look for.", code="no_options")
    asks = form_controls.asked_of(schema, name, values)
    search = search.strip()[:LONGEST_SEARCH]
    step = None if card == TRIGGER else editing.step_of(draft, card)
    if step is not None and step["kind"] == "zap":
        answer = await zap_options.find(session, actor, step, name, search, asks, zap_id)
        return Prepared(asks, answer=answer)
    if missing := _missing(schema, name, values):
        return Prepared(asks, answer=Found(asks, "waiting", f"Fill in “{missing}” first."))
    finder, inputs = _finder(draft, card, name, zap_id, vault)
    return Prepared(asks, search, finder, inputs)


async def find(
    runtime: Runtime, prepared: Prepared, most_seconds: float = LONGEST_SECONDS
) -> Found:
    """What there is to choose from, or why nobody knows, after at most ``most_seconds``."""
    if prepared.answer is not None or prepared.finder is None:
        return prepared.answer or Found(prepared.asks, "failed", "There is nothing to choose from.")
    if _under_way.locked():
        return Found(prepared.asks, "failed", "Too many others are asking right now. Try again.")
    context = FindContext(None, runtime.http, prepared.search)
    try:
        async with _under_way, asyncio.timeout(most_seconds):
            found = await prepared.finder.find(context, prepared.inputs or {})
    except ActionError as problem:
        said = str(problem)
    except TimeoutError:
        said = f"No answer came within {most_seconds:g} seconds."
    except Exception as problem:
        log.exception("options could not be found", finder=prepared.finder.find.__name__)
        said = f"Finding the options broke unexpectedly ({type(problem).__name__})."
    else:
        return told(prepared, found)
    return Found(prepared.asks, "failed", said)


def told(prepared: Prepared, found: Sequence[Choice | Asked]) -> Found:
    """What a finder gave, as far as a form can show it."""
    if isinstance(prepared.finder, Fields):
        return Found(prepared.asks, "ready", schema=_schema(found))
    choices = [one for one in found if isinstance(one, Choice)]
    offered = tuple((one.value, one.label or one.value) for one in choices[:MOST_CHOICES])
    has_more = len(choices) > MOST_CHOICES
    return Found(prepared.asks, "ready", options=offered, has_more=has_more)


def _schema(found: Sequence[Choice | Asked]) -> Mapping[str, Any]:
    """The form of fields that were found out."""
    fields = [one for one in found if isinstance(one, Asked)][:MOST_CHOICES]
    properties = {
        one.name: {
            "title": one.title,
            "widget": one.widget,
            "description": one.description,
            "order": order,
            **({"enum": list(one.options)} if one.options else {}),
            **({"type": "number"} if one.widget == "number" else {}),
        }
        for order, one in enumerate(fields)
    }
    return {"properties": properties, "required": [one.name for one in fields if one.required]}


def _missing(schema: Mapping[str, Any], name: str, values: Mapping[str, Any]) -> str:
    """The label of a required input that has to be there first; empty for none."""
    for other in schema["properties"][name]["asks"].get("depends_on", ()):
        value = values.get(other)
        is_open = value in (None, "") or expressions.is_template(value)
        if is_open and other in schema.get("required", ()):
            return str(schema["properties"][other].get("title", other))
    return ""


def _finder(
    draft: Draft, card: str, name: str, zap_id: str, vault: Any
) -> tuple[Options | Fields | None, Mapping[str, Any]]:
    if card == TRIGGER:
        settings = PollSettings.model_validate(settings_of(draft.get("trigger")))
        poller = POLLERS.get(settings.trigger)
        finder = poller.finders.get(name.removeprefix(_POLLED)) if poller else None
        return finder, poll_inputs.opened(settings, zap_id, vault) if poller else {}
    step = editing.step_of(draft, card)
    action = REGISTRY.get(drafts.action_key(step))
    given = step.get("inputs") or {}
    known = {key: each for key, each in given.items() if not expressions.is_template(each)}
    return (action.finders.get(name) if action else None), known
