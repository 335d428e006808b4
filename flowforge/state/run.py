"""One run, step by step, as it happens, and what a person may do about it.

Promise: a step turns green on the page when its success is committed, without a reload; looking
ends with the run.
"""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError, NotFound, Unauthenticated
from flowforge.infra import runtime
from flowforge.infra.db import utc_now
from flowforge.services import attempts, deciding, ending, runs, waiting
from flowforge.services.access import Permission
from flowforge.services.figures import ENDED
from flowforge.services.runs import RunDetail
from flowforge.services.waiting import Why
from flowforge.state import canvas, doors, gantt, live, shown, timeline, tried
from flowforge.state.canvas import Drawing, Mark
from flowforge.state.gantt import Gantt
from flowforge.state.shown import NOTHING, Shown
from flowforge.state.timeline import ROUNDS_AT_ONCE, Choices, Line

MOST_CHOICES = 500
# Of 500 attempts each: more than anybody scrolls through.
MOST_PAGES = 10
MOST_FAILURES = 100
_RETRIED = frozenset({"failed", "timed_out", "cancelled"})


@dataclass(frozen=True)
class Head:
    """What is said of the run as a whole. ``since`` is set while it runs: when it began. ``why`` is
    what a run that does not work waits for.
    """

    id: str = ""
    short: str = ""
    status: str = ""
    zap_name: str = ""
    zap_path: str = ""
    event_path: str = ""
    version: str = ""
    created_at: str = ""
    finished_at: str = ""
    since: str = ""
    duration: str = ""
    steps: str = ""
    attempts: str = ""
    error: str = ""
    replay_of: str = ""
    parent: str = ""
    why: str = ""
    why_until: str = ""
    retries: str = ""
    is_test: bool = False
    is_going: bool = False
    may_retry: bool = False


@dataclass(frozen=True)
class Trigger:
    """What set the run off."""

    method: str = ""
    icon: str = ""
    body: Shown = NOTHING
    headers: Shown = NOTHING
    query: Shown = NOTHING


class Run(rx.State):
    """``stage``: loading, ready, failed or missing. ``first``: the card of the canvas that the page
    opens on.
    """

    stage: str = "loading"
    head: Head = Head()
    trigger: Trigger = Trigger()
    lines: list[Line] = []  # noqa: RUF012 - Reflex copies defaults
    gantt: Gantt = Gantt()
    drawing: Drawing = Drawing()
    marks: dict[str, Mark] = {}  # noqa: RUF012
    first: str = ""
    reply: Shown = NOTHING
    comment: str = ""
    has_more: bool = False
    _pages: int = 1
    _opened: dict[str, bool] = {}  # noqa: RUF012
    _rounds: dict[str, int] = {}  # noqa: RUF012
    _picked: dict[str, int] = {}  # noqa: RUF012

    @doors.follows
    async def follow(self) -> Any:
        """Show the run, and go on until it has ended or the page is left."""
        async with self:
            run_id, cookies = run_id_of(self), self.router.headers.cookie
            if self.head.id != run_id:
                # Here and not in a handler before this one: Reflex would run the two side by side.
                _clear(self)
        async for _ in live.looks(self, f"run:{run_id}"):
            if not await _look(self, cookies, run_id):
                return

    @doors.reads()
    async def turn(self, caller: doors.Caller, key: str, is_open: bool) -> None:
        """Open a round of a loop, or close it."""
        if len(self._opened) < MOST_CHOICES:
            self._opened = {**self._opened, key: is_open}
        await self._draw(caller)

    @doors.reads()
    async def show_more_rounds(self, caller: doors.Caller, path: str) -> None:
        wanted = self._rounds.get(path, ROUNDS_AT_ONCE) + ROUNDS_AT_ONCE
        if len(self._rounds) < MOST_CHOICES:
            self._rounds = {**self._rounds, path: wanted}
        await self._draw(caller)

    @doors.reads()
    async def pick_round(self, caller: doors.Caller, path: str, number: int) -> None:
        """Look at another round of a loop on the canvas."""
        if len(self._picked) < MOST_CHOICES:
            self._picked = {**self._picked, path: number}
        await self._draw(caller)

    @doors.reads()
    async def seek(self, caller: doors.Caller, path: str) -> None:
        """Open the rounds that the step at ``path`` lies in."""
        around = tried.rounds_around(path)
        if around and len(self._opened) + len(around) <= MOST_CHOICES:
            opened = {f"{loop}[{number}]": True for loop, number in around}
            self._opened = {**self._opened, **opened}
            await self._draw(caller)

    @doors.reads()
    async def load_more(self, caller: doors.Caller) -> None:
        """More attempts of a long run."""
        self._pages = min(self._pages + 1, MOST_PAGES)
        await self._draw(caller)

    @doors.writes(Permission.OPERATE)
    async def cancel(self, caller: doors.Caller) -> Any:
        """End the run for good."""
        await ending.cancel(
            caller.session, caller.actor, runtime.current().signals, run_id_of(self)
        )
        return rx.toast.success("The run was cancelled.")

    @doors.public
    async def note_comment(self, comment: str) -> None:
        self.comment = comment[: deciding.LONGEST_COMMENT]

    @doors.writes(Permission.OPERATE)
    async def decide(self, caller: doors.Caller, approval_id: str, approved: bool) -> Any:
        """Answer what the run asks."""
        await deciding.decide_as_member(
            caller.session,
            caller.actor,
            runtime.current().signals,
            approval_id,
            approved=approved,
            comment=self.comment,
        )
        self.comment = ""
        return rx.toast.success("Approved." if approved else "Rejected.")

    async def _draw(self, caller: doors.Caller) -> None:
        _take(self, *await _read(caller, run_id_of(self), self._pages))


