"""What is to be read before a draft goes live: the hints that nobody has seen yet."""

from typing import Any

import reflex as rx

from flowforge.services import hinting, versions, zaps
from flowforge.services.hinting import HintLine
from flowforge.state import doors

SHEET = "publish-sheet"


class Review(rx.State):
    """``hints``: the new ones; ``known``: how many more there are that were read before. ``version``
    counts the openings.
    """

    hints: list[HintLine] = []  # noqa: RUF012 - Reflex copies defaults
    known: int = 0
    version: int = 0


async def is_needed(tab: rx.State, caller: doors.Caller, zap_id: str) -> bool:
    """Whether the sheet has something to say, which it then shows. Not while something keeps the
    draft from going live: that comes first.
    """
    zap = await zaps.get(caller.session, caller.actor, zap_id)
    if await versions.problems(caller.session, caller.actor, zap.definition):
        return False
    return await show(tab, caller, zap_id, zap.definition) > 0


async def show(tab: rx.State, caller: doors.Caller, zap_id: str, definition: Any) -> int:
    """Fill the sheet; how many hints are new."""
    sheet = await tab.get_state(Review)
    found = await hinting.unread(caller.session, caller.actor, zap_id, definition)
    every = await hinting.hints(caller.session, caller.actor, zap_id, definition)
    sheet.hints = hinting.lines(definition, found)
    sheet.known = sum(not each.is_soft for each in every) - len(found)
    sheet.version += 1
    return len(found)
