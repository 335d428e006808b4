"""Runs, their attempts, the outbox that promises to advance them, and what steps remember."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from flowforge.infra.db import UtcDateTime, utc_now
from flowforge.models.columns import (
    IdText,
    counter,
    created,
    document,
    identifier,
    moment,
    partial,
    reference,
    tenant,
    where,
)


class Run(SQLModel, table=True):
    """One execution of one version for one event.

    ``status``: queued, running, waiting, succeeded, failed, cancelled or timed_out; whoever writes
    one of the last four writes it once, and only a person's retry opens the run again (``retries``
    counts those). ``environment``: production or test. ``replay_of`` names the run this one
    repeats, ``parent_run_id`` and ``parent_path`` the step that called it and waits. ``inputs`` are
    what a person edited, by path. ``reply`` is the first answer its steps gave, {status, headers,
    body}. ``deadline_at``: when it is ended, whatever it does; known once it began.
    """

    __tablename__ = "run"
    __table_args__ = (
        # In each status a range in the order of ids: a list of some is merged from their ends.
        Index("ix_run_project_id_status_id", "project_id", "environment", "status", "id"),
        Index("ix_run_zap_id_status_id", "zap_id", "status", "id"),
        Index("ix_run_zap_id_id", "zap_id", "id"),
        partial("ix_run_parent_run_id", "parent_run_id"),
        partial("ix_run_batch_id", "batch_id"),
        # The few that a person ran again: what was counted of them holds no longer.
        Index("ix_run_retried", "project_id", "id", **where("retries > 0")),
    )

    id: str = identifier()
    project_id: str = tenant()
    zap_id: str = tenant()
    version: int
    event_id: str = reference("event.id")
    status: str
    error: Any = document()
    replay_of: str | None = Field(default=None, sa_type=IdText)
    environment: str = Field(
        default="production", sa_column_kwargs={"server_default": "production"}
    )
    parent_run_id: str | None = Field(default=None, sa_type=IdText)
    parent_path: str | None = None
    depth: int = counter()
    retries: int = counter()
    batch_id: str | None = Field(default=None, sa_type=IdText)
    inputs: Any = document()
    reply: Any = document()
    created_at: dt.datetime = created()
    started_at: dt.datetime | None = moment()
    deadline_at: dt.datetime | None = moment()
    finished_at: dt.datetime | None = moment()


class Attempt(SQLModel, table=True):
    """One try of one path of a run: running, succeeded, failed, unknown or skipped.

    ``retry_at`` is when the next attempt of the same path is due; ``wake_at`` when one that waits
    (a delay, an approval) goes on. ``seq`` counts the ends of a run's attempts: in that order they
    are folded. The output of a step is stored here and nowhere else; what is too large for a row
    is a blob (``input_blob``, ``output_blob``), and the sizes (bytes of JSON) are set for those.
    ``logs`` is what code printed.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("run_id", "path", "number"),
        partial("ix_attempt_input_blob", "input_blob"),
        partial("ix_attempt_output_blob", "output_blob"),
    )

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
    logs: str | None = None
    input_blob: str | None = None
    input_size: int | None = None
    output_blob: str | None = None
    output_size: int | None = None
    seq: int | None = None
    retry_at: dt.datetime | None = moment()
    wake_at: dt.datetime | None = moment()
    started_at: dt.datetime = created()
    finished_at: dt.datetime | None = moment()


class OutboxEntry(SQLModel, table=True):
    """The promise that a run will be advanced; it lives exactly as long as the run owes work.

    A worker claims it by setting ``lease_until`` and raising ``fence``; whoever writes with an
    older fence writes nothing. ``rank_at`` orders what is due: ``due_at`` less what its
    ``priority`` is worth, so that urgent runs overtake and none waits for ever. ``news`` counts
    what happened to the run from outside (a decision, a child's end); ``crashes`` the claims in a
    row that were never given back. ``gate`` is the limit of its zap that the run must pass to begin,
    ``admitted`` whether it has; ``throttle`` spaces beginnings, of equal ``debounce`` the last one
    begins. ``parked`` is why it is not due for now: limit (its gate is full), throttle, paused or
    project (that is full); "next" has a place in its project waiting for it.

    The first release's processes, which may still run beside this one, know nothing of project,
    zap and rank: the sweep fills them in.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_gate", "gate", "run_id", **where("gate IS NOT NULL")),
        Index("ix_outbox_admitted", "gate", **where("admitted")),
        Index("ix_outbox_debounce", "debounce", "run_id", **where("debounce IS NOT NULL")),
        Index("ix_outbox_leased", "project_id", **where("lease_until IS NOT NULL")),
        Index("ix_outbox_parked", "project_id", "run_id", **where("parked IS NOT NULL")),
    )

    run_id: str = reference("run.id", primary_key=True, index=False)
    project_id: str | None = Field(default=None, sa_type=IdText)
    zap_id: str | None = Field(default=None, sa_type=IdText)
    due_at: dt.datetime = Field(default_factory=utc_now, sa_type=UtcDateTime, nullable=False)
    rank_at: dt.datetime | None = Field(
        default_factory=utc_now, sa_type=UtcDateTime, nullable=True, index=True
    )
    priority: int = Field(default=2, sa_column_kwargs={"server_default": "2"})
    lease_until: dt.datetime | None = moment()
    fence: int = 0
    worker: str | None = None
    news: int = counter()
    crashes: int = counter()
    gate: str | None = None
    admitted: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    throttle: str | None = None
    debounce: str | None = None
    parked: str | None = None


class Gate(SQLModel, table=True):
    """A limit where runs wait: whoever decides who begins holds its row meanwhile.

    How many are inside is not written here but counted, so that nothing can come to differ. A
    throttle remembers when the last one began and from when on there is room for another. A
    project's gate has no zap.
    """

    __tablename__ = "gate"

    key: str = Field(primary_key=True)
    project_id: str = reference("project.id")
    zap_id: str | None = Field(default=None, sa_type=IdText)
    last_start_at: dt.datetime | None = moment()
    next_start_at: dt.datetime | None = moment()
    updated_at: dt.datetime = created()


class StoreEntry(SQLModel, table=True):
    """What a step must remember over its attempts, written at once (a signed transaction, say)."""

    __tablename__ = "store_entry"

    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=128)
    project_id: str = reference("project.id")
    value: Any = document()
    updated_at: dt.datetime = created()


class Batch(SQLModel, table=True):
    """Many old runs, or events, to be run one page at a time. ``status``: running, done or cancelled.

    ``request`` is the filter and how to retry; ``cursor`` the last one that was dealt with.
    """

    __tablename__ = "batch"

    id: str = identifier()
    project_id: str = reference("project.id")
    created_by: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    request: Any = document(nullable=False)
    status: str = "running"
    total: int = 0
    started: int = 0
    failed: int = 0
    cursor: str | None = Field(default=None, sa_type=IdText)
    created_at: dt.datetime = created()
    finished_at: dt.datetime | None = moment()


class Sample(SQLModel, table=True):
    """What the test of one step gave: the values that the data picker shows."""

    __tablename__ = "sample"

    zap_id: str = reference("zap.id", primary_key=True, index=False)
    step_id: str = Field(primary_key=True, max_length=48)
    project_id: str = tenant()
    input: Any = document()
    output: Any = document()
    updated_at: dt.datetime = created()


class WorkerEntry(SQLModel, table=True):
    """A worker process that was seen lately."""

    __tablename__ = "worker"

    name: str = Field(primary_key=True)
    host: str
    pid: int
    release: str
    concurrency: int
    held: int = 0
    started_at: dt.datetime = created()
    seen_at: dt.datetime = created()
