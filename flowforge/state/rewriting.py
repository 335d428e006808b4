"""A step, or the whole draft, edited as JSON in a dialog of the builder."""

from typing import Any

import reflex as rx

from flowforge.errors import Conflict, FlowForgeError
from flowforge.services import editing, rewriting, workbench, zaps
from flowforge.state import doors, editor, shown
from flowforge.state.builder import Builder

DIALOG = "json-dialog"


class Rewriting(rx.State):
    """``card`` is the step's id, empty for the whole draft. ``version`` counts the openings."""

    card: str = ""
    title: str = ""
    text: str = ""
    error: str = ""
    version: int = 0
    _revision: int = 0

    @doors.reads()
    async def open(self, caller: doors.Caller, card: str) -> Any:
        """Show what there is now, without its secrets."""
        zap = await zaps.get(caller.session, caller.actor, await self._zap())
        value = rewriting.shown(zap.definition, card)
        is_step = card not in {"", editing.TRIGGER}
        step = editing.step_of(zap.definition, card) if is_step else {"name": card.capitalize()}
        self.card, self.title = card, shown.line(step.get("name") or card)
        self.text, self.error = editor.text_of(value), ""
        self.version += 1
        self._revision = zap.draft_revision
        return rx.call_script(f"flowforge.open('{DIALOG}')")

    @doors.writes()
    async def save(self, caller: doors.Caller, given: dict[str, Any]) -> Any:
        """Keep it, or say what is wrong with it."""
        text = str(given.get("text", ""))
        try:
            value = editor.value_of(text)
            # What is refused half-way must leave nothing behind: the dialog stays to say why.
            async with caller.session.begin_nested():
                await workbench.edit(
                    caller.session,
                    caller.actor,
                    await self._zap(),
                    self._revision,
                    lambda draft: rewriting.rewritten(draft, value, self.card),
                )
        except Conflict as problem:
            self.error = problem.message
            return None
        except FlowForgeError as problem:
            self.error = editor.sentence_of(problem)
            return None
        return [rx.call_script(f"flowforge.close('{DIALOG}')"), Builder.open]

    async def _zap(self) -> str:
        builder = await self.get_state(Builder)
        return builder.zap
