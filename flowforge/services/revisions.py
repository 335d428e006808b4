"""Revisions of a draft: a save that did not see the newest one is refused, and who made the newest
one is known, also to the builders that have it open.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.errors import Conflict
from flowforge.infra import runtime
from flowforge.infra.db import after_commit, utc_now
from flowforge.models import Zap


def topic(zap_id: str) -> str:
    """On which open builders hear that the draft changed, or who came and went."""
    return f"draft:{zap_id}"


def require_newest(zap: Zap, revision: int) -> None:
    """Raises: Conflict ``stale_revision`` if somebody saved after ``revision`` was read."""
    if revision != zap.draft_revision:
        raise Conflict(
            "This zap was changed somewhere else in the meantime. Reload it to see the change.",
            code="stale_revision",
            details=[
                {
                    "path": "revision",
                    "message": f"current revision is {zap.draft_revision}",
                    "current": zap.draft_revision,
                }
            ],
        )


def stamp(session: AsyncSession, zap: Zap, user_id: int) -> None:
    """``zap`` (locked by the caller) has another draft, by this user: open builders look again once
    it is committed.
    """
    zap.draft_by, zap.draft_at = user_id, utc_now()
    signals, told = runtime.current().signals, topic(zap.id)

    async def tell() -> None:
        signals.send({told})

    after_commit(session, tell)
