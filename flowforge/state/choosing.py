"""What a form finds out while somebody fills it in: options of a service, and fields that depend on
what was chosen.
"""

from dataclasses import replace
from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError, NotFound, Unauthenticated
from flowforge.infra import runtime
from flowforge.services import form_gestures, option_lists, workbench
from flowforge.services.access import Permission
from flowforge.services.form_shapes import Found
from flowforge.state import doors
from flowforge.state.builder import Builder

# A form has few of these; a tab that asks for more is no form.
MOST_KEPT = 50


class Choosing(rx.State):
    """``_latest``: what was asked last for each control: an older answer that comes later is old."""

    _latest: dict[str, int] = {}  # noqa: RUF012 - Reflex copies defaults

    @doors.follows
    async def look(self, card: str, field: str, asks: str, search: str) -> Any:
        """Find out what a control offers. In the background: a service may take its time, and no
        transaction is open meanwhile.
        """
        async with self:
            builder = await self.get_state(Builder)
            known = builder._tab.of(card).found.get(field)  # noqa: SLF001 - a backend var
            if known and known.asks == asks and known.stage == "ready" and not search:
                return None
            number = self._latest.get(field, 0) + 1
            self._latest = dict(list(self._latest.items())[-MOST_KEPT:]) | {field: number}
            cookies, zap_id = self.router.headers.cookie, builder.zap
            await self._show(builder, cookies, card, field, _loading(known, asks))
        try:
            async with doors.opened(cookies, Permission.EDIT) as caller:
                prepared = await option_lists.prepare(
                    caller.session,
                    caller.actor,
                    zap_id,
                    card,
                    field,
                    search,
                    runtime.current().vault,
                )
            found = await option_lists.find(runtime.current(), prepared)
        except Unauthenticated:
            return doors.to_sign_in(self)
        except FlowForgeError as problem:
            found = Found(asks, "failed", problem.message)
        async with self:
            builder = await self.get_state(Builder)
            if builder.zap == zap_id and self._latest.get(field) == number:
                await self._show(builder, cookies, card, field, found)
        return None

    @doors.reads(Permission.EDIT)
    async def by_hand(self, caller: doors.Caller, card: str, field: str) -> None:
        """The control takes a text, which may hold expressions."""
        builder = await self.get_state(Builder)
        tab = builder._tab.of(card)  # noqa: SLF001
        builder._tab = replace(tab, card=card, by_hand=tab.by_hand | {field})  # noqa: SLF001
        await builder._look_again(caller)  # noqa: SLF001 - public, it would be a handler

    @doors.writes()
    async def by_choice(self, caller: doors.Caller, card: str, field: str) -> None:
        """The control offers what there is again, and nothing is chosen. Undo brings back what was
        written.
        """
        builder = await self.get_state(Builder)
        tab = builder._tab.of(card)  # noqa: SLF001
        builder._tab = replace(tab, card=card, by_hand=tab.by_hand - {field})  # noqa: SLF001
        gesture = form_gestures.setting(card, field, None)
        await builder._perform(caller, gesture, card)  # noqa: SLF001

    @doors.reads(Permission.EDIT)
    async def show_whole(self, caller: doors.Caller, card: str, field: str) -> None:
        """A value that is too long to be shown at once, to be edited all the same."""
        builder = await self.get_state(Builder)
        tab = builder._tab.of(card)  # noqa: SLF001
        builder._tab = replace(tab, card=card, whole=tab.whole | {field})  # noqa: SLF001
        await builder._look_again(caller)  # noqa: SLF001

    async def _show(
        self, builder: Builder, cookies: str, card: str, field: str, found: Found
    ) -> None:
        """The form with it, as the newest draft has it; texts that are being typed stay."""
        if builder.form.card != card:
            return
        tab = replace(builder._tab.of(card), card=card)  # noqa: SLF001
        builder._tab = tab.with_found(field, found)  # noqa: SLF001
        try:
            async with doors.opened(cookies, Permission.READ) as caller:
                bench = await workbench.look(caller.session, caller.actor, builder.zap)
        except (Unauthenticated, NotFound):
            return
        if bench.zap.draft_revision == builder._revision:  # noqa: SLF001
            builder._show(bench)  # noqa: SLF001


def _loading(known: Found | None, asks: str) -> Found:
    """What was known before stays in sight while it is asked anew."""
    if known is None:
        return Found(asks, "loading")
    return replace(known, asks=asks, stage="loading", trouble="")
