"""The run history, of one zap or of all: filtered, opened row by row, and live.

Promise: what is listed is what the database says now, also after news were lost; a row that a
person has opened stays open while new ones arrive above it.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError, NotFound, Unauthenticated
from flowforge.services import runs, zaps
from flowforge.services.access import Permission
from flowforge.services.run_filters import RunFilter
from flowforge.services.runs import RunSummary
from flowforge.services.zaps import ZapView
from flowforge.state import doors, live, shown, timeline

PAGE = 20
# Beyond this a filter finds more than scrolling does, and each change would send them all again.
MOST_ROWS = 200
MOST_OPEN = 10
MOST_STAGES = 50
LONGEST_SEARCH = 200
IN_PROGRESS = "queued,running,waiting"
FILTERS = {
    "": "All",
    IN_PROGRESS: "In progress",
    "succeeded": "Succeeded",
    "failed,timed_out": "Failed",
    "cancelled": "Cancelled",
}
# Triggers that a clock keeps going, and what their page is called.
_BY_THE_CLOCK = {"schedule": "Schedule", "poll": "Looks"}
_EXAMPLE = json.dumps({"hello": "world"})


@dataclass(frozen=True)
class Stage:
    """One step of an opened row."""

    number: str
    name: str
    kind: str
    icon: str
    status: str
    at: str
    error: str


@dataclass(frozen=True)
class Row:
    """A run in the list. ``since`` is set while it runs: when it began."""

    id: str
    short: str
    path: str
    zap_path: str
    zap_name: str
    status: str
    steps: str
    attempts: str
    at: str
    duration: str
    since: str
    error: str
    is_open: bool = False
    stages: list[Stage] = field(default_factory=list)


@dataclass(frozen=True)
class _Question:
    """What this tab wants to see."""

    filter: RunFilter
    wanted: int
    opened: tuple[str, ...]


@dataclass(frozen=True)
class _Answer:
    rows: list[Row]
    has_more: bool
    zap: ZapView | None


class Runs(rx.State):
    """``stage``: loading, ready, failed or missing. ``only``: statuses, as the filter names them."""

    rows: list[Row] = []  # noqa: RUF012 - Reflex copies defaults
    stage: str = "loading"
    only: str = ""
    sought: str = ""
    shows_tests: bool = False
    has_more: bool = False
    is_long: bool = False
    zap_name: str = ""
    zap_path: str = ""
    schedule_path: str = ""
    schedule_name: str = ""
    is_listening: bool = False
    curl: str = ""
    _wanted: int = PAGE
    _opened: tuple[str, ...] = ()

    @rx.var
    def may_replay(self) -> bool:
        """A filter is set, and what it finds can have ended."""
        is_filtered = bool(self.only or self.sought or self.zap_name)
        return is_filtered and self.only != IN_PROGRESS and bool(self.rows)

    @doors.follows
    async def follow(self) -> Any:
        """Show what there is, and go on showing it for as long as this page is open."""
        async with self:
            # Here and not in a handler before this one: Reflex would run the two side by side.
            _clear(self)
            zap_id, cookies = _zap_id(self), self.router.headers.cookie
        try:
            async with doors.opened(cookies, Permission.READ) as caller:
                topic = f"zap:{zap_id}" if zap_id else f"project:{caller.actor.project_id}"
        except Unauthenticated:
            return  # Session.require has sent them to the sign-in page
        except FlowForgeError:
            async with self:
                self.stage = "failed"
            return
        async for _ in live.looks(self, topic):
            if not await _look(self, cookies):
                return

    @doors.reads()
    async def choose(self, caller: doors.Caller, only: str) -> None:
        """Only runs of these statuses."""
        self.only = only if only in FILTERS else ""
        await self._restart(caller)

    @doors.reads()
    async def show_tests(self, caller: doors.Caller, is_on: bool) -> None:
        """Runs of drafts that were tested, instead of those of versions."""
        self.shows_tests = is_on
        await self._restart(caller)

    @doors.reads()
    async def search(self, caller: doors.Caller, sought: str) -> None:
        """Only runs whose id or error has this in it."""
        self.sought = sought[:LONGEST_SEARCH].strip()
        await self._restart(caller)

    @doors.reads()
    async def load_more(self, caller: doors.Caller) -> None:
        self._wanted = min(self._wanted + PAGE, MOST_ROWS)
        _take(self, await _answer(caller, _question(self)))

    @doors.reads()
    async def toggle(self, caller: doors.Caller, row_id: str) -> None:
        """Open a row, or close it."""
        if row_id in self._opened:
            self._opened = tuple(one for one in self._opened if one != row_id)
        else:
            self._opened = (*self._opened, row_id)[-MOST_OPEN:]
        _take(self, await _answer(caller, _question(self)))

    async def _restart(self, caller: doors.Caller) -> None:
        self._wanted, self._opened = PAGE, ()
        _take(self, await _answer(caller, _question(self)))


def _clear(state: Runs) -> None:
    """Nothing of the former page is shown meanwhile."""
    state.stage, state.rows, state.only, state.sought = "loading", [], "", ""
    state.zap_name, state.zap_path, state.curl, state.schedule_path = "", "", "", ""
    state.has_more = state.is_long = state.is_listening = state.shows_tests = False
    state._wanted, state._opened = PAGE, ()  # noqa: SLF001 - our own


async def _look(state: Runs, cookies: str) -> bool:
    """Read and show. False where looking again is of no use."""
    async with state:
        question = _question(state)
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            answer = await _answer(caller, question)
    except (NotFound, Unauthenticated):
        async with state:
            state.stage = "missing"
        return False
    except FlowForgeError:
        async with state:
            # What is shown already stays: the next look is in a few seconds.
            state.stage = "ready" if state.rows else "failed"
        return True
    async with state:
        # Somebody chose another filter meanwhile: that handler has shown its own answer.
        if _question(state) == question:
            _take(state, answer)
    return True


async def _answer(caller: doors.Caller, question: _Question) -> _Answer:
    found: list[RunSummary] = []
    cursor = None
    wanted = question.filter
    while len(found) < question.wanted:
        page = await runs.list_runs(
            caller.session,
            caller.actor,
            wanted,
            limit=min(question.wanted - len(found), 100),
            cursor=cursor,
        )
        found.extend(page.data)
        cursor = page.next
        if cursor is None:
            break
    stages = {run.id: await _stages(caller, run.id) for run in found if run.id in question.opened}
    zap = await _zap(caller, wanted.zap_id) if wanted.zap_id else None
    return _Answer([_row(run, stages) for run in found], cursor is not None, zap)


async def _zap(caller: doors.Caller, zap_id: str) -> ZapView | None:
    try:
        return await zaps.get(caller.session, caller.actor, zap_id)
    except NotFound:
        return None  # deleted: its history stays


async def _stages(caller: doors.Caller, run_id: str) -> list[Stage]:
    run = await runs.get_run(caller.session, caller.actor, run_id)
    return [
        Stage(line.number, line.name, line.kind, line.icon, line.status, line.at, line.error)
        for line in timeline.lines_of(run)
        if line.form == "step"
    ][:MOST_STAGES]


def _take(state: Runs, answer: _Answer) -> None:
    # An assignment is sent to the browser, also one of the same value.
    if state.rows != answer.rows:
        state.rows = answer.rows
    state.stage = "ready"
    state.has_more = answer.has_more and state._wanted < MOST_ROWS  # noqa: SLF001 - our own
    state.is_long = answer.has_more and state._wanted >= MOST_ROWS  # noqa: SLF001
    zap = answer.zap
    if zap is not None:
        state.zap_name, state.zap_path = shown.line(zap.name), f"/zaps/{zap.id}"
        state.schedule_name = _BY_THE_CLOCK.get(zap.trigger_kind, "")
        state.schedule_path = f"/zaps/{zap.id}/schedule" if state.schedule_name else ""
        state.is_listening = zap.enabled and zap.trigger_kind == "webhook"
        state.curl = (
            f"curl -X POST {zap.webhook_url} -H 'Content-Type: application/json' -d '{_EXAMPLE}'"
        )
    elif answer.rows and _zap_id(state):
        state.zap_name, state.zap_path = shown.line(answer.rows[0].zap_name), ""


def _question(state: Runs) -> _Question:
    return _Question(filter_of(state), state._wanted, state._opened)  # noqa: SLF001 - our own


def filter_of(state: Runs) -> RunFilter:
    """Which runs the page shows, so far as it goes on."""
    return RunFilter(
        zap_id=_zap_id(state) or None,
        status=state.only or None,
        q=state.sought or None,
        environment="test" if state.shows_tests else "production",
    )


def _zap_id(state: Runs) -> str:
    """The zap whose history this page is; empty on the page of all runs."""
    parts = state.router.url.path.strip("/").split("/")
    return parts[1] if parts[0] == "zaps" and len(parts) > 1 else ""


def _row(run: RunSummary, stages: dict[str, list[Stage]]) -> Row:
    is_going = run.finished_at is None and run.started_at is not None
    return Row(
        id=run.id,
        short=shown.short(run.id),
        path=f"/runs/{run.id}",
        zap_path=f"/zaps/{run.zap_id}/runs",
        zap_name=shown.line(run.zap_name),
        status=run.status,
        steps=shown.counted(run.steps, "action"),
        attempts=shown.counted(run.attempts, "attempt"),
        at=shown.moment(run.started_at or run.created_at),
        duration=shown.duration(run.duration_ms),
        since=shown.moment(run.started_at) if is_going else "",
        error=shown.message(run.error),
        is_open=run.id in stages,
        stages=stages.get(run.id, []),
    )
