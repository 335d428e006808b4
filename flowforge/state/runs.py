"""The run history, of one zap or of all: filtered, opened row by row, and live.

Promise: what is listed is what the database says now, also after news were lost; a row that a
person has opened stays open while new ones arrive above it.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import quote

import reflex as rx

from flowforge.errors import FlowForgeError, Unauthenticated
from flowforge.services import drafts, run_filters, runs, waiting
from flowforge.services.access import Permission
from flowforge.services.paging import Page
from flowforge.services.run_filters import RunFilter
from flowforge.services.runs import RunSummary
from flowforge.services.waiting import Why
from flowforge.services.zap_views import ZapView
from flowforge.state import doors, listing, live, run_choices, shown, timeline
from flowforge.state.run_choices import Choices

MOST_OPEN = 10
MOST_STAGES = 50
MOST_STEPS = 200
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
    """A run in the list. ``since`` is set while it runs: when it began; ``why`` while it waits: for
    what, and until when, where that is known.
    """

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
    why: str = ""
    why_until: str = ""
    is_open: bool = False
    stages: list[Stage] = field(default_factory=list)


@dataclass(frozen=True)
class Option:
    """A zap, or a step of it, that can be chosen."""

    value: str
    words: str


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
    counts: dict[str, str]


class Runs(rx.State):
    """``stage``: loading, ready, failed or missing. ``groups``: keys of ``FILTERS``; ``counts``: how
    many runs each has, where that is known. ``step_options`` are those of the zap's draft.
    """

    rows: list[Row] = []  # noqa: RUF012 - Reflex copies defaults
    stage: str = "loading"
    groups: list[str] = []  # noqa: RUF012
    first: str = ""
    last: str = ""
    zone: str = ""
    step: str = ""
    sought: str = ""
    shows_tests: bool = False
    counts: dict[str, str] = {}  # noqa: RUF012
    zap_options: list[Option] = []  # noqa: RUF012
    step_options: list[Option] = []  # noqa: RUF012
    version: int = 0
    has_more: bool = False
    is_long: bool = False
    zap_id: str = ""
    zap_name: str = ""
    zap_path: str = ""
    schedule_path: str = ""
    schedule_name: str = ""
    is_listening: bool = False
    curl: str = ""
    _wanted: int = listing.PAGE
    _opened: tuple[str, ...] = ()

    # Reflex sees what these depend on only where they name it themselves.
    @rx.var
    def is_filtered(self) -> bool:
        chosen = (self.groups, self.first, self.last, self.step, self.sought, self.shows_tests)
        return any(chosen)

    @rx.var
    def may_act(self) -> bool:
        """Something says which runs are meant, and finds any."""
        return bool(self.rows) and (self.is_filtered or bool(self.zap_name))

    @doors.follows
    async def follow(self) -> Any:
        """Show what there is, and go on showing it for as long as this page is open."""
        async with self:
            # Here and not in a handler before this one: Reflex would run the two side by side.
            _begin(self)
            zap_id, cookies = listing.zap_id_of(self), self.router.headers.cookie
        try:
            async with doors.opened(cookies, Permission.READ) as caller:
                topic = f"zap:{zap_id}" if zap_id else f"project:{caller.actor.project_id}"
                zap_names = await run_filters.zap_names(caller.session, caller.actor)
        except Unauthenticated:
            return  # Session.require has sent them to the sign-in page
        except FlowForgeError:
            async with self:
                self.stage = "failed"
            return
        async with self:
            self.zap_options = [Option(each, shown.line(name)) for each, name in zap_names]
        async for _ in live.looks(self, topic):
            if not await _LOOK.again(self, cookies):
                return

    @doors.reads()
    async def choose(self, caller: doors.Caller, group: str) -> Any:
        """Also runs of these statuses, or no longer; nothing: those of all."""
        others = set(self.groups) ^ {group} if group else ()
        return self._go(groups=tuple(others))

    @doors.reads()
    async def choose_first(self, caller: doors.Caller, day: str) -> Any:
        """None that are older than this day."""
        return self._go(first=day)

    @doors.reads()
    async def choose_last(self, caller: doors.Caller, day: str) -> Any:
        """None that are younger than this day."""
        return self._go(last=day)

    @doors.reads()
    async def choose_step(self, caller: doors.Caller, step: str) -> Any:
        """Only runs that failed at this step."""
        return self._go(step=step)

    @doors.reads()
    async def choose_zap(self, caller: doors.Caller, zap_id: str) -> Any:
        """The same list of one zap, or of all: steps are those of one."""
        path = f"/zaps/{quote(zap_id, safe='')}/runs" if zap_id else "/runs"
        return rx.redirect(run_choices.address(path, replace(_choices(self), step="")))

    @doors.reads()
    async def show_tests(self, caller: doors.Caller, is_on: bool) -> Any:
        """Runs of drafts that were tested, instead of those of versions."""
        return self._go(tests=is_on)

    @doors.reads()
    async def choose_all(self, caller: doors.Caller) -> Any:
        """Every run again."""
        return rx.redirect(self.router.url.path)

    @doors.reads()
    async def search(self, caller: doors.Caller, sought: str) -> Any:
        """Only runs that have this in them. Not a page of its own: one types on."""
        self.sought = sought[: run_choices.LONGEST_SEARCH].strip()
        self._wanted, self._opened = listing.PAGE, ()
        await _LOOK.now(self, caller)
        address = json.dumps(run_choices.address(self.router.url.path, _choices(self)))
        return rx.call_script(f"history.replaceState(history.state, '', {address})")

    @doors.reads()
    async def load_more(self, caller: doors.Caller) -> None:
        self._wanted = min(self._wanted + listing.PAGE, listing.MOST_ROWS)
        await _LOOK.now(self, caller)

    @doors.reads()
    async def toggle(self, caller: doors.Caller, row_id: str) -> None:
        """Open a row, or close it."""
        if row_id in self._opened:
            self._opened = tuple(one for one in self._opened if one != row_id)
        else:
            self._opened = (*self._opened, row_id)[-MOST_OPEN:]
        await _LOOK.now(self, caller)

    def _go(self, **changes: Any) -> Any:
        """To the page of that choice: so Back works, and the address can be sent."""
        now = asdict(_choices(self)) | changes
        return rx.redirect(run_choices.address(self.router.url.path, run_choices.chosen(**now)))


def _begin(state: Runs) -> None:
    """As the address says; of another zap's page nothing is shown meanwhile."""
    zap_id = listing.zap_id_of(state)
    if zap_id != state.zap_id or state.stage != "ready":
        state.stage, state.rows, state.counts = "loading", [], {}
        state.zap_name, state.zap_path, state.curl, state.schedule_path = "", "", "", ""
        state.has_more = state.is_long = state.is_listening = False
        state.zap_id, state.step_options = zap_id, []
    asked = run_choices.of_query(state.router.url.query or "")
    if state.sought != asked.sought:
        # The field is drawn anew with these words; else it keeps what is being typed.
        state.version, state.sought = state.version + 1, asked.sought
    state.groups, state.zone = list(asked.groups), asked.zone
    state.first, state.last = asked.first, asked.last
    state.step, state.shows_tests = asked.step, asked.tests
    state._wanted, state._opened = listing.PAGE, ()  # noqa: SLF001 - our own


