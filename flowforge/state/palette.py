"""The palette: a few letters, and off to a page, a zap, a run or a step; or something is done.

What it can do with a zap it does through the builder's own buttons and gestures.
"""

import re
from dataclasses import replace
from typing import Any

import reflex as rx

from flowforge.services import editing, palette
from flowforge.services.editing import Draft
from flowforge.services.editing_places import OUTERMOST, where
from flowforge.services.palette import Bench, Line
from flowforge.services.ranking import LONGEST
from flowforge.state import doors, recents, shown
from flowforge.state.builder import TRIGGER, Builder
from flowforge.state.dashboard import Dashboard
from flowforge.state.recents import Recents
from flowforge.state.session import Session

PALETTE = "palette"
SHORTCUTS = "shortcuts"
_BUILDER = re.compile(r"/zaps/([^/]+)/?")
_KEPT = {"page", "zap", "do"}
_PATHS = {"zap": "/zaps", "run": "/runs", "event": "/inbox"}
_SHOW = rx.call_script("flowforge.show('.step.is-chosen')")


class Palette(rx.State):
    """``lines`` are those for ``query``."""

    query: str = ""
    lines: list[Line] = []  # noqa: RUF012 - Reflex copies defaults

    @doors.reads()
    async def find(self, caller: doors.Caller, query: str) -> None:
        builder = await self._builder()
        session = await self.get_state(Session)
        found = await palette.find(
            caller.session,
            caller.actor,
            query,
            recent=recents.lines(await self.get_state(Recents)),
            bench=_bench(builder) if builder else None,
            has_mailbox=session.shows_mailbox,
        )
        self.lines = [
            replace(line, title=shown.line(line.title), detail=shown.line(line.detail))
            for line in found
        ]
        self.query = query[:LONGEST]

    @doors.reads()
    async def take(self, caller: doors.Caller, key: str) -> Any:
        """Only what was offered is done: the browser may send any key."""
        line = next((one for one in self.lines if one.key == key), None)
        if line is None:
            return None
        kind, _, what = key.partition(":")
        if kind in _KEPT:
            recents.note_line(await self.get_state(Recents), key)
        return [rx.call_script(f"flowforge.close('{PALETTE}')"), *_events(kind, what)]

    @doors.writes()
    async def add(self, caller: doors.Caller, action: str) -> Any:
        """A new step behind the chosen one, or first where the trigger is."""
        builder = await self._builder()
        if builder is None:
            return None
        chosen = builder.chosen

        def gesture(draft: Draft) -> tuple[Draft, str]:
            place, at = (OUTERMOST, -1) if chosen == TRIGGER else where(draft, chosen)
            return editing.add(draft, action, at + 1, place)

        await builder._make(caller, gesture)
        return _SHOW

    async def _builder(self) -> Builder | None:
        """The builder that this tab shows."""
        found = _BUILDER.fullmatch(self.router.url.path)
        if found is None:
            return None
        builder = await self.get_state(Builder)
        return builder if builder.zap == found[1] and builder.stage == "ready" else None


def _bench(builder: Builder) -> Bench:
    pressed = palette.buttons(
        is_complete=not builder.has_empty,
        undo=builder.undo_what != "",
        redo=builder.redo_what != "",
    )
    return Bench([line.card for line in builder.lines if line.what == "card"], pressed)


def _events(kind: str, what: str) -> list[Any]:
    """``kind`` and ``what`` are of a line that the service made: its words may stand in a script
    only where they are its own.
    """
    match kind:
        case "page":
            return [rx.redirect(what)]
        case "step":
            return [Builder.choose_card(what), _SHOW]
        case "add":
            return [Palette.add(what)]
        case "bench":
            return [rx.call_script(f"flowforgePalette.press('{what}')")]
        case "do":
            return _commands()[what]
    return [rx.redirect(f"{_PATHS[kind]}/{what}")]


def _commands() -> dict[str, list[Any]]:
    pressed = {
        name: [rx.call_script(f"flowforgePalette.press('theme-{name}')")]
        for name in ("light", "dark", "system")
    }
    return pressed | {
        "create": [Dashboard.create],
        "template": [rx.redirect("/templates")],
        "import": [
            rx.redirect("/dashboard"),
            rx.call_script("flowforgePalette.pressLater('import')"),
        ],
        "shortcuts": [rx.call_script(f"flowforge.open('{SHORTCUTS}')")],
        "sign-out": [Session.leave],
    }
