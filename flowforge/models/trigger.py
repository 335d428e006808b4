"""What keeps triggers going: their clocks, the times they kept, and what outside knows of them."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, UniqueConstraint
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


class Timer(SQLModel, table=True):
    """When something of a zap is due next: its schedule or its poll.

    A timer belongs to the zap and not to a version: publishing again changes ``settings`` and keeps
    ``cursor``. Whoever works on it holds ``lease_until`` and a ``fence``, as with the outbox.
    ``failures`` in a row make the next time later; ``error`` says what went wrong last.
    ``armed_at``: since when it is on as it is; ``alarmed_at``: when somebody was told that nothing
    has run for ``alarm_after_seconds``, or that a poll fails.
    """

    __tablename__ = "timer"
    __table_args__ = (
        Index("uq_timer_kind", "zap_id", "kind", unique=True),
        Index("ix_timer_due_at", "due_at", **where("due_at IS NOT NULL")),
    )

    id: str = identifier()
    zap_id: str = reference("zap.id", index=False)
    kind: str = Field(max_length=20)  # schedule or poll
    project_id: str = tenant()
    settings: Any = document(nullable=False)
    due_at: dt.datetime | None = moment()
    lease_until: dt.datetime | None = moment()
    fence: int = counter()
    cursor: Any = document()
    failures: int = counter()
    error: str | None = None
    last_at: dt.datetime | None = moment()
    armed_at: dt.datetime | None = moment()
    alarm_after_seconds: int | None = None
    alarmed_at: dt.datetime | None = moment()
    created_at: dt.datetime = created()
    updated_at: dt.datetime = created()


class Slot(SQLModel, table=True):
    """One time of a timer and what became of it: the ledger. Written once; unique, however many
    schedulers there are.

    ``status``: ran, missed or skipped, and failed for a poll; ``reason`` says why. ``found``: events that
    it brought. ``run_id`` of a schedule is its run.
    """

    __tablename__ = "slot"
    __table_args__ = (
        Index("uq_slot_planned_at", "zap_id", "kind", "planned_at", unique=True),
        Index("ix_slot_zap_id_id", "zap_id", "id"),
    )

    id: str = identifier()
    project_id: str = tenant()
    zap_id: str = reference("zap.id", index=False)
    kind: str = Field(max_length=20)
    planned_at: dt.datetime = created()
    status: str
    reason: str | None = None
    found: int = counter()
    run_id: str | None = Field(default=None, sa_type=IdText)
    fired_at: dt.datetime | None = moment()
    took_ms: int | None = None


class Registration(SQLModel, table=True):
    """What an outside service was told about a zap, and what it ought to know.

    One row per zap. Publishing says what is ``wanted`` ({app, at, events}; None: nothing any more)
    and counts ``revision`` on; a worker makes it so. ``known`` ({app, at, url, events, secret}, of
    the secret a digest) is written before the service is told, so that whatever it may know can be
    taken back; ``external_id`` once it has answered. ``status``: pending, active, failed or removed.
    Whoever works on it holds ``lease_until`` and a ``fence``, as with a timer. ``sealed_token`` is
    kept where the app's own was deleted, to take back what is known. ``alarmed_at``: when somebody
    was told that it fails.
    """

    __tablename__ = "registration"
    __table_args__ = (Index("ix_registration_due_at", "due_at", **where("due_at IS NOT NULL")),)

    zap_id: str = reference("zap.id", primary_key=True, index=False)
    project_id: str = tenant()
    app: str
    wanted: Any = document()
    known: Any = document()
    external_id: str | None = None
    sealed_token: str | None = None
    status: str = "pending"
    error: str | None = None
    failures: int = counter()
    revision: int = counter()
    due_at: dt.datetime | None = moment()
    lease_until: dt.datetime | None = moment()
    fence: int = counter()
    renewed_at: dt.datetime | None = moment()
    alarmed_at: dt.datetime | None = moment()
    updated_at: dt.datetime = created()


class AppSource(SQLModel, table=True):
    """The one URL to which an app sends a project everything: its id is in that URL.

    ``verify`` is how a request proves itself: a scheme, and sealed secrets; beside them, sealed as
    well, the ``token`` with which the app is told where to send. What no zap was started by is counted here, and the last of it named: ``unrouted`` came as it should and no zap waits for
    it, ``rejected`` did not.
    """

    __tablename__ = "app_source"
    __table_args__ = (UniqueConstraint("project_id", "app"),)

    id: str = identifier()
    project_id: str = reference("project.id")
    app: str = Field(max_length=60)
    verify: Any = document()
    unrouted: int = counter()
    rejected: int = counter()
    last_note: str | None = None
    last_at: dt.datetime | None = moment()
    created_at: dt.datetime = created()
    updated_at: dt.datetime = created()
