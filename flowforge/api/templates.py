"""Routes of ``/api/v1/templates``: zaps to begin with."""

from typing import Annotated

from fastapi import APIRouter, Query

from flowforge.api import doors
from flowforge.api.lists import Listed, Search
from flowforge.services import templates
from flowforge.services.access import Actor, Permission
from flowforge.services.templates import TemplateView
from flowforge.services.zap_views import ZapView

router = APIRouter(prefix="/api/v1/templates", tags=["templates"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Editor = Annotated[Actor, doors.permitted(Permission.EDIT)]


@router.get("")
async def list_templates(
    actor: Reader,
    q: Search = None,
    category: Annotated[str | None, Query(max_length=200)] = None,
) -> Listed[TemplateView]:
    """All that fit, on one page."""
    found = templates.list_templates(actor, q=q or "", category=category or "")
    return Listed(data=found, next=None)


@router.get("/{key}")
async def get_template(actor: Reader, key: str) -> TemplateView:
    return templates.get(actor, key)


@router.post("/{key}/use", status_code=201)
async def use_template(actor: Editor, session: doors.Transaction, key: str) -> ZapView:
    """A new zap, switched off; its mails go to whoever made it."""
    return await templates.use(session, actor, key)
