"""Answers to approvals: who may give one, and what it does.

Promises: an answer is counted once, however often and wherever it is given; two at once are both
counted; an answer that comes too late changes nothing and says so. Where approvers are named,
they alone decide, with their link or signed in; otherwise every member who may operate.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Literal

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict, Forbidden, Invalid, NotFound
from flowforge.infra.db import after_commit, db_clock
from flowforge.infra.signals import Signals
from flowforge.models import Approval, Approver, Member, OutboxEntry, Run, User
from flowforge.services import leases
from flowforge.services.access import Actor, Permission, own, require, roles_that_may
from flowforge.services.asking import storable

LONGEST_COMMENT = 2_000
LONGEST_TOKEN = 100

Answer = Literal["counted", "already", "closed"]


async def decide(
    session: AsyncSession, signals: Signals, token: str, *, approved: bool, comment: str = ""
) -> Answer:
    """The answer of the person whom ``token`` was mailed to; the link works once.

    Raises: NotFound for a token that is none.
    """
    approver = await approver_of(session, token)
    approval = (
        await session.scalars(select(Approval).where(col(Approval.id) == approver.approval_id))
    ).one()
    if await _locked(session, approval) != "pending":
        return "closed"
    await session.refresh(approver)
    if approver.approved is not None:
        return "already"
    await _count(session, signals, approval, approver, approved=approved, comment=comment)
    return "counted"


async def decide_as_member(
    session: AsyncSession,
    actor: Actor,
    signals: Signals,
    approval_id: str,
    *,
    approved: bool,
    comment: str = "",
) -> None:
    """The answer of somebody who is signed in.

    Raises: Forbidden where others were asked; Conflict where it is too late or this member has
    answered already.
    """
    require(actor, Permission.OPERATE)
    approval = await own(session, actor, Approval, approval_id)
    if (status := await _locked(session, approval)) != "pending":
        raise Conflict(_closed_sentence(status), code="approval_closed")
    approver = await _seat(session, actor, approval)
    if approver.approved is not None:
        said = "approved" if approver.approved else "rejected"
        raise Conflict(f"You have {said} this already.", code="already_answered")
    await _count(session, signals, approval, approver, approved=approved, comment=comment)


def token_digest(token: str) -> str:
    """What is kept of a link's secret. Plain, because the secret is 32 random-looking bytes: so a
    link that was mailed survives a new SECRET_KEY.
    """
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


async def approver_of(session: AsyncSession, token: str) -> Approver:
    """Whom ``token`` was mailed to.

    Raises: NotFound for a token that is none.
    """
    query = select(Approver).where(col(Approver.token_digest) == token_digest(token))
    approver = await session.scalar(query) if len(token) <= LONGEST_TOKEN else None
    if approver is None:
        raise NotFound("This link is not one of ours, or what it was about is gone.")
    return approver


def verdict(
    said: Sequence[bool], *, required: int, veto: bool, outstanding: int
) -> Literal["approved", "rejected"] | None:
    """What the answers so far amount to; ``outstanding``: how many may still answer."""
    rejected = sum(not one for one in said)
    if len(said) - rejected >= required:
        return "approved"
    is_out_of_reach = len(said) - rejected + outstanding < required
    return "rejected" if rejected and (veto or is_out_of_reach) else None


async def status_now(session: AsyncSession, approval: Approval) -> str:
    """Its status, also where its time is over or its run has ended and nobody wrote it down yet."""
    if approval.status != "pending":
        return approval.status
    now = (await session.scalars(select(db_clock()))).one()
    if approval.expires_at is not None and approval.expires_at <= now:
        return "expired"
    owes = select(col(OutboxEntry.run_id)).where(col(OutboxEntry.run_id) == approval.run_id)
    return "given_up" if await session.scalar(owes) is None else "pending"


def is_for(approver: Approver, actor: Actor, email: str | None) -> bool:
    return approver.email == email if approver.email else approver.user_id == actor.user_id


async def _locked(session: AsyncSession, approval: Approval) -> str:
    """Its status; nobody else changes it or its run until the end of the transaction."""
    # The order of a settlement: outbox entry, then approval. Whoever waits here sees the other's
    # answer counted; and a worker that draws time-outs from the clock holds this entry as well.
    lock = select(col(OutboxEntry.run_id)).where(col(OutboxEntry.run_id) == approval.run_id)
    await session.execute(lock.with_for_update())
    await session.refresh(approval, with_for_update=True)
    return await status_now(session, approval)


async def _seat(session: AsyncSession, actor: Actor, approval: Approval) -> Approver:
    """The row for the actor's answer; a new one where nobody was named.

    Raises: Forbidden where others were.
    """
    query = select(Approver).where(col(Approver.approval_id) == approval.id)
    people = (await session.scalars(query)).all()
    email = await session.scalar(select(col(User.email)).where(col(User.id) == actor.user_id))
    mine = next((one for one in people if is_for(one, actor, email)), None)
    if mine is not None:
        return mine
    if any(one.email for one in people):
        raise Forbidden(
            "Only the people who were asked by mail can answer this.", code="not_an_approver"
        )
    seat = Approver(approval_id=approval.id, user_id=actor.user_id)
    session.add(seat)
    return seat


async def _count(
    session: AsyncSession,
    signals: Signals,
    approval: Approval,
    approver: Approver,
    *,
    approved: bool,
    comment: str,
) -> None:
    """Write one answer; if it settles the question, the run is due at once."""
    if len(comment) > LONGEST_COMMENT:
        raise Invalid(f"The comment may have {LONGEST_COMMENT:,} characters, not {len(comment):,}.")
    now = (await session.scalars(select(db_clock()))).one()
    approver.approved, approver.comment = approved, storable(comment.strip())
    approver.decided_at, approver.mail_due_at = now, None
    await session.flush()
    query = select(Approver).where(col(Approver.approval_id) == approval.id)
    people = (await session.scalars(query)).all()
    said = [one.approved for one in people if one.approved is not None]
    is_named = any(one.email for one in people)
    possible = len(people) if is_named else await _operators(session, approval.project_id)
    outcome = verdict(
        said, required=approval.required, veto=approval.veto, outstanding=possible - len(said)
    )
    run = (await session.scalars(select(Run).where(col(Run.id) == approval.run_id))).one()
    if outcome is not None:
        approval.status, approval.decided_at = outcome, now
        for one in people:
            one.mail_due_at = None
        await _tell_run(session, run.id, now)
    await session.flush()
    topics = (f"run:{run.id}", f"zap:{run.zap_id}", f"project:{run.project_id}")

    async def tell() -> None:
        signals.send(topics, wake=outcome is not None)

    after_commit(session, tell)


async def _tell_run(session: AsyncSession, run_id: str, now: dt.datetime) -> None:
    """A worker that holds the run sees the news; otherwise the next free one takes it."""
    await session.execute(
        update(OutboxEntry)
        .where(col(OutboxEntry.run_id) == run_id)
        .values(
            news=col(OutboxEntry.news) + 1,
            due_at=now,
            rank_at=leases.rank(now, leases.URGENT),
        )
    )


async def _operators(session: AsyncSession, project_id: str) -> int:
    query = select(func.count()).where(
        col(Member.project_id) == project_id,
        col(Member.role).in_(roles_that_may(Permission.OPERATE)),
    )
    return (await session.scalars(query)).one()


def _closed_sentence(status: str) -> str:
    match status:
        case "approved" | "rejected":
            return f"This was decided already: it was {status}."
        case "given_up":
            return "The run has ended; no answer is needed any more."
    return "The time to answer this is over."
