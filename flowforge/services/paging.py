"""Cursor pages: newest first, stable under inserts, because ids sort by creation."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.errors import Malformed

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100
_ID_LENGTH = 36

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """``next`` is the cursor of the following page; None on the last."""

    data: Sequence[Item]
    next: str | None


async def page(
    session: AsyncSession,
    query: Select[Any],
    id_column: Any,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    view: Callable[[Any], Item],
) -> Page[Item]:
    """One page of ``query``, which must not be ordered yet.

    Raises: Malformed for a limit out of range or a cursor that is not ours.
    """
    if not 1 <= limit <= LARGEST_LIMIT:
        raise Malformed(f"limit must be between 1 and {LARGEST_LIMIT}", code="bad_limit")
    if cursor is not None:
        query = query.where(id_column < id_in(cursor))
    # One row more than asked for tells whether another page follows.
    rows = (await session.scalars(query.order_by(id_column.desc()).limit(limit + 1))).all()
    shown = rows[:limit]
    following = cursor_behind(shown[-1].id) if len(rows) > limit else None
    return Page(data=[view(row) for row in shown], next=following)


def cursor_behind(row_id: str) -> str:
    """What asks for the page that follows the row."""
    return base64.urlsafe_b64encode(row_id.encode()).decode().rstrip("=")


def id_in(cursor: str) -> str:
    """The row's id again. Raises: Malformed for a cursor that is not ours."""
    try:
        row_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        row_id = ""
    if len(row_id) != _ID_LENGTH:
        raise Malformed("cursor is not one that this list handed out", code="bad_cursor")
    return row_id
