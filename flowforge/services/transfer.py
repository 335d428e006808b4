"""A zap as a file: exported without ids of this place and without secrets, imported as a draft.

Promises: export, import and export again give the same file; importing performs nothing.
"""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.actions import REGISTRY
from flowforge.engine import expressions
from flowforge.errors import Invalid
from flowforge.infra.redaction import REDACTED, redact
from flowforge.models import Zap
from flowforge.services import drafts, zaps
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.zaps import ZapView

SCHEMA_VERSION = 1


async def export(session: AsyncSession, actor: Actor, zap_id: str) -> dict[str, Any]:
    """The draft as ``{"name", "definition", "schema_version"}``."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    return {
        "name": zap.name,
        "definition": _portable(zap.draft),
        "schema_version": SCHEMA_VERSION,
    }


async def import_zap(
    session: AsyncSession, actor: Actor, *, name: str, definition: Any, schema_version: int
) -> ZapView:
    """A new zap, switched off, with the file's definition as its draft.

    Raises: Invalid for a file of another schema, or one whose definition cannot be read.
    """
    if schema_version != SCHEMA_VERSION:
        message = f"must be {SCHEMA_VERSION}: this file was made by another release of FlowForge"
        raise Invalid(
            f"schema_version {message}.", details=[{"path": "schema_version", "message": message}]
        )
    return await zaps.create(session, actor, name=name, definition=_portable_or_same(definition))


def _portable_or_same(definition: Any) -> Any:
    """Connections of another place mean nothing here, whoever wrote the file."""
    drafts.readable(definition)
    return {**definition, "steps": [_unconnected(step) for step in drafts.all_steps(definition)]}


def _portable(definition: dict[str, Any]) -> dict[str, Any]:
    return {**definition, "steps": [_portable_step(s) for s in drafts.all_steps(definition)]}


def _portable_step(step: dict[str, Any]) -> dict[str, Any]:
    known = REGISTRY.get(drafts.action_key(step))
    if "inputs" not in step:
        return _unconnected(step)
    shown = redact(step["inputs"], known.secret_fields if known else ())
    return _unconnected({**step, "inputs": _blanked(step["inputs"], shown)})


def _unconnected(step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "connection": None} if "connection" in step else step


def _blanked(value: Any, shown: Any) -> Any:
    """``value`` with everything empty that ``shown`` hides, but for expressions: they hold the
    way to a value, not the value.
    """
    if shown == REDACTED:
        return value if expressions.is_template(value) else ""
    if isinstance(value, dict):
        return {key: _blanked(item, shown[key]) for key, item in value.items()}
    if isinstance(value, list):
        return [_blanked(item, shown[index]) for index, item in enumerate(value)]
    return value
