"""Files: uploads for steps, and downloads by signed link: who has the link has the file, for as long as
the link lives.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse

from flowforge.api import doors
from flowforge.errors import Malformed
from flowforge.services import files
from flowforge.services.access import Actor, Permission

router = APIRouter(prefix="/api/v1/files", tags=["files"])

Signed = Annotated[str, Query(max_length=200)]
Editor = Annotated[Actor, doors.permitted(Permission.EDIT)]
_RAW = {"content": {files.ANY_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


class Uploaded(BaseModel):
    """How an input of a step names the file."""

    file_id: str
    name: str
    content_type: str
    size: int


@router.post("", status_code=201, openapi_extra={"requestBody": _RAW})
async def upload(
    actor: Editor,
    running: doors.Running,
    request: Request,
    name: Annotated[str, Query(max_length=1000)] = "",
) -> Uploaded:
    """The body is the file, of its ``Content-Type``. 413 over 20 MB."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > files.LARGEST_UPLOAD:
        raise files.too_large()
    kind = request.headers.get("content-type", "")
    try:
        file = await files.take(running.blobs, actor, name, kind, request.stream())
    except ClientDisconnect:
        raise Malformed("The upload broke off.") from None
    # Not before: no transaction is open while somebody uploads.
    async with running.db.transaction() as session:
        return Uploaded.model_validate(await files.add(session, file))


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
