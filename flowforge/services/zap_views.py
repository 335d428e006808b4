"""Zaps as lists and pages show them.

Promise: a fixed number of statements, however many zaps.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.actions import REGISTRY
from flowforge.infra import runtime
from flowforge.models import Version, Zap
from flowforge.services import drafts, tags, trigger_words, troubles, zap_figures


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


async def view(session: AsyncSession, zap: Zap) -> ZapView:
    (summary,) = await summaries(session, [zap])
    return _with_draft(summary, zap)


async def bare(session: AsyncSession, zap: Zap) -> ZapView:
    """The same without what is known of its runs, its trouble and its tags, which costs eight
    statements more: for whoever edits.
    """
    unchanged = await _unchanged(session, [zap.id])
    summary = _summary(zap, zap_figures.NONE, "", (), is_changed=zap.id not in unchanged)
    return _with_draft(summary, zap)


async def summaries(session: AsyncSession, zaps: Sequence[Zap]) -> list[ZapSummary]:
    ids = [zap.id for zap in zaps]
    counted = await zap_figures.of_zaps(session, zaps[0].project_id, ids) if zaps else {}
    wrong = await troubles.of_zaps(session, ids)
    tagged = await tags.of_zaps(session, ids)
    unchanged = await _unchanged(session, ids)
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


async def _unchanged(session: AsyncSession, zap_ids: Sequence[str]) -> set[str]:
    """Those whose draft is what is live."""
    found = await session.scalars(
        # Compared as text inside the database: no definition travels for this.
        select(col(Zap.id))
        .join(
            Version,
            (col(Version.zap_id) == Zap.id) & (col(Version.number) == Zap.live_version),
        )
        .where(col(Zap.id).in_(zap_ids), col(Zap.draft) == col(Version.definition))
    )
    return set(found)


def _with_draft(summary: ZapSummary, zap: Zap) -> ZapView:
    return ZapView(**dict(summary), owner_id=zap.owner_id, definition=zap.draft)


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
