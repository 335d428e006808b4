"""The versions of a zap in the builder: a list, any two of them side by side, and the way back to one."""

from dataclasses import dataclass
from typing import Any

import reflex as rx
from reflex_components_sonner.toast import ToastAction

from flowforge.services import layout, version_list, versions
from flowforge.services.access import Permission
from flowforge.services.change_words import ChangeLine
from flowforge.services.version_list import DRAFT, Comparison, VersionLine, VersionPage
from flowforge.state import canvas, doors, shown
from flowforge.state.arranging import Arranging
from flowforge.state.builder import SAID, Builder
from flowforge.state.canvas import Drawing, Mark

DIALOG = "versions"


@dataclass(frozen=True)
class Numbered:
    """One version in the list; ``ran`` says how its runs of the last days ended."""

    number: int
    at: str
    by: str
    note: str
    ran: str
    is_live: bool


class History(rx.State):
    """``before`` and ``after``: what is shown side by side, "draft" or a number; empty while the list
    is. ``green``: the version of the last run that succeeded. ``asks_for``: the version that a person
    wants back, though the draft has changes; ``noting``: the one whose note is written.
    """

    versions: list[Numbered] = []  # noqa: RUF012 - Reflex copies defaults
    has_more: bool = False
    green: int = 0
    before: str = ""
    after: str = ""
    lines: list[ChangeLine] = []  # noqa: RUF012
    left_off: int = 0
    drawing: Drawing = Drawing()
    marks: dict[str, Mark] = {}  # noqa: RUF012
    asks_for: int = 0
    noting: int = 0

    @doors.reads()
    async def open(self, caller: doors.Caller) -> Any:
        found = await version_list.page(caller.session, caller.actor, await self._zap())
        self.versions = []
        self._add(found)
        self._to_list()
        return rx.call_script(f"flowforge.open('{DIALOG}')")

    @doors.reads()
    async def older(self, caller: doors.Caller) -> None:
        below = self.versions[-1].number if self.versions else None
        self._add(await version_list.page(caller.session, caller.actor, await self._zap(), below))

    @doors.reads()
    async def compare(self, caller: doors.Caller, before: str, after: str) -> None:
        """Both side by side; a version beside itself is that version, to be looked at."""
        # A browser sends numbers as numbers.
        before, after = str(before), str(after)
        found = await version_list.side_by_side(
            caller.session, caller.actor, await self._zap(), before, after
        )
        self.before, self.after, self.asks_for = before, after, 0
        self.lines = shown.changes(found.changes.lines)
        self.left_off = found.changes.left_off
        self.drawing = canvas.drawing_of(f"{before}>{after}", *found.both)
        self.marks = _marks(found)

    @doors.public
    async def to_list(self) -> None:
        self._to_list()

    @doors.public
    async def ask(self, number: int) -> None:
        """Whether to bring back that version (0: not)."""
        self.asks_for = number

    @doors.public
    async def write_note(self, number: int) -> None:
        """For that version (0: for none)."""
        self.noting = number

    @doors.writes(Permission.EDIT)
    async def annotate(self, caller: doors.Caller, given: dict[str, Any]) -> None:
        """Keep the note, or take it away where nothing is left of it."""
        number = self.noting
        version = await versions.annotate(
            caller.session, caller.actor, await self._zap(), number, str(given.get("note", ""))
        )
        self.noting = 0
        self.versions = [
            Numbered(**{**vars(one), "note": shown.line(version.note or "")})
            if one.number == number
            else one
            for one in self.versions
        ]

    @doors.writes(Permission.EDIT)
    async def restore(self, caller: doors.Caller, number: int) -> Any:
        """That version as the draft; what is live stays. Asks first where that takes changes away."""
        builder = await self.get_state(Builder)
        if builder.has_changes and self.asks_for != number:
            self.asks_for = number
            return None
        zap = await versions.restore(caller.session, caller.actor, builder.zap, number)
        self._to_list()
        await builder._look_again(caller)  # noqa: SLF001 - public, it would be a handler
        return [
            rx.call_script(f"flowforge.close('{DIALOG}')"),
            rx.toast.success(
                f"Version {number} is the draft now. Publish it to make it live.",
                **SAID,
                action=ToastAction(label="Undo", on_click=Arranging.bring_back(zap.draft_revision)),
            ),
        ]

    def _to_list(self) -> None:
        self.before = self.after = ""
        self.asks_for = self.noting = 0

    def _add(self, found: VersionPage) -> None:
        self.versions = [*self.versions, *map(_numbered, found.lines)]
        self.has_more, self.green = found.has_more, found.green

    async def _zap(self) -> str:
        builder = await self.get_state(Builder)
        return builder.zap


def _numbered(line: VersionLine) -> Numbered:
    ran = f"{shown.counted(line.ended, 'run')} in 7 days, {line.succeeded} succeeded"
    return Numbered(
        line.number,
        shown.moment(line.at),
        shown.line(line.by) or "somebody who is gone",
        shown.line(line.note),
        ran if line.ended else "",
        line.is_live,
    )


def _marks(found: Comparison) -> dict[str, Mark]:
    """What became of each card."""
    marks = {card: Mark(path=card, status="removed") for card in found.both.gone}
    for line in found.changes.lines:
        if not line.card:
            continue
        card = layout.TRIGGER if line.card == "trigger" else line.card
        # A step that was moved and changed is marked by what was done to it first.
        marks.setdefault(card, Mark(path=line.card, status=line.kind))
    return marks


__all__ = ["DIALOG", "DRAFT", "History", "Numbered"]
