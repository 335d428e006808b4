"""What became of runs, counted day by day, so that nobody counts them again."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from flowforge.infra.db import UtcDateTime
from flowforge.models.columns import IdText, counter, created, document, moment, reference


class Tally(SQLModel, table=True):
    """The runs of a zap that began on one day of UTC before ``through_at``; ``zap_id`` is empty in
    the row of the whole project. Tests of drafts are not counted.

    ``slots`` has how many of them ended how, quarter hour by quarter hour, ``durations`` how many took
    how long (services/tallies.py). The project's row says when that holds no longer: ``retries`` is
    the sum of its runs' retries, ``pending`` are the ids of those that had not ended, None where they
    are too many to name.
    """

    __tablename__ = "tally"
    __table_args__ = (Index("ix_tally_zap_id_day", "zap_id", "day"),)

    project_id: str = reference("project.id", index=False, primary_key=True)
    day: str = Field(primary_key=True)
    zap_id: str = Field(sa_type=IdText, primary_key=True)
    through_at: dt.datetime = Field(sa_type=UtcDateTime, nullable=False)
    total: int = counter()
    slots: bytes = Field(sa_type=LargeBinary, nullable=False)
    durations: Any = document(nullable=False)
    retries: int = counter()
    pending: Any = document()
    counted_at: dt.datetime = created()


class TallyMark(SQLModel, table=True):
    """One row: every run that began before ``through_at`` is in a tally."""

    __tablename__ = "tally_mark"

    id: int = Field(primary_key=True)
    through_at: dt.datetime | None = moment()
