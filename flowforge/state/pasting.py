"""Steps pasted into the builder as text, where the picker was opened."""

from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError
from flowforge.services import clippings, curls, editing
from flowforge.services.editing_places import Draft, Place
from flowforge.state import doors
from flowforge.state.arranging import PICKER, Arranging
from flowforge.state.builder import SAID, Builder

TEXT = "clipping"


class Pasting(rx.State):
    """``refusal``: why the last text was not taken; ``drawn`` counts how often the box was emptied."""

    refusal: str = ""
    drawn: int = 0

    @doors.writes()
    async def paste(self, caller: doors.Caller, given: dict[str, Any]) -> Any:
        """One gesture, however many steps there are; the first of them is opened."""
        builder, arranging = await self.get_state(Builder), await self.get_state(Arranging)
        place = Place(arranging.picker_step, arranging.picker_branch)
        text, at, secrets = str(given.get(TEXT, "")), arranging.picker_at, list[str]()

        def gesture(draft: Draft) -> tuple[Draft, str]:
            after, made = clippings.pasted(draft, text, place, at)
            for step_id in made:
                secrets.extend(curls.secrets(editing.step_of(after, step_id)))
            return after, made[0]

        try:
            # What is refused when it is saved must leave nothing behind: the dialog stays.
            async with caller.session.begin_nested():
                await builder._make(caller, gesture)
        except FlowForgeError as refusal:
            self.refusal = refusal.message
            return None
        self.refusal = ""
        self.drawn += 1
        said = [
            rx.call_script(f"flowforge.close('{PICKER}')"),
            rx.call_script("flowforge.show('.step.is-chosen')"),
        ]
        return [*said, _warning(secrets)] if secrets else said


def _warning(secrets: list[str]) -> Any:
    names = ", ".join(dict.fromkeys(secrets))
    return rx.toast.warning(
        f"The pasted request carries a secret: {names}.",
        description="Whoever may open this zap can read it. Exports and runs leave it out.",
        **SAID,
    )
