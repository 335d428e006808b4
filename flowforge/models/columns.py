"""Column shorthands shared by the tables."""

from typing import Any

from sqlalchemy import Index, String, text
from sqlmodel import Field

from flowforge.infra.db import JsonText, UtcDateTime, new_id, utc_now

# Ids are compared byte by byte: a language's sorting rules would cost every index look-up time.
IdText = String(36).with_variant(String(36, collation="C"), "postgresql")


def identifier() -> Any:
    """Primary key: a UUIDv7 as text, so that ids sort by creation."""
    return Field(default_factory=new_id, primary_key=True, sa_type=IdText)


def tenant() -> Any:
    """Copied from a row that this one refers to anyway, so the database need not check it again:
    a checked reference costs each insert a query.
    """
    return Field(sa_type=IdText, nullable=False)


def created() -> Any:
    return Field(default_factory=utc_now, sa_type=UtcDateTime, nullable=False)


def moment() -> Any:
    """A time that may not have come yet."""
    return Field(default=None, sa_type=UtcDateTime, nullable=True)


def document(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_type=JsonText, nullable=nullable)


def reference(target: str, *, index: bool = True, primary_key: bool = False) -> Any:
    """A foreign key whose rows go with their owner."""
    return Field(
        foreign_key=target,
        ondelete="CASCADE",
        index=index,
        sa_type=IdText,
        nullable=False,
        primary_key=primary_key,
    )


def counter() -> Any:
    """A number that begins at 0, also where an insert does not name it."""
    return Field(default=0, sa_column_kwargs={"server_default": "0"})


def where(condition: str) -> dict[str, Any]:
    """Arguments of an index over some of the rows only."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


def partial(name: str, column: str) -> Index:
    """An index of the few rows that have the column at all."""
    return Index(name, column, **where(f"{column} IS NOT NULL"))
