"""Versions: the draft frozen under a number. Rows are written once; only a note may change.

Promises: two publishes at once get two numbers or share one, never an error; publishing a draft
that equals the live version makes no new one; drafts that were frozen for a test run (their
numbers are negative) are no versions and are shown nowhere.
"""

import asyncio
import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine.definition import Limits
from flowforge.errors import Invalid, NotFound
from flowforge.infra import documents
from flowforge.models import Version, Zap
from flowforge.services import arming, diffs, drafts, labels, notices, paging, zaps
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.diffs import Diff
from flowforge.services.paging import Page
from flowforge.services.zap_views import ZapView

LONGEST_NOTE = 500
_LARGEST_NUMBER = 2**31 - 1
_DIGITS = 12
_MOST_NAMED = 1000  # databases limit how many values one statement may carry


class VersionView(BaseModel):
    """``live``: the one that new runs use. ``published_by`` is a user id; None: a user gone."""

    model_config = ConfigDict(frozen=True)

    id: str
    zap_id: str
    number: int
    definition: dict[str, Any]
    published_by: int | None
    created_at: dt.datetime
    live: bool
    note: str | None = None


async def publish(
    session: AsyncSession, actor: Actor, zap_id: str, *, note: str = ""
) -> VersionView:
    """The draft as the live version, and the zap switched on.

    A draft that equals the live version adds no number: that version is returned, with ``note`` (why
    it was made) if there is one.

    Raises: Invalid with ``details`` naming path and field of everything that is missing or wrong.
    """
    require(actor, Permission.OPERATE)
    clean = clean_note(note) if note.strip() else ""
    # Locked: the next publish of this zap counts on from this one's number.
    zap = await zaps.locked(session, actor, zap_id)
    await require_complete(session, actor, zap, "published")
    return await go_live(session, actor, zap, note=clean)


async def problems(
    session: AsyncSession, actor: Actor, definition: dict[str, Any]
) -> list[drafts.Problem]:
    """What keeps this draft from being published: ``{"path", "message"}`` each."""
    require(actor, Permission.READ)
    named = {
        str(step["zap_id"])
        for step in drafts.all_steps(definition)
        if step["kind"] == "zap" and step.get("zap_id")
    }
    if not named:
        return drafts.problems(definition, known_zaps=())
    known = await session.scalars(
        select(col(Zap.id)).where(
            col(Zap.project_id) == actor.project_id,
            col(Zap.id).in_(sorted(named)[:_MOST_NAMED]),
            col(Zap.deleted_at).is_(None),
        )
    )
    return drafts.problems(definition, known_zaps=set(known))


async def require_complete(session: AsyncSession, actor: Actor, zap: Zap, what: str) -> None:
    """Raises: Invalid with ``details`` of all that keeps the draft from being ``what``."""
    found = await problems(session, actor, zap.draft)
    if found:
        many = f"{len(found)} problems" if len(found) > 1 else "1 problem"
        raise Invalid(f"This zap cannot be {what} yet: {many}.", details=list(found))


async def go_live(session: AsyncSession, actor: Actor, zap: Zap, *, note: str = "") -> VersionView:
    """``zap`` (locked by the caller, who also answers for its draft) with its draft live."""
    live = await _live(session, zap)
    news = [] if zap.enabled else ["zap.enabled"]
    if live is None or documents.dump(live.definition) != documents.dump(zap.draft):
        live = await _freeze(session, zap, actor)
        news.insert(0, "zap.published")
    if note:
        live.note = note
    zap.live_version = live.number
    zap.limits = _limits(live.definition)
    zap.trigger = drafts.trigger_of(live.definition)
    zap.trigger_key = _key(zap.trigger)
    zap.enabled = True
    await arming.rearm(session, zap)
    for kind in news:
        await notices.note_zap(session, zap, kind, actor.user_id)
    await zaps.touched(session, zap)
    return _view(live, zap)


