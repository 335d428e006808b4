"""One event: what came, why it did or did not run, and running it again.

Promise: secrets in headers, query and body are taken out; the bytes themselves are only in this tab
after a person has asked for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError, NotFound, Unauthenticated
from flowforge.infra import runtime
from flowforge.services import events, replays, trigger_samples
from flowforge.services.access import Permission
from flowforge.services.event_story import Stage
from flowforge.services.events import EventView
from flowforge.state import doors, live, shown
from flowforge.state.shown import NOTHING, Shown

# More than anybody reads: the download has the rest.
MOST_RAW = 200_000
MOST_PAIRS = 200
GAP_SECONDS = 1.0
TITLES = {
    "received": "Received",
    "verified": "Verified",
    "matched": "Matched",
    "queued": "Queued",
    "steps": "Steps",
}
_NEVER_RUN = frozenset({"rejected", "duplicate"})


@dataclass(frozen=True)
class Head:
    """What is said of the event as a whole."""

    id: str = ""
    short: str = ""
    verdict: str = ""
    trigger: str = ""
    method: str = ""
    source_ip: str = ""
    zap_id: str = ""
    zap_name: str = ""
    zap_path: str = ""
    at: str = ""
    answered: str = ""
    took: str = ""
    size: str = ""
    content_type: str = ""
    dedupe_key: str = ""
    scheme: str = ""
    reason: str = ""
    advice: str = ""
    first_path: str = ""
    raw_url: str = ""
    may_replay: bool = False


@dataclass(frozen=True)
class StepLine:
    """One step of a run, as its last attempt left it."""

    path: str
    status: str
    tries: str
    took: str
    error: str


@dataclass(frozen=True)
class Station:
    """One station of the event's way."""

    key: str
    name: str
    title: str
    status: str
    said: str
    at: str
    run: str
    run_path: str
    run_status: str
    steps: list[StepLine] = field(default_factory=list)


@dataclass(frozen=True)
class Pair:
    """A header or a field of the query."""

    name: str
    value: str


class Event(rx.State):
    """``stage``: loading, ready, failed or missing. ``raw`` is the body as it came, once asked for."""

    stage: str = "loading"
    head: Head = Head()
    stations: list[Station] = []  # noqa: RUF012 - Reflex copies defaults
    headers: list[Pair] = []  # noqa: RUF012
    query: list[Pair] = []  # noqa: RUF012
    body: Shown = NOTHING
    raw: Shown = NOTHING
    shows_raw: bool = False

    @doors.follows
    async def follow(self) -> Any:
        """Show the event and what becomes of it, for as long as the page is open."""
        async with self:
            event_id, cookies = _id_of(self), self.router.headers.cookie
            if self.head.id != event_id:
                # Here and not in a handler before this one: Reflex would run the two side by side.
                _clear(self)
        if not await _look(self, cookies, event_id):
            return
        async with self:
            topic = f"zap:{self.head.zap_id}"
        async for _ in live.looks(self, topic, gap=GAP_SECONDS):
            if not await _look(self, cookies, event_id):
                return

    @doors.writes(Permission.OPERATE)
    async def replay(self, caller: doors.Caller) -> Any:
        """Run the live version for it."""
        await replays.replay_event(
            caller.session, caller.actor, runtime.current().signals, _id_of(self)
        )
        return rx.toast.success("A new run has begun.")

    @doors.writes()
    async def use_as_sample(self, caller: doors.Caller) -> Any:
        """Let it stand for the trigger while the zap is built."""
        event = await events.get_event(caller.session, caller.actor, _id_of(self))
        await trigger_samples.choose(caller.session, caller.actor, event.zap_id, event.id)
        return rx.toast.success("The builder now works with this event.")

    @doors.reads()
    async def show_raw(self, caller: doors.Caller, is_on: bool) -> None:
        """The body as it came, or as data."""
        if is_on and not self.raw.is_there:
            event = await events.get_event(caller.session, caller.actor, _id_of(self))
            self.raw = _raw(event)
        self.shows_raw = is_on


