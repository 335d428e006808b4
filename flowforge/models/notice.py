"""What a project tells: notices of what happened, who wants them, and how sending them went."""

import datetime as dt
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from flowforge.models.columns import (
    IdText,
    counter,
    created,
    document,
    identifier,
    moment,
    reference,
    tenant,
    where,
)


class Notice(SQLModel, table=True):
    """Something that happened, written with it in one transaction, until it was passed on.

    ``kind``: such as run.finished or zap.published; ``data`` is what a destination gets.
    """

    __tablename__ = "notice"

    id: str = identifier()
    project_id: str = reference("project.id")
    kind: str = Field(max_length=60)
    zap_id: str | None = Field(default=None, sa_type=IdText)
    run_id: str | None = Field(default=None, sa_type=IdText)
    data: Any = document(nullable=False)
    created_at: dt.datetime = created()


class Destination(SQLModel, table=True):
    """A URL that is told what happens in a project. ``kinds``: such as run.finished or zap.*.

    ``sealed_secret`` signs; ``sealed_headers`` are sent along and never shown again.
    ``disabled_reason`` is why it was switched off by itself, and ``failing_since`` how long it has
    not answered.
    """

    __tablename__ = "destination"

    id: str = identifier()
    project_id: str = reference("project.id")
    name: str = ""
    url: str
    kinds: Any = document(nullable=False)
    sealed_secret: str
    sealed_headers: str | None = None
    header_names: Any = document()
    enabled: bool = True
    disabled_reason: str | None = None
    failing_since: dt.datetime | None = moment()
    created_at: dt.datetime = created()
    updated_at: dt.datetime = created()


class Delivery(SQLModel, table=True):
    """One notice on its way to one destination; its id is the webhook-id, equal over attempts.

    ``status``: pending, delivered, failed or dropped. It is owed while ``due_at`` is set.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_due_at", "due_at", **where("due_at IS NOT NULL")),
        Index("ix_delivery_destination_id_id", "destination_id", "id"),
    )

    id: str = identifier()
    project_id: str = tenant()
    destination_id: str = reference("destination.id", index=False)
    notice_id: str = Field(sa_type=IdText, nullable=False)
    kind: str = Field(max_length=60)
    payload: Any = document(nullable=False)
    status: str = "pending"
    attempts: int = counter()
    status_code: int | None = None
    error: str | None = None
    due_at: dt.datetime | None = moment()
    lease_until: dt.datetime | None = moment()
    fence: int = counter()
    created_at: dt.datetime = created()
    finished_at: dt.datetime | None = moment()
