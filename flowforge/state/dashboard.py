"""My Zaps: listed, searched, made, switched, renamed, copied, deleted; figures stay live.

Promise: what is listed is what the database says now; an action on a zap changes that line and
nothing that a person is typing.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

import reflex as rx

from flowforge.config import load_settings
from flowforge.errors import FlowForgeError, Invalid, Unauthenticated
from flowforge.infra.db import utc_now
from flowforge.services import copying, folders, health, onboarding, zaps
from flowforge.services.access import Permission
from flowforge.services.zap_views import ZapSummary
from flowforge.state import doors, first_steps, live, sparkline, zap_choices, zap_lines
from flowforge.state.first_steps import Checklist
from flowforge.state.zap_choices import LONGEST, Choices
from flowforge.state.zap_lines import Line

PAGE = 50
# Beyond this a search finds more than scrolling does, and each change would send them all again.
MOST_ROWS = 200
GAP_SECONDS = 1.0
_NEW_NAME = "Untitled zap"


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
    ``drawn`` counts the openings: each takes what is sought from its address.
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
    drawn: int = 0
    _wanted: int = PAGE

    @doors.public
    async def begin(self) -> None:
        """As if opened for the first time: nothing of an earlier visit is shown meanwhile."""
        self.stage, self.lines = "loading", []
        self.folder, self.tag, self.sought = zap_choices.of_query(self.router.url.query or "")
        self.drawn += 1
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
    async def search(self, caller: doors.Caller, sought: str) -> Any:
        self.sought = sought[:LONGEST].strip()
        return await _chosen(self, caller)

    @doors.reads()
    async def choose_folder(self, caller: doors.Caller, folder: str) -> Any:
        self.folder = folder[:LONGEST]
        return await _chosen(self, caller)

    @doors.reads()
    async def choose_tag(self, caller: doors.Caller, tag: str) -> Any:
        self.tag = tag[:LONGEST]
        return await _chosen(self, caller)

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
        zap = await copying.duplicate(caller.session, caller.actor, zap_id)
        self.lines = [zap_lines.line(zap), *self.lines]
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
            replace(zap_lines.line(zap), week=line.week) if line.id == zap.id else line
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


async def _chosen(state: Dashboard, caller: doors.Caller) -> Any:
    """The list of what is chosen now, under an address of its own."""
    state._wanted = PAGE  # noqa: SLF001 - a part of this class
    await show(state, caller)
    chosen = Choices(state.folder, state.tag, state.sought)
    address = json.dumps(zap_choices.address(state.router.url.path, chosen))
    return rx.call_script(f"history.replaceState(history.state, '', {address})")


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
    ids = [zap.id for zap in found]
    weeks = await health.of_zaps(caller.session, caller.actor.project_id, ids, utc_now())
    return _Found(
        [
            replace(zap_lines.line(zap), week=sparkline.drawn(weeks.get(zap.id, health.NONE)))
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


def _example(user_id: int) -> str:
    base = load_settings().effective_public_url
    return f'curl {base}/hooks/catch/{user_id}/YOUR-ZAP -d \'{{"name": "Ada"}}\''
