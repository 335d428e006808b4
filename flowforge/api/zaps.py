"""Routes of ``/api/v1/zaps``: versions, the switch, export and import."""

import base64
import binascii
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.api import doors
from flowforge.api.lists import Cursor, Limit, Listed, Search, listed
from flowforge.engine.triggers import Verify
from flowforge.errors import Invalid
from flowforge.services import (
    copying,
    filing,
    forms,
    paging,
    samples,
    step_tests,
    tags,
    testing,
    transfer,
    trigger_samples,
    verify_samples,
    versions,
    zaps,
)
from flowforge.services.access import Actor, Permission
from flowforge.services.diffs import Diff
from flowforge.services.step_tests import GivenSample, TestedStep
from flowforge.services.trigger_samples import EventLine
from flowforge.services.verify_samples import Pasted, Tried
from flowforge.services.versions import VersionView
from flowforge.services.zap_views import ZapSummary, ZapView

router = APIRouter(prefix="/api/v1/zaps", tags=["zaps"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]
Editor = Annotated[Actor, doors.permitted(Permission.EDIT)]
# Over what the service allows, so that the service's own sentence is the answer.
Name = Annotated[str, Field(max_length=10 * zaps.LONGEST_NAME)]
FolderId = Annotated[str, Field(max_length=100)]
Words = Annotated[
    list[Annotated[str, Field(max_length=10 * tags.LONGEST)]], Field(max_length=10 * tags.MOST)
]
LongText = Annotated[str, Field(max_length=16_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NewZap(_Body):
    """``folder_id`` null: uncategorised."""

    name: Name
    definition: dict[str, Any] | None = None
    folder_id: FolderId | None = None


class ZapChange(_Body):
    """What is absent stays as it is. ``folder_id`` null: into no folder; ``tags``: these and no
    others.
    """

    name: Name | None = None
    enabled: StrictBool | None = None
    folder_id: FolderId | None = None
    tags: Words | None = None


class Publication(_Body):
    """``note``: what is new, for those who read the versions later."""

    note: LongText = ""


class RunRequest(_Body):
    """``input`` becomes ``trigger.body``."""

    input: Any = None


class TestRequest(_Body):
    """``input`` becomes ``trigger.body``, or the run begins with the event ``event_id``; with
    neither, with what was received last.
    """

    input: Any = None
    event_id: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "TestRequest":
        if len(self.model_fields_set) > 1:
            raise ValueError("Give an input or an event_id, not both.")
        return self


class StepTestRequest(_Body):
    """``path`` is that of a step of the draft, or its id. ``confirm``: yes, also where it cannot be
    taken back.
    """

    path: str
    sample: GivenSample | None = None
    confirm: StrictBool = False


class ZapFile(_Body):
    """A zap as ``export`` wrote it. ``fill_in`` is for its reader."""

    name: Name
    definition: dict[str, Any]
    schema_version: StrictInt
    fill_in: list[dict[str, str]] | None = None


class Started(BaseModel):
    run_id: str


class Exported(BaseModel):
    """``fill_in``: secrets of the trigger that were left out, where it has any."""

    name: str
    definition: dict[str, Any]
    schema_version: int
    fill_in: list[dict[str, str]] | None = None


class Samples(BaseModel):
    """Real values for the data picker. ``items``: of each loop, the first item of its last list;
    ``events``: the last ones, of which one may be chosen as the trigger's.
    """

    trigger: dict[str, Any] | None
    steps: dict[str, Any]
    items: dict[str, Any]
    events: list[EventLine]


class ChosenSample(_Body):
    """An event of the zap, or ``data`` that stands for ``trigger.body``, or neither: the newest."""

    event_id: str | None = None
    data: Any = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "ChosenSample":
        if len(self.model_fields_set) > 1:
            raise ValueError("Give an event_id or data, not both.")
        return self


class PastedRequest(_Body):
    """A real request, copied from somewhere. ``verify``: the settings to try; absent: the draft's.
    ``url``: as the sender wrote it, where that is signed.
    """

    verify: Verify | None = None
    url: Annotated[str, Field(max_length=8_000)] = ""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: Annotated[
        dict[str, LongText] | list[tuple[LongText, LongText]], Field(max_length=200)
    ] = {}
    body: Annotated[str, Field(max_length=1_000_000)] = ""
    body_base64: Annotated[str, Field(max_length=1_400_000)] = ""

    def pasted(self) -> Pasted:
        try:
            raw = base64.b64decode(self.body_base64, validate=True) or self.body.encode()
        except (binascii.Error, ValueError) as problem:
            message = "This is not base64, or no text."
            raise Invalid(message, details=[{"path": "body", "message": message}]) from problem
        given = self.headers
        pairs = list(given.items()) if isinstance(given, dict) else given
        return Pasted(self.method, self.url, pairs, raw, self.verify)


@router.post("", status_code=201)
async def create(actor: Editor, session: doors.Transaction, body: NewZap) -> ZapView:
    zap = await zaps.create(session, actor, name=body.name, definition=body.definition)
    if body.folder_id is None:
        return zap
    return await filing.move(session, actor, zap.id, body.folder_id)


@router.get("")
async def list_zaps(
    actor: Reader,
    session: doors.Reading,
    *,
    q: Search = None,
    folder: Search = None,
    tag: Search = None,
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[ZapSummary]:
    """``folder``: the id of one, or ``none``."""
    found = await zaps.list_zaps(
        session, actor, q=q, folder=folder, tag=tag, limit=limit, cursor=cursor
    )
    return listed(found)


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
    """Everything but the switch needs the right to edit, that only the one to operate."""
    if body.name is not None:
        await zaps.rename(session, actor, zap_id, body.name)
    if "folder_id" in body.model_fields_set:
        await filing.move(session, actor, zap_id, body.folder_id)
    if body.tags is not None:
        await filing.retag(session, actor, zap_id, body.tags)
    if body.enabled is not None:
        await zaps.set_enabled(session, actor, zap_id, body.enabled)
    return await zaps.get(session, actor, zap_id)


@router.delete("/{zap_id}", status_code=204)
async def delete(actor: Editor, session: doors.Transaction, zap_id: str) -> None:
    """Runs that had not begun are cancelled; all stay readable by their id."""
    await zaps.delete(session, actor, zap_id)


@router.post("/{zap_id}/duplicate", status_code=201)
async def duplicate(actor: Editor, session: doors.Transaction, zap_id: str) -> ZapView:
    return await copying.duplicate(session, actor, zap_id)


@router.post("/{zap_id}/publish")
async def publish(
    actor: Operator, session: doors.Transaction, zap_id: str, body: Publication | None = None
) -> VersionView:
    """422 with ``details`` of path and message where something is missing or wrong."""
    return await versions.publish(session, actor, zap_id, note=body.note if body else "")


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


@router.get("/{zap_id}/versions/{before}/diff/{after}")
async def compare(
    actor: Reader, session: doors.Reading, zap_id: str, before: str, after: str
) -> Diff:
    """What makes ``after`` of ``before``; each is a number, ``draft`` or ``live``."""
    return await versions.compare(session, actor, zap_id, before, after)


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
    """422 with a path for each field where the manual trigger asks for others."""
    given = body.input if body else None
    run_id = await forms.start_by_hand(session, actor, running.signals, zap_id, given)
    return Started(run_id=run_id)


@router.post("/{zap_id}/test", status_code=202)
async def start_test(
    actor: Operator,
    running: doors.Running,
    session: doors.Transaction,
    zap_id: str,
    body: TestRequest | None = None,
) -> Started:
    """A run of the draft, counted in no figure. Its steps are performed for real."""
    given = body.model_dump(exclude_unset=True) if body else {}
    run_id = await testing.start(session, actor, running.signals, zap_id, given)
    return Started(run_id=run_id)


@router.post("/{zap_id}/test-step")
async def try_step(
    actor: Operator, running: doors.Running, zap_id: str, body: StepTestRequest
) -> TestedStep:
    """One step of the draft, performed for real and without a run; what it gives is its sample."""
    async with running.db.reading() as session:
        prepared = await step_tests.prepare(
            session, actor, zap_id, body.path, body.sample, is_confirmed=body.confirm
        )
    outcome = await step_tests.perform(running, prepared)
    async with running.db.transaction() as session:
        return await step_tests.keep(session, actor, prepared, outcome)


@router.post("/{zap_id}/verify-sample")
async def try_verifying(
    actor: Editor, running: doors.Running, session: doors.Reading, zap_id: str, body: PastedRequest
) -> Tried:
    """Whether the request would be believed, and why not; no signature is ever computed for you."""
    return await verify_samples.judged(session, actor, running.vault, zap_id, body.pasted())


@router.get("/{zap_id}/export", response_model_exclude_unset=True)
async def export(actor: Reader, session: doors.Reading, zap_id: str) -> Exported:
    """The draft without secrets and without ids of this place."""
    return Exported(**await transfer.export(session, actor, zap_id))


@router.get("/{zap_id}/samples")
async def get_samples(actor: Reader, session: doors.Reading, zap_id: str) -> Samples:
    return await _samples(session, actor, zap_id)


@router.put("/{zap_id}/sample")
async def choose_sample(
    actor: Editor, session: doors.Transaction, zap_id: str, body: ChosenSample | None = None
) -> Samples:
    """What stands for the trigger: an event, data, or (``null``) what came last."""
    if body is not None and body.event_id is not None:
        await trigger_samples.choose(session, actor, zap_id, body.event_id)
    elif body is not None and "data" in body.model_fields_set:
        await trigger_samples.write(session, actor, zap_id, body.data)
    else:
        await trigger_samples.forget(session, actor, zap_id)
    return await _samples(session, actor, zap_id)


async def _samples(session: AsyncSession, actor: Actor, zap_id: str) -> Samples:
    found = await samples.samples(session, actor, zap_id)
    return Samples(**found, events=await trigger_samples.last_events(session, actor, zap_id))
