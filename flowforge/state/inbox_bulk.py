"""Many events at once: how many the inbox's filter finds, run them all, watch it happen."""

import asyncio
from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError
from flowforge.services import batches
from flowforge.services.access import Permission
from flowforge.state import doors, live, shown
from flowforge.state.bulk import LOOK_SECONDS, Progress, progress_of
from flowforge.state.inbox import Inbox, filter_of

DIALOG = "inbox-replay"


class InboxBulk(rx.State):
    """``count``: how many events the open dialog is about."""

    count: int = 0
    oldest: str = ""
    newest: str = ""
    error: str = ""
    progress: Progress = Progress()

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

    @doors.writes(Permission.OPERATE)
    async def stop(self, caller: doors.Caller) -> None:
        """Begin none of the others; what has begun goes on."""
        view = await batches.cancel(caller.session, caller.actor, self.progress.id)
        self.progress = progress_of(view)

    @doors.public
    async def forget(self) -> None:
        """Take the line about the batch away."""
        self.progress = Progress()

    @doors.follows
    async def follow(self) -> None:
        """Tell how far the batch is, until it is over or nobody looks."""
        async with self:
            batch_id, cookies = self.progress.id, self.router.headers.cookie
            token = self.router.session.client_token
        while await live.is_open(token):
            try:
                async with doors.opened(cookies, Permission.READ) as caller:
                    view = await batches.get_batch(caller.session, caller.actor, batch_id)
            except FlowForgeError:
                return
            async with self:
                if self.progress.id != batch_id:
                    return
                self.progress = progress_of(view)
            if view.status != "running":
                return
            await asyncio.sleep(LOOK_SECONDS)
