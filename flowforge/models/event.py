"""What triggers received: the inbox."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from flowforge.models.columns import (
    IdText,
    created,
    document,
    identifier,
    partial,
    reference,
    tenant,
    where,
)

# What strangers can make any number of: whatever was rejected, and every handshake.
OF_STRANGERS = "verdict = 'rejected' OR substr(reason, 1, 9) = 'handshake'"
_KEYED = "verdict = 'accepted' AND dedupe_key IS NOT NULL"


class Event(SQLModel, table=True):
    """One thing a trigger received, whatever became of it.

    ``verdict``: accepted, duplicate, rejected, held or filtered; ``reason`` says why in words, and
    ``scheme`` what proved where it came from. ``status_code`` is what the sender was answered,
    ``took_ms`` how long it waited for that.
    The body is kept as the bytes that came (``raw``, or a blob named ``blob_key`` where large),
    so signatures can be checked again and nothing a sender puts in can fail to be stored.
    ``body`` is set only where those bytes alone do not say it: uploads, whose files have ids.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_zap_id_id", "zap_id", "id"),
        Index("ix_event_project_id_id", "project_id", "id"),
        partial("ix_event_blob_key", "blob_key"),
        Index("ix_event_rejected", "zap_id", "id", **where(OF_STRANGERS)),
        # One row decides: of any number of equal requests at once, exactly one is accepted.
        Index(
            "uq_event_dedupe_key",
            "zap_id",
            "dedupe_key",
            unique=True,
            postgresql_where=text(_KEYED),
            sqlite_where=text(_KEYED),
        ),
    )

    id: str = identifier()
    project_id: str = tenant()
    zap_id: str = reference("zap.id", index=False)
    trigger: str = "webhook"  # webhook, test, manual, form, schedule, poll, app or error
    verdict: str
    reason: str | None = None
    dedupe_key: str | None = None
    duplicate_of: str | None = Field(default=None, sa_type=IdText)
    method: str = ""
    source_ip: str = ""
    content_type: str = ""
    headers: Any = document()
    query: Any = document()
    body: Any = document()
    raw: bytes | None = None
    blob_key: str | None = None
    size: int = 0
    scheme: str | None = None
    status_code: int | None = None
    took_ms: int | None = None
    received_at: dt.datetime = created()
