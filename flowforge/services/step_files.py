"""The files that steps read: stored ones of their own project, and whatever a web address gives.

Promises: no file of another project is read, whoever wrote its id or has a link to it; what is too
large is refused with both sizes; bytes are read when an action asks for them and kept nowhere.
"""

from dataclasses import dataclass
from email.message import Message

import httpx
from sqlalchemy import select
from sqlmodel import col

from flowforge.actions.files import Content, Named
from flowforge.actions.sdk import FatalError, RetryableError, get, raise_for_answer
from flowforge.errors import NotFound, Unavailable
from flowforge.infra.blobs import Blobs
from flowforge.infra.db import Database
from flowforge.infra.runtime import Runtime
from flowforge.models import File
from flowforge.services import files, form_texts

_GONE = (
    "The file '{}' is not there: it was removed, or belongs to another project. Choose it again."
)


@dataclass(frozen=True)
class ProjectFiles:
    """Those that steps of one project may read; ``own_links``: how links to stored files begin."""

    project_id: str
    database: Database
    blobs: Blobs
    http: httpx.AsyncClient
    own_links: str

    async def read(self, file: Named, most_bytes: int, /) -> Content:
        """Raises: FatalError for what is gone, not theirs or too large; RetryableError for what may
        be there later.
        """
        file_id = file.file_id or self._linked(file.url)
        if file_id:
            return await self._stored(file_id, file.label, most_bytes)
        return await self._fetched(file, most_bytes)

    def _linked(self, url: str) -> str:
        # Our own address may be one that zaps must not call, and a link ends after some days.
        if not url.startswith(self.own_links):
            return ""
        return url.removeprefix(self.own_links).partition("?")[0]

    async def _stored(self, file_id: str, label: str, most_bytes: int) -> Content:
        query = select(File).where(col(File.id) == file_id, col(File.project_id) == self.project_id)
        try:
            async with self.database.reading() as session:
                found = await session.scalar(query)
            if found is None:
                raise FatalError(_GONE.format(label))
            _require_room(found.name, found.size, most_bytes)
            data = await self.blobs.get(found.blob_key)
        except NotFound as problem:
            raise FatalError(_GONE.format(label)) from problem
        except Unavailable as problem:
            raise RetryableError(problem.message) from problem
        return Content(found.name, found.content_type, data)

    async def _fetched(self, file: Named, most_bytes: int) -> Content:
        answer = await get(self.http, file.url)
        # Its address may hold a secret: the host is said, the rest is not.
        raise_for_answer(answer, f"Getting the file from {answer.url.host}")
        name = files.label(file.name or _suggested(answer.headers) or file.label)
        _require_room(name, len(answer.content), most_bytes)
        kind = files.media_type(answer.headers.get("content-type", ""))
        return Content(name, kind, answer.content)


def of_project(runtime: Runtime, project_id: str) -> ProjectFiles:
    """The files that steps of the project may read in this process."""
    links = f"{runtime.settings.effective_public_url}/api/v1/files/"
    return ProjectFiles(project_id, runtime.db, runtime.blobs, runtime.http, links)


def _require_room(name: str, size: int, most_bytes: int) -> None:
    if size > most_bytes:
        room = form_texts.size(max(0, most_bytes))
        raise FatalError(
            f"'{name}' is too large: it has {form_texts.size(size)}, and {room} are left for it."
        )


def _suggested(headers: httpx.Headers) -> str:
    """The name that the answer gives its file."""
    carrier = Message()
    carrier["Content-Disposition"] = headers.get("content-disposition", "").replace("\n", " ")
    return carrier.get_filename("") or ""