async def _answer(caller: doors.Caller, question: _Question) -> _Answer:
    wanted = question.filter

    async def read(limit: int, cursor: str | None) -> Page[RunSummary]:
        return await runs.list_runs(
            caller.session, caller.actor, wanted, limit=limit, cursor=cursor
        )

    found, has_more = await listing.gathered(read, question.wanted)
    stages = {run.id: await _stages(caller, run.id) for run in found if run.id in question.opened}
    zap = await listing.zap_of(caller, wanted.zap_id)
    idle = [run.id for run in found if run.status in {"queued", "waiting"}]
    whys = await waiting.in_short(caller.session, caller.actor, idle)
    rows = [_row(run, stages, whys.get(run.id)) for run in found]
    return _Answer(rows, has_more, zap, await _counts(caller, wanted))


async def _counts(caller: doors.Caller, wanted: RunFilter) -> dict[str, str]:
    """By group, whichever are chosen; none of a search, which would be made twice."""
    everything = wanted.model_copy(update={"status": None})
    if everything.window is not None:
        return {}
    counts = await runs.count_runs(caller.session, caller.actor, everything)
    return run_choices.counts_of(counts.by_status, runs.MOST_COUNTED)


async def _stages(caller: doors.Caller, run_id: str) -> list[Stage]:
    run = await runs.get_run(caller.session, caller.actor, run_id)
    return [
        Stage(line.number, line.name, line.kind, line.icon, line.status, line.at, line.error)
        for line in timeline.lines_of(run)
        if line.form == "step"
    ][:MOST_STAGES]


def _take(state: Runs, answer: _Answer) -> None:
    wanted = state._wanted  # noqa: SLF001 - our own
    listing.take_rows(state, answer.rows, wanted=wanted, has_more=answer.has_more)
    if state.counts != answer.counts:
        state.counts = answer.counts
    zap = answer.zap
    if zap is not None:
        state.zap_name, state.zap_path = shown.line(zap.name), f"/zaps/{zap.id}"
        steps = _steps(zap)
        if state.step_options != steps:
            state.step_options = steps
        state.schedule_name = _BY_THE_CLOCK.get(zap.trigger_kind, "")
        state.schedule_path = f"/zaps/{zap.id}/schedule" if state.schedule_name else ""
        state.is_listening = zap.enabled and zap.trigger_kind == "webhook"
        state.curl = (
            f"curl -X POST {zap.webhook_url} -H 'Content-Type: application/json' -d '{_EXAMPLE}'"
        )
    elif answer.rows and listing.zap_id_of(state):
        state.zap_name, state.zap_path = shown.line(answer.rows[0].zap_name), ""


def _steps(zap: ZapView) -> list[Option]:
    steps = drafts.all_steps(zap.definition)[:MOST_STEPS]
    return [Option(step["id"], shown.line(step.get("name") or step["id"])) for step in steps]


def _question(state: Runs) -> _Question:
    return _Question(filter_of(state), state._wanted, state._opened)  # noqa: SLF001 - our own


def _choices(state: Runs) -> Choices:
    return Choices(
        tuple(state.groups),
        state.first,
        state.last,
        state.step,
        state.sought,
        state.shows_tests,
        state.zone,
    )


def filter_of(state: Runs) -> RunFilter:
    """Which runs the page shows, so far as it goes on."""
    return run_choices.filter_of(_choices(state), listing.zap_id_of(state))


_LOOK = listing.Look(_question, _answer, _take)


def _row(run: RunSummary, stages: dict[str, list[Stage]], why: Why | None) -> Row:
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
        why=why.message if why else "",
        why_until=shown.moment(why.until) if why else "",
        is_open=run.id in stages,
        stages=stages.get(run.id, []),
    )
