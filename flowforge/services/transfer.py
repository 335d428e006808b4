"""A zap as a file: exported without ids of this place and without secrets, imported as a draft.

Promises: export, import and export again give the same file; files of every earlier release can be
read; importing performs nothing. Samples, runs and versions are no part of a file.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.errors import Invalid
from flowforge.infra import documents
from flowforge.models import Zap
from flowforge.services import drafts, portable, sealing, zaps
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.zap_views import ZapView

SCHEMA_VERSION = 2

# What a file has to say, and what it may say besides; in the order in which problems are told.
_NEEDED: Mapping[str, tuple[type, str]] = {
    "name": (str, "must be a text"),
    "definition": (dict, "must be an object"),
    "schema_version": (int, "must be a whole number"),
}
_FOR_ITS_READER = "fill_in"

Migration = Callable[[Any], Any]


async def export(session: AsyncSession, actor: Actor, zap_id: str) -> dict[str, Any]:
    """The draft as ``{"name", "definition", "schema_version"}``; where secrets of its trigger were
    left out, ``fill_in`` lists them.
    """
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    exported: dict[str, Any] = {
        "name": zap.name,
        "definition": portable.definition(zap.draft),
        "schema_version": SCHEMA_VERSION,
    }
    said = "This is a secret and was left out. Enter it after importing."
    left_out = [{"path": path, "message": said} for path in sealing.empty(exported["definition"])]
    return exported | {"fill_in": left_out} if left_out else exported


async def import_text(session: AsyncSession, actor: Actor, text: str) -> ZapView:
    """What `import_zap` makes of the text of a file.

    Raises: Malformed for what is no JSON, Invalid with a path for each thing that is missing or wrong.
    """
    require(actor, Permission.EDIT)
    given = documents.parse(text, what="file")
    problems = _problems(given)
    if problems:
        raise Invalid("This is no file of a zap as FlowForge exports it.", details=problems)
    return await import_zap(session, actor, **{key: given[key] for key in _NEEDED})


def file_name(name: str) -> str:
    """What the file of a zap is called: plain letters, whatever the zap is called."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())[:60].strip("-")
    return f"{plain or 'zap'}.json"


async def import_zap(
    session: AsyncSession, actor: Actor, *, name: str, definition: Any, schema_version: int
) -> ZapView:
    """A new zap, switched off, with the file's definition as its draft.

    Connections and zaps of another place mean nothing here, whoever wrote the file: they are to be
    chosen again, and the draft's problems say so.

    Raises: Invalid for a file of a later schema, or one whose definition cannot be read.
    """
    today = drafts.readable(migrated(definition, schema_version))
    draft = drafts.map_steps(sealing.unsealed(today), portable.unplaced)
    return await zaps.create(session, actor, name=name, definition=draft)


def _as_it_was(definition: Any) -> Any:
    """Schema 2 brought lists of steps inside steps, new kinds and limits, and took nothing away."""
    return definition


# By the schema that each begins with; it gives a definition of the next one.
_MIGRATIONS: Mapping[int, Migration] = {1: _as_it_was}


def migrated(
    definition: Any, schema_version: int, migrations: Mapping[int, Migration] = _MIGRATIONS
) -> Any:
    """``definition`` in the words of today's schema, one step after the other.

    Raises: Invalid for a schema that this release does not know.
    """
    newest = max(migrations) + 1
    message = ""
    if schema_version > newest:
        message = (
            f"This file was made by a newer release of FlowForge (schema {schema_version}, this one"
            f" reads up to {newest}). Update FlowForge, then import it again."
        )
    elif schema_version < min(migrations):
        message = f"There is no schema {schema_version}. Export the zap again."
    if message:
        raise Invalid(message, details=[{"path": "schema_version", "message": message}])
    for number in range(schema_version, newest):
        definition = migrations[number](definition)
    return definition


def _problems(given: Any) -> list[dict[str, str]]:
    if not isinstance(given, dict):
        return [{"path": "", "message": "must be an object"}]
    known = {*_NEEDED, _FOR_ITS_READER}
    found = [
        {"path": key, "message": said if key in given else "is missing"}
        for key, (kind, said) in _NEEDED.items()
        if not isinstance(given.get(key), kind) or isinstance(given.get(key), bool)
    ]
    return found + [
        {"path": key, "message": "is not a part of a file"} for key in given if key not in known
    ]
