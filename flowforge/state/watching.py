"""The trigger that failures fire: the zaps it may wait for, as the builder's tab shows them."""

from dataclasses import dataclass

import reflex as rx

from flowforge.services import watching
from flowforge.services.zap_views import ZapView
from flowforge.state import doors, shown

LONGEST_SEARCH = 200
_FEW = 8


@dataclass(frozen=True)
class Line:
    """A zap to tick. ``is_gone``: its name is its id, which is all that is left of it."""

    id: str
    name: str
    is_chosen: bool
    is_gone: bool


class Watching(rx.State):
    """``chosen``: how many; none stands for every other zap. ``is_many``: a search helps. ``zap`` is
    whose trigger it is.
    """

    zap: str = ""
    lines: list[Line] = []  # noqa: RUF012 - Reflex copies defaults
    chosen: int = 0
    is_many: bool = False
    has_more: bool = False
    sought: str = ""

    @doors.reads()
    async def search(self, caller: doors.Caller, sought: str) -> None:
        self.sought = sought[:LONGEST_SEARCH]
        await _take(self, caller)


async def show(tab: rx.State, caller: doors.Caller, zap: ZapView) -> None:
    """Draw it for the draft that the builder shows."""
    if zap.trigger_kind != "error":
        return
    state = await tab.get_state(Watching)
    if state.zap != zap.id:
        state.zap, state.sought = zap.id, ""
    await _take(state, caller)


async def _take(state: Watching, caller: doors.Caller) -> None:
    found = await watching.offer(caller.session, caller.actor, state.zap, state.sought)
    state.lines = [
        Line(one.id, shown.line(one.name), one.is_chosen, one.is_gone) for one in found.zaps
    ]
    state.chosen = sum(one.is_chosen for one in found.zaps)
    state.has_more = found.has_more
    # It stays while somebody types, however little is found.
    state.is_many = state.sought != "" or found.has_more or len(state.lines) > _FEW
