"""Housekeeping that no promise depends on: what has expired is removed, in small batches."""

import datetime as dt

import structlog
from sqlalchemy import delete, exists, select
from sqlmodel import col

from flowforge.errors import Unavailable
from flowforge.infra.db import Database, utc_now
from flowforge.models import MailToken, OutboxEntry, StoreEntry, UserSession

log = structlog.get_logger()

KEPT_AFTER_EXPIRY = dt.timedelta(days=7)
STORE_KEPT = dt.timedelta(days=30)


async def sweep(database: Database) -> None:
    """Remove dead sessions and mail tokens, and what ended runs remembered."""
    before = utc_now() - KEPT_AFTER_EXPIRY
    has_owed_work = exists(
        select(col(OutboxEntry.run_id)).where(
            col(StoreEntry.scope).startswith("run:" + col(OutboxEntry.run_id))
        )
    )
    try:
        async with database.transaction() as session:
            await session.execute(delete(UserSession).where(col(UserSession.expires_at) < before))
            await session.execute(delete(MailToken).where(col(MailToken.expires_at) < before))
            await session.execute(
                delete(StoreEntry).where(
                    col(StoreEntry.updated_at) < utc_now() - STORE_KEPT,
                    ~has_owed_work,
                )
            )
    except Unavailable:
        log.warning("sweep skipped: the database is away")
