"""Finding rows by a part of a text, whatever a person types into the box."""

from typing import Any

from sqlalchemy import Text, type_coerce
from sqlalchemy.sql.elements import ColumnElement

from flowforge.infra import documents

LONGEST = 200


def contains(column: Any, sought: str) -> ColumnElement[bool]:
    """Rows whose ``column`` has ``sought`` in it, case ignored; wildcards are plain letters."""
    return type_coerce(column, Text).ilike(f"%{_literal(storable(sought))}%", escape="/")


def message_contains(column: Any, sought: str) -> ColumnElement[bool]:
    """The same for the ``message`` of an error that is kept as a document."""
    # In the document's text the sought words stand escaped, somewhere after this key.
    escaped = documents.dump(storable(sought))[1:-1]
    return type_coerce(column, Text).ilike(f'%"message":"%{_literal(escaped)}%', escape="/")


def storable(text: str) -> str:
    """``text`` without what PostgreSQL cannot keep: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def _literal(text: str) -> str:
    return text[:LONGEST].replace("/", "//").replace("%", "/%").replace("_", "/_")
