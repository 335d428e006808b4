"""Many runs at once: how many the history's filter finds, run them all again or end them, watch it."""

from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError
from flowforge.services import batches, retries
from flowforge.services.access import Permission
from flowforge.services.retries import Again
from flowforge.state import doors, shown
from flowforge.state.batch import Progress, Watched
from flowforge.state.run_choices import IN_PROGRESS
from flowforge.state.runs import Runs, filter_of

DIALOG = "bulk-replay"
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


class Bulk(Watched, rx.State):
    """``count``: how many runs the open dialog is about."""

    mode: str = "start"
    count: int = 0
    oldest: str = ""
    newest: str = ""
    error: str = ""
    version: int = 0

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