def _clear(state: Run) -> None:
    """Nothing of the former run is shown meanwhile."""
    state.stage, state.head, state.trigger, state.lines = "loading", Head(), Trigger(), []
    state.comment, state.drawing, state.marks, state.reply = "", Drawing(), {}, NOTHING
    state._opened, state._rounds, state._pages = {}, {}, 1  # noqa: SLF001 - our own
    state._picked = {}  # noqa: SLF001


async def _look(state: Run, cookies: str, run_id: str) -> bool:
    """Read and show. False where looking again is of no use."""
    async with state:
        pages = state._pages  # noqa: SLF001 - our own
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            run, why = await _read(caller, run_id, pages)
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
        if run_id_of(state) == run_id:
            _take(state, run, why)
    return run.status not in ENDED


async def _read(caller: doors.Caller, run_id: str, pages: int) -> tuple[RunDetail, Why | None]:
    """The run with so many pages of its attempts, and what it waits for."""
    run = await runs.get_run(caller.session, caller.actor, run_id)
    if run.attempts_next is not None:
        run = await _with_more(caller, run, pages)
    if run.status in {"queued", "waiting"}:
        return run, await waiting.why(caller.session, caller.actor, run_id)
    return run, None


async def _with_more(caller: doors.Caller, run: RunDetail, pages: int) -> RunDetail:
    """The further pages, and of what is still behind them the failures: they are looked for."""
    found, cursor = list(run.attempts), run.attempts_next
    for _ in range(pages - 1):
        if cursor is None:
            break
        page = await attempts.list_attempts(caller.session, caller.actor, run.id, cursor=cursor)
        found, cursor = [*found, *page.data], page.next
    if cursor is not None:
        failed = await attempts.list_attempts(
            caller.session, caller.actor, run.id, status="failed,unknown", limit=MOST_FAILURES
        )
        known = {one.id for one in found}
        # A failure that was promised another try is not the end of its step.
        found += [one for one in failed.data if one.id not in known and one.retry_at is None]
    return run.model_copy(update={"attempts": found, "attempts_next": cursor})


def _take(state: Run, run: RunDetail, why: Why | None) -> None:
    choices = Choices(state._opened, state._rounds)  # noqa: SLF001 - our own
    head, trigger, lines = _head(run, why), _trigger(run), timeline.lines_of(run, choices)
    reply = shown.shown(run.reply, shown.MOST)
    # An assignment is sent to the browser, also one of the same value.
    if state.head != head:
        state.head = head
    if state.trigger != trigger:
        state.trigger = trigger
    if state.lines != lines:
        state.lines = lines
    legs = gantt.gantt_of(run, lines, utc_now())
    if state.gantt != legs:
        state.gantt = legs
    _take_canvas(state, run)
    if state.reply != reply:
        state.reply = reply
    state.has_more = run.attempts_next is not None and state._pages < MOST_PAGES  # noqa: SLF001
    state.stage = "ready"


def _take_canvas(state: Run, run: RunDetail) -> None:
    marks = canvas.marks_of(run, state._picked)  # noqa: SLF001 - our own
    if state.marks != marks:
        state.marks = marks
    if state.drawing.of != run.id:
        # A version never changes, and neither does where its steps stand.
        state.drawing = canvas.drawing_of(run.id, run.definition)
        state.first = canvas.first_failed(state.drawing.cards, marks)


def _head(run: RunDetail, why: Why | None) -> Head:
    is_going = run.status not in ENDED
    return Head(
        id=run.id,
        short=shown.short(run.id),
        status=run.status,
        zap_name=shown.line(run.zap_name),
        zap_path=f"/zaps/{run.zap_id}",
        event_path=f"/events/{run.event_id}",
        version="draft" if run.version < 0 else f"version {run.version}",
        created_at=shown.moment(run.created_at),
        finished_at=shown.moment(run.finished_at),
        since=shown.moment(run.started_at) if is_going else "",
        duration=shown.duration(run.duration_ms),
        steps=shown.counted(run.steps, "action"),
        attempts=shown.counted(run.attempt_count, "attempt"),
        error=shown.message(run.error),
        replay_of=run.replay_of or "",
        parent=run.parent_run_id or "",
        why=shown.line(why.message) if why else "",
        why_until=shown.moment(why.until) if why else "",
        retries=shown.counted(run.retries, "retry") if run.retries else "",
        is_test=run.environment == "test",
        is_going=is_going,
        may_retry=run.status in _RETRIED,
    )


def _trigger(run: RunDetail) -> Trigger:
    kind = str((run.definition.get("trigger") or {}).get("kind", ""))
    event = f"/api/v1/events/{run.event_id}"
    return Trigger(
        method=str(run.trigger.get("method") or kind),
        icon=f"/icons/trigger-{kind}.svg" if kind else "",
        body=shown.shown(run.trigger.get("body"), url=f"{event}/body"),
        headers=shown.shown(run.trigger.get("headers") or None, url=f"{event}/headers"),
        query=shown.shown(run.trigger.get("query") or None, url=f"{event}/query"),
    )


def run_id_of(state: rx.State) -> str:
    parts = state.router.url.path.strip("/").split("/")
    return parts[1] if parts[0] == "runs" and len(parts) > 1 else ""
