"""One run, step by step, as it happens.

Promise: a step turns green on the page when its success is committed, without a reload; looking
ends with the run.
"""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError, NotFound, Unauthenticated
from flowforge.infra import runtime
from flowforge.services import execution, runs
from flowforge.services.access import Permission
from flowforge.services.figures import ENDED
from flowforge.services.runs import RunDetail
from flowforge.state import attempts, doors, live, shown
from flowforge.state.attempts import Step
from flowforge.state.shown import NOTHING, Shown


@dataclass(frozen=True)
class Head:
    """What is said of the run as a whole. ``since`` is set while it runs: when it began."""

    id: str = ""
    short: str = ""
    status: str = ""
    zap_name: str = ""
    zap_path: str = ""
    version: str = ""
    created_at: str = ""
    finished_at: str = ""
    since: str = ""
    duration: str = ""
    steps: str = ""
    attempts: str = ""
    error: str = ""
    replay_of: str = ""
    is_going: bool = False


@dataclass(frozen=True)
class Trigger:
    """What set the run off."""

    method: str = ""
    icon: str = ""
    body: Shown = NOTHING
    headers: Shown = NOTHING
    query: Shown = NOTHING


class Run(rx.State):
    """``stage``: loading, ready, failed or missing. ``whole`` is the one value shown in full."""

    stage: str = "loading"
    head: Head = Head()
    trigger: Trigger = Trigger()
    steps: list[Step] = []  # noqa: RUF012 - Reflex copies defaults
    whole_of: str = ""
    whole: Shown = NOTHING

    @doors.follows
    async def follow(self) -> Any:
        """Show the run, and go on until it has ended or the page is left."""
        async with self:
            # Here and not in a handler before this one: Reflex would run the two side by side.
            _clear(self)
            run_id, cookies = _run_id(self), self.router.headers.cookie
        async for _ in live.looks(self, f"run:{run_id}"):
            if not await _look(self, cookies, run_id):
                return

    @doors.writes(Permission.OPERATE)
    async def cancel(self, caller: doors.Caller) -> Any:
        """End the run for good."""
        signals = runtime.current().signals
        await execution.cancel(caller.session, caller.actor, signals, _run_id(self))
        return rx.toast.success("The run was cancelled.")

    @doors.reads()
    async def show_whole(self, caller: doors.Caller, place: str) -> None:
        """All of a value that was cut. ``place``: ``trigger/body`` or ``<attempt id>/input``."""
        run = await runs.get_run(caller.session, caller.actor, _run_id(self))
        owner, _, part = place.partition("/")
        if owner == "trigger" and part in ("body", "headers", "query"):
            value = run.trigger.get(part)
        elif part in ("input", "output"):
            value = next((getattr(one, part) for one in run.attempts if one.id == owner), None)
        else:
            return
        self.whole_of, self.whole = place, shown.shown(value, shown.MOST)


def _clear(state: Run) -> None:
    """Nothing of the former run is shown meanwhile."""
    state.stage, state.head, state.trigger, state.steps = "loading", Head(), Trigger(), []
    state.whole_of, state.whole = "", NOTHING


async def _look(state: Run, cookies: str, run_id: str) -> bool:
    """Read and show. False where looking again is of no use."""
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            run = await runs.get_run(caller.session, caller.actor, run_id)
    except (NotFound, Unauthenticated):
        async with state:
            state.stage = "missing"
        return False
    except FlowForgeError:
        async with state:
            # What is shown already stays: the next look is in a few seconds.
            state.stage = "ready" if state.head.id else "failed"
        return True
    async with state:
        if _run_id(state) == run_id:
            _take(state, run)
    return run.status not in ENDED


def _take(state: Run, run: RunDetail) -> None:
    head, trigger, steps = _head(run), _trigger(run), attempts.steps_of(run)
    # An assignment is sent to the browser, also one of the same value.
    if state.head != head:
        state.head = head
    if state.trigger != trigger:
        state.trigger = trigger
    if state.steps != steps:
        state.steps = steps
    state.stage = "ready"


def _head(run: RunDetail) -> Head:
    is_going = run.status not in ENDED
    return Head(
        id=run.id,
        short=shown.short(run.id),
        status=run.status,
        zap_name=shown.line(run.zap_name),
        zap_path=f"/zaps/{run.zap_id}",
        version=str(run.version),
        created_at=shown.moment(run.created_at),
        finished_at=shown.moment(run.finished_at),
        since=shown.moment(run.started_at) if is_going else "",
        duration=shown.duration(run.duration_ms),
        steps=shown.counted(run.steps, "action"),
        attempts=shown.counted(run.attempt_count, "attempt"),
        error=shown.message(run.error),
        replay_of=run.replay_of or "",
        is_going=is_going,
    )


def _trigger(run: RunDetail) -> Trigger:
    kind = str((run.definition.get("trigger") or {}).get("kind", ""))
    return Trigger(
        method=str(run.trigger.get("method") or kind),
        icon=f"/icons/trigger-{kind}.svg" if kind else "",
        body=shown.shown(run.trigger.get("body")),
        headers=shown.shown(run.trigger.get("headers") or None),
        query=shown.shown(run.trigger.get("query") or None),
    )


def _run_id(state: Run) -> str:
    parts = state.router.url.path.strip("/").split("/")
    return parts[1] if parts[0] == "runs" and len(parts) > 1 else ""
