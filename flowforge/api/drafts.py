"""Routes of a zap's draft: reading and saving it, undo and redo."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictInt
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.api import doors
from flowforge.services import hinting, undoing, versions, zaps
from flowforge.services.access import Actor, Permission
from flowforge.services.hinting import Hinted
from flowforge.services.zap_views import ZapView

router = APIRouter(prefix="/api/v1/zaps", tags=["zaps"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Editor = Annotated[Actor, doors.permitted(Permission.EDIT)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class DraftChange(_Body):
    """``revision`` is the one that was read before editing."""

    revision: StrictInt
    definition: dict[str, Any]


class Undoing(_Body):
    """``revision``: the one that was read, if any was."""

    revision: StrictInt | None = None


class PutAway(_Body):
    """``keys`` of hints that are to be told no more; all others are told again."""

    keys: Annotated[list[Annotated[str, Field(max_length=1_000)]], Field(max_length=5_000)]


class Draft(BaseModel):
    """``problems`` keep it from being published, ``hints`` do not."""

    revision: int
    definition: dict[str, Any]
    problems: list[dict[str, str]]
    hints: list[Hinted]


@router.get("/{zap_id}/draft")
async def get_draft(actor: Reader, session: doors.Reading, zap_id: str) -> Draft:
    return await _draft(session, actor, await zaps.get(session, actor, zap_id))


@router.put("/{zap_id}/draft")
async def save_draft(
    actor: Editor, session: doors.Transaction, zap_id: str, body: DraftChange
) -> Draft:
    """409 ``stale_revision`` where somebody saved after ``revision`` was read."""
    saved = await zaps.save_draft(
        session, actor, zap_id, revision=body.revision, definition=body.definition
    )
    return await _draft(session, actor, saved)


@router.put("/{zap_id}/hints")
async def put_away(
    actor: Editor, session: doors.Transaction, zap_id: str, body: PutAway
) -> list[Hinted]:
    """The draft's hints, after that."""
    await hinting.put_away(session, actor, zap_id, body.keys)
    zap = await zaps.get(session, actor, zap_id)
    return await hinting.hints(session, actor, zap_id, zap.definition)


@router.post("/{zap_id}/undo", status_code=204)
async def undo(
    actor: Editor, session: doors.Transaction, zap_id: str, body: Undoing | None = None
) -> None:
    """The draft as it was before the last gesture, under a new revision; 409 ``nothing_to_undo``."""
    await undoing.undo(session, actor, zap_id, body.revision if body else None)


@router.post("/{zap_id}/redo", status_code=204)
async def redo(
    actor: Editor, session: doors.Transaction, zap_id: str, body: Undoing | None = None
) -> None:
    """What was undone last, done again; 409 ``nothing_to_redo``."""
    await undoing.redo(session, actor, zap_id, body.revision if body else None)


async def _draft(session: AsyncSession, actor: Actor, zap: ZapView) -> Draft:
    return Draft(
        revision=zap.draft_revision,
        definition=zap.definition,
        problems=await versions.problems(session, actor, zap.definition),
        hints=await hinting.hints(session, actor, zap.id, zap.definition),
    )
