"""My Zaps: listed, searched, made, switched, renamed, copied, deleted; figures stay live.

Promise: what is listed is what the database says now; an action on a zap changes that line and
nothing that a person is typing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import reflex as rx

from flowforge.config import load_settings
from flowforge.errors import FlowForgeError, Invalid, Unauthenticated
from flowforge.infra.db import utc_now
from flowforge.services import folders, health, onboarding, zaps
from flowforge.services.access import Permission
from flowforge.services.zaps import ZapSummary
from flowforge.state import doors, first_steps, live, shown, sparkline
from flowforge.state.first_steps import Checklist
from flowforge.state.sparkline import Drawn

PAGE = 50
# Beyond this a search finds more than scrolling does, and each change would send them all again.
MOST_ROWS = 200
MOST_ICONS = 4
LONGEST_SEARCH = 200
GAP_SECONDS = 1.0
_NEW_NAME = "Untitled zap"
_TIMED = {"schedule", "poll"}
_WAITS = {
    "manual": "Starts when somebody runs it.",
    "error": "When a run of any other zap fails.",
    "app": "Events of an app.",
}


@dataclass(frozen=True)
class Picture:
    """One step of the chain in front of a name. ``kind`` is that of a step without an action."""

    kind: str
    icon: str
    name: str


@dataclass(frozen=True)
class Line:
    """One zap of the list. Moments are ISO texts, empty for never.

    What fires it is one of ``webhook_url``, ``form_url`` and ``tells``, a line about anything else.
    """

    id: str = ""
    short: str = ""
    path: str = ""
    runs_path: str = ""
    name: str = ""
    enabled: bool = False
    state: str = ""
    chain: list[Picture] = field(default_factory=list)
    more: str = ""
    created_at: str = ""
    webhook_url: str = ""
    form_url: str = ""
    tells: str = ""
    trouble: str = ""
    trouble_path: str = ""
    last_at: str = ""
    last_status: str = ""
    last_path: str = ""
    rate: str = ""
    folder_id: str = ""
    tags: list[str] = field(default_factory=list)
    words: str = ""
    week: Drawn = sparkline.NOTHING


@dataclass(frozen=True)
class Folder:
    """``text``: its name, and how many zaps are in it."""

    id: str = ""
    name: str = ""
    text: str = ""


@dataclass(frozen=True)
class _Sought:
    """What a person asked for; ``wanted``: at least so many lines."""

    text: str
    folder: str
    tag: str
    wanted: int


@dataclass(frozen=True)
class _Found:
    """``folder``: the one that was looked into, empty where that is gone."""

    lines: list[Line]
    has_more: bool
    folders: list[Folder]
    folder: str


class Dashboard(rx.State):
    """``stage``: loading, ready or failed. ``asked``: the zap that a dialog is about. ``folder``: the
    id of the one that is looked into, ``none`` for zaps in none, empty for all; ``tag`` likewise.
    """

    lines: list[Line] = []  # noqa: RUF012 - Reflex copies defaults
    stage: str = "loading"
    sought: str = ""
    folder: str = ""
    tag: str = ""
    folders: list[Folder] = []  # noqa: RUF012 - same
    has_more: bool = False
    is_long: bool = False
    asked: Line = Line()
    name_error: str = ""
    curl: str = ""
    first: Checklist = first_steps.NONE
    _wanted: int = PAGE

    @doors.public
    async def begin(self) -> None:
        """As if opened for the first time: nothing of an earlier visit is shown meanwhile."""
        self.stage, self.lines, self.sought = "loading", [], ""
        self.folder = self.tag = ""
        self.has_more = self.is_long = False
        self._wanted = PAGE
        self.first = first_steps.NONE

    @doors.follows
    async def follow(self) -> Any:
        """Show what there is, and go on showing it for as long as this page is open."""
        async with self:
            cookies = self.router.headers.cookie
        try:
            async with doors.opened(cookies, Permission.READ) as caller:
                topic = f"project:{caller.actor.project_id}"
                curl = _example(caller.actor.user_id)
        except Unauthenticated:
            return  # Session.require has sent them to the sign-in page
        except FlowForgeError:
            async with self:
                self.stage = "failed"
            return
        async with self:
            self.curl = curl
        async for _ in live.looks(self, topic, gap=GAP_SECONDS):
            if not await _look(self, cookies):
                return

    @doors.reads()
    async def search(self, caller: doors.Caller, sought: str) -> None:
        self.sought = sought[:LONGEST_SEARCH].strip()
        self._wanted = PAGE
        await show(self, caller)

    @doors.reads()
    async def choose_folder(self, caller: doors.Caller, folder: str) -> None:
        self.folder = folder[:LONGEST_SEARCH]
        self._wanted = PAGE
        await show(self, caller)

    @doors.reads()
    async def choose_tag(self, caller: doors.Caller, tag: str) -> None:
        self.tag = tag[:LONGEST_SEARCH]
        self._wanted = PAGE
        await show(self, caller)

    @doors.reads()
    async def load_more(self, caller: doors.Caller) -> None:
        self._wanted = min(self._wanted + PAGE, MOST_ROWS)
        await show(self, caller)

    @doors.writes(Permission.READ)
    async def end_first_steps(self, caller: doors.Caller) -> None:
        await onboarding.end(caller.session, caller.actor)
        self.first = first_steps.NONE

    @doors.writes()
    async def create(self, caller: doors.Caller) -> Any:
        """An empty zap, opened in the builder."""
        zap = await zaps.create(caller.session, caller.actor, name=_NEW_NAME)
        return rx.redirect(f"/zaps/{zap.id}")

    @doors.writes(Permission.OPERATE)
    async def switch(self, caller: doors.Caller, zap_id: str, is_on: bool) -> Any:
        zap = await zaps.set_enabled(caller.session, caller.actor, zap_id, is_on)
        self._replace(zap)
        return rx.toast.success(f"“{zap.name}” is {'on' if zap.enabled else 'off'}.")

    @doors.writes()
    async def duplicate(self, caller: doors.Caller, zap_id: str) -> Any:
        zap = await zaps.duplicate(caller.session, caller.actor, zap_id)
        self.lines = [_line(zap), *self.lines]
        return rx.toast.success(f"“{zap.name}” is there, switched off.")

    @doors.public
    async def ask(self, zap_id: str) -> None:
        """A dialog is about to ask something about this zap."""
        take_up(self, zap_id)

    @doors.writes()
    async def rename(self, caller: doors.Caller, form: dict[str, Any]) -> Any:
        try:
            zap = await zaps.rename(
                caller.session, caller.actor, self.asked.id, str(form.get("new_name", ""))
            )
        except Invalid as problem:
            self.name_error = problem.message
            return None
        self._replace(zap)
        return rx.call_script("flowforge.close('rename-zap')")

    @doors.writes()
    async def rotate(self, caller: doors.Caller) -> Any:
        zap = await zaps.rotate(caller.session, caller.actor, self.asked.id)
        self._replace(zap)
        return [
            rx.call_script("flowforge.close('rotate-zap')"),
            rx.toast.success("The zap has a new webhook URL. The old one answers no more."),
        ]

    @doors.writes()
    async def delete(self, caller: doors.Caller) -> Any:
        name = self.asked.name
        await zaps.delete(caller.session, caller.actor, self.asked.id)
        self.lines = [line for line in self.lines if line.id != self.asked.id]
        return [
            rx.call_script("flowforge.close('delete-zap')"),
            rx.toast.success(f"“{name}” is deleted."),
        ]

    def _replace(self, zap: ZapSummary) -> None:
        self.lines = [
            replace(_line(zap), week=line.week) if line.id == zap.id else line
            for line in self.lines
        ]


def take_up(state: Dashboard, zap_id: str) -> None:
    """What is asked next is about this zap."""
    state.asked = next((line for line in state.lines if line.id == zap_id), Line())
    state.name_error = ""


def chosen(state: Dashboard) -> Folder:
    """The folder that is looked into."""
    return next((one for one in state.folders if one.id == state.folder), Folder())


async def show(state: Dashboard, caller: doors.Caller) -> None:
    """The list as it is now."""
    _take(state, await _found(caller, _sought(state)))


async def _look(state: Dashboard, cookies: str) -> bool:
    """Whether it makes sense to look again."""
    async with state:
        sought = _sought(state)
        before = state.first
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            found = await _found(caller, sought)
            steps = await onboarding.of(caller.session, caller.actor)
        first = await first_steps.looked(cookies, steps, before)
    except Unauthenticated:
        return False
    except FlowForgeError:
        async with state:
            if state.stage == "loading":
                state.stage = "failed"
        return True
    async with state:
        # What a person asked for meanwhile is newer than this answer.
        if sought == _sought(state):
            _take(state, found)
        # Unless it was ended meanwhile.
        if state.first == before and before != first:
            state.first = first
    return True


def _sought(state: Dashboard) -> _Sought:
    wanted = state._wanted  # noqa: SLF001 - a part of this class
    return _Sought(state.sought, state.folder, state.tag, wanted)


async def _found(caller: doors.Caller, sought: _Sought) -> _Found:
    there = await folders.list_folders(caller.session, caller.actor)
    # Somebody may have deleted it meanwhile.
    known = {folders.NONE, *(one.id for one in there)}
    folder = sought.folder if sought.folder in known else ""
    found: list[ZapSummary] = []
    cursor = None
    while True:
        page = await zaps.list_zaps(
            caller.session,
            caller.actor,
            q=sought.text or None,
            folder=folder or None,
            tag=sought.tag or None,
            limit=PAGE,
            cursor=cursor,
        )
        found.extend(page.data)
        cursor = page.next
        if cursor is None or len(found) >= sought.wanted:
            break
    weeks = await health.of_zaps(caller.session, [zap.id for zap in found], utc_now())
    return _Found(
        [
            replace(_line(zap), week=sparkline.drawn(weeks.get(zap.id, health.NONE)))
            for zap in found
        ],
        cursor is not None,
        [Folder(one.id, one.name, f"{one.name} ({one.zaps})") for one in there],
        folder,
    )


def _take(state: Dashboard, found: _Found) -> None:
    # Only what changed travels to the browser.
    if state.lines != found.lines:
        state.lines = found.lines
    if state.folders != found.folders:
        state.folders = found.folders
    state.folder = found.folder
    state.is_long = found.has_more and len(found.lines) >= MOST_ROWS
    state.has_more = found.has_more and not state.is_long
    state.stage = "ready"


def _line(zap: ZapSummary) -> Line:
    rest = len(zap.steps) - MOST_ICONS
    return Line(
        id=zap.id,
        short=shown.short(zap.id),
        path=f"/zaps/{zap.id}",
        runs_path=f"/zaps/{zap.id}/runs",
        name=zap.name,
        enabled=zap.enabled,
        state=_state(zap),
        chain=_chain(zap),
        more=f"+{rest}" if rest > 0 else "",
        created_at=shown.moment(zap.created_at),
        webhook_url=zap.webhook_url if zap.trigger_kind in {"", "webhook"} else "",
        form_url=shown.form_url(zap) if zap.trigger_kind == "form" else "",
        tells=zap.trigger_tells or _WAITS.get(zap.trigger_kind, ""),
        trouble=zap.trouble,
        trouble_path=f"/zaps/{zap.id}" + ("/schedule" if zap.trigger_kind in _TIMED else ""),
        last_at=shown.moment(zap.last_run_at),
        last_status=zap.last_run_status or "",
        last_path=f"/runs/{zap.last_run_id}" if zap.last_run_id else "",
        rate="" if zap.success_rate is None else f"{zap.success_rate:.0%} succeeded",
        folder_id=zap.folder_id or "",
        tags=list(zap.tags),
        words=", ".join(zap.tags),
    )


def _state(zap: ZapSummary) -> str:
    if zap.live_version is None:
        return "Draft"
    return f"v{zap.live_version}, edited" if zap.has_draft_changes else f"v{zap.live_version}"


def _chain(zap: ZapSummary) -> list[Picture]:
    trigger = Picture("", zap.trigger_icon, zap.trigger_kind.capitalize() or "No trigger yet")
    steps: Sequence[Picture] = [
        Picture(step.action, step.icon, step.name or "An empty step")
        for step in zap.steps[:MOST_ICONS]
    ]
    return [trigger, *steps]


def _example(user_id: int) -> str:
    base = load_settings().effective_public_url
    return f'curl {base}/hooks/catch/{user_id}/YOUR-ZAP -d \'{{"name": "Ada"}}\''
