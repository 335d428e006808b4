"""Steps added, moved, copied and taken away in the builder, and the way back and forth through all
of its gestures.
"""

from typing import Any

import reflex as rx
from reflex_components_sonner.toast import ToastAction

from flowforge.errors import Conflict
from flowforge.services import cards, choices, editing, editing_many, editing_places, workbench
from flowforge.services.access import Permission
from flowforge.services.cards import Target
from flowforge.services.choices import Choice
from flowforge.services.editing_places import Place
from flowforge.services.ranking import LONGEST
from flowforge.state import doors, recents
from flowforge.state.builder import SAID, TRIGGER, Builder
from flowforge.state.recents import Recents

PICKER = "step-picker"
MOVING = "move-step"
_ADD = ""
_SOMEBODY_WAS_QUICKER = "The zap was changed somewhere else just before, so nothing is undone: this is the newest draft."
# Long enough to read it and to reach the button.
TO_UNDO: Any = SAID | {"duration": 10_000}


class Arranging(rx.State):
    """``picker_for``: the card that is to do something else; empty for a new step in the list
    ``picker_step`` and ``picker_branch``. ``moving``: the steps that ``targets`` are for.
    """

    picker_for: str = _ADD
    picker_at: int = 0
    picker_step: str = ""
    picker_branch: int = 0
    picker_query: str = ""
    choices: list[Choice] = []  # noqa: RUF012 - Reflex copies defaults
    moving: list[str] = []  # noqa: RUF012
    moving_title: str = ""
    targets: list[Target] = []  # noqa: RUF012

    # ---- steps ---------------------------------------------------------------------------------

    @doors.public
    async def open_picker(self, at: int, card: str, step: str, branch: int) -> Any:
        """Choose what to do: for ``card``, or for a new step before position ``at`` of the list
        ``step`` and ``branch``.
        """
        self.picker_at, self.picker_for = at, card
        self.picker_step, self.picker_branch = step, branch
        await self._find("")
        return rx.call_script(f"flowforge.open('{PICKER}')")

    @doors.public
    async def search(self, query: str) -> None:
        await self._find(query[:LONGEST])

    @doors.writes()
    async def pick(self, caller: doors.Caller, key: str) -> Any:
        builder = await self.get_state(Builder)
        card, at = self.picker_for, self.picker_at
        place = Place(self.picker_step, self.picker_branch)
        if card == TRIGGER:
            await builder._perform(caller, lambda draft: editing.set_trigger(draft, key), card)  # noqa: SLF001 - public, it would be a handler
        elif card == _ADD:
            await builder._make(caller, lambda draft: editing.add(draft, key, at, place))
        else:
            await builder._perform(caller, lambda draft: editing.choose(draft, card, key), card)  # noqa: SLF001
        if card != TRIGGER:
            recents.note_step(await self.get_state(Recents), key)
        return rx.call_script("flowforge.show('.step.is-chosen')")

    async def _find(self, query: str) -> None:
        self.picker_query = query
        if self.picker_for == TRIGGER:
            self.choices = choices.of_triggers(query)
        else:
            recent = recents.steps(await self.get_state(Recents))
            self.choices = choices.of_steps(query, recent)

    @doors.writes()
    async def move(self, caller: doors.Caller, card: str, by: int) -> None:
        builder = await self.get_state(Builder)
        await builder._perform(caller, lambda draft: editing.move(draft, card, by), card)  # noqa: SLF001

    @doors.reads(Permission.EDIT)
    async def ask_where(self, caller: doors.Caller, steps: list[str]) -> Any:
        """Offer every list that the steps may be moved to."""
        builder = await self.get_state(Builder)
        self.targets = await workbench.targets(caller.session, caller.actor, builder.zap, steps)
        titles = [each.title for each in cards.cards_of(builder.lines) if each.id in steps]
        self.moving = list(steps)
        self.moving_title = titles[0] if len(titles) == 1 else f"{len(titles)} steps"
        return rx.call_script(f"flowforge.open('{MOVING}')")

    @doors.writes()
    async def move_to(self, caller: doors.Caller, step: str, branch: int) -> Any:
        """The steps go to the end of that list."""
        builder = await self.get_state(Builder)
        moved, place = list(self.moving), Place(step, branch)
        await builder._perform(  # noqa: SLF001
            caller,
            lambda draft: editing_many.move_to(draft, moved, place, editing_places.END),
            next(iter(moved), ""),
        )
        return [
            rx.call_script(f"flowforge.close('{MOVING}')"),
            rx.call_script("flowforge.show('.step.is-chosen')"),
        ]

    @doors.writes()
    async def duplicate(self, caller: doors.Caller, card: str) -> Any:
        builder = await self.get_state(Builder)
        await builder._make(caller, lambda draft: editing.duplicate(draft, card))
        return rx.call_script("flowforge.show('.step.is-chosen')")

    @doors.writes()
    async def remove(self, caller: doors.Caller, card: str) -> Any:
        """Without a question: the word that it is gone has the way back on it."""
        builder = await self.get_state(Builder)
        known = [each.id for each in cards.cards_of(builder.lines)]
        before = known[known.index(card) - 1] if card in known[1:] else TRIGGER
        bench = await builder._perform(caller, lambda draft: editing.remove(draft, card), before)  # noqa: SLF001
        if bench is None:
            return None
        builder.is_panel_open = False
        back = Arranging.bring_back(bench.zap.draft_revision)
        return rx.toast.info(
            "The step is deleted.", **TO_UNDO, action=ToastAction(label="Undo", on_click=back)
        )

    # ---- back and forth ------------------------------------------------------------------------

    @doors.writes()
    async def undo(self, caller: doors.Caller) -> Any:
        return await self._go(caller, workbench.undo, "Undone")

    @doors.writes()
    async def redo(self, caller: doors.Caller) -> Any:
        return await self._go(caller, workbench.redo, "Done again")

    @doors.writes()
    async def bring_back(self, caller: doors.Caller, revision: int) -> Any:
        """Undo the gesture that made ``revision``, and no later one."""
        builder = await self.get_state(Builder)
        if builder._revision != revision:  # noqa: SLF001
            return rx.toast.info(
                "Something was changed since then. Undo stands in the bar, for one change after"
                " the other.",
                **SAID,
            )
        return await self._go(caller, workbench.undo, "Undone")

    async def _go(self, caller: doors.Caller, way: Any, word: str) -> Any:
        builder = await self.get_state(Builder)
        what = builder.undo_what if way is workbench.undo else builder.redo_what
        try:
            is_done = await builder._step(caller, way)  # noqa: SLF001
        except Conflict as refusal:
            return rx.toast.info(refusal.message, **SAID)
        said = f"{word}: {what}." if is_done else _SOMEBODY_WAS_QUICKER
        return rx.toast.info(said, **SAID)
