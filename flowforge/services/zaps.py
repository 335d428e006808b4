"""Zaps: made, edited as a draft, switched on and off, deleted.

Promises: a draft is kept as it was sent; of two tabs that save, the slower one is told; a deleted
zap fires nothing while the history of its runs stays readable by run id.
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict, NotFound
from flowforge.infra import documents, runtime
from flowforge.infra.db import new_id, utc_now
from flowforge.models import Run, Zap
from flowforge.services import (
    arming,
    drafts,
    editing_words,
    ending,
    folders,
    labels,
    notices,
    paging,
    revisions,
    sealing,
    search,
    snapshots,
    tags,
    zap_views,
)
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.editing_words import Told
from flowforge.services.paging import Page
from flowforge.services.zap_views import ZapSummary, ZapView

LONGEST_NAME = 200
_PER_STATEMENT = 1000  # databases limit how many values one statement may carry


async def create(
    session: AsyncSession, actor: Actor, *, name: str, definition: Any = None
) -> ZapView:
    """A new zap, switched off, with ``definition`` (or an empty webhook zap) as its draft."""
    require(actor, Permission.EDIT)
    zap_id = new_id()
    draft = drafts.empty() if definition is None else drafts.readable(definition)
    draft = sealing.seal(draft, zap_id, runtime.current().vault)
    zap = Zap(
        id=zap_id,
        hook_id=zap_id,
        project_id=actor.project_id,
        owner_id=actor.user_id,
        name=clean_name(name),
        draft=draft,
        trigger=drafts.trigger_of(draft),
    )
    session.add(zap)
    await session.flush()
    await notices.note_zap(session, zap, "zap.created", actor.user_id)
    return await zap_views.view(session, zap)


async def list_zaps(
    session: AsyncSession,
    actor: Actor,
    *,
    q: str | None = None,
    folder: str | None = None,
    tag: str | None = None,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[ZapSummary]:
    """The project's zaps, newest first. ``q``: a part of the name; ``folder``: the id of one or
    ``none``; ``tag``: a word on them. Raises: NotFound for a folder that is not the actor's.
    """
    require(actor, Permission.READ)
    query = select(Zap).where(
        col(Zap.project_id) == actor.project_id, col(Zap.deleted_at).is_(None)
    )
    if q:
        query = query.where(search.contains(Zap.name, q))
    if folder:
        query = query.where(await folders.inside(session, actor, folder))
    if tag:
        query = query.where(tags.having(actor, tag))
    found: Page[Zap] = await paging.page(
        session, query, Zap.id, limit=limit, cursor=cursor, view=lambda zap: zap
    )
    return Page(data=await zap_views.summaries(session, found.data), next=found.next)


async def get(session: AsyncSession, actor: Actor, zap_id: str) -> ZapView:
    require(actor, Permission.READ)
    return await zap_views.view(session, await own(session, actor, Zap, zap_id))


async def rename(session: AsyncSession, actor: Actor, zap_id: str, name: str) -> ZapView:
    require(actor, Permission.EDIT)
    zap = await locked(session, actor, zap_id)
    zap.name = clean_name(name)
    return await touched(session, zap)


async def save_draft(
    session: AsyncSession,
    actor: Actor,
    zap_id: str,
    *,
    revision: int,
    definition: Any,
    joins: bool = False,
) -> ZapView:
    """The zap with its new draft and the next revision; ``joins`` as in ``change_draft``.

    Raises: Conflict ``stale_revision`` (with the current one in its details) if somebody saved
    after ``revision`` was read; Invalid for a definition that cannot be read.
    """
    require(actor, Permission.EDIT)
    readable = drafts.readable(definition)
    zap = await locked(session, actor, zap_id)
    revisions.require_newest(zap, revision)
    return await change_draft(session, actor, zap, readable, joins=joins)


async def change_draft(
    session: AsyncSession,
    actor: Actor,
    zap: Zap,
    definition: dict[str, Any],
    *,
    what: str = "",
    joins: bool = False,
) -> ZapView:
    """The view of ``zap`` after ``gesture``."""
    await gesture(session, actor, zap, definition, what=what, joins=joins)
    return await zap_views.view(session, zap)


async def gesture(
    session: AsyncSession,
    actor: Actor,
    zap: Zap,
    definition: dict[str, Any],
    *,
    what: str = "",
    joins: bool = False,
) -> None:
    """``redraft``, as something that can be undone. ``what``: what is done, in words; empty: as what
    differs tells it. ``joins``: typing on in one field is no gesture of its own.
    """
    before, revision = zap.draft, zap.draft_revision
    await redraft(session, zap, definition)
    if documents.dump(before) != documents.dump(zap.draft):
        told = Told(what) if what else editing_words.told(before, zap.draft)
        await snapshots.note(
            session, zap.id, before, told, actor.user_id, joins=joins, revision=revision
        )
        revisions.stamp(session, zap, actor.user_id)


async def redraft(session: AsyncSession, zap: Zap, definition: dict[str, Any]) -> None:
    """``zap`` (locked by the caller) with another draft, already found readable; its secrets are
    sealed.
    """
    zap.draft = sealing.seal(definition, zap.id, runtime.current().vault, before=zap.draft)
    zap.draft_revision += 1
    if zap.live_version is None:
        zap.trigger = drafts.trigger_of(zap.draft)
    await _stamp(session, zap)


async def set_enabled(session: AsyncSession, actor: Actor, zap_id: str, enabled: bool) -> ZapView:
    """Switch on or off. Off: the hook answers 404 at once; runs that are queued still finish.

    Raises: Conflict ``never_published`` for switching on a zap that has no version.
    """
    require(actor, Permission.OPERATE)
    zap = await locked(session, actor, zap_id)
    if enabled and zap.live_version is None:
        raise Conflict(
            "This zap was never published, so there is nothing to switch on. Publish it first.",
            code="never_published",
        )
    if enabled != zap.enabled:
        zap.enabled = enabled
        kind = "zap.enabled" if enabled else "zap.disabled"
        await notices.note_zap(session, zap, kind, actor.user_id)
    await arming.rearm(session, zap)
    return await touched(session, zap)


async def rotate(session: AsyncSession, actor: Actor, zap_id: str) -> ZapView:
    """The zap with a new webhook URL; the old one is dead once this is committed."""
    require(actor, Permission.EDIT)
    zap = await locked(session, actor, zap_id)
    zap.hook_id = new_id()
    return await touched(session, zap)


async def delete(session: AsyncSession, actor: Actor, zap_id: str) -> None:
    """Take the zap away. Its runs that had not begun are cancelled; all stay readable by id."""
    require(actor, Permission.EDIT)
    zap = await locked(session, actor, zap_id)
    now = utc_now()
    zap.enabled = False
    zap.deleted_at = zap.updated_at = now
    await arming.rearm(session, zap)
    await snapshots.forget(session, zap.id)
    await notices.note_zap(session, zap, "zap.deleted", actor.user_id)
    await session.flush()
    not_begun = await session.scalars(
        select(col(Run.id)).where(
            col(Run.zap_id) == zap.id, col(Run.status).in_(("queued", "waiting"))
        )
    )
    run_ids = not_begun.all()
    for first in range(0, len(run_ids), _PER_STATEMENT):
        await ending.end(session, run_ids[first : first + _PER_STATEMENT])


async def locked(session: AsyncSession, actor: Actor, zap_id: str) -> Zap:
    """The actor's zap, held until the end of the transaction: changes to it queue up.

    Raises: NotFound for an unknown, foreign or deleted one alike.
    """
    zap = await session.scalar(
        select(Zap)
        .where(
            col(Zap.id) == zap_id,
            col(Zap.project_id) == actor.project_id,
            col(Zap.deleted_at).is_(None),
        )
        .with_for_update()
        # What this session read before it had the lock may be old.
        .execution_options(populate_existing=True)
    )
    if zap is None:
        raise NotFound("Zap not found")
    return zap


async def touched(session: AsyncSession, zap: Zap) -> ZapView:
    """The view of ``zap`` after a change, which is stamped."""
    await _stamp(session, zap)
    return await zap_views.view(session, zap)


async def _stamp(session: AsyncSession, zap: Zap) -> None:
    zap.updated_at = utc_now()
    session.add(zap)
    await session.flush()


def clean_name(name: str) -> str:
    """``name`` without surrounding space.

    Raises: Invalid where it is empty, too long or has characters that no name has.
    """
    return labels.label(name, LONGEST_NAME, missing="Give the zap a name.")
