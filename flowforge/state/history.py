"""The versions of a zap in the builder: a list, what differs, and the way back to one."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.services import versions
from flowforge.services.access import Permission
from flowforge.state import doors, shown
from flowforge.state.builder import Builder

DIALOG = "versions"
MOST_VERSIONS = 50


@dataclass(frozen=True)
class Numbered:
    """One version in the list."""

    number: int
    at: str
    is_live: bool


class History(rx.State):
    """``of``: the version whose differences to the draft are shown; 0 for none."""

    versions: list[Numbered] = []  # noqa: RUF012 - Reflex copies defaults
    has_more: bool = False
    of: int = 0
    changes: list[str] = []  # noqa: RUF012
    left_off: int = 0

    @doors.reads()
    async def open(self, caller: doors.Caller) -> Any:
        page = await versions.list_versions(
            caller.session, caller.actor, await self._zap(), limit=MOST_VERSIONS
        )
        self.versions = [
            Numbered(one.number, shown.moment(one.created_at), one.live) for one in page.data
        ]
        self.has_more, self.of, self.changes = page.next is not None, 0, []
        return rx.call_script(f"flowforge.open('{DIALOG}')")

    @doors.reads()
    async def compare(self, caller: doors.Caller, number: int) -> None:
        """What the draft has changed since that version."""
        diff = await versions.compare(
            caller.session, caller.actor, await self._zap(), str(number), "draft"
        )
        self.of, self.left_off = number, diff.left_off
        self.changes = [shown.line(change.summary) for change in diff.changes]

    @doors.writes(Permission.EDIT)
    async def restore(self, caller: doors.Caller, number: int) -> Any:
        """That version as the draft; what is live stays."""
        await versions.restore(caller.session, caller.actor, await self._zap(), number)
        return [
            rx.call_script(f"flowforge.close('{DIALOG}')"),
            rx.toast.success(
                f"Version {number} is the draft now. Publish it to make it live.",
                position="bottom-left",
            ),
            Builder.open,
        ]

    async def _zap(self) -> str:
        builder = await self.get_state(Builder)
        return builder.zap
