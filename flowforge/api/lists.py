"""What every list answers: ``{"data": […], "next": cursor or null}``."""

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from flowforge.services import paging
from flowforge.services.paging import Page

Item = TypeVar("Item")

Limit = Annotated[int, Query(description=f"1 to {paging.LARGEST_LIMIT}")]
Cursor = Annotated[str | None, Query(max_length=100, description="`next` of the page before")]
Search = Annotated[str | None, Query(max_length=200)]


class Listed(BaseModel, Generic[Item]):
    """One page, newest first."""

    data: Sequence[Item]
    next: str | None


def listed(page: Page[Item]) -> Listed[Item]:
    return Listed(data=page.data, next=page.next)
