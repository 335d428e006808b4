"""Conditions and branches in the panel: when a branch is taken, when a loop goes on, what waits for
what.
"""

from dataclasses import replace

import reflex as rx

from flowforge.errors import Invalid
from flowforge.services import editing_branches, editing_conditions, trigger_forms
from flowforge.services.editing_conditions import NO_BRANCH, Spot
from flowforge.services.workbench import Gesture
from flowforge.state import doors
from flowforge.state.builder import Builder


class Deciding(rx.State):
    """It keeps nothing of its own: which branch is open is the builder's to know."""

    @doors.reads()
    async def open_branch(self, caller: doors.Caller, card: str, at: int) -> None:
        builder = await self.get_state(Builder)
        _open(builder, card, at)
        builder.chosen, builder.is_panel_open = card, True
        await builder._look_again(caller)  # noqa: SLF001 - public, it would be a handler

    # ---- conditions ----------------------------------------------------------------------------

    @doors.writes()
    async def fill(  # noqa: PLR0917 - an event's arguments have no names
        self, caller: doors.Caller, card: str, group: int, place: int, part: str, text: str
    ) -> None:
        spot = await self._spot(card)
        await self._edit(
            caller,
            lambda draft: editing_conditions.fill(draft, spot, (group, place), part, text),
        )

    @doors.writes()
    async def match_case(
        self, caller: doors.Caller, card: str, group: int, place: int, is_on: bool
    ) -> None:
        spot, part = await self._spot(card), "caseSensitive"
        await self._edit(
            caller,
            lambda draft: editing_conditions.fill(draft, spot, (group, place), part, bool(is_on)),
        )

    @doors.writes()
    async def add(self, caller: doors.Caller, card: str, group: int) -> None:
        spot = await self._spot(card)
        await self._edit(
            caller, lambda draft: editing_conditions.add(draft, spot, group), opens=card
        )

    @doors.writes()
    async def remove(self, caller: doors.Caller, card: str, group: int, place: int) -> None:
        """Without a question: undo brings it back."""
        spot = await self._spot(card)
        await self._edit(
            caller,
            lambda draft: editing_conditions.remove(draft, spot, (group, place)),
            opens=card,
        )

    # ---- branches ------------------------------------------------------------------------------

    @doors.writes()
    async def name_branch(self, caller: doors.Caller, card: str, at: int, name: str) -> None:
        await self._edit(
            caller,
            lambda draft: editing_branches.rename(draft, card, at, name),
            field=f"branch-{at}",
        )

    @doors.writes()
    async def add_branch(self, caller: doors.Caller, card: str) -> None:
        """One more at the end, which is opened."""
        builder = await self.get_state(Builder)
        _open(builder, card, len(builder.branches))
        await self._edit(caller, lambda draft: editing_branches.add(draft, card), opens=card)

    @doors.writes()
    async def move_branch(self, caller: doors.Caller, card: str, at: int, by: int) -> None:
        """Up or down; the one that is open stays open."""
        builder = await self.get_state(Builder)
        is_open = builder.form.branch == at
        target = min(max(0, at + by), len(builder.branches) - 1)
        if is_open:
            _open(builder, card, target)
        await self._edit(
            caller, lambda draft: editing_branches.move(draft, card, at, by), opens=card
        )

    @doors.writes()
    async def remove_branch(self, caller: doors.Caller, card: str, at: int) -> None:
        """Without a question: undo brings it back."""
        await self._edit(caller, lambda draft: editing_branches.remove(draft, card, at), opens=card)

    @doors.writes()
    async def wait_for(
        self, caller: doors.Caller, card: str, at: int, name: str, is_on: bool
    ) -> None:
        await self._edit(
            caller,
            lambda draft: editing_branches.wait_for(draft, card, at, name, is_on=is_on),
            field=f"branch-{at}",
        )

    # ---- within --------------------------------------------------------------------------------

    async def _spot(self, card: str) -> Spot:
        """Of a router's conditions those of its open branch are shown."""
        builder = await self.get_state(Builder)
        is_router = builder.form.card == card and builder.form.kind == "router"
        return Spot(card, builder.form.branch if is_router else NO_BRANCH)

    async def _edit(
        self, caller: doors.Caller, gesture: Gesture, *, field: str = "conditions", opens: str = ""
    ) -> None:
        builder = await self.get_state(Builder)
        builder.refused_in = builder.refusal = ""
        try:
            await builder._perform(caller, gesture, opens)  # noqa: SLF001 - public, it would be a handler
        except Invalid as problem:
            builder.saves += 1
            builder.save_state, builder.refused_in = "failed", field
            builder.refusal = trigger_forms.reason(problem)


def _open(builder: Builder, card: str, at: int) -> None:
    # A backend var: no browser sees it.
    builder._tab = replace(builder._tab.of(card), card=card, branch=at)  # noqa: SLF001
