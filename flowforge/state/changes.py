"""What publishing would change, line by line, and the way back to what is live."""

from typing import Any

import reflex as rx
from reflex_components_sonner.toast import ToastAction

from flowforge.services import unpublished
from flowforge.services.change_words import ChangeLine
from flowforge.state import doors, shown
from flowforge.state.arranging import Arranging
from flowforge.state.builder import SAID, Builder

DIALOG = "draft-changes"


class Changes(rx.State):
    """``is_asking``: whether all of it shall really go."""

    lines: list[ChangeLine] = []  # noqa: RUF012 - Reflex copies defaults
    left_off: int = 0
    is_asking: bool = False

    @doors.reads()
    async def open(self, caller: doors.Caller) -> Any:
        builder = await self.get_state(Builder)
        found = await unpublished.changes(caller.session, caller.actor, builder.zap)
        self.lines, self.left_off, self.is_asking = (
            shown.changes(found.lines),
            found.left_off,
            False,
        )
        return rx.call_script(f"flowforge.open('{DIALOG}')")

    @doors.reads()
    async def go(self, caller: doors.Caller, card: str, field: str) -> Any:
        """To the step that a line is about."""
        return [
            rx.call_script(f"flowforge.close('{DIALOG}')"),
            Builder.choose_problem(card, field),
        ]

    @doors.public
    async def ask(self, is_asking: bool) -> None:
        self.is_asking = is_asking

    @doors.writes()
    async def discard(self, caller: doors.Caller) -> Any:
        """The draft is what is live again."""
        builder = await self.get_state(Builder)
        zap = await unpublished.discard(caller.session, caller.actor, builder.zap)
        self.is_asking = False
        await builder._look_again(caller)  # noqa: SLF001 - public, it would be a handler
        return [
            rx.call_script(f"flowforge.close('{DIALOG}')"),
            rx.toast.info(
                f"All changes are discarded: the draft is version {zap.live_version} again.",
                **SAID,
                action=ToastAction(label="Undo", on_click=Arranging.bring_back(zap.draft_revision)),
            ),
        ]
