"""What nobody needs any more: blobs that no row names, what ended runs remembered, dead links.

A blob is written before the row that names it: one whose row was never committed stays behind.
"""

import datetime as dt

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.blobs import Blobs
from flowforge.infra.bulk import bulk
from flowforge.infra.db import Database, utc_now
from flowforge.models import MailToken, OutboxEntry, StoreEntry, UserSession
from flowforge.models.event import OF_STRANGERS

KEPT_AFTER_EXPIRY = dt.timedelta(days=7)
STORE_KEPT = dt.timedelta(days=30)
# Far longer than from a blob's writing to the commit of its row.
UNNAMED_SECONDS = 86_400.0
# Of each zap.
REJECTED_KEPT = 1000
_AT_ONCE = 500
_MOST_REMOVED = 10_000

_NAMED = (
    "SELECT blob_key AS key FROM event WHERE blob_key IN :ids",
    "SELECT blob_key AS key FROM file WHERE blob_key IN :ids",
    "SELECT input_blob AS key FROM attempt WHERE input_blob IN :ids",
    "SELECT output_blob AS key FROM attempt WHERE output_blob IN :ids",
)


async def remove_expired(session: AsyncSession) -> None:
    """Remove dead sessions and mail tokens, and what ended runs remembered."""
    before = utc_now() - KEPT_AFTER_EXPIRY
    has_owed_work = exists(
        select(col(OutboxEntry.run_id)).where(
            col(StoreEntry.scope).startswith("run:" + col(OutboxEntry.run_id))
        )
    )
    await session.execute(delete(UserSession).where(col(UserSession.expires_at) < before))
    await session.execute(delete(MailToken).where(col(MailToken.expires_at) < before))
    await session.execute(
        delete(StoreEntry).where(
            col(StoreEntry.updated_at) < utc_now() - STORE_KEPT,
            ~has_owed_work,
        )
    )


async def remove_unnamed(
    database: Database, blobs: Blobs, older_than: float = UNNAMED_SECONDS
) -> int:
    """Remove old blobs that no row names; how many."""
    removed = 0
    async for keys in blobs.old(older_than):
        for first in range(0, len(keys), _AT_ONCE):
            part = keys[first : first + _AT_ONCE]
            named = set[str]()
            async with bulk(database) as tx:
                for query in _NAMED:
                    named.update(row["key"] for row in await tx.select(query, part))
            unnamed = [key for key in part if key not in named]
            await blobs.delete(unnamed)
            removed += len(unnamed)
    return removed


async def remove_rejected(database: Database, keep: int = REJECTED_KEPT) -> None:
    """Of each zap's rejected events and answered handshakes only the newest stay: strangers can make
    any number of them.
    """
    async with bulk(database) as tx:
        await tx.fetch(
            "DELETE FROM event WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER "  # noqa: S608 - our own constants
            "(PARTITION BY zap_id ORDER BY id DESC) AS number FROM event "
            f"WHERE {OF_STRANGERS}) AS theirs WHERE number > :keep LIMIT :most) "
            "RETURNING id",
            keep=keep,
            most=_MOST_REMOVED,
        )


async def adopt(database: Database) -> None:
    """Entries that processes of the first release wrote have neither rank, project nor zap."""
    async with bulk(database) as tx:
        await tx.fetch(
            "UPDATE outbox SET rank_at = due_at, "
            "project_id = (SELECT project_id FROM run WHERE run.id = outbox.run_id), "
            "zap_id = (SELECT zap_id FROM run WHERE run.id = outbox.run_id) "
            "WHERE rank_at IS NULL RETURNING run_id"
        )
