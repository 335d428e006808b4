"""Zaps in the words of the first FlowForge: a trigger id and a list of actions with metadata.

They are zaps like all others. What that API creates or replaces is published and switched on at
once, because it knew no drafts; like there, an input that is missing fails the step when it runs.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.actions import REGISTRY
from flowforge.engine.definition import MOST_STEPS
from flowforge.errors import Invalid
from flowforge.infra import runtime
from flowforge.models import Zap
from flowforge.services import drafts, placeholders, versions, zaps
from flowforge.services.access import Actor, Permission, own, require

TRIGGER = "webhook"
TRIGGER_NAME = "Webhook"
MOST_LISTED = 1000
# Its clients know these and no others.
ACTIONS = ("email", "webhook", "slack", "send-sol")

SeedAction = tuple[str, dict[str, Any]]


async def create(
    session: AsyncSession,
    actor: Actor,
    *,
    trigger_id: str,
    trigger_metadata: Any,
    actions: Sequence[SeedAction],
) -> str:
    """The id of a zap that is live. Raises: Invalid for an unknown trigger or action."""
    definition = _definition(trigger_id, trigger_metadata, actions)
    name = " → ".join([TRIGGER_NAME, *(REGISTRY[key].name for key, _ in actions)])
    made = await zaps.create(session, actor, name=name[: zaps.LONGEST_NAME], definition=definition)
    await versions.go_live(session, actor, await zaps.locked(session, actor, made.id))
    return made.id


async def replace(
    session: AsyncSession,
    actor: Actor,
    zap_id: str,
    *,
    trigger_id: str,
    trigger_metadata: Any,
    actions: Sequence[SeedAction],
) -> None:
    """Another definition for a zap, live at once; runs that began keep the old one."""
    require(actor, Permission.EDIT)
    definition = drafts.readable(_definition(trigger_id, trigger_metadata, actions))
    zap = await zaps.locked(session, actor, zap_id)
    await zaps.change_draft(session, actor, zap, definition)
    await versions.go_live(session, actor, zap)


async def list_zaps(session: AsyncSession, actor: Actor) -> list[dict[str, Any]]:
    """The newest thousand, newest first."""
    require(actor, Permission.READ)
    rows = await session.scalars(
        select(Zap)
        .where(col(Zap.project_id) == actor.project_id, col(Zap.deleted_at).is_(None))
        .order_by(col(Zap.id).desc())
        .limit(MOST_LISTED)
    )
    return [_view(zap) for zap in rows]


async def get(session: AsyncSession, actor: Actor, zap_id: str) -> dict[str, Any]:
    require(actor, Permission.READ)
    return _view(await own(session, actor, Zap, zap_id))


def available_triggers() -> list[dict[str, str]]:
    return [_type(TRIGGER, TRIGGER_NAME, f"/icons/trigger-{TRIGGER}.svg")]


def available_actions() -> list[dict[str, str]]:
    offered = (REGISTRY[key] for key in ACTIONS)
    return [_type(one.key, one.name, one.icon) for one in offered]


def _definition(
    trigger_id: str, trigger_metadata: Any, actions: Sequence[SeedAction]
) -> dict[str, Any]:
    unknown = []
    if trigger_id != TRIGGER:
        unknown.append({"path": "availableTriggerId", "message": "There is no such trigger."})
    unknown += [
        {"path": f"actions[{index}].availableActionId", "message": "There is no such action."}
        for index, (key, _) in enumerate(actions)
        if key not in REGISTRY
    ]
    if len(actions) > MOST_STEPS:
        unknown.append({"path": "actions", "message": f"at most {MOST_STEPS}"})
    if unknown:
        raise Invalid("Incorrect inputs", details=unknown)
    settings = {} if trigger_metadata is None else {"metadata": trigger_metadata}
    return {
        "trigger": {"kind": TRIGGER, "settings": settings},
        "steps": [
            {
                "id": f"step_{number}",
                "kind": "action",
                "action": key,
                "inputs": _inputs(key, metadata),
            }
            for number, (key, metadata) in enumerate(actions, 1)
        ],
    }


def _inputs(key: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata with today's expressions. JSON in a text is opened where the input takes any
    JSON; an input that is a text keeps it as one.
    """
    fields = REGISTRY[key].json_schema().get("properties", {})
    return {
        name: placeholders.to_liquid(value, may_open=_takes_json(fields.get(name, {})))
        for name, value in metadata.items()
    }


def _takes_json(field: dict[str, Any]) -> bool:
    return field.get("type") in {None, "object"} and "anyOf" not in field and bool(field)


def _view(zap: Zap) -> dict[str, Any]:
    trigger = zap.draft.get("trigger") or {}
    trigger_id = f"{zap.id}/trigger"
    kind = trigger.get("kind", "")
    steps = [step for step in drafts.all_steps(zap.draft) if step["kind"] == "action"]
    return {
        "id": zap.id,
        "triggerId": trigger_id,
        "userId": zap.owner_id,
        "createdAt": zap.created_at.isoformat(),
        "actions": [_action(zap.id, step, order) for order, step in enumerate(steps)],
        "trigger": {
            "id": trigger_id,
            "zapId": zap.id,
            "triggerId": kind,
            "metadata": trigger.get("settings", {}).get("metadata", {}),
            "type": _type(kind, kind.capitalize(), f"/icons/trigger-{kind}.svg"),
        },
    }


def _action(zap_id: str, step: dict[str, Any], order: int) -> dict[str, Any]:
    key = step.get("action", "")
    known = REGISTRY.get(key)
    name, icon = (known.name, known.icon) if known else (key, "")
    return {
        "id": f"{zap_id}/{step['id']}",
        "zapId": zap_id,
        "actionId": key,
        "metadata": placeholders.to_seed(step.get("inputs", {})),
        "sortingOrder": order,
        "type": _type(key, name, icon),
    }


def _type(key: str, name: str, icon: str) -> dict[str, str]:
    base = runtime.current().settings.effective_public_url
    return {"id": key, "name": name, "image": f"{base}{icon}" if icon else ""}
