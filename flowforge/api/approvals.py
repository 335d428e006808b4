"""Approvals: for members under ``/api/v1/approvals``, for whoever was mailed a link as a page.

The link's token is the permission, so its page takes no cookie: no other site can press a button
with somebody's session. Only the press of a button decides; whatever follows links may follow it.
"""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flowforge.api import approval_page, doors, guards
from flowforge.api.lists import Cursor, Limit, Listed, listed
from flowforge.errors import FlowForgeError, Malformed, TooMany, Unavailable
from flowforge.services import approvals, deciding, paging
from flowforge.services.access import Actor, Permission
from flowforge.services.approvals import ApprovalView

MOST_FORM_FIELDS = 10

router = APIRouter(tags=["approvals"])

Reader = Annotated[Actor, doors.permitted(Permission.READ)]
Operator = Annotated[Actor, doors.permitted(Permission.OPERATE)]


class Decision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    approved: bool
    comment: str = Field("", max_length=deciding.LONGEST_COMMENT)


@router.get("/api/v1/approvals")
async def list_approvals(
    *,
    actor: Reader,
    session: doors.Reading,
    status: Annotated[str, Query(max_length=20, description="or `all`")] = "pending",
    limit: Limit = paging.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listed[ApprovalView]:
    """What the project's runs ask, newest first."""
    page = await approvals.list_approvals(session, actor, status=status, limit=limit, cursor=cursor)
    return listed(page)


@router.get("/api/v1/approvals/{approval_id}")
async def get_approval(actor: Reader, session: doors.Reading, approval_id: str) -> ApprovalView:
    return await approvals.get_approval(session, actor, approval_id)


@router.post("/api/v1/approvals/{approval_id}")
async def decide(
    actor: Operator,
    running: doors.Running,
    session: doors.Transaction,
    approval_id: str,
    given: Decision,
) -> ApprovalView:
    """Approve or reject. 403 where others were asked, 409 where it is decided or over."""
    await deciding.decide_as_member(
        session,
        actor,
        running.signals,
        approval_id,
        approved=given.approved,
        comment=given.comment,
    )
    return await approvals.get_approval(session, actor, approval_id)


@router.get("/approvals/{token}", dependencies=[doors.public()], include_in_schema=False)
async def show(
    request: Request, running: doors.Running, guarded: guards.Guarded, token: str
) -> Response:
    """The question. Decides nothing."""
    try:
        await guards.count_link(request, running, guarded)
        async with running.db.reading() as session:
            return approval_page.asking(await approvals.question_of(session, token))
    except FlowForgeError as problem:
        return _refused(problem)


@router.post("/approvals/{token}", dependencies=[doors.public()], include_in_schema=False)
async def press(
    request: Request, running: doors.Running, guarded: guards.Guarded, token: str
) -> Response:
    """A button of the page was pressed; then the page again, which says what became of it."""
    try:
        await guards.count_link(request, running, guarded)
        approved, comment = await _pressed(request)
        async with running.db.transaction() as session:
            await deciding.decide(
                session, running.signals, token, approved=approved, comment=comment
            )
    except FlowForgeError as problem:
        return _refused(problem)
    # Relative: behind whatever address the browser knows us by.
    return RedirectResponse(f"./{token}", status_code=303)


async def _pressed(request: Request) -> tuple[bool, str]:
    try:
        form = dict(
            parse_qsl(
                (await request.body()).decode(),
                keep_blank_values=True,
                max_num_fields=MOST_FORM_FIELDS,
            )
        )
    except ValueError:
        raise Malformed("The form cannot be read. Open the link again.") from None
    answer = form.get("answer")
    if answer not in {"approve", "reject"}:
        raise Malformed("Press Approve or Reject; nothing was decided.")
    # Browsers send the ends of lines as two characters, of which maxlength counts one.
    return answer == "approve", form.get("comment", "").replace("\r\n", "\n")


def _refused(problem: FlowForgeError) -> Response:
    headers = {}
    if isinstance(problem, TooMany | Unavailable):
        headers["Retry-After"] = str(problem.retry_after)
    return approval_page.problem(problem.status, problem.message, headers=headers)
