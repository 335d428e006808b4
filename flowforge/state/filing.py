"""Folders made, renamed and deleted, and a zap put into one, with tags on it."""

from typing import Any

import reflex as rx

from flowforge.errors import Conflict, Invalid
from flowforge.services import filing, folders
from flowforge.state import dashboard as listing
from flowforge.state import doors
from flowforge.state.dashboard import Dashboard, Folder

FILE, NAME, DELETE = "file-zap", "name-folder", "delete-folder"


class Filing(rx.State):
    """``asked``: the folder that a dialog is about; without an id it is about a new one. ``drawn``
    counts how often a form was drawn anew.
    """

    asked: Folder = Folder()
    problem: str = ""
    drawn: int = 0

    @doors.public
    async def ask_new(self) -> Any:
        return self._ask(Folder(), NAME)

    @doors.public
    async def ask_name(self) -> Any:
        return self._ask(listing.chosen(await self.get_state(Dashboard)), NAME)

    @doors.public
    async def ask_delete(self) -> Any:
        return self._ask(listing.chosen(await self.get_state(Dashboard)), DELETE)

    @doors.public
    async def ask_file(self, zap_id: str) -> Any:
        """Where is this zap to be, and what is on it?"""
        listing.take_up(await self.get_state(Dashboard), zap_id)
        return self._ask(Folder(), FILE)

    @doors.writes()
    async def name(self, caller: doors.Caller, form: dict[str, Any]) -> Any:
        """A new folder, which is then the one that is looked into, or another name for one."""
        given = str(form.get("folder_name", ""))
        dashboard = await self.get_state(Dashboard)
        try:
            if self.asked.id:
                await folders.rename(caller.session, caller.actor, self.asked.id, given)
            else:
                dashboard.folder = (await folders.create(caller.session, caller.actor, given)).id
        except (Invalid, Conflict) as problem:
            self.problem = problem.message
            return None
        await listing.show(dashboard, caller)
        return rx.call_script(f"flowforge.close('{NAME}')")

    @doors.writes()
    async def delete(self, caller: doors.Caller) -> Any:
        await folders.delete(caller.session, caller.actor, self.asked.id)
        dashboard = await self.get_state(Dashboard)
        dashboard.folder = ""
        await listing.show(dashboard, caller)
        return [
            rx.call_script(f"flowforge.close('{DELETE}')"),
            rx.toast.success(f"“{self.asked.name}” is deleted. Its zaps are uncategorised."),
        ]

    @doors.writes()
    async def file(self, caller: doors.Caller, form: dict[str, Any]) -> Any:
        """The zap that was asked about: into the folder, with these tags, commas between them."""
        dashboard = await self.get_state(Dashboard)
        words = [word for word in str(form.get("zap_tags", "")).split(",") if word.strip()]
        zap_id = dashboard.asked.id
        try:
            async with caller.session.begin_nested():
                await filing.move(
                    caller.session, caller.actor, zap_id, str(form.get("zap_folder", "")) or None
                )
                await filing.retag(caller.session, caller.actor, zap_id, words)
        except Invalid as problem:
            self.problem = problem.message
            return None
        await listing.show(dashboard, caller)
        return rx.call_script(f"flowforge.close('{FILE}')")

    def _ask(self, folder: Folder, dialog: str) -> Any:
        self.asked, self.problem = folder, ""
        self.drawn += 1
        return rx.call_script(f"flowforge.open('{dialog}')")