async def list_versions(
    session: AsyncSession,
    actor: Actor,
    zap_id: str,
    *,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[VersionView]:
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    query = select(Version).where(col(Version.zap_id) == zap.id, col(Version.number) > 0)
    return await paging.page(
        session,
        query,
        Version.id,
        limit=limit,
        cursor=cursor,
        view=lambda version: _view(version, zap),
    )


async def get_version(session: AsyncSession, actor: Actor, zap_id: str, number: int) -> VersionView:
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    return _view(await _numbered(session, zap, number), zap)


async def compare(
    session: AsyncSession, actor: Actor, zap_id: str, before: str, after: str
) -> Diff:
    """What makes ``after`` of ``before``; each is "draft", "live" or a version's number.

    Raises: NotFound for a version that is not there.
    """
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    one = await definition_at(session, zap, before)
    other = await definition_at(session, zap, after)
    # Large definitions take a while to compare, and others want to be answered meanwhile.
    return await asyncio.to_thread(diffs.diff, one, other)


async def restore(session: AsyncSession, actor: Actor, zap_id: str, number: int) -> ZapView:
    """The zap with that version copied into its draft; the live version stays as it is."""
    require(actor, Permission.EDIT)
    zap = await zaps.locked(session, actor, zap_id)
    version = await _numbered(session, zap, number)
    what = f"restore version {number}"
    return await zaps.change_draft(session, actor, zap, version.definition, what=what)


async def annotate(
    session: AsyncSession, actor: Actor, zap_id: str, number: int, note: str
) -> VersionView:
    """The version with that note; an empty one takes it away."""
    require(actor, Permission.EDIT)
    zap = await own(session, actor, Zap, zap_id)
    version = await _numbered(session, zap, number)
    version.note = clean_note(note) if note.strip() else None
    session.add(version)
    await session.flush()
    return _view(version, zap)


def clean_note(note: str) -> str:
    """Raises: Invalid for a note that is too long, or has characters that no text has."""
    return labels.label(note, LONGEST_NOTE, path="note", missing="Write a note.", noun="note")


async def _live(session: AsyncSession, zap: Zap) -> Version | None:
    return None if zap.live_version is None else await _numbered(session, zap, zap.live_version)


async def freeze_for_test(session: AsyncSession, actor: Actor, zap: Zap) -> int:
    """The number under which the draft of ``zap`` (locked by the caller) is kept for test runs:
    its revision, negative.
    """
    number = -zap.draft_revision
    if await _found(session, zap, number) is None:
        await _store(session, zap, actor, number)
    return number


async def definition_at(session: AsyncSession, zap: Zap, place: str) -> dict[str, Any]:
    """What stands at ``place`` ("draft", "live" or a number) of ``zap``, which the caller owns.

    Raises: NotFound.
    """
    definition = zap.draft
    if place == "live":
        live = await _live(session, zap)
        if live is None:
            raise NotFound("This zap was never published, so it has no live version.")
        definition = live.definition
    elif place != "draft":
        number = int(place) if place.isascii() and place.isdecimal() and len(place) < _DIGITS else 0
        definition = (await _numbered(session, zap, number)).definition
    found: dict[str, Any] = definition
    return found


def _key(trigger: dict[str, Any] | None) -> str | None:
    """By what the zap is found: the app whose events it waits for, or that it waits for failures."""
    match trigger:
        case {"kind": "error"}:
            return notices.ERROR_KEY
        case {"kind": "app", "settings": settings}:
            return str(settings.get("app", "")) or None
    return None


def _limits(definition: Any) -> dict[str, Any] | None:
    """What intake must know before a run begins, every value spelled out; None for nothing. The
    deadline is the worker's concern.
    """
    limits = Limits.model_validate(definition.get("limits") or {})
    return limits.model_dump(exclude_none=True, exclude={"deadline_seconds"}) or None


async def _freeze(session: AsyncSession, zap: Zap, actor: Actor) -> Version:
    highest = await session.scalar(
        select(func.max(col(Version.number))).where(
            col(Version.zap_id) == zap.id, col(Version.number) > 0
        )
    )
    return await _store(session, zap, actor, (highest or 0) + 1)


async def _store(session: AsyncSession, zap: Zap, actor: Actor, number: int) -> Version:
    version = Version(
        zap_id=zap.id, number=number, definition=zap.draft, published_by=actor.user_id
    )
    session.add(version)
    await session.flush()
    return version


async def _numbered(session: AsyncSession, zap: Zap, number: int) -> Version:
    version = await _found(session, zap, number) if 0 < number <= _LARGEST_NUMBER else None
    if version is None:
        raise NotFound("Version not found")
    return version


async def _found(session: AsyncSession, zap: Zap, number: int) -> Version | None:
    version: Version | None = await session.scalar(
        select(Version).where(col(Version.zap_id) == zap.id, col(Version.number) == number)
    )
    return version


def _view(version: Version, zap: Zap) -> VersionView:
    return VersionView(
        id=version.id,
        zap_id=version.zap_id,
        number=version.number,
        definition=version.definition,
        published_by=version.published_by,
        created_at=version.created_at,
        live=version.number == zap.live_version,
        note=version.note,
    )
