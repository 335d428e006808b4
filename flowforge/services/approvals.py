"""Approvals as people see them: what is asked, whom, and what they said."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Invalid
from flowforge.models import Approval, Approver, Project, Run, User, Zap
from flowforge.services import deciding, paging
from flowforge.services.access import Actor, Permission, own, require, roles_that_may
from flowforge.services.paging import Page

MOST_OF_A_RUN = 100
STATUSES = ("pending", "approved", "rejected", "expired", "given_up")


class ApproverView(BaseModel):
    """One person. ``mail``: sent, due, failed, or none where the person needs none."""

    model_config = ConfigDict(frozen=True)

    email: str
    approved: bool | None
    comment: str
    decided_at: dt.datetime | None
    mail: Literal["sent", "due", "failed", "none"]
    mail_error: str | None


class ApprovalView(BaseModel):
    """One question. ``may_decide``: whoever asks for this may answer it now."""

    model_config = ConfigDict(frozen=True)

    id: str
    run_id: str
    zap_id: str
    zap_name: str
    path: str
    question: str
    required: int
    veto: bool
    status: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    decided_at: dt.datetime | None
    approvers: list[ApproverView]
    may_decide: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What the holder of a link sees. ``approved`` and ``decided_at`` are this person's own."""

    project_name: str
    zap_name: str
    question: str
    status: str
    email: str
    expires_at: dt.datetime | None
    approved: bool | None
    decided_at: dt.datetime | None


async def list_approvals(
    session: AsyncSession,
    actor: Actor,
    *,
    status: str = "pending",
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[ApprovalView]:
    """Questions of the project, newest first. ``status`` may be "all"."""
    require(actor, Permission.READ)
    if status not in (*STATUSES, "all"):
        raise Invalid(f"status is one of {', '.join(STATUSES)} or all, not '{status[:40]}'.")
    query = select(Approval).where(col(Approval.project_id) == actor.project_id)
    if status != "all":
        query = query.where(col(Approval.status) == status)
    found = await paging.page(
        session, query, col(Approval.id), limit=limit, cursor=cursor, view=_itself
    )
    return Page(await _views(session, actor, found.data), found.next)


async def get_approval(session: AsyncSession, actor: Actor, approval_id: str) -> ApprovalView:
    require(actor, Permission.READ)
    return (await _views(session, actor, [await own(session, actor, Approval, approval_id)]))[0]


async def of_run(session: AsyncSession, actor: Actor, run_id: str) -> list[ApprovalView]:
    """Questions of one run: those that wait first, then the newest; at most 100."""
    query = (
        select(Approval)
        .where(col(Approval.run_id) == run_id, col(Approval.project_id) == actor.project_id)
        .order_by(col(Approval.status) != "pending", col(Approval.id).desc())
        .limit(MOST_OF_A_RUN)
    )
    return await _views(session, actor, (await session.scalars(query)).all())


async def question_of(session: AsyncSession, token: str) -> Question:
    """What the link with ``token`` asks. Reading decides nothing.

    Raises: NotFound for a token that is none.
    """
    approver = await deciding.approver_of(session, token)
    query = (
        select(Approval, col(Zap.name), col(Project.name))
        .join(Run, col(Run.id) == col(Approval.run_id))
        .join(Zap, col(Zap.id) == col(Run.zap_id))
        .join(Project, col(Project.id) == col(Approval.project_id))
        .where(col(Approval.id) == approver.approval_id)
    )
    approval, zap_name, project_name = (await session.execute(query)).one()
    return Question(
        project_name=project_name,
        zap_name=zap_name,
        question=approval.question,
        status=await deciding.status_now(session, approval),
        email=approver.email,
        expires_at=approval.expires_at,
        approved=approver.approved,
        decided_at=approver.decided_at,
    )


async def _views(
    session: AsyncSession, actor: Actor, approvals: Sequence[Approval]
) -> list[ApprovalView]:
    """Three queries, however many approvals."""
    ids = [one.id for one in approvals]
    of_zaps = (
        select(col(Run.id), col(Zap.id), col(Zap.name))
        .join(Zap, col(Zap.id) == col(Run.zap_id))
        .where(col(Run.id).in_({one.run_id for one in approvals}))
    )
    zaps = {run_id: (zap_id, name) for run_id, zap_id, name in await session.execute(of_zaps)}
    asked = (
        select(Approver, col(User.email))
        .outerjoin(User, col(User.id) == col(Approver.user_id))
        .where(col(Approver.approval_id).in_(ids))
        .order_by(col(Approver.id))
    )
    people: defaultdict[str, list[tuple[Approver, str | None]]] = defaultdict(list)
    for approver, email in await session.execute(asked):
        people[approver.approval_id].append((approver, email))
    own_email = await session.scalar(select(col(User.email)).where(col(User.id) == actor.user_id))
    return [
        ApprovalView(
            **one.model_dump(exclude={"project_id", "number"}),
            zap_id=zaps[one.run_id][0],
            zap_name=zaps[one.run_id][1],
            approvers=[_person(approver, email) for approver, email in people[one.id]],
            may_decide=_may_decide(one, [who for who, _ in people[one.id]], actor, own_email),
        )
        for one in approvals
    ]


def _may_decide(
    approval: Approval, people: Sequence[Approver], actor: Actor, email: str | None
) -> bool:
    if approval.status != "pending" or actor.role not in roles_that_may(Permission.OPERATE):
        return False
    mine = [one for one in people if deciding.is_for(one, actor, email)]
    if mine:
        return mine[0].approved is None
    return not any(one.email for one in people)


def _person(approver: Approver, member: str | None) -> ApproverView:
    mail: Literal["sent", "due", "failed", "none"] = "none"
    if approver.mailed_at is not None:
        mail = "sent"
    elif approver.mail_error is not None:
        mail = "failed"
    elif approver.mail_due_at is not None:
        mail = "due"
    return ApproverView(
        email=approver.email or member or "",
        approved=approver.approved,
        comment=approver.comment,
        decided_at=approver.decided_at,
        mail=mail,
        mail_error=approver.mail_error,
    )


def _itself(row: Approval) -> Approval:
    return row
