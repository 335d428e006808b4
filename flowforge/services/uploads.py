"""What of an arrival does not stay in its row: large bodies, binary bodies, uploaded files."""

from collections.abc import AsyncGenerator
from typing import Any

from python_multipart.multipart import parse_options_header
from sqlalchemy import select
from sqlmodel import col
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from flowforge.errors import Malformed
from flowforge.infra import documents
from flowforge.infra.runtime import Runtime
from flowforge.models import File, Zap
from flowforge.services import files
from flowforge.services.ingest import Arrival
from flowforge.services.payload import ContentType

MOST_FILES = 100
MOST_FIELDS = 1000


async def set_aside(runtime: Runtime, arrival: Arrival) -> Arrival:
    """A large body becomes a blob, so that the row stays small."""
    blob = await runtime.blobs.put(arrival.raw or b"")
    return arrival._replace(raw=None, blob_key=blob.key, blob_keys=(blob.key,))


async def take_files(runtime: Runtime, arrival: Arrival) -> Arrival:
    """A binary body becomes ``{"file_url", …}``; so does each file of a multipart form.

    Raises: Malformed for a form that cannot be read.
    """
    project_id = await _project_of(runtime, arrival)
    if project_id is None:
        return arrival._replace(raw=None)  # intake will find no zap either
    kind = ContentType.of(arrival.content_type)
    raw = arrival.raw or b""
    if kind.is_multipart:
        body, kept = await _multipart(runtime, project_id, arrival.content_type, raw)
    else:
        file = await files.keep(runtime.blobs, project_id, "body", kind.media, raw)
        body, kept = _described(runtime, file), (file,)
    return arrival._replace(
        raw=None,
        body=documents.dump(body),
        files=kept,
        blob_keys=tuple(file.blob_key for file in kept),
    )


async def _multipart(
    runtime: Runtime, project_id: str, content_type: str, raw: bytes
) -> tuple[dict[str, Any], tuple[File, ...]]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield raw

    parser = MultiPartParser(
        Headers({"content-type": content_type}),
        stream(),
        max_files=MOST_FILES,
        max_fields=MOST_FIELDS,
        max_part_size=max(len(raw), 1),
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as problem:
        raise Malformed(f"The multipart form cannot be read: {problem}") from problem
    try:
        if not _is_whole(content_type, raw):
            raise Malformed("The multipart form cannot be read: its closing boundary is missing.")
        return await _kept(runtime, project_id, form)
    finally:
        await form.close()


async def _kept(
    runtime: Runtime, project_id: str, form: FormData
) -> tuple[dict[str, Any], tuple[File, ...]]:
    body: dict[str, Any] = {}
    kept: list[File] = []
    for name, value in form.multi_items():
        found: Any = value
        if isinstance(value, UploadFile):
            file = await files.keep(
                runtime.blobs,
                project_id,
                value.filename or "file",
                value.content_type or "application/octet-stream",
                await value.read(),
            )
            kept.append(file)
            found = _described(runtime, file)
        known = body.get(name)
        if known is None:
            body[name] = found
        else:
            body[name] = [*known, found] if isinstance(known, list) else [known, found]
    return body, tuple(kept)


def _is_whole(content_type: str, raw: bytes) -> bool:
    """The parser is content with a form that was cut off, and leaves its last part out."""
    _, parameters = parse_options_header(content_type)
    return b"--" + parameters.get(b"boundary", b"") + b"--" in raw


def _described(runtime: Runtime, file: File) -> dict[str, Any]:
    return {
        "file_url": files.link(runtime.vault, runtime.settings.effective_public_url, file.id),
        "file_id": file.id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.size,
    }


async def _project_of(runtime: Runtime, arrival: Arrival) -> str | None:
    async with runtime.db.reading() as session:
        found = await session.execute(
            select(col(Zap.project_id), col(Zap.owner_id)).where(
                col(Zap.hook_id) == arrival.hook_id, col(Zap.deleted_at).is_(None)
            )
        )
        row = found.first()
    if row is None or arrival.user_id not in {None, row.owner_id}:
        return None
    project_id: str = row.project_id
    return project_id
