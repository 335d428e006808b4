"""Approvals: what was asked, whom, and what they said."""

import datetime as dt

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from flowforge.models.columns import counter, created, identifier, moment, reference, tenant


class Approval(SQLModel, table=True):
    """One question of one run; its id is that of the attempt that waits for the answer.

    ``status``: pending, approved, rejected, expired or given_up; all but the first are written
    once.
    """

    __tablename__ = "approval"
    __table_args__ = (
        UniqueConstraint("run_id", "path", "number"),
        Index("ix_approval_project_id_id", "project_id", "id"),
    )

    id: str = identifier()
    project_id: str = tenant()
    run_id: str = reference("run.id", index=False)
    path: str
    number: int = 1
    question: str
    required: int = 1
    veto: bool = True
    status: str = "pending"
    created_at: dt.datetime = created()
    expires_at: dt.datetime | None = moment()
    decided_at: dt.datetime | None = moment()


class Approver(SQLModel, table=True):
    """One person who was asked, or (``email`` empty) a member who decided on the run's page.

    ``token_digest`` is the hash of the secret in the person's link, known from the moment its mail
    is about to leave; the link is used up with the decision. ``mail_due_at``: when the mail is to
    be sent, or tried again; None: never (again). ``mail_error`` is why it could not be sent yet.
    """

    __tablename__ = "approver"
    __table_args__ = (
        Index(
            "ix_approver_mail_due_at",
            "mail_due_at",
            postgresql_where=text("mail_due_at IS NOT NULL"),
            sqlite_where=text("mail_due_at IS NOT NULL"),
        ),
    )

    id: str = identifier()
    approval_id: str = reference("approval.id")
    email: str = ""
    user_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    token_digest: str | None = Field(default=None, unique=True)
    approved: bool | None = None
    comment: str = ""
    mail_due_at: dt.datetime | None = moment()
    mail_attempts: int = counter()
    mail_error: str | None = None
    mailed_at: dt.datetime | None = moment()
    decided_at: dt.datetime | None = moment()
