"""What undo brings back."""

import datetime as dt
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from flowforge.models.columns import created, document, identifier, reference


class Snapshot(SQLModel, table=True):
    """One gesture on a zap's draft, and the draft on its other side: the one before it or, once it
    is undone, the one after it. Secrets are sealed in it as they are in the draft.

    ``number`` counts a zap's gestures; the undone ones are always the last. ``what`` says in words
    what was done, ``field`` names the one text that it was about (empty for other gestures), and
    ``size`` is that of the definition in bytes. ``revision`` is the draft's revision that the
    definition was; None where a former release wrote it.
    """

    __tablename__ = "snapshot"
    __table_args__ = (UniqueConstraint("zap_id", "number"),)

    id: str = identifier()
    zap_id: str = reference("zap.id", index=False)
    number: int
    what: str
    field: str = ""
    is_undone: bool = False
    definition: Any = document(nullable=False)
    size: int
    revision: int | None = None
    user_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    created_at: dt.datetime = created()
