"""Downloads by signed link: who has the link has the file, for as long as the link lives."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from flowforge.api import doors
from flowforge.services import files

router = APIRouter(prefix="/api/v1/files", tags=["files"])

Signed = Annotated[str, Query(max_length=200)]


@router.get("/{file_id}", dependencies=[doors.public()], response_class=StreamingResponse)
async def download(
    running: doors.Running,
    session: doors.Reading,
    file_id: str,
    expires: Signed = "",
    signature: Signed = "",
) -> StreamingResponse:
    """An attachment. 403 for a link that is over or was altered."""
    found = await files.download(
        session, running.vault, file_id, expires=expires, signature=signature
    )
    chunks = await files.opened(running.blobs, found)
    headers = {**found.headers, "Content-Length": str(found.size)}
    return StreamingResponse(chunks, headers=headers)
