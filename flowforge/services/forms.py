"""The page of a zap that is fired by a form: whether it is open, and what became of what was sent.

Promises: an answer is told to be taken only once it is stored; files of one that is refused are
gone again; a form that is switched off looks like one that never was.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine.triggers import MOST_FIELDS, FormField, FormSettings, ManualSettings
from flowforge.errors import Conflict, Malformed, NotFound, TooLarge
from flowforge.infra import documents
from flowforge.infra.runtime import Runtime
from flowforge.infra.signals import Signals
from flowforge.models import Zap
from flowforge.services import answers, ingest, uploads
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.answers import Answers
from flowforge.services.arrivals import Arrival, storable_key
from flowforge.services.ingest import Intake
from flowforge.services.payload import ContentType

KIND = "form"
# No field can be called so: names of fields have no hyphen.
TRAP = "your-website"
ONCE = "form-once"
LARGEST_INLINE = 512 * 1024
LONGEST_ONCE = 64

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CLOSED = "This form is closed, or its address is wrong. Ask whoever gave it to you."


@dataclass(frozen=True)
class Sent:
    """What a browser sent for the form, as it came."""

    content_type: str
    raw: bytes
    source_ip: str


async def settings_of(session: AsyncSession, hook_id: str) -> FormSettings:
    """What the form at this address asks. Raises: NotFound where there is none that is open."""
    row = None
    if _ID.fullmatch(hook_id):
        query = select(col(Zap.enabled), col(Zap.live_version), col(Zap.trigger)).where(
            col(Zap.hook_id) == hook_id, col(Zap.deleted_at).is_(None)
        )
        row = (await session.execute(query)).first()
    if row is None or not row.enabled or row.live_version is None:
        raise NotFound(_CLOSED)
    trigger = row.trigger or {}
    if trigger.get("kind") != KIND:
        raise NotFound(_CLOSED)
    try:
        return FormSettings.model_validate(trigger.get("settings") or {})
    except ValidationError:
        raise NotFound(_CLOSED) from None


async def take(
    runtime: Runtime, intake: Intake, hook_id: str, settings: FormSettings, sent: Sent
) -> Answers:
    """What was filled in; stored, unless it has ``problems``.

    What a machine filled in, to be found out by the field that nobody sees, is not stored.

    Raises: Malformed, TooLarge, NotFound where the form was closed meanwhile, Unavailable.
    """
    arrival = _arrival(hook_id, sent)
    if ContentType.of(sent.content_type).is_multipart:
        arrival = await uploads.take_files(runtime, arrival)
        given = documents.parse(arrival.body) if arrival.body else {}
    else:
        given = _urlencoded(sent.raw)
    if given.get(TRAP):
        await runtime.blobs.delete(arrival.blob_keys)
        return Answers({}, {})
    found = answers.from_texts(settings.fields, _without_empty_files(settings.fields, given))
    if found.problems:
        await runtime.blobs.delete(arrival.blob_keys)
        return found
    await _store(runtime, intake, _filled(arrival, found, given))
    return found


async def start_by_hand(
    session: AsyncSession, actor: Actor, signals: Signals, zap_id: str, data: Any
) -> str:
    """Start a run of the live version with ``data``, which is what its trigger asks for, if that
    asks at all. The run's id.

    Raises: Invalid with a path for each field that is wrong, Conflict where nothing is published.
    """
    fields = await fields_of(session, actor, zap_id)
    if fields:
        data = answers.from_json(fields, data)
    return await ingest.start_manual(session, actor, signals, zap_id, data)


async def fields_of(session: AsyncSession, actor: Actor, zap_id: str) -> tuple[FormField, ...]:
    """What whoever starts the live version by hand is asked first."""
    require(actor, Permission.OPERATE)
    zap = await own(session, actor, Zap, zap_id)
    if zap.live_version is None:
        raise Conflict("Publish the zap first; a run uses the live version.", code="not_published")
    trigger = zap.trigger or {}
    if trigger.get("kind") != "manual":
        return ()
    return ManualSettings.model_validate(trigger.get("settings") or {}).fields


def _arrival(hook_id: str, sent: Sent) -> Arrival:
    return Arrival(
        hook_id=hook_id,
        user_id=None,
        method="POST",
        source_ip=sent.source_ip,
        content_type=sent.content_type,
        headers="{}",
        query="{}",
        raw=sent.raw,
        size=len(sent.raw),
        trigger=KIND,
        status=200,
    )


def _urlencoded(raw: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            raw.decode(),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=2 * MOST_FIELDS + 10,
        )
    except ValueError:
        raise Malformed("The form cannot be read. Open it again and send it once more.") from None
    return dict(pairs)


def _without_empty_files(fields: tuple[FormField, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """A browser sends a file of no bytes and no name where none was chosen."""
    asked = {field.name for field in fields if field.kind == "file"}
    return {
        name: value
        for name, value in given.items()
        if not (name in asked and isinstance(value, Mapping) and not value.get("size"))
    }


def _filled(arrival: Arrival, found: Answers, given: Mapping[str, Any]) -> Arrival:
    """The arrival as the event will tell it: the values alone, and only files that were asked for."""
    once = given.get(ONCE)
    key = storable_key(f"form:{once[:LONGEST_ONCE]}") if isinstance(once, str) and once else None
    text = documents.dump(found.values)
    wanted = {value["file_id"] for value in found.values.values() if isinstance(value, dict)}
    kept = tuple(file for file in arrival.files if file.id in wanted)
    raw = text.encode()
    return arrival._replace(
        content_type="application/json",
        raw=None if kept else raw,
        body=text if kept else None,
        size=len(raw),
        files=kept,
        dedupe_key=key,
    )


async def _store(runtime: Runtime, intake: Intake, arrival: Arrival) -> None:
    written = set(arrival.blob_keys)
    if len(arrival.body or "") > LARGEST_INLINE:
        await runtime.blobs.delete(written)
        raise TooLarge("This is too much text beside files. Send less of it.")
    if arrival.raw is not None and len(arrival.raw) > LARGEST_INLINE:
        arrival = await uploads.set_aside(runtime, arrival)
    receipt = await intake.receive(arrival)
    # Switched off a moment ago: it is kept all the same, to be replayed.
    if receipt.verdict in {"accepted", "held"}:
        written -= {file.blob_key for file in arrival.files}
    elif arrival.blob_key is not None:
        written.add(arrival.blob_key)
    if written:
        await runtime.blobs.delete(written)
    if receipt.verdict not in {"accepted", "held", "duplicate"}:
        raise NotFound(_CLOSED)
