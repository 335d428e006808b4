"""Zaps: made, edited as a draft, switched on and off, deleted.

Promises: a draft is kept as it was sent; of two tabs that save, the slower one is told; a deleted
zap fires nothing while the history of its runs stays readable by run id.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.actions import REGISTRY
from flowforge.errors import Conflict, NotFound
from flowforge.infra import documents, runtime
from flowforge.infra.db import new_id, utc_now
from flowforge.models import Run, Version, Zap
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
    trigger_words,
    troubles,
    zap_figures,
)
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.editing_words import Told
from flowforge.services.paging import Page

LONGEST_NAME = 200
_PER_STATEMENT = 1000  # databases limit how many values one statement may carry


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class StepIcon(_View):
    """One step as a list shows it; ``icon`` is the path of its picture, empty where it has none."""

    action: str
    name: str
    icon: str


class ZapSummary(_View):
    """A line of the dashboard. ``success_rate`` is 0..1 over the last 7 days' ended runs;
    ``trigger_kind`` is empty until one is chosen, ``trigger_tells`` says in a line what it waits
    for, and ``trouble`` what is wrong with it now; both may be empty. ``folder_id`` is null while it
    is uncategorised.
    """

    id: str
    name: str
    enabled: bool
    trigger_kind: str
    trigger_icon: str
    trigger_tells: str
    trouble: str
    steps: tuple[StepIcon, ...]
    webhook_url: str
    hook_url_v1: str
    live_version: int | None
    paused_at: dt.datetime | None
    draft_revision: int
    has_draft_changes: bool
    created_at: dt.datetime
    updated_at: dt.datetime
    last_run_at: dt.datetime | None
    last_run_id: str | None
    last_run_status: str | None
    runs_total: int
    success_rate: float | None
    folder_id: str | None
    tags: tuple[str, ...]


class ZapView(ZapSummary):
    """A zap with its draft."""

    owner_id: int
    definition: dict[str, Any]


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
    return await view(session, zap)


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
    return Page(data=await _summaries(session, found.data), next=found.next)


async def get(session: AsyncSession, actor: Actor, zap_id: str) -> ZapView:
    require(actor, Permission.READ)
    return await view(session, await own(session, actor, Zap, zap_id))


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
    """``redraft``, as a gesture that can be undone. ``what``: what is done, in words; empty: as what
    differs tells it. ``joins``: typing on in one field is no gesture of its own.
    """
    before, revision = zap.draft, zap.draft_revision
    saved = await redraft(session, zap, definition)
    if documents.dump(before) != documents.dump(zap.draft):
        told = Told(what) if what else editing_words.told(before, zap.draft)
        await snapshots.note(
            session, zap.id, before, told, actor.user_id, joins=joins, revision=revision
        )
        revisions.stamp(session, zap, actor.user_id)
    return saved


async def redraft(session: AsyncSession, zap: Zap, definition: dict[str, Any]) -> ZapView:
    """``zap`` (locked by the caller) with another draft, already found readable; its secrets are
    sealed.
    """
    zap.draft = sealing.seal(definition, zap.id, runtime.current().vault, before=zap.draft)
    zap.draft_revision += 1
    if zap.live_version is None:
        zap.trigger = drafts.trigger_of(zap.draft)
    return await touched(session, zap)


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
    zap.updated_at = utc_now()
    session.add(zap)
    await session.flush()
    return await view(session, zap)


async def view(session: AsyncSession, zap: Zap) -> ZapView:
    (summary,) = await _summaries(session, [zap])
    return ZapView(**dict(summary), owner_id=zap.owner_id, definition=zap.draft)


def clean_name(name: str) -> str:
    """``name`` without surrounding space.

    Raises: Invalid where it is empty, too long or has characters that no name has.
    """
    return labels.label(name, LONGEST_NAME, missing="Give the zap a name.")


async def _summaries(session: AsyncSession, zaps: Sequence[Zap]) -> list[ZapSummary]:
    ids = [zap.id for zap in zaps]
    counted = await zap_figures.of_zaps(session, zaps[0].project_id, ids) if zaps else {}
    wrong = await troubles.of_zaps(session, ids)
    tagged = await tags.of_zaps(session, ids)
    unchanged = set(
        await session.scalars(
            # Compared as text inside the database: no definition travels for this.
            select(col(Zap.id))
            .join(
                Version,
                (col(Version.zap_id) == Zap.id) & (col(Version.number) == Zap.live_version),
            )
            .where(col(Zap.id).in_(ids), col(Zap.draft) == col(Version.definition))
        )
    )
    return [
        _summary(
            zap,
            counted.get(zap.id, zap_figures.NONE),
            wrong.get(zap.id, ""),
            tagged.get(zap.id, ()),
            is_changed=zap.id not in unchanged,
        )
        for zap in zaps
    ]


def _summary(
    zap: Zap,
    counted: zap_figures.RunFigures,
    trouble: str,
    tagged: tuple[str, ...],
    *,
    is_changed: bool,
) -> ZapSummary:
    base = runtime.current().settings.effective_public_url
    trigger = zap.draft.get("trigger") or {}
    kind = trigger.get("kind", "")
    return ZapSummary(
        id=zap.id,
        name=zap.name,
        enabled=zap.enabled,
        trigger_kind=kind,
        trigger_icon=f"/icons/trigger-{kind}.svg" if kind else "",
        trigger_tells=trigger_words.tells(trigger),
        trouble=trouble,
        steps=tuple(_icon(step) for step in drafts.all_steps(zap.draft)),
        webhook_url=f"{base}/hooks/catch/{zap.owner_id}/{zap.hook_id}",
        hook_url_v1=f"{base}/api/v1/webhooks/{zap.hook_id}",
        live_version=zap.live_version,
        paused_at=zap.paused_at,
        draft_revision=zap.draft_revision,
        has_draft_changes=is_changed,
        created_at=zap.created_at,
        updated_at=zap.updated_at,
        last_run_at=counted.last_at,
        last_run_id=counted.last_id,
        last_run_status=counted.last_status,
        runs_total=counted.total,
        success_rate=counted.success_rate,
        folder_id=zap.folder_id,
        tags=tagged,
    )


def _icon(step: dict[str, Any]) -> StepIcon:
    key = drafts.action_key(step)
    known = REGISTRY.get(key)
    return StepIcon(action=key, name=drafts.step_name(step), icon=known.icon if known else "")
