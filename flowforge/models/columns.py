"""Column shorthands shared by the tables."""

from typing import Any

from sqlmodel import Field

from flowforge.infra.db import JsonText, UtcDateTime, new_id, utc_now


def identifier() -> Any:
    """Primary key: a UUIDv7 as text, so that ids sort by creation."""
    return Field(default_factory=new_id, primary_key=True, max_length=36)


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
        foreign_key=target, ondelete="CASCADE", index=index, max_length=36, primary_key=primary_key
    )
