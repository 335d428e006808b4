"""Many runs at once: how many the history's filter finds, run them all again or end them, watch it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError
from flowforge.services import batches, retries
from flowforge.services.access import Permission
from flowforge.services.batches import BatchView
from flowforge.services.retries import Again
from flowforge.state import doors, live, shown
from flowforge.state.run_choices import IN_PROGRESS
from flowforge.state.runs import Runs, filter_of

DIALOG = "bulk-replay"
LOOK_SECONDS = 1.0
# What a batch may do with a run, and how a person calls it.
MODES = {
    "start": "New runs of the live version",
    "failed": "Go on where they failed, same version",
    "cancel": "Cancel those that go on or wait",
}
_HOW = {
    "start": batches.REPLAY,
    "failed": Again(begin=retries.FAILED),
    "cancel": batches.REPLAY,
}


@dataclass(frozen=True)
class Progress:
    """A batch that this tab has begun. ``refused`` says why some were left out."""

    id: str = ""
    words: str = ""
    refused: str = ""
    is_going: bool = False


class Bulk(rx.State):
    """``count``: how many runs the open dialog is about."""

    mode: str = "start"
    count: int = 0
    oldest: str = ""
    newest: str = ""
    error: str = ""
    version: int = 0
    progress: Progress = Progress()

    @doors.reads(Permission.OPERATE)
    async def ask(self, caller: doors.Caller) -> Any:
        """The plan before anything is done."""
        self.version += 1
        history = await self.get_state(Runs)
        await self._plan(caller, "cancel" if history.groups == [IN_PROGRESS] else "start")
        return rx.call_script(f"flowforge.open('{DIALOG}')")

    @doors.reads(Permission.OPERATE)
    async def choose(self, caller: doors.Caller, mode: str) -> None:
        await self._plan(caller, mode if mode in MODES else "start")

    @doors.writes(Permission.OPERATE)
    async def go(self, caller: doors.Caller) -> Any:
        """Begin with what the filter finds now."""
        history = await self.get_state(Runs)
        try:
            async with caller.session.begin_nested():
                batch_id = await batches.start(
                    caller.session,
                    caller.actor,
                    _kind(self.mode),
                    filter_of(history),
                    _HOW[self.mode],
                )
        except FlowForgeError as problem:
            self.error = problem.message
            return None
        self.progress = Progress(batch_id, "Beginning…", is_going=True)
        return [rx.call_script(f"flowforge.close('{DIALOG}')"), Bulk.follow]

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

    async def _plan(self, caller: doors.Caller, mode: str) -> None:
        history = await self.get_state(Runs)
        self.mode, self.error = mode, ""
        plan = await batches.plan(
            caller.session, caller.actor, _kind(mode), filter_of(history), _HOW[mode]
        )
        self.count = plan.count
        self.oldest, self.newest = shown.moment(plan.oldest), shown.moment(plan.newest)


def _kind(mode: str) -> batches.OfRuns:
    return "cancel" if mode == "cancel" else "replay"


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
