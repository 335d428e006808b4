"""The gallery: zaps that run as they are, without an account anywhere, to begin with.

Promises: a template is a file of ``flowforge/templates/``, in the format of exports with a few words
around it; every one is tried by the tests; mail of a new zap goes to whoever made it, nobody else.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.actions import REGISTRY
from flowforge.errors import NotFound
from flowforge.models import User
from flowforge.services import (
    drafts,
    step_words,
    transfer,
    trigger_kinds,
    trigger_samples,
    trigger_words,
)
from flowforge.services.access import Actor, Permission, require
from flowforge.services.zap_views import ZapView

FOLDER = Path(__file__).parents[1] / "templates"
# The address that mails of a template go to, until it is somebody's zap.
YOU = "you@example.com"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TemplateStep(_Data):
    """``key``: its action or kind; ``icon``: path of its picture, empty for kinds. ``depth``: how
    many steps it stands in.
    """

    key: str
    name: str
    does: str
    tells: str
    icon: str
    depth: int


class TemplateTrigger(_Data):
    kind: str
    name: str
    tells: str
    icon: str


class TemplateView(_Data):
    """``sample``: a ``trigger.body`` by which it runs. ``zap``: the file to import."""

    key: str
    category: str
    name: str
    summary: str
    trigger: TemplateTrigger
    steps: tuple[TemplateStep, ...]
    sample: Any
    zap: dict[str, Any]


def list_templates(actor: Actor, *, q: str = "", category: str = "") -> list[TemplateView]:
    """In the order of their categories. ``q``: words that all stand somewhere in what is said of a
    template and its steps; ``category``: in full. Case makes no difference.
    """
    require(actor, Permission.READ)
    words = q.casefold().split()
    wanted = category.strip().casefold()
    return [
        one
        for one in _all().values()
        if (not wanted or one.category.casefold() == wanted)
        and all(word in _text(one) for word in words)
    ]


def categories() -> list[str]:
    """Each once, in the order of the list."""
    return list(dict.fromkeys(one.category for one in _all().values()))


def get(actor: Actor, key: str) -> TemplateView:
    """Raises: NotFound."""
    require(actor, Permission.READ)
    found = _all().get(key)
    if found is None:
        raise NotFound("Template not found")
    return found


async def use(session: AsyncSession, actor: Actor, key: str) -> ZapView:
    """A new zap made of the template, switched off; its sample stands for the trigger.

    Raises: NotFound.
    """
    template = get(actor, key)
    mine = await session.scalar(select(col(User.email)).where(col(User.id) == actor.user_id))
    definition = drafts.map_steps(
        template.zap["definition"], lambda step: _addressed(step, mine or YOU)
    )
    zap = await transfer.import_zap(
        session,
        actor,
        name=template.name,
        definition=definition,
        schema_version=template.zap["schema_version"],
    )
    if template.sample:
        await trigger_samples.write(session, actor, zap.id, template.sample)
    return zap


def _addressed(step: Mapping[str, Any], address: str) -> dict[str, Any]:
    inputs = step.get("inputs")
    if not isinstance(inputs, dict) or inputs.get("to") != YOU:
        return dict(step)
    return {**step, "inputs": {**inputs, "to": address}}


@cache
def _all() -> dict[str, TemplateView]:
    # Read once: the files are a part of the program.
    read = [(path.stem, json.loads(path.read_text("utf-8"))) for path in FOLDER.glob("*.json")]
    views = [_view(key, data) for key, data in read]
    return {one.key: one for one in sorted(views, key=lambda one: (one.category, one.name))}


def _view(key: str, data: Mapping[str, Any]) -> TemplateView:
    definition = data["zap"]["definition"]
    return TemplateView(
        key=key,
        category=data["category"],
        name=data["zap"]["name"],
        summary=data["summary"],
        trigger=_trigger(definition["trigger"]),
        steps=tuple(_steps(definition["steps"], 0)),
        sample=data["sample"],
        zap=data["zap"],
    )


def _trigger(trigger: Mapping[str, Any]) -> TemplateTrigger:
    kind = trigger_kinds.known(trigger_kinds.key_of(trigger))
    if kind is None:
        raise ValueError(f"a template has the trigger {trigger['kind']}, which there is not")
    tells = trigger_words.tells(trigger) or kind.summary
    return TemplateTrigger(kind=kind.kind, name=kind.name, tells=tells, icon=kind.icon)


def _steps(steps: list[dict[str, Any]], depth: int) -> list[TemplateStep]:
    found = []
    for step in steps:
        key = drafts.action_key(step)
        known = REGISTRY.get(key)
        found.append(
            TemplateStep(
                key=key,
                name=drafts.step_name(step),
                does=drafts.does(step),
                tells=step_words.tells_of_kind(step),
                icon=known.icon if known else "",
                depth=depth,
            )
        )
        for body in drafts.bodies(step):
            found += _steps(body.steps, depth + 1)
    return found


def _text(one: TemplateView) -> str:
    """Everything that can be searched for."""
    steps = (f"{step.name} {step.does}" for step in one.steps)
    return " ".join((one.name, one.summary, one.category, one.trigger.name, *steps)).casefold()
