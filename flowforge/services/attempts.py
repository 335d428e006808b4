"""Attempts as people and scripts read them: a page of a run's, and one value in full.

Promises: a page has a bounded number of bytes, however long the run and however large its values;
nothing is truncated, what is large is elsewhere; what is named like a secret is taken out.
"""

import asyncio
import datetime as dt
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Malformed, NotFound
from flowforge.infra import documents, runtime
from flowforge.infra.redaction import redact
from flowforge.models import Attempt, Run, Version
from flowforge.services import drafts, paging, search
from flowforge.services.access import Actor, Permission, own, require

Part = Literal["input", "output"]

STATUSES = ("running", "succeeded", "failed", "unknown", "skipped")
MOST = 500
# Of values in rows; a page that has more of them ends there.
MOST_BYTES = 4 * 1024 * 1024
_ONE_AT_A_TIME = threading.Lock()


class ValueRef(BaseModel):
    """Where a value is that is too large for an answer: bytes of JSON, and the path of its route."""

    model_config = ConfigDict(frozen=True)

    size: int
    url: str


class AttemptView(BaseModel):
    """One try of one step. ``retry_at``: when the next try of it is due; ``wake_at``: when one that
    waits goes on. Of a large ``input`` or ``output`` there is the reference instead. ``logs`` is
    what code printed.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    path: str
    step_id: str
    kind: str
    action: str | None
    name: str
    number: int
    status: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    duration_ms: int | None
    input: Any
    output: Any
    error: dict[str, Any] | None
    retry_at: dt.datetime | None
    wake_at: dt.datetime | None
    logs: str | None
    input_ref: ValueRef | None
    output_ref: ValueRef | None


class AttemptPage(BaseModel):
    """In the order in which they began. ``next`` is the cursor of the following page."""

    model_config = ConfigDict(frozen=True)

    data: Sequence[AttemptView]
    next: str | None


async def list_attempts(
    session: AsyncSession,
    actor: Actor,
    run_id: str,
    *,
    path_prefix: str | None = None,
    status: str | None = None,
    limit: int = MOST,
    cursor: str | None = None,
) -> AttemptPage:
    """A page of a run's attempts. ``path_prefix``: only those whose path begins so, such as
    ``each[2]/``; ``status`` may name several, separated by commas.

    Raises: Malformed for a limit out of range or a cursor that is not ours.
    """
    require(actor, Permission.READ)
    run = await own(session, actor, Run, run_id)
    found = []
    if path_prefix:
        found.append(search.begins(Attempt.path, path_prefix))
    if status:
        found.append(col(Attempt.status).in_(search.words(status, STATUSES, "status")))
    definition = await _definition_of(session, run)
    return await page_of(session, run, definition, *found, limit=limit, cursor=cursor)


async def last_of(session: AsyncSession, actor: Actor, run_id: str, path: str) -> AttemptView:
    """The newest try of one step. Raises: NotFound for a step that was never tried."""
    require(actor, Permission.READ)
    run = await own(session, actor, Run, run_id)
    newest = (
        select(func.max(col(Attempt.id)))
        .where(col(Attempt.run_id) == run.id, col(Attempt.path) == path)
        .scalar_subquery()
    )
    page = await page_of(
        session, run, await _definition_of(session, run), col(Attempt.id) == newest
    )
    if not page.data:
        raise NotFound("This step was not tried in this run.")
    return page.data[0]


async def page_of(
    session: AsyncSession,
    run: Run,
    definition: Mapping[str, Any],
    *conditions: Any,
    limit: int = MOST,
    cursor: str | None = None,
) -> AttemptPage:
    """The same for a run that the caller owns; ``definition`` is that of its version."""
    if not 1 <= limit <= MOST:
        raise Malformed(f"limit must be between 1 and {MOST}", code="bad_limit")
    # First the sizes: what does not fit is not even read.
    size = func.coalesce(func.length(Attempt.input), 0) + func.coalesce(
        func.length(Attempt.output), 0
    )
    query = select(col(Attempt.id), size).where(col(Attempt.run_id) == run.id, *conditions)
    if cursor is not None:
        query = query.where(col(Attempt.id) > paging.id_in(cursor))
    sizes = (await session.execute(query.order_by(col(Attempt.id)).limit(limit + 1))).all()
    ids = _fitting([(attempt_id, int(length)) for attempt_id, length in sizes[:limit]])
    rows = await session.scalars(
        select(Attempt).where(col(Attempt.id).in_(ids)).order_by(col(Attempt.id))
    )
    names = {step["id"]: drafts.step_name(step) for step in drafts.all_steps(definition)}
    data = [_view(row, names.get(row.step_id, row.step_id)) for row in rows]
    return AttemptPage(
        data=data, next=paging.cursor_behind(ids[-1]) if len(ids) < len(sizes) else None
    )


async def _definition_of(session: AsyncSession, run: Run) -> Mapping[str, Any]:
    found = await session.scalar(
        select(col(Version.definition)).where(
            col(Version.zap_id) == run.zap_id, col(Version.number) == run.version
        )
    )
    return found or {}


def _fitting(sizes: Sequence[tuple[str, int]]) -> list[str]:
    """As many ids as there is room for, at least one."""
    ids: list[str] = []
    left = MOST_BYTES
    for attempt_id, length in sizes:
        left -= length
        if ids and left < 0:
            break
        ids.append(attempt_id)
    return ids


async def value(
    session: AsyncSession, actor: Actor, run_id: str, attempt_id: str, part: Part
) -> AsyncIterator[bytes]:
    """All of an attempt's input or output as JSON text, in pieces; ``null`` where there is none.

    Raises: NotFound for an attempt that is not the run's, or a value that is no longer stored.
    """
    require(actor, Permission.READ)
    run = await own(session, actor, Run, run_id)
    row = await session.scalar(
        select(Attempt).where(
            col(Attempt.id) == search.storable(attempt_id), col(Attempt.run_id) == run.id
        )
    )
    if row is None:
        raise NotFound("Attempt not found")
    key = row.input_blob if part == "input" else row.output_blob
    if key is None:
        document = row.input if part == "input" else redact(row.output)
        return _pieces(documents.dump(document).encode())
    content = await runtime.current().blobs.get(key)
    if part == "output":
        content = await asyncio.to_thread(_without_secrets, content)
    return _pieces(content)


def _without_secrets(content: bytes) -> bytes:
    # Parsed it takes many times its size: a few of them must not fill the memory.
    with _ONE_AT_A_TIME:
        return documents.dump(redact(documents.parse(content))).encode()


async def _pieces(content: bytes, size: int = 256 * 1024) -> AsyncIterator[bytes]:
    view = memoryview(content)
    for first in range(0, len(view), size):
        yield bytes(view[first : first + size])


def _view(row: Attempt, name: str) -> AttemptView:
    return AttemptView(
        **row.model_dump(exclude={"run_id", "output"}),
        name=name,
        output=redact(row.output),
        duration_ms=milliseconds(row.started_at, row.finished_at),
        input_ref=_reference(row, "input", row.input_blob, row.input_size),
        output_ref=_reference(row, "output", row.output_blob, row.output_size),
    )


def _reference(row: Attempt, part: Part, blob: str | None, size: int | None) -> ValueRef | None:
    url = f"/api/v1/runs/{row.run_id}/attempts/{row.id}/{part}"
    return None if blob is None else ValueRef(size=size or 0, url=url)


def milliseconds(begin: dt.datetime | None, end: dt.datetime | None) -> int | None:
    if begin is None or end is None:
        return None
    return max(0, round((end - begin).total_seconds() * 1000))
