"""The schedule of a zap, or its poll: when it is due next, and what became of every time before.
Live.

Promise: what is listed is what the timer and its slots say now, also after news were lost.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.engine import schedule as rhythms
from flowforge.engine import schedule_words
from flowforge.errors import FlowForgeError, NotFound, Unauthenticated
from flowforge.services import poll_views, schedules
from flowforge.services.access import Permission
from flowforge.services.poll_views import PollWords
from flowforge.services.schedules import AlarmView, ScheduleView, SlotView
from flowforge.state import doors, live, shown
from flowforge.state.looks import Poll, poll_of

PAGE = 20
# Beyond this each change would send them all again; the API has the rest.
MOST_ROWS = 200
_LARGEST_PAGE = 100
# Nobody calls a second late.
_LATE_SECONDS = 1.0
# Looks are ten seconds apart at least: a line that is longer stands for several.
_ONE_LOOK_SECONDS = 5.0
# How each end looks, and what it is called.
_LOOKS = {
    "ran": ("succeeded", "Ran"),
    "missed": ("waiting", "Missed"),
    "skipped": ("skipped", "Skipped"),
    "failed": ("failed", "Failed"),
}
_NOTHING_NEW = ("skipped", "Nothing new")


@dataclass(frozen=True)
class Fire:
    """A time to come: ISO text, and what the clock on the wall of its zone shows."""

    at: str
    day: str
    clock: str
    offset: str


@dataclass(frozen=True)
class Line:
    """A time that was, and what became of it."""

    id: str
    at: str
    wall: str
    status: str
    look: str
    words: str
    reason: str
    late: str
    run: str
    run_path: str


@dataclass(frozen=True)
class _Answer:
    schedule: ScheduleView
    poll: PollWords | None
    slots: list[SlotView]
    has_more: bool


class Schedule(rx.State):
    """``stage``: loading, ready, failed or missing. ``alarm``: none, quiet or ringing."""

    stage: str = "loading"
    zap_name: str = ""
    zap_path: str = ""
    is_scheduled: bool = False
    is_on: bool = False
    is_paused: bool = False
    sentence: str = ""
    timezone: str = ""
    policy: str = ""
    error: str = ""
    alarm: str = "none"
    alarm_after: str = ""
    alarm_since: str = ""
    is_told: bool = False
    poll: Poll = Poll()
    fires: list[Fire] = []  # noqa: RUF012 - Reflex copies defaults
    lines: list[Line] = []  # noqa: RUF012
    has_more: bool = False
    is_long: bool = False
    _wanted: int = PAGE

    @doors.follows
    async def follow(self) -> Any:
        """Show what there is, and go on showing it for as long as this page is open."""
        async with self:
            self.stage, self.fires, self.lines = "loading", [], []
            self.zap_name, self.zap_path, self.poll = "", "", Poll()
            self.has_more = self.is_long = False
            self._wanted = PAGE
            zap_id, cookies = _zap_id(self), self.router.headers.cookie
        async for _ in live.looks(self, f"zap:{zap_id}"):
            if not await _look(self, zap_id, cookies):
                return

    @doors.reads()
    async def load_more(self, caller: doors.Caller) -> None:
        """Older times."""
        self._wanted = min(self._wanted + PAGE, MOST_ROWS)
        _take(self, await _answer(caller, _zap_id(self), self._wanted))

    @doors.writes(Permission.OPERATE)
    async def look_now(self, caller: doors.Caller) -> Any:
        """The poll is due at once."""
        zap_id = _zap_id(self)
        await poll_views.poll_now(caller.session, caller.actor, zap_id)
        _take(self, await _answer(caller, zap_id, self._wanted))
        return rx.toast.success("It looks now. What comes of it appears here.")


async def _look(state: Schedule, zap_id: str, cookies: str) -> bool:
    """Read and show. False where looking again is of no use."""
    async with state:
        wanted = state._wanted  # noqa: SLF001 - our own
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            answer = await _answer(caller, zap_id, wanted)
    except (NotFound, Unauthenticated):
        async with state:
            state.stage = "missing"
        return False
    except FlowForgeError:
        async with state:
            # What is shown already stays: the next look is in a few seconds.
            state.stage = "ready" if state.stage == "ready" else "failed"
        return True
    async with state:
        if state._wanted == wanted:  # noqa: SLF001
            _take(state, answer)
    return True


async def _answer(caller: doors.Caller, zap_id: str, wanted: int) -> _Answer:
    found = await schedules.get(caller.session, caller.actor, zap_id)
    poll = await poll_views.in_words(caller.session, caller.actor, zap_id)
    slots: list[SlotView] = []
    cursor = None
    while len(slots) < wanted:
        page = await schedules.list_slots(
            caller.session,
            caller.actor,
            zap_id,
            limit=min(wanted - len(slots), _LARGEST_PAGE),
            cursor=cursor,
        )
        slots.extend(page.data)
        cursor = page.next
        if cursor is None:
            break
    return _Answer(found, poll, slots, cursor is not None)


def _take(state: Schedule, answer: _Answer) -> None:
    found = answer.schedule
    lines = [_line(slot, found) for slot in answer.slots]
    fires = [_fire(moment, found.timezone) for moment in found.next]
    # An assignment is sent to the browser, also one of the same value.
    if state.lines != lines:
        state.lines = lines
    if state.fires != fires:
        state.fires = fires
    state.stage = "ready"
    state.zap_name, state.zap_path = shown.line(found.zap_name), f"/zaps/{found.zap_id}"
    state.is_scheduled = found.settings is not None
    state.is_on, state.is_paused = found.enabled, found.paused_at is not None
    state.sentence, state.timezone = shown.line(found.sentence), shown.line(found.timezone)
    if state.poll != (poll := poll_of(answer.poll)):
        state.poll = poll
    makes_up = (found.settings or {}).get("missed") != "skip"
    state.policy = (
        "Times at which no worker is there: the last of them is made up for, once."
        if makes_up
        else "Times at which no worker is there are listed, and not made up for."
    )
    state.error = shown.line(found.timer.error or "") if found.timer else ""
    _take_alarm(state, found.alarm)
    state.has_more = answer.has_more and state._wanted < MOST_ROWS  # noqa: SLF001 - our own
    state.is_long = answer.has_more and state._wanted >= MOST_ROWS  # noqa: SLF001


def _take_alarm(state: Schedule, alarm: AlarmView | None) -> None:
    if alarm is None:
        state.alarm = "none"
        return
    state.alarm = "ringing" if alarm.is_ringing else "quiet"
    state.alarm_after = schedule_words.span(alarm.after_seconds)
    state.alarm_since = shown.moment(alarm.since)
    state.is_told = alarm.alarmed_at is not None and alarm.is_ringing


def _fire(moment: dt.datetime, zone: str) -> Fire:
    wall = _wall(moment, zone)
    seconds = f"{wall:%H:%M:%S}" if wall.second else f"{wall:%H:%M}"
    offset = f"{wall:%z}"
    return Fire(
        at=shown.moment(moment),
        day=f"{wall:%a} {wall.day} {wall:%b %Y}",
        clock=seconds,
        offset=f"UTC{offset[:3]}:{offset[3:5]}",
    )


def _line(slot: SlotView, found: ScheduleView) -> Line:
    if slot.kind == "poll":
        return _look_line(slot, found)
    look, words = _LOOKS.get(slot.status, ("", slot.status))
    is_late = slot.late_seconds is not None and slot.late_seconds >= _LATE_SECONDS
    return Line(
        id=slot.id,
        at=shown.moment(slot.planned_at),
        wall=_clock(slot.planned_at, found.timezone),
        status=slot.status,
        look=look,
        words=words,
        reason=shown.line(slot.reason or ""),
        late=f"{shown.duration(int((slot.late_seconds or 0) * 1000))} late" if is_late else "",
        run=shown.short(slot.run_id) if slot.run_id else "",
        run_path=f"/runs/{slot.run_id}" if slot.run_id else "",
    )


def _look_line(slot: SlotView, found: ScheduleView) -> Line:
    """Looks in a row that found nothing are one line, from the first to the last of them."""
    look, words = _LOOKS.get(slot.status, ("", slot.status))
    if slot.status == "ran":
        look, words = ("succeeded", f"{slot.found:,} new") if slot.found else _NOTHING_NEW
    reason = slot.reason or ""
    is_long = slot.late_seconds is not None and slot.late_seconds >= _ONE_LOOK_SECONDS
    if not reason and not slot.found and slot.fired_at is not None and is_long:
        reason = f"The last look was {_clock(slot.fired_at, found.timezone)}."
    return Line(
        id=slot.id,
        at=shown.moment(slot.fired_at or slot.planned_at),
        wall=_clock(slot.planned_at, found.timezone),
        status=slot.status,
        look=look,
        words=words,
        reason=shown.line(reason),
        late="",
        run="Runs" if slot.found else "",
        run_path=f"/zaps/{found.zap_id}/runs" if slot.found else "",
    )


def _clock(moment: dt.datetime, zone: str) -> str:
    wall = _wall(moment, zone)
    return f"{wall:%a} {wall.day} {wall:%b, %H:%M:%S}"


def _wall(moment: dt.datetime, zone: str) -> dt.datetime:
    try:
        return moment.astimezone(rhythms.zone(zone or "UTC"))
    except ValueError:
        return moment  # a zone that is not known any more: in UTC then


def _zap_id(state: Schedule) -> str:
    parts = state.router.url.path.strip("/").split("/")
    return parts[1] if len(parts) > 1 else ""
