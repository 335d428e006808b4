"""The inbox, of one zap or of all: filtered by what the address says, searched, and live.

Promise: what is listed is what the database says now, also after news were lost; the address of
the page always names what it shows.
"""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

import reflex as rx

from flowforge.errors import FlowForgeError, Unauthenticated
from flowforge.infra.db import utc_now
from flowforge.services import events, zaps
from flowforge.services.access import Permission
from flowforge.services.event_filters import TRIGGERS, VERDICTS, EventFilter
from flowforge.services.events import EventSummary
from flowforge.services.paging import Page
from flowforge.services.zap_views import ZapView
from flowforge.state import doors, listing, live, shown

LONGEST_SEARCH = 200
CHIPS = {"": "All"} | {verdict: verdict.capitalize() for verdict in VERDICTS}
SOURCES = {"": "Any trigger"} | {trigger: trigger.capitalize() for trigger in TRIGGERS}
TIMES = {
    "": "Any time",
    "1h": "The last hour",
    "24h": "The last 24 hours",
    "7d": "The last 7 days",
}
_AGES = {"1h": dt.timedelta(hours=1), "24h": dt.timedelta(days=1), "7d": dt.timedelta(days=7)}
_EXAMPLE = json.dumps({"hello": "world"})


@dataclass(frozen=True)
class Row:
    """An event in the list."""

    id: str
    path: str
    verdict: str
    origin: str
    source: str
    zap_name: str
    zap_path: str
    reason: str
    answered: str
    took: str
    size: str
    runs: str
    at: str


@dataclass(frozen=True)
class _Question:
    """What this tab wants to see. ``age`` names how old at most."""

    zap_id: str
    verdict: str
    trigger: str
    age: str
    sought: str
    wanted: int


@dataclass(frozen=True)
class _Answer:
    rows: list[Row]
    has_more: bool
    zap: ZapView | None


class Inbox(rx.State):
    """``stage``: loading, ready, failed or missing."""

    rows: list[Row] = []  # noqa: RUF012 - Reflex copies defaults
    stage: str = "loading"
    only: str = ""
    source: str = ""
    age: str = ""
    sought: str = ""
    has_more: bool = False
    is_long: bool = False
    zap_name: str = ""
    zap_path: str = ""
    is_listening: bool = False
    curl: str = ""
    version: int = 0
    _wanted: int = listing.PAGE

    @rx.var
    def is_filtered(self) -> bool:
        return bool(self.only or self.source or self.age or self.sought)

    @rx.var
    def may_replay(self) -> bool:
        """A filter is set, and something that it finds can run."""
        is_narrow = bool(self.is_filtered or self.zap_name)
        return is_narrow and self.only not in {"rejected", "duplicate"} and bool(self.rows)

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
                example = "" if zap_id else await _example(caller)
        except Unauthenticated:
            return  # Session.require has sent them to the sign-in page
        except FlowForgeError:
            async with self:
                self.stage = "failed"
            return
        async with self:
            self.curl, self.is_listening = example, bool(example)
        async for _ in live.looks(self, topic):
            if not await _LOOK.again(self, cookies):
                return

    @doors.reads()
    async def choose(self, caller: doors.Caller, only: str) -> Any:
        """Only events of this verdict."""
        self.only = only if only in CHIPS else ""
        return await self._restart(caller)

    @doors.reads()
    async def choose_source(self, caller: doors.Caller, source: str) -> Any:
        """Only what came by this kind of trigger."""
        self.source = source if source in SOURCES else ""
        return await self._restart(caller)

    @doors.reads()
    async def choose_age(self, caller: doors.Caller, age: str) -> Any:
        """Only what is not older."""
        self.age = age if age in TIMES else ""
        return await self._restart(caller)

    @doors.reads()
    async def search(self, caller: doors.Caller, sought: str) -> Any:
        """Only events that have this in them."""
        self.sought = sought[:LONGEST_SEARCH].strip()
        return await self._restart(caller)

    @doors.reads()
    async def load_more(self, caller: doors.Caller) -> None:
        self._wanted = min(self._wanted + listing.PAGE, listing.MOST_ROWS)
        await _LOOK.now(self, caller)

    async def _restart(self, caller: doors.Caller) -> Any:
        self._wanted = listing.PAGE
        await _LOOK.now(self, caller)
        return rx.call_script(
            f"history.replaceState(history.state, '', {json.dumps(_address(self))})"
        )


