"""What publishing the draft would mean: what it changes, and hints on it.

Both take their time with a large zap, so they are asked for once a gesture is drawn.
"""

import reflex as rx

from flowforge.errors import NotFound
from flowforge.services import workbench
from flowforge.services.hinting import HintLine
from flowforge.state import doors
from flowforge.state.builder import Builder


class Readiness(rx.State):
    """``shows``: which of the builder's pictures this is about."""

    hints: list[HintLine] = []  # noqa: RUF012 - Reflex copies defaults
    change_count: int = 0
    shows: int = 0

    @rx.var
    def hint_count(self) -> int:
        """Without those that somebody put away."""
        return sum(not hint.is_put_away for hint in self.hints)

    @doors.reads()
    async def look(self, caller: doors.Caller) -> None:
        builder = await self.get_state(Builder)
        if builder.stage != "ready":
            return
        try:
            found = await workbench.readiness(caller.session, caller.actor, builder.zap)
        except NotFound:
            # It was deleted in another tab: the page says so where something is saved.
            return
        self.hints, self.change_count = found.hints, found.changes
        self.shows = builder.shows
