"""Files that came in with a request or were uploaded for a step: kept as blobs, fetched by a signed
link that ends.

Promises: a link opens exactly the file it was made for, until its time is over; the name a
sender gave is a label and never becomes a path.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Forbidden, Malformed, NotFound, TooLarge
from flowforge.infra.blobs import Blob, Blobs
from flowforge.infra.db import new_id, utc_now
from flowforge.infra.vault import Vault
from flowforge.models import File
from flowforge.services.access import Actor, Permission, own, require

LIFE = dt.timedelta(days=7)
LARGEST_UPLOAD = 20 * 1024 * 1024
UPLOAD_SECONDS = 300.0
LONGEST_NAME = 255
ANY_TYPE = "application/octet-stream"
_SIGNATURE = "file"
_TYPE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+/")


@dataclass(frozen=True)
class Download:
    """A file about to be sent."""

    blob_key: str
    size: int
    headers: Mapping[str, str]


async def keep(blobs: Blobs, project_id: str, name: str, content_type: str, data: bytes) -> File:
    """The stored bytes as a row that is not in a session yet: the caller inserts it together
    with whatever refers to it.
    """
    return _row(project_id, name, content_type, await blobs.put(data))


async def take(
    blobs: Blobs, actor: Actor, name: str, content_type: str, chunks: AsyncIterator[bytes]
) -> File:
    """The same of what somebody uploads for a step of theirs, while it comes in.

    Raises: TooLarge at the first byte too many; Malformed for one that is too slow.
    """
    require(actor, Permission.EDIT)
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            blob = await blobs.put(_within(chunks))
    except TimeoutError:
        raise Malformed(
            f"The upload took longer than {UPLOAD_SECONDS / 60:g} minutes. Try again.", code="slow"
        ) from None
    return _row(actor.project_id, name, content_type, blob)


async def add(session: AsyncSession, file: File) -> dict[str, str | int]:
    """Keep the row; how a step names the file from now on."""
    session.add(file)
    await session.flush()
    return _described(file)


async def described(session: AsyncSession, actor: Actor, file_id: str) -> dict[str, str | int]:
    """How a step names the file. Raises: NotFound for one of another project."""
    return _described(await own(session, actor, File, file_id))


def _described(file: File) -> dict[str, str | int]:
    return {
        "file_id": file.id,
        # It stands in a draft, where braces are an expression.
        "name": file.name.replace("{", "(").replace("}", ")"),
        "content_type": file.content_type,
        "size": file.size,
    }


def link(vault: Vault, public_url: str, file_id: str, *, now: dt.datetime | None = None) -> str:
    """The URL that downloads the file for the next 7 days, for whoever has it."""
    expires = int(((now or utc_now()) + LIFE).timestamp())
    signature = vault.sign(_SIGNATURE, f"{file_id}:{expires}")
    return f"{public_url}/api/v1/files/{file_id}?expires={expires}&signature={signature}"


async def download(
    session: AsyncSession,
    vault: Vault,
    file_id: str,
    *,
    expires: str,
    signature: str,
    now: dt.datetime | None = None,
) -> Download:
    """What a link opens.

    Raises: Forbidden for a link that was altered or is over; NotFound where the file is gone.
    """
    # The signature covers the exact text of ``expires``: it is checked before it is read.
    is_ours = vault.check(_SIGNATURE, f"{file_id}:{expires}", signature)
    if not is_ours or int(expires) < (now or utc_now()).timestamp():
        raise Forbidden(
            "This link is over or was altered. Open the run for a fresh one.", code="bad_link"
        )
    # No actor: the signature is the permission.
    file = await session.scalar(select(File).where(col(File.id) == file_id))
    if file is None:
        raise NotFound("File not found")
    return Download(file.blob_key, file.size, _headers(file))


async def opened(blobs: Blobs, found: Download) -> AsyncIterator[bytes]:
    """The bytes in chunks, the first already read: NotFound comes before an answer begins."""
    chunks = blobs.stream(found.blob_key)
    first = await anext(chunks, b"")

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return all_of_them()


async def _within(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > LARGEST_UPLOAD:
            raise too_large()
        yield chunk


def too_large() -> TooLarge:
    most = LARGEST_UPLOAD // 1024 // 1024
    return TooLarge(
        f"A file may have {most} MB at most. Put a larger one on the web and give its URL."
    )


def _row(project_id: str, name: str, content_type: str, blob: Blob) -> File:
    return File(
        id=new_id(),
        project_id=project_id,
        name=label(name),
        content_type=media_type(content_type),
        size=blob.size,
        sha256=blob.sha256,
        blob_key=blob.key,
    )


def _headers(file: File) -> dict[str, str]:
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\%' else "_"
        for letter in file.name
    )
    return {
        # An attachment is saved, never shown: a page inside it has no origin to act from.
        "Content-Disposition": f'attachment; filename="{plain}"; '
        f"filename*=UTF-8''{quote(file.name, safe='')}",
        "Content-Type": file.content_type,
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }


def label(name: str) -> str:
    """What a sender called it, as a name and no path."""
    whole = name.encode(errors="replace").decode()
    # The last part of a path, whichever system wrote it.
    last = whole.replace("\\", "/").rpartition("/")[2]
    cleaned = "".join(letter for letter in last if letter.isprintable()).strip()
    return cleaned[:LONGEST_NAME] or "file"


def media_type(content_type: str) -> str:
    """``type/subtype`` in lower case; anything else is just bytes."""
    media = content_type.partition(";")[0].strip().lower()
    is_sound = media.count("/") == 1 and set(media) <= _TYPE_LETTERS and len(media) <= LONGEST_NAME
    return media if is_sound and not media.startswith("/") else ANY_TYPE