def _clear(state: Event) -> None:
    """Nothing of the former event is shown meanwhile."""
    state.stage, state.head, state.stations = "loading", Head(), []
    state.headers, state.query, state.body = [], [], NOTHING
    state.raw, state.shows_raw = NOTHING, False


async def _look(state: Event, cookies: str, event_id: str) -> bool:
    """Read and show. False where looking again is of no use."""
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            event = await events.get_event(caller.session, caller.actor, event_id)
    except (NotFound, Unauthenticated):
        async with state:
            state.stage = "missing"
        return False
    except FlowForgeError:
        async with state:
            # What is shown already stays: the next look is in a few seconds.
            is_shown = bool(state.head.id)
            state.stage = "ready" if is_shown else "failed"
        return is_shown
    async with state:
        if _id_of(state) == event_id:
            _take(state, event)
    return True


def _take(state: Event, event: EventView) -> None:
    head = _head(event)
    stations = [_station(number, each) for number, each in enumerate(event.why)]
    is_new = state.head.id != head.id
    # An assignment is sent to the browser, also one of the same value.
    if state.head != head:
        state.head = head
    if state.stations != stations:
        state.stations = stations
    if is_new:
        # What came never changes.
        state.headers, state.query = _pairs(event.headers), _pairs(event.query)
        state.body = shown.shown(event.body, url=f"/api/v1/events/{event.id}/body")
    state.stage = "ready"


def _head(event: EventView) -> Head:
    return Head(
        id=event.id,
        short=shown.short(event.id),
        verdict=event.verdict,
        trigger=event.trigger,
        method=shown.line(event.method),
        source_ip=shown.line(event.source_ip),
        zap_id=event.zap_id,
        zap_name=shown.line(event.zap_name),
        zap_path=f"/zaps/{event.zap_id}",
        at=shown.moment(event.received_at),
        answered=str(event.status_code or ""),
        took=shown.duration(event.took_ms),
        size=shown.size(event.size),
        content_type=shown.line(event.content_type),
        dedupe_key=shown.line(event.dedupe_key or ""),
        scheme=shown.line((event.scheme or "").replace("_", " ")),
        reason=shown.line(event.reason or ""),
        advice=event.advice or "",
        first_path=f"/events/{event.duplicate_of}" if event.duplicate_of else "",
        raw_url=f"/api/v1/events/{event.id}/raw" if event.has_raw else "",
        may_replay=event.verdict not in _NEVER_RUN,
    )


def _station(number: int, stage: Stage) -> Station:
    run_id = str(stage.details.get("run_id") or "")
    is_steps = stage.stage == "steps"
    return Station(
        key=f"{number}-{stage.stage}",
        name=stage.stage,
        title=TITLES[stage.stage],
        status=stage.status,
        said=shown.line(stage.said),
        at=shown.moment(stage.at),
        run=shown.short(run_id) if run_id else "",
        run_path=f"/runs/{run_id}" if run_id else "",
        run_status=str(stage.details.get("status") or "") if is_steps else "",
        steps=[_step(each) for each in stage.details.get("steps") or ()],
    )


def _step(step: Mapping[str, Any]) -> StepLine:
    return StepLine(
        path=shown.line(step["path"]),
        status=step["status"],
        tries=shown.counted(step["attempts"], "attempt") if step["attempts"] > 1 else "",
        took=shown.duration(step["took_ms"]),
        error=shown.line(str(step["error"] or "")),
    )


def _pairs(values: Mapping[str, Any]) -> list[Pair]:
    pairs = []
    for name, value in list(values.items())[:MOST_PAIRS]:
        text = value if isinstance(value, str) else shown.shown(value).text
        pairs.append(Pair(shown.line(name), shown.line(text[: shown.BEGINNING])))
    return pairs


def _raw(event: EventView) -> Shown:
    text = event.raw_body or ""
    return Shown(
        text=shown.line(text[:MOST_RAW]),
        size=shown.size(event.size),
        is_cut=len(text) > MOST_RAW,
        is_there=True,
    )


def _id_of(state: rx.State) -> str:
    parts = state.router.url.path.strip("/").split("/")
    return parts[1] if parts[0] == "events" and len(parts) > 1 else ""
