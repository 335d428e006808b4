"""What the canvas does with one step or with several: each time one gesture, and one undo."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import reflex as rx
from reflex_components_sonner.toast import ToastAction

from flowforge.services import cards, clippings, editing_many, zaps
from flowforge.services.access import Permission
from flowforge.services.editing import Draft
from flowforge.services.editing_places import Place
from flowforge.state import doors
from flowforge.state.arranging import TO_UNDO, Arranging
from flowforge.state.builder import TRIGGER, Builder


@dataclass(frozen=True)
class Clip:
    """What was copied, for the clipboard; ``number`` counts the times."""

    text: str = ""
    count: int = 0
    number: int = 0


class Gestures(rx.State):
    """``made``: the steps that the last gesture made."""

    clip: Clip = Clip()
    made: list[str] = []  # noqa: RUF012 - Reflex copies defaults

    @doors.writes()
    async def duplicate(self, caller: doors.Caller, steps: list[str]) -> None:
        await self._make(caller, lambda draft: editing_many.duplicate(draft, steps))

    @doors.writes()
    async def paste(self, caller: doors.Caller, text: str, step: str, branch: int, at: int) -> None:
        """What somebody copied here, in another zap, or found in a forum."""
        place = Place(step, branch)
        await self._make(caller, lambda draft: clippings.pasted(draft, text, place, at))

    @doors.writes()
    async def skip(self, caller: doors.Caller, steps: list[str], is_skipped: bool) -> None:
        builder = await self.get_state(Builder)
        await builder._perform(  # noqa: SLF001 - public, it would be a handler
            caller,
            lambda draft: editing_many.skip(draft, steps, is_skipped=is_skipped),
        )

    @doors.writes()
    async def drop(
        self, caller: doors.Caller, steps: list[str], step: str, branch: int, at: int
    ) -> None:
        """They go before position ``at`` of that list, counted with those that stand there."""
        builder = await self.get_state(Builder)
        place = Place(step, branch)
        await builder._perform(  # noqa: SLF001
            caller, lambda draft: editing_many.move_to(draft, steps, place, at), builder.chosen
        )

    @doors.writes()
    async def remove(self, caller: doors.Caller, steps: list[str]) -> Any:
        """Without a question: the word that they are gone has the way back on it."""
        return await self._remove(caller, steps)

    @doors.reads(Permission.EDIT)
    async def copy_steps(self, caller: doors.Caller, steps: list[str]) -> None:
        await self._copy(caller, steps)

    @doors.writes()
    async def cut(self, caller: doors.Caller, steps: list[str]) -> Any:
        await self._copy(caller, steps)
        return await self._remove(caller, steps)

    async def _copy(self, caller: doors.Caller, steps: Collection[str]) -> None:
        builder = await self.get_state(Builder)
        zap = await zaps.get(caller.session, caller.actor, builder.zap)
        count = len(editing_many.outermost(zap.definition, steps))
        text = clippings.copied_text(zap.definition, steps)
        self.clip = Clip(text, count, self.clip.number + 1)

    async def _make(
        self, caller: doors.Caller, gesture: Callable[[Draft], tuple[Draft, list[str]]]
    ) -> None:
        builder = await self.get_state(Builder)
        made: list[str] = []

        def first_made(draft: Draft) -> tuple[Draft, str]:
            after, ids = gesture(draft)
            made[:] = ids
            return after, ids[0]

        await builder._make(caller, first_made)
        self.made = made

    async def _remove(self, caller: doors.Caller, steps: list[str]) -> Any:
        builder = await self.get_state(Builder)
        known = [card.id for card in cards.cards_of(builder.lines)]
        first = next((at for at, each in enumerate(known) if each in set(steps)), 0)
        before = known[first - 1] if first else TRIGGER
        told: list[int] = []

        def gesture(draft: Draft) -> Draft:
            told.append(len(editing_many.outermost(draft, steps)))
            return editing_many.remove(draft, steps)

        bench = await builder._perform(caller, gesture, before)  # noqa: SLF001
        if bench is None:
            return None
        builder.is_panel_open = False
        word = "The step is" if told == [1] else f"{told[-1]} steps are"
        back = Arranging.bring_back(bench.zap.draft_revision)
        return rx.toast.info(
            f"{word} deleted.", **TO_UNDO, action=ToastAction(label="Undo", on_click=back)
        )
