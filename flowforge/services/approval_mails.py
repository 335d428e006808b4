"""Mails that ask approvers: which are due, with which link, and what became of them.

Promise: a mail that is due is sent at least once, whoever dies meanwhile; the secret of its link
is stored nowhere, but made again for each try from the server's key and the approver's id.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.config import Settings
from flowforge.infra.db import db_now
from flowforge.infra.mail import Message
from flowforge.infra.signals import Signals
from flowforge.infra.vault import Vault
from flowforge.models import Approval, Approver, Run, Zap
from flowforge.services import letters
from flowforge.services.deciding import token_digest

LARGEST_BATCH = 20
# The first try has this long before somebody else may try again: more than a transport takes.
FIRST_WAIT_SECONDS = 120.0
LONGEST_WAIT_SECONDS = 3_600.0
LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class ApprovalMail:
    """A mail to be sent now. ``key`` is equal over tries: the transport sends it once."""

    approver_id: str
    run_id: str
    message: Message

    @property
    def key(self) -> str:
        return f"approval:{self.approver_id}"


def wait_after(attempts: int) -> float:
    """Seconds from try number ``attempts`` (1-based) to the next: 120, 240, … up to an hour."""
    return min(FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, 10), LONGEST_WAIT_SECONDS)


async def claim(session: AsyncSession, settings: Settings, vault: Vault) -> list[ApprovalMail]:
    """Some of the mails that are due, oldest first; each is due again later until ``note_sent``."""
    query = (
        select(Approver, Approval, col(Zap.name), db_now())
        .join(Approval, col(Approval.id) == col(Approver.approval_id))
        .join(Run, col(Run.id) == col(Approval.run_id))
        .join(Zap, col(Zap.id) == col(Run.zap_id))
        .where(col(Approver.mail_due_at) <= db_now(), col(Approval.status) == "pending")
        .order_by(col(Approver.mail_due_at))
        .limit(LARGEST_BATCH)
        # Two workers at once each see different rows.
        .with_for_update(skip_locked=True, of=Approver)
    )
    found = []
    for approver, approval, zap_name, now in (await session.execute(query)).all():
        token = vault.sign("approval", approver.id)
        approver.token_digest = token_digest(token)
        approver.mail_attempts += 1
        approver.mail_due_at = now + dt.timedelta(seconds=wait_after(approver.mail_attempts))
        message = letters.approval(
            settings,
            approver.email,
            token,
            zap_name=zap_name,
            question=approval.question,
            expiry=_expiry(approval.expires_at),
        )
        found.append(ApprovalMail(approver.id, approval.run_id, message))
    await session.flush()
    return found


async def note_sent(session: AsyncSession, approver_id: str) -> None:
    await session.execute(
        update(Approver)
        .where(col(Approver.id) == approver_id)
        .values(mailed_at=db_now(), mail_due_at=None, mail_error=None)
    )


async def note_refused(
    session: AsyncSession, approver_id: str, said: str, *, for_good: bool
) -> None:
    """The mail did not leave; the run's page says so. ``for_good``: it is not tried again."""
    values = {"mail_error": said[:LONGEST_ERROR]} | ({"mail_due_at": None} if for_good else {})
    await session.execute(update(Approver).where(col(Approver.id) == approver_id).values(**values))


def tell(signals: Signals, mails: Sequence[ApprovalMail]) -> None:
    signals.send({f"run:{one.run_id}" for one in mails})


def _expiry(expires_at: dt.datetime | None) -> str:
    if expires_at is None:
        return ""
    return f"It can be answered until {expires_at.day} {expires_at:%B %Y, %H:%M} UTC."
