"""How a project keeps its zaps in order: folders and tags."""

import datetime as dt

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from flowforge.models.columns import created, identifier, reference, tenant


class Folder(SQLModel, table=True):
    """A place for zaps; each is in one or in none. ``key``: the name as it is compared."""

    __tablename__ = "folder"
    __table_args__ = (UniqueConstraint("project_id", "key"),)

    id: str = identifier()
    project_id: str = reference("project.id", index=False)
    name: str
    key: str
    created_at: dt.datetime = created()


class Tag(SQLModel, table=True):
    """A word on a zap. ``key``: the word as it is compared."""

    __tablename__ = "tag"
    __table_args__ = (Index("ix_tag_project_id_key", "project_id", "key"),)

    zap_id: str = reference("zap.id", primary_key=True, index=False)
    key: str = Field(primary_key=True)
    project_id: str = tenant()
    name: str
