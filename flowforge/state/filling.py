"""What a person writes into the form of the chosen card: each change is saved at once, as a gesture
on the newest draft.
"""

import reflex as rx

from flowforge.errors import Invalid
from flowforge.services import form_gestures, trigger_forms
from flowforge.services.form_shapes import Tab
from flowforge.services.workbench import Bench, Gesture
from flowforge.state import doors
from flowforge.state.builder import TRIGGER, Builder


class Filling(rx.State):
    """It keeps nothing of its own: what is shown, and what was refused, is the builder's."""

    @doors.writes()
    async def fill(self, caller: doors.Caller, card: str, field: str, text: str) -> None:
        """What stands in a control now. Inputs of a card that is not open any more count too."""
        # Another scheme, or another app, is asked for other fields.
        opens = card if card == TRIGGER and field in trigger_forms.DECIDING else ""
        tab = await self._tab()
        await self._edit(caller, field, form_gestures.filling(card, field, text, tab), opens)

    @doors.writes()
    async def check(self, caller: doors.Caller, card: str, field: str, is_on: bool) -> None:
        text = "true" if is_on else "false"
        await self._edit(caller, field, form_gestures.filling(card, field, text))

    @doors.writes()
    async def fill_secret(self, caller: doors.Caller, card: str, field: str, text: str) -> None:
        """A secret is not shown, so an empty control says nothing about it."""
        (await self.get_state(Builder)).saves += 1
        if text:
            opens = card if card == TRIGGER else ""
            await self._edit(caller, field, form_gestures.setting(card, field, text), opens)

    @doors.writes()
    async def fill_moment(
        self, caller: doors.Caller, card: str, field: str, text: str, minutes: int
    ) -> None:
        """``minutes``: how far east of UTC the clock is by which it was picked."""
        east = int(minutes or 0)
        await self._edit(caller, field, form_gestures.filling_moment(card, field, text, east))

    @doors.writes()
    async def drop_input(self, caller: doors.Caller, card: str, field: str) -> None:
        """Take an input away: a stored secret, or one that the action does not know."""
        await self._edit(caller, field, form_gestures.setting(card, field, None), card)

    @doors.writes()
    async def set_option(self, caller: doors.Caller, card: str, option: str, text: str) -> None:
        """A setting of the step itself."""
        gesture = form_gestures.setting_option(card, option, text)
        await self._edit(caller, f"option-{option}", gesture)

    # ---- names and values ----------------------------------------------------------------------

    @doors.writes()
    async def fill_pair(  # noqa: PLR0917 - an event's arguments have no names
        self, caller: doors.Caller, card: str, field: str, place: int, part: str, text: str
    ) -> None:
        gesture = form_gestures.filling_pair(card, field, place, part, text)
        await self._edit(caller, field, gesture)

    @doors.writes()
    async def drop_pair(self, caller: doors.Caller, card: str, field: str, place: int) -> None:
        await self._edit(caller, field, form_gestures.dropping_pair(card, field, place), card)

    # ---- lists ---------------------------------------------------------------------------------

    @doors.writes()
    async def fill_item(  # noqa: PLR0917
        self, caller: doors.Caller, card: str, field: str, place: int, part: str, text: str
    ) -> None:
        """One item of a list, or a part of it; an item that is emptied is gone."""
        opens = "" if part or text else card
        tab = await self._tab()
        gesture = form_gestures.filling_item(card, field, place, part, text, tab)
        await self._edit(caller, field, gesture, opens)

    @doors.writes()
    async def add_item(self, caller: doors.Caller, card: str, field: str) -> None:
        await self._edit(caller, field, form_gestures.adding_item(card, field))

    @doors.writes()
    async def drop_item(self, caller: doors.Caller, card: str, field: str, place: int) -> None:
        await self._edit(caller, field, form_gestures.dropping_item(card, field, place), card)

    @doors.writes()
    async def move_item(
        self, caller: doors.Caller, card: str, field: str, place: int, by: int
    ) -> None:
        gesture = form_gestures.moving_item(card, field, place, by)
        await self._edit(caller, field, gesture, card)

    @doors.writes()
    async def choose(
        self, caller: doors.Caller, card: str, field: str, choice: str, is_on: bool
    ) -> None:
        """One of several that may be chosen."""
        tab = await self._tab()
        gesture = form_gestures.choosing(card, field, choice, is_on=is_on, tab=tab)
        await self._edit(caller, field, gesture)

    # ---- within --------------------------------------------------------------------------------

    async def _tab(self) -> Tab:
        builder = await self.get_state(Builder)
        return builder._tab  # noqa: SLF001 - a backend var: no browser sees it

    async def _edit(
        self, caller: doors.Caller, field: str, gesture: Gesture, opens: str = ""
    ) -> Bench | None:
        """Save ``gesture``, or say beside ``field`` why it cannot be."""
        builder = await self.get_state(Builder)
        builder.refused_in = builder.refusal = ""
        try:
            return await builder._perform(caller, gesture, opens)  # noqa: SLF001 - public, it would be a handler
        except Invalid as problem:
            builder.saves += 1
            builder.save_state, builder.refused_in = "failed", field
            builder.refusal = trigger_forms.reason(problem)
            return None
