"""Events that apps send to a project's one URL: whose they are, and which zaps they start.

Promises: an event is routed once however often its app sends it; what came for one zap starts no
other; what no zap waits for is counted and named.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine.triggers import AppSettings, Verify
from flowforge.errors import FlowForgeError
from flowforge.infra import documents
from flowforge.infra.bulk import Bulk
from flowforge.infra.db import utc_now
from flowforge.infra.vault import Vault
from flowforge.models import AppSource
from flowforge.services import app_sources, examining, payload
from flowforge.services.app_sources import APPS
from flowforge.services.firing import Happening

EVERY = "*"
# What GitHub sends to every new hook, whatever it was told.
PING = "ping"
_LONGEST_NOTE = 500
_ID = re.compile(r"[0-9a-f-]{36}")


class Source(NamedTuple):
    """An app source as a request meets it, with its secrets opened."""

    id: str
    project_id: str
    app: str
    verify: Verify


class AppEvent(NamedTuple):
    """Something that an app says has happened. ``zap_id``: the zap whose hook brought it; None: it is
    for every zap that waits for such events.
    """

    headers: Mapping[str, Any]
    body: Any
    dedupe_key: str | None = None
    zap_id: str | None = None

    def name(self, app: str) -> str:
        """What happened, in the app's own word; empty where it does not say."""
        return APPS[app].event(self.headers, self.body)

    def is_greeting(self, app: str) -> bool:
        """Whether it only tries a hook that was registered just now."""
        return self.zap_id is not None and self.name(app) == PING


async def source_of(session: AsyncSession, source_id: str, vault: Vault) -> Source | None:
    """The source at that URL. Raises: FlowForgeError where its secrets cannot be opened."""
    row = await session.scalar(select(AppSource).where(col(AppSource.id) == source_id))
    if row is None or row.app not in APPS:
        return None
    secrets = tuple(app_sources.open_secrets(row, vault))
    verify = Verify.model_validate({"scheme": row.verify["scheme"], "secrets": secrets})
    return Source(row.id, row.project_id, row.app, verify)


def payload_of(source: Source, raw: bytes, content_type: str) -> Any:
    """The body as data. GitHub may send its JSON as a form's field. Raises: Malformed."""
    body = payload.read_body(raw, content_type)
    is_form = payload.ContentType.of(content_type).media == payload.FORM
    if source.app == "github" and is_form and isinstance(body, dict):
        inside = body.get("payload")
        return documents.parse(inside) if isinstance(inside, str) else body
    return body


def zap_named(query: Mapping[str, Any]) -> str | None:
    """The zap that a request is for alone, as its hook was registered; None: for all of them.

    What is no id is nobody's, which is not the same as all.
    """
    if "zap" not in query:
        return None
    zap_id = query["zap"]
    return zap_id if isinstance(zap_id, str) and _ID.fullmatch(zap_id) else ""


async def happenings(tx: Bulk, source: Source, event: AppEvent) -> list[Happening]:
    """What the event means for each zap that waits for such events.

    A zap whose hook is registered hears that hook alone; all others hear what comes for everybody.
    """
    trigger = {
        "method": "POST",
        "headers": event.headers,
        "query": {},
        "body": event.body,
        "raw_body": None,
    }
    found = []
    for zap_id, settings in await _listening(tx, source):
        if not _hears(zap_id, settings, event, event.name(source.app)):
            continue
        why = None if settings.when is None else examining.passed_over(settings.when, trigger)
        found.append(
            Happening(
                zap_id=zap_id,
                trigger="app",
                body=event.body,
                dedupe_key=event.dedupe_key if why is None else None,
                headers=event.headers,
                filtered=why,
                scheme=source.verify.scheme,
                status=200,
            )
        )
    return found


async def note(session: AsyncSession, source_id: str, said: str, *, is_rejected: bool) -> None:
    """Count what no zap was started by; the row stays one."""
    counter = "rejected" if is_rejected else "unrouted"
    row = await session.scalar(
        select(AppSource).where(col(AppSource.id) == source_id).with_for_update()
    )
    if row is not None:
        setattr(row, counter, getattr(row, counter) + 1)
        row.last_note, row.last_at = said[:_LONGEST_NOTE], utc_now()


def _hears(zap_id: str, settings: AppSettings, event: AppEvent, name: str) -> bool:
    if event.zap_id != (zap_id if settings.register_at else None):
        return False
    if settings.event == EVERY:
        # Who wants a greeting as an event asks for it by name.
        return event.zap_id is None or name != PING
    return settings.event == name


async def _listening(tx: Bulk, source: Source) -> Sequence[tuple[str, AppSettings]]:
    rows = await tx.fetch(
        "SELECT id, trigger FROM zap WHERE project_id = :project_id AND trigger_key = :app "
        "AND enabled AND deleted_at IS NULL ORDER BY id",
        project_id=source.project_id,
        app=source.app,
    )
    compiled = [(row["id"], _settings(row["trigger"])) for row in rows]
    return [(zap_id, settings) for zap_id, settings in compiled if settings is not None]


@lru_cache(maxsize=2048)
def _settings(text: str) -> AppSettings | None:
    try:
        return AppSettings.model_validate(documents.parse(text).get("settings") or {})
    except (ValidationError, FlowForgeError):
        return None