def _begin(state: Inbox) -> None:
    """As the address says; nothing of the former page is shown meanwhile."""
    asked = parse_qs(state.router.url.query or "")

    def of(name: str) -> str:
        return asked.get(name, [""])[0]

    state.stage, state.rows = "loading", []
    state.only = of("verdict") if of("verdict") in CHIPS else ""
    state.source = of("trigger") if of("trigger") in SOURCES else ""
    state.age = of("since") if of("since") in TIMES else ""
    sought = of("q")[:LONGEST_SEARCH].strip()
    if state.sought != sought:
        # The field is drawn anew with these words; else it keeps what is being typed.
        state.version, state.sought = state.version + 1, sought
    state.zap_name, state.zap_path, state.curl = "", "", ""
    state.has_more = state.is_long = state.is_listening = False
    state._wanted = listing.PAGE  # noqa: SLF001 - our own


def _address(state: Inbox) -> str:
    """Where this page can be found again."""
    named = {
        "verdict": state.only,
        "trigger": state.source,
        "since": state.age,
        "q": state.sought,
    }
    query = urlencode({name: value for name, value in named.items() if value})
    return f"{state.router.url.path}{'?' + query if query else ''}"


async def _example(caller: doors.Caller) -> str:
    """A line for the terminal that fires some zap of the project; empty where none listens."""
    page = await zaps.list_zaps(caller.session, caller.actor)
    listening = [zap for zap in page.data if zap.enabled and zap.trigger_kind == "webhook"]
    return _curl(listening[0].webhook_url) if listening else ""


async def _answer(caller: doors.Caller, question: _Question) -> _Answer:
    wanted = _filter(question)

    async def read(limit: int, cursor: str | None) -> Page[EventSummary]:
        return await events.list_events(
            caller.session, caller.actor, wanted, limit=limit, cursor=cursor
        )

    found, has_more = await listing.gathered(read, question.wanted)
    zap = await listing.zap_of(caller, question.zap_id)
    return _Answer([_row(event) for event in found], has_more, zap)


def _take(state: Inbox, answer: _Answer) -> None:
    wanted = state._wanted  # noqa: SLF001 - our own
    listing.take_rows(state, answer.rows, wanted=wanted, has_more=answer.has_more)
    zap = answer.zap
    if zap is not None:
        state.zap_name, state.zap_path = shown.line(zap.name), f"/zaps/{zap.id}"
        state.is_listening = zap.enabled and zap.trigger_kind == "webhook"
        state.curl = _curl(zap.webhook_url)
    elif answer.rows and listing.zap_id_of(state):
        state.zap_name, state.zap_path = answer.rows[0].zap_name, ""


def _curl(url: str) -> str:
    return f"curl -X POST {url} -H 'Content-Type: application/json' -d '{_EXAMPLE}'"


def _question(state: Inbox) -> _Question:
    return _Question(
        zap_id=listing.zap_id_of(state),
        verdict=state.only,
        trigger=state.source,
        age=state.age,
        sought=state.sought,
        wanted=state._wanted,  # noqa: SLF001 - our own
    )


def filter_of(state: Inbox) -> EventFilter:
    """Which events the page shows."""
    return _filter(_question(state))


def _filter(question: _Question) -> EventFilter:
    age = _AGES.get(question.age)
    return EventFilter(
        zap_id=question.zap_id or None,
        verdict=question.verdict or None,
        trigger=question.trigger or None,
        since=utc_now() - age if age else None,
        q=question.sought or None,
    )


_LOOK = listing.Look(_question, _answer, _take)


def _row(event: EventSummary) -> Row:
    return Row(
        id=event.id,
        path=f"/events/{event.id}",
        verdict=event.verdict,
        origin=shown.line(event.method or event.trigger),
        source=shown.line(event.source_ip or event.trigger),
        zap_name=shown.line(event.zap_name),
        zap_path=f"/zaps/{event.zap_id}/events",
        reason=shown.line(event.reason or ""),
        answered=str(event.status_code or ""),
        took=shown.duration(event.took_ms),
        size=shown.size(event.size) if event.size else "",
        runs=shown.counted(event.runs, "run") if event.runs else "",
        at=shown.moment(event.received_at),
    )
