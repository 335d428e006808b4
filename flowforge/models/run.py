"""Runs, their attempts, the outbox that promises to advance them, and what steps remember."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from flowforge.infra.db import UtcDateTime, utc_now
from flowforge.models.columns import (
    IdText,
    created,
    document,
    identifier,
    moment,
    reference,
    tenant,
)


class Run(SQLModel, table=True):
    """One execution of one version for one event.

    ``status``: queued, running, waiting, succeeded, failed, cancelled or timed_out; the last four
    are written once. ``replay_of`` names the run this one repeats.
    """

    __tablename__ = "run"
    __table_args__ = (
        Index("ix_run_project_id_id", "project_id", "id"),
        Index("ix_run_zap_id_id", "zap_id", "id"),
    )

    id: str = identifier()
    project_id: str = tenant()
    zap_id: str = tenant()
    version: int
    event_id: str = reference("event.id")
    status: str
    error: Any = document()
    replay_of: str | None = Field(default=None, sa_type=IdText)
    created_at: dt.datetime = created()
    started_at: dt.datetime | None = moment()
    finished_at: dt.datetime | None = moment()


class Attempt(SQLModel, table=True):
    """One try of one path of a run: running, succeeded, failed, unknown or skipped.

    ``retry_at`` is when the next attempt of the same path is due. The output of a step is stored
    here and nowhere else.
    """

    __tablename__ = "attempt"
    __table_args__ = (UniqueConstraint("run_id", "path", "number"),)

    id: str = identifier()
    run_id: str = reference("run.id", index=False)
    path: str
    step_id: str
    kind: str
    action: str | None = None
    number: int
    status: str
    input: Any = document()
    output: Any = document()
    error: Any = document()
    retry_at: dt.datetime | None = moment()
    started_at: dt.datetime = created()
    finished_at: dt.datetime | None = moment()


class OutboxEntry(SQLModel, table=True):
    """The promise that a run will be advanced; it lives exactly as long as the run owes work.

    A worker claims it by setting ``lease_until`` and raising ``fence``; whoever writes with an
    older fence writes nothing.
    """

    __tablename__ = "outbox"

    run_id: str = reference("run.id", primary_key=True, index=False)
    due_at: dt.datetime = Field(
        default_factory=utc_now, sa_type=UtcDateTime, nullable=False, index=True
    )
    lease_until: dt.datetime | None = moment()
    fence: int = 0
    worker: str | None = None


class StoreEntry(SQLModel, table=True):
    """What a step must remember over its attempts, written at once (a signed transaction, say)."""

    __tablename__ = "store_entry"

    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=128)
    project_id: str = reference("project.id")
    value: Any = document()
    updated_at: dt.datetime = created()
