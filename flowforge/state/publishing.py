"""Publishing with a note, and hints: put away, or read and published all the same."""

from typing import Any

import reflex as rx

from flowforge.services import hinting, zaps
from flowforge.services.access import Permission
from flowforge.state import doors, review
from flowforge.state.builder import Builder


class Publishing(rx.State):
    """What the sheet's buttons do; what it shows is in ``Review``."""

    error: str = ""

    @doors.reads(Permission.OPERATE)
    async def open(self, caller: doors.Caller) -> Any:
        """The sheet, also where there is nothing new in it: for a note."""
        builder = await self.get_state(Builder)
        self.error = ""
        zap = await zaps.get(caller.session, caller.actor, builder.zap)
        await review.show(self, caller, builder.zap, zap.definition)
        return rx.call_script(f"flowforge.open('{review.SHEET}')")

    @doors.writes(Permission.OPERATE)
    async def publish(self, caller: doors.Caller, given: dict[str, Any]) -> Any:
        """With the hints read, and the note that was written."""
        builder = await self.get_state(Builder)
        answer = await builder._publish(caller, str(given.get("note", "")))  # noqa: SLF001 - public, it would be a handler
        return [rx.call_script(f"flowforge.close('{review.SHEET}')"), answer]

    @doors.reads()
    async def go(self, caller: doors.Caller, card: str, field: str) -> Any:
        """From the sheet to the place of a hint."""
        builder = await self.get_state(Builder)
        builder.is_panel_open = True
        return [
            rx.call_script(f"flowforge.close('{review.SHEET}')"),
            Builder.choose_problem(card, field),
        ]

    @doors.writes()
    async def put_away(self, caller: doors.Caller, key: str) -> None:
        """Hear no more of a hint, or of it again."""
        builder = await self.get_state(Builder)
        await hinting.toggle(caller.session, caller.actor, builder.zap, key)
        await builder._look_again(caller)  # noqa: SLF001
