"""Many events at once: how many the inbox's filter finds, run them all, watch it happen."""

from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError
from flowforge.services import batches
from flowforge.services.access import Permission
from flowforge.state import doors, shown
from flowforge.state.batch import Progress, Watched
from flowforge.state.inbox import Inbox, filter_of

DIALOG = "inbox-replay"


class InboxBulk(Watched, rx.State):
    """``count``: how many events the open dialog is about."""

    count: int = 0
    oldest: str = ""
    newest: str = ""
    error: str = ""

    @doors.reads(Permission.OPERATE)
    async def ask(self, caller: doors.Caller) -> Any:
        """The plan before anything is done."""
        inbox = await self.get_state(Inbox)
        self.error = ""
        plan = await batches.plan_events(caller.session, caller.actor, filter_of(inbox))
        self.count = plan.count
        self.oldest, self.newest = shown.moment(plan.oldest), shown.moment(plan.newest)
        return rx.call_script(f"flowforge.open('{DIALOG}')")

    @doors.writes(Permission.OPERATE)
    async def go(self, caller: doors.Caller) -> Any:
        """Begin with what the filter finds now."""
        inbox = await self.get_state(Inbox)
        try:
            async with caller.session.begin_nested():
                batch_id = await batches.start_events(
                    caller.session, caller.actor, filter_of(inbox)
                )
        except FlowForgeError as problem:
            self.error = problem.message
            return None
        self.progress = Progress(batch_id, "Beginning…", is_going=True)
        return [rx.call_script(f"flowforge.close('{DIALOG}')"), InboxBulk.follow]
