"""Who there is: users, their projects, and how they sign in."""

import datetime as dt

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from flowforge.models.columns import created, identifier, moment, reference


class User(SQLModel, table=True):
    """A person. ``id`` is a number because webhook URLs carry it. ``first_steps_ended_at``: since
    then the guided first steps are shown no more.
    """

    __tablename__ = "user"

    id: int | None = Field(default=None, primary_key=True)
    name: str
    email: str = Field(unique=True, index=True)  # lower case
    password_hash: str
    is_admin: bool = False  # the first to sign up runs the place
    verified_at: dt.datetime | None = moment()
    deactivated_at: dt.datetime | None = moment()
    first_steps_ended_at: dt.datetime | None = moment()
    created_at: dt.datetime = created()


class Project(SQLModel, table=True):
    """The tenant: everything else belongs to one. ``concurrency``: how many of its runs may work at
    a time; None: as many as the operator's setting allows.
    """

    __tablename__ = "project"

    id: str = identifier()
    name: str
    concurrency: int | None = None
    created_at: dt.datetime = created()


class Member(SQLModel, table=True):
    """A user's place in a project. ``role``: admin, editor, operator or viewer."""

    __tablename__ = "member"

    project_id: str = reference("project.id", primary_key=True, index=False)
    user_id: int = Field(foreign_key="user.id", ondelete="CASCADE", primary_key=True, index=True)
    role: str
    created_at: dt.datetime = created()


class UserSession(SQLModel, table=True):
    """One sign-in; the signed token names it, so revoking the row kills the token."""

    __tablename__ = "user_session"

    id: str = identifier()
    user_id: int = Field(foreign_key="user.id", ondelete="CASCADE", index=True)
    created_at: dt.datetime = created()
    expires_at: dt.datetime = created()
    revoked_at: dt.datetime | None = moment()


class MailToken(SQLModel, table=True):
    """A single-use secret that was mailed. Only its keyed digest is kept.

    ``kind``: verify or reset; one never passes for the other.
    """

    __tablename__ = "mail_token"

    id: str = identifier()
    user_id: int = Field(foreign_key="user.id", ondelete="CASCADE", index=True)
    kind: str
    digest: str = Field(unique=True)
    expires_at: dt.datetime = created()
    used_at: dt.datetime | None = moment()
    created_at: dt.datetime = created()


class Mail(SQLModel, table=True):
    """The dev mailbox: where mail lands while no transport is set."""

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_sent_at", "sent_at"),)

    id: str = identifier()
    to: str
    subject: str
    text: str
    html: str
    sent_at: dt.datetime = created()
