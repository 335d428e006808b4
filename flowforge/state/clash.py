"""A change that came too late, because somebody else had saved: kept until its owner has decided.

The gesture itself stays in the process that has the tab's socket; what the tab shows of it are lines
of text. Promise: it is forgotten only when it is done, when its owner lets go of it, or with the process.
"""

from collections.abc import Sequence

import reflex as rx

from flowforge.services import clashes
from flowforge.services.change_words import ChangeLine
from flowforge.services.clashes import Gesture
from flowforge.state import doors, shown

DIALOG = "clash"
MOST_TABS = 500
MOST_GESTURES = 100
_kept: dict[str, list[Gesture]] = {}


class Clash(rx.State):
    """``theirs`` is what the other one did (``is_known``: that can be told), ``mine`` what this tab
    wanted. ``problem``: why that cannot be done any more.
    """

    who: str = ""
    is_me: bool = False
    at: str = ""
    is_known: bool = True
    theirs: list[ChangeLine] = []  # noqa: RUF012 - Reflex copies defaults
    mine: list[ChangeLine] = []  # noqa: RUF012
    problem: str = ""
    # That of the draft which the tab has seen.
    _revision: int = 0


async def note(
    tab: rx.State, caller: doors.Caller, seen: tuple[str, int], gesture: Gesture
) -> None:
    """Keep ``gesture``, which was meant for the draft that was ``seen`` (zap and revision)."""
    zap_id, revision = seen
    state = await tab.get_state(Clash)
    wanted = _kept.setdefault(_token(tab), [])
    if state._revision != revision:  # noqa: SLF001 - ours
        wanted.clear()
    if len(wanted) < MOST_GESTURES:
        wanted.append(gesture)
    while len(_kept) > MOST_TABS:
        del _kept[next(iter(_kept))]
    state._revision = revision  # noqa: SLF001
    await show(state, caller, zap_id, wanted)


async def show(state: Clash, caller: doors.Caller, zap_id: str, wanted: Sequence[Gesture]) -> None:
    """Both sides as they are now."""
    seen = state._revision  # noqa: SLF001
    found = await clashes.clash(caller.session, caller.actor, zap_id, seen, wanted)
    state.who, state.is_me = shown.line(found.newest.by), found.newest.is_me
    state.at = shown.moment(found.newest.at)
    state.is_known = found.theirs is not None
    state.theirs = shown.changes(found.theirs.lines if found.theirs else [])
    state.mine, state.problem = shown.changes(found.mine.lines), found.problem


def wanted(tab: rx.State) -> list[Gesture]:
    """What the tab wanted and could not save, in its order; none after a restart."""
    return list(_kept.get(_token(tab), ()))


async def forget(tab: rx.State) -> None:
    """It is decided."""
    _kept.pop(_token(tab), None)
    state = await tab.get_state(Clash)
    if state.theirs or state.mine or state.problem:
        state.theirs, state.mine, state.problem = [], [], ""


def _token(tab: rx.State) -> str:
    return str(tab.router.session.client_token)
