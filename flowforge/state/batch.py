"""A batch that a tab has begun: how far it is, stopped or put away."""

import asyncio
from dataclasses import dataclass

import reflex as rx

from flowforge.errors import FlowForgeError
from flowforge.services import batches
from flowforge.services.access import Permission
from flowforge.services.batches import BatchView
from flowforge.state import doors, live, shown

LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Progress:
    """A batch that this tab has begun. ``refused`` says why some were left out."""

    id: str = ""
    words: str = ""
    refused: str = ""
    is_going: bool = False


class Watched(rx.State, mixin=True):
    """What every state has that begins batches."""

    progress: Progress = Progress()

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


def progress_of(view: BatchView) -> Progress:
    done = view.started + view.failed
    going, over = (
        ("Cancelling", "Cancelled") if view.kind == "cancel" else ("Replaying", "Replayed")
    )
    words = {
        "running": f"{going}: {done} of {view.total}",
        "cancelled": f"Stopped after {done} of {view.total}",
    }.get(view.status, f"{over} {shown.counted(view.started, 'run')}")
    reasons = ", ".join(
        f"{code.replace('_', ' ')} ({number})" for code, number in view.refused.items()
    )
    return Progress(
        id=view.id,
        words=words,
        refused=f"{view.failed} left out: {reasons}" if view.failed else "",
        is_going=view.status == "running",
    )
