"""Files that came in with a request."""

import datetime as dt

from sqlmodel import SQLModel

from flowforge.models.columns import created, identifier, partial, reference


class File(SQLModel, table=True):
    """A stored file: ``name`` is a label, ``blob_key`` where its bytes are."""

    __tablename__ = "file"
    __table_args__ = (partial("ix_file_blob_key", "blob_key"),)

    id: str = identifier()
    project_id: str = reference("project.id")
    name: str
    content_type: str
    size: int
    sha256: str
    blob_key: str
    created_at: dt.datetime = created()
