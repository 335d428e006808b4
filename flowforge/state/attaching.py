"""What the panel of a step is handed by scripts of the page: files that were uploaded for it, and data
that was clicked while its code had the cursor.
"""

from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError, Malformed, NotFound
from flowforge.infra import documents
from flowforge.services import files, form_gestures
from flowforge.state import doors
from flowforge.state.builder import SAID, Builder

_LONGEST = 10_000


class Attaching(rx.State):
    """It keeps nothing: each is a gesture on the newest draft, whichever card is open by now."""

    @doors.writes()
    async def attach(self, caller: doors.Caller, text: str) -> Any:
        """``text``: where the upload belongs, as files.js says it."""
        told = _told(text)
        builder = await self.get_state(Builder)
        zap, card, field, file_id = (
            str(told.get(key, "")) for key in ("zap", "card", "field", "file_id")
        )
        try:
            if zap != builder.zap:
                raise NotFound("Its zap is not open any more.")
            file = await files.described(caller.session, caller.actor, file_id)
            tab = builder._tab  # noqa: SLF001 - a backend var
            gesture = form_gestures.attaching(card, field, file, tab)
            # Files come one by one, however quickly: each can be taken back alone.
            await builder._perform(caller, gesture, joins=False)  # noqa: SLF001 - public, it would be a handler
        except FlowForgeError as problem:
            return rx.toast.error(f"The file was not attached: {problem.message}", **SAID)
        return None

    @doors.writes()
    async def take(
        self, caller: doors.Caller, card: str, name: str, expression: str, code: str
    ) -> None:
        """Code that has come to use the value of ``expression`` as the input ``name``."""
        builder = await self.get_state(Builder)
        gesture = form_gestures.taking(card, name, expression, code)
        await builder._perform(caller, gesture)  # noqa: SLF001


def _told(text: str) -> dict[str, Any]:
    try:
        told = documents.parse(text[:_LONGEST])
    except Malformed:
        return {}
    return told if isinstance(told, dict) else {}
