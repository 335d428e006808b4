"""Sticky notes on the builder's canvas: each change one gesture on the draft."""

from typing import Any

import reflex as rx

from flowforge.services import editing_notes
from flowforge.services.editing import Draft
from flowforge.services.workbench import Gesture
from flowforge.state import doors
from flowforge.state.builder import Builder


class Notes(rx.State):
    """``made``: the note that was added last, to be written in."""

    made: str = ""

    @doors.writes()
    async def add(self, caller: doors.Caller, x: float, y: float) -> None:
        def gesture(draft: Draft) -> Draft:
            after, self.made = editing_notes.add(draft, x, y)
            return after

        await self._edit(caller, gesture)

    @doors.writes()
    async def write(self, caller: doors.Caller, note: str, text: str) -> None:
        await self._edit(caller, lambda draft: editing_notes.write(draft, note, text))

    @doors.writes()
    async def place(self, caller: doors.Caller, note: str, box: dict[str, Any]) -> None:
        """Moved, or of another size."""
        await self._edit(caller, lambda draft: editing_notes.place(draft, note, box))

    @doors.writes()
    async def paint(self, caller: doors.Caller, note: str, color: str) -> None:
        await self._edit(caller, lambda draft: editing_notes.paint(draft, note, color))

    @doors.writes()
    async def remove(self, caller: doors.Caller, note: str) -> None:
        """Without a question: undo brings it back."""
        await self._edit(caller, lambda draft: editing_notes.remove(draft, note))

    async def _edit(self, caller: doors.Caller, gesture: Gesture) -> None:
        builder = await self.get_state(Builder)
        await builder._perform(caller, gesture)  # noqa: SLF001 - public, it would be a handler
