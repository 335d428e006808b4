"""Zaps and their numbered versions."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from flowforge.infra.db import new_id
from flowforge.models.columns import (
    IdText,
    created,
    document,
    identifier,
    moment,
    partial,
    reference,
    where,
)


class Zap(SQLModel, table=True):
    """An automation: one draft, numbered versions, an on/off switch.

    ``hook_id`` is what webhook URLs carry. It starts as the zap's own id; rotating replaces it,
    and the old URL is dead at once. ``live_version`` is a ``Version.number``; None until the
    first publish; ``limits`` and ``trigger`` are those of that version (until then the draft's), kept
    here for intake, and ``trigger_key`` is by what app events find it (``github``). While it is
    paused events are accepted and their runs begin later. ``folder_id`` is no reference for the
    database, only for the service that moves zaps; None: uncategorised. ``draft_by`` is the id of the
    user who changed the draft last (no reference: users go, histories stay), ``hints_off`` lists the
    hints that somebody put away. ``deleted_at`` keeps the
    history of runs readable until retention removes it.
    """

    __tablename__ = "zap"
    __table_args__ = (
        Index("ix_zap_project_id_id", "project_id", "id"),
        Index(
            "ix_zap_trigger_key", "project_id", "trigger_key", **where("trigger_key IS NOT NULL")
        ),
        partial("ix_zap_folder_id", "folder_id"),
    )

    id: str = identifier()
    project_id: str = reference("project.id", index=False)
    owner_id: int = Field(foreign_key="user.id", ondelete="CASCADE", index=True)
    hook_id: str = Field(default_factory=new_id, unique=True, sa_type=IdText)
    name: str
    enabled: bool = False
    draft: Any = document(nullable=False)
    draft_revision: int = 1
    draft_by: int | None = None
    draft_at: dt.datetime | None = moment()
    hints_off: Any = document()
    live_version: int | None = None
    limits: Any = document()
    trigger: Any = document()
    trigger_key: str | None = None
    folder_id: str | None = Field(default=None, sa_type=IdText)
    paused_at: dt.datetime | None = moment()
    created_at: dt.datetime = created()
    updated_at: dt.datetime = created()
    deleted_at: dt.datetime | None = moment()


class Version(SQLModel, table=True):
    """A frozen definition. Rows are written once; nothing but the ``note`` ever changes.

    Numbers count from 1. A negative number is no version of the zap: it is the draft of that
    revision, kept for a test run.
    """

    __tablename__ = "version"
    __table_args__ = (UniqueConstraint("zap_id", "number"),)

    id: str = identifier()
    zap_id: str = reference("zap.id")
    number: int
    definition: Any = document(nullable=False)
    note: str | None = None
    published_by: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    created_at: dt.datetime = created()
