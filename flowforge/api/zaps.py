"""Routes of ``/api/v1/zaps``: drafts, versions, the switch, export and import."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from flowforge.api import doors
from flowforge.api.lists import Cursor, Limit, Listed, Search, listed
from flowforge.services import drafts, ingest, paging, samples, transfer, versions, zaps
from flowforge.services.access import Actor, Permission
from flowforge.services.versions import VersionView
from flowforge.services.zaps import ZapSummary, ZapView

router = APIRouter(prefix="/api/v1/zaps", tags=["zaps"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]
Editor = Annotated[Actor, doors.permitted(Permission.EDIT)]
# Over what the service allows, so that the service's own sentence is the answer.
Name = Annotated[str, Field(max_length=10 * zaps.LONGEST_NAME)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NewZap(_Body):
    """``folder_id`` is null until there are folders."""

    name: Name
    definition: dict[str, Any] | None = None
    folder_id: None = None


class ZapChange(_Body):
    """What is absent stays as it is."""

    name: Name | None = None
    enabled: StrictBool | None = None


class DraftChange(_Body):
    """``revision`` is the one that was read before editing."""

    revision: StrictInt
    definition: dict[str, Any]


class RunRequest(_Body):
    """``input`` becomes ``trigger.body``."""

    input: Any = None


class ZapFile(_Body):
    """A zap as ``export`` wrote it."""

    name: Name
    definition: dict[str, Any]
    schema_version: StrictInt


class Draft(BaseModel):
    revision: int
    definition: dict[str, Any]
    problems: list[dict[str, str]]


class Started(BaseModel):
    run_id: str


class Exported(BaseModel):
    name: str
    definition: dict[str, Any]
    schema_version: int


class Samples(BaseModel):
    """Real values for the data picker."""

    trigger: dict[str, Any] | None
    steps: dict[str, Any]


@router.post("", status_code=201)
async def create(actor: Editor, session: doors.Transaction, body: NewZap) -> ZapView:
    return await zaps.create(session, actor, name=body.name, definition=body.definition)


@router.get("")
async def list_zaps(
    actor: Reader,
    session: doors.Reading,
    q: Search = None,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[ZapSummary]:
    return listed(await zaps.list_zaps(session, actor, q=q, limit=limit, cursor=cursor))


@router.post("/import", status_code=201)
async def import_zap(actor: Editor, session: doors.Transaction, body: ZapFile) -> ZapView:
    return await transfer.import_zap(
        session,
        actor,
        name=body.name,
        definition=body.definition,
        schema_version=body.schema_version,
    )


@router.get("/{zap_id}")
async def get(actor: Reader, session: doors.Reading, zap_id: str) -> ZapView:
    return await zaps.get(session, actor, zap_id)


@router.patch("/{zap_id}")
async def change(
    actor: Operator, session: doors.Transaction, zap_id: str, body: ZapChange
) -> ZapView:
    """A new name needs the right to edit, the switch only that to operate."""
    if body.name is not None:
        await zaps.rename(session, actor, zap_id, body.name)
    if body.enabled is not None:
        await zaps.set_enabled(session, actor, zap_id, body.enabled)
    return await zaps.get(session, actor, zap_id)


@router.delete("/{zap_id}", status_code=204)
async def delete(actor: Editor, session: doors.Transaction, zap_id: str) -> None:
    """Runs that had not begun are cancelled; all stay readable by their id."""
    await zaps.delete(session, actor, zap_id)


@router.post("/{zap_id}/duplicate", status_code=201)
async def duplicate(actor: Editor, session: doors.Transaction, zap_id: str) -> ZapView:
    return await zaps.duplicate(session, actor, zap_id)


@router.get("/{zap_id}/draft")
async def get_draft(actor: Reader, session: doors.Reading, zap_id: str) -> Draft:
    return _draft(await zaps.get(session, actor, zap_id))


@router.put("/{zap_id}/draft")
async def save_draft(
    actor: Editor, session: doors.Transaction, zap_id: str, body: DraftChange
) -> Draft:
    """409 ``stale_revision`` where somebody saved after ``revision`` was read."""
    return _draft(
        await zaps.save_draft(
            session, actor, zap_id, revision=body.revision, definition=body.definition
        )
    )


@router.post("/{zap_id}/publish")
async def publish(actor: Operator, session: doors.Transaction, zap_id: str) -> VersionView:
    """422 with ``details`` of path and message where something is missing or wrong."""
    return await versions.publish(session, actor, zap_id)


@router.get("/{zap_id}/versions")
async def list_versions(
    actor: Reader,
    session: doors.Reading,
    zap_id: str,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[VersionView]:
    found = await versions.list_versions(session, actor, zap_id, limit=limit, cursor=cursor)
    return listed(found)


@router.get("/{zap_id}/versions/{number}")
async def get_version(
    actor: Reader, session: doors.Reading, zap_id: str, number: int
) -> VersionView:
    return await versions.get_version(session, actor, zap_id, number)


@router.post("/{zap_id}/versions/{number}/restore")
async def restore(actor: Editor, session: doors.Transaction, zap_id: str, number: int) -> ZapView:
    """Copies the version to the draft; what is live stays live."""
    return await versions.restore(session, actor, zap_id, number)


@router.post("/{zap_id}/enable")
async def enable(actor: Operator, session: doors.Transaction, zap_id: str) -> ZapView:
    return await zaps.set_enabled(session, actor, zap_id, enabled=True)


@router.post("/{zap_id}/disable")
async def disable(actor: Operator, session: doors.Transaction, zap_id: str) -> ZapView:
    """The hook answers 404 from now on; runs that are queued still finish."""
    return await zaps.set_enabled(session, actor, zap_id, enabled=False)


@router.post("/{zap_id}/rotate")
async def rotate(actor: Editor, session: doors.Transaction, zap_id: str) -> ZapView:
    """A new webhook URL; the old one is dead at once."""
    return await zaps.rotate(session, actor, zap_id)


@router.post("/{zap_id}/run", status_code=202)
async def run(
    actor: Operator,
    running: doors.Running,
    session: doors.Transaction,
    zap_id: str,
    body: RunRequest | None = None,
) -> Started:
    given = body.input if body else None
    run_id = await ingest.start_manual(session, actor, running.signals, zap_id, given)
    return Started(run_id=run_id)


@router.get("/{zap_id}/export")
async def export(actor: Reader, session: doors.Reading, zap_id: str) -> Exported:
    """The draft without secrets and without ids of this place."""
    return Exported(**await transfer.export(session, actor, zap_id))


@router.get("/{zap_id}/samples")
async def get_samples(actor: Reader, session: doors.Reading, zap_id: str) -> Samples:
    return Samples(**await samples.samples(session, actor, zap_id))


def _draft(zap: ZapView) -> Draft:
    return Draft(
        revision=zap.draft_revision,
        definition=zap.definition,
        problems=drafts.problems(zap.definition),
    )
