"""Routes of ``/api/v1/folders`` and ``/api/v1/tags``: how zaps are kept in order."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from flowforge.api import doors
from flowforge.api.lists import Listed
from flowforge.services import folders, tags
from flowforge.services.access import Actor, Permission
from flowforge.services.folders import FolderView
from flowforge.services.tags import TagView

router = APIRouter(prefix="/api/v1", tags=["folders"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Editor = Annotated[Actor, doors.permitted(Permission.EDIT)]


class NamedFolder(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    # Over what the service allows, so that the service's own sentence is the answer.
    name: Annotated[str, Field(max_length=10 * folders.LONGEST)]


@router.get("/folders")
async def list_folders(actor: Reader, session: doors.Reading) -> Listed[FolderView]:
    """All by name, on one page, with how many zaps are in each."""
    return Listed(data=await folders.list_folders(session, actor), next=None)


@router.post("/folders", status_code=201)
async def create_folder(actor: Editor, session: doors.Transaction, body: NamedFolder) -> FolderView:
    """409 ``folder_exists`` where one is called so already, whatever its case."""
    return await folders.create(session, actor, body.name)


@router.patch("/folders/{folder_id}")
async def rename_folder(
    actor: Editor, session: doors.Transaction, folder_id: str, body: NamedFolder
) -> FolderView:
    return await folders.rename(session, actor, folder_id, body.name)


@router.delete("/folders/{folder_id}", status_code=204)
async def delete_folder(actor: Editor, session: doors.Transaction, folder_id: str) -> None:
    """Its zaps stay, and are uncategorised."""
    await folders.delete(session, actor, folder_id)


@router.get("/tags")
async def list_tags(actor: Reader, session: doors.Reading) -> Listed[TagView]:
    """All by name, on one page, with how many zaps have each."""
    return Listed(data=await tags.list_tags(session, actor), next=None)
