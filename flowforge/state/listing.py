"""What the run list and the inbox share: pages gathered up to what is wanted, looked at again and again.

Promise: what is listed is what the database says now; a page that somebody has left, or whose filter
they changed meanwhile, is not overwritten by an old answer.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from flowforge.errors import FlowForgeError, NotFound, Unauthenticated
from flowforge.services import zaps
from flowforge.services.access import Permission
from flowforge.services.paging import LARGEST_LIMIT, Page
from flowforge.services.zap_views import ZapView
from flowforge.state import doors

PAGE = 20
# Beyond this a filter finds more than scrolling does, and each change would send them all again.
MOST_ROWS = 200
# A search that finds little looks at so many pages; then a person is asked whether to go on.
MOST_LOOKS = 5

Item = TypeVar("Item")
Question = TypeVar("Question")
Answer = TypeVar("Answer")


async def gathered(
    read: Callable[[int, str | None], Awaitable[Page[Item]]], wanted: int
) -> tuple[list[Item], bool]:
    """The first ``wanted`` of a list that is ``read`` by limit and cursor, and whether there may be
    more.
    """
    found: list[Item] = []
    cursor = None
    for _ in range(MOST_LOOKS + MOST_ROWS // PAGE):
        page = await read(min(wanted - len(found), LARGEST_LIMIT), cursor)
        found.extend(page.data)
        cursor = page.next
        if cursor is None or len(found) >= wanted:
            break
    return found, cursor is not None


class Look(Generic[Question, Answer]):
    """How a list answers its tab: ``ask`` says what the tab wants to see, ``answer`` reads it, ``take``
    shows it.
    """

    def __init__(
        self,
        ask: Callable[[Any], Question],
        answer: Callable[[doors.Caller, Question], Awaitable[Answer]],
        take: Callable[[Any, Answer], None],
    ) -> None:
        self._ask = ask
        self._answer = answer
        self._take = take

    async def now(self, state: Any, caller: doors.Caller) -> None:
        """Within a handler: read and show."""
        self._take(state, await self._answer(caller, self._ask(state)))

    async def again(self, state: Any, cookies: str) -> bool:
        """In the background: read and show. False where looking again is of no use."""
        async with state:
            question = self._ask(state)
        try:
            async with doors.opened(cookies, Permission.READ) as caller:
                answer = await self._answer(caller, question)
        except (NotFound, Unauthenticated):
            async with state:
                state.stage = "missing"
            return False
        except FlowForgeError:
            async with state:
                # What is shown already stays: the next look is in a few seconds.
                state.stage = "ready" if state.rows else "failed"
            return True
        async with state:
            # Somebody chose another filter meanwhile: that handler has shown its own answer.
            if self._ask(state) == question:
                self._take(state, answer)
        return True


def take_rows(state: Any, rows: list[Any], *, wanted: int, has_more: bool) -> None:
    # An assignment is sent to the browser, also one of the same value.
    if state.rows != rows:
        state.rows = rows
    state.stage = "ready"
    state.has_more = has_more and wanted < MOST_ROWS
    state.is_long = has_more and wanted >= MOST_ROWS


async def zap_of(caller: doors.Caller, zap_id: str | None) -> ZapView | None:
    """The zap whose list this is; None on the page of all, and for one that was deleted: its
    history stays.
    """
    if not zap_id:
        return None
    try:
        return await zaps.get(caller.session, caller.actor, zap_id)
    except NotFound:
        return None


def zap_id_of(state: Any) -> str:
    """The zap whose list this page is; empty on the page of all."""
    parts = state.router.url.path.strip("/").split("/")
    return parts[1] if parts[0] == "zaps" and len(parts) > 1 else ""
