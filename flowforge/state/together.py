"""Several tabs or people on one draft: mine on top of theirs, theirs instead, and their news."""

from typing import Any

import reflex as rx

from flowforge.errors import Conflict, NotFound
from flowforge.services import clashes, workbench
from flowforge.services.access import Permission
from flowforge.state import clash, doors
from flowforge.state.builder import SAID, Builder
from flowforge.state.clash import Clash
from flowforge.state.company import Company

_CLOSE = f"flowforge.close('{clash.DIALOG}')"
_FORGOTTEN = (
    "The server was started anew meanwhile, so this has to be done again by hand. What you wanted is "
    "still written here."
)


class Together(rx.State):
    """What a person decides."""

    @doors.reads()
    async def arrive(self, caller: doors.Caller) -> Any:
        """The page is opened, or was cut off and is back: then what stands in its fields stays, for
        it may not be saved yet. What others did meanwhile comes as news.
        """
        builder = await self.get_state(Builder)
        if not builder._is_open():  # noqa: SLF001 - public, it would be a handler
            return await builder._open(caller)  # noqa: SLF001
        try:
            bench = await workbench.look(caller.session, caller.actor, builder.zap)
        except NotFound:
            return await builder._open(caller)  # noqa: SLF001
        if bench.zap.draft_revision == builder._revision:  # noqa: SLF001
            await builder._show_received(caller)  # noqa: SLF001
            await builder._show_around(caller, bench)  # noqa: SLF001
        return Builder.listen

    @doors.writes()
    async def apply_mine(self, caller: doors.Caller) -> Any:
        """What could not be saved is done on the newest draft."""
        builder, state = await self.get_state(Builder), await self.get_state(Clash)
        wanted = clash.wanted(self)
        if not wanted:
            state.problem = _FORGOTTEN
            return None
        who = await clashes.newest(caller.session, caller.actor, builder.zap)
        try:
            bench = await workbench.edit(
                caller.session,
                caller.actor,
                builder.zap,
                who.revision,
                clashes.on_top(wanted),
                joins=False,
            )
        except Conflict as refusal:
            await clash.show(state, caller, builder.zap, wanted)
            state.problem = refusal.message
            return None
        await clash.forget(self)
        builder.saves, builder.save_state = builder.saves + 1, "saved"
        await builder._show_all(caller, bench)  # noqa: SLF001 - public, it would be a handler
        return [
            rx.call_script(_CLOSE),
            rx.toast.success("Your change is saved on top of the other one.", **SAID),
        ]

    @doors.reads(Permission.READ)
    async def take_theirs(self, caller: doors.Caller) -> Any:
        """The newest draft as it is; what was wanted is let go."""
        builder = await self.get_state(Builder)
        await clash.forget(self)
        builder.saves, builder.save_state = builder.saves + 1, "saved"
        await builder._look_again(caller)  # noqa: SLF001
        return rx.call_script(_CLOSE)

    @doors.reads(Permission.READ)
    async def show_news(self, caller: doors.Caller) -> None:
        """Draw what somebody else did to the open step."""
        builder, company = await self.get_state(Builder), await self.get_state(Company)
        company.news = 0
        if builder.save_state != "stale":
            await builder._look_again(caller)  # noqa: SLF001
