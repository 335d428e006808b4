"""Others in the same builder: who has it open, and what they changed just now.

Promises: what somebody else did to another step than the open one is shown at once, and what this
person is typing stays; of the open step it is shown when the tab has nothing unsaved.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError
from flowforge.infra import runtime
from flowforge.infra.presence import Guest
from flowforge.services import accounts, clashes, revisions, workbench
from flowforge.services.access import Permission
from flowforge.services.clashes import Newest
from flowforge.state import doors, shown

MOST_SHOWN = 5


@dataclass(frozen=True)
class Visitor:
    """Somebody who has the same zap open. ``says``: their name, or that it is oneself."""

    initials: str
    says: str


class Company(rx.State):
    """``news``: the revision that waits to be shown, 0 for none; ``who`` made the last one that
    came from elsewhere, ``at`` when.
    """

    visitors: list[Visitor] = []  # noqa: RUF012 - Reflex copies defaults
    more: int = 0
    news: int = 0
    who: str = ""
    at: str = ""


def topic(zap_id: str) -> str:
    return revisions.topic(zap_id)


async def follow(builder: Any, cookies: str, zap_id: str) -> None:
    """Look at both, from a handler in the background."""
    async with builder:
        page = _page(builder)
        seen, card = builder._revision, builder.chosen  # noqa: SLF001 - the builder's own listener
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            user, _ = await accounts.who(caller.session, caller.actor)
            newest = await clashes.newest(caller.session, caller.actor, zap_id)
            is_touched = newest.revision > seen and await clashes.touched(
                caller.session, caller.actor, zap_id, seen, card
            )
            bench = None
            if newest.revision > seen and not is_touched:
                bench = await workbench.look(caller.session, caller.actor, zap_id)
            me = Guest(page, caller.actor.user_id, user.name)
    except FlowForgeError:
        return  # whoever follows the zap itself deals with it
    running = runtime.current()
    there, is_new = await running.presence.say(topic(zap_id), me)
    if is_new:
        running.signals.send({topic(zap_id)})
    async with builder:
        company = await builder.get_state(Company)
        _meet(company, there, me)
        if builder.zap != zap_id or builder.save_state == "stale":
            return
        if newest.revision <= builder._revision:  # noqa: SLF001
            _set(company, news=0)
        elif builder._revision == seen and builder.chosen == card:  # noqa: SLF001
            _note(company, newest)
            if bench is not None:
                builder._show(bench)  # noqa: SLF001
            _set(company, news=newest.revision if bench is None else 0)


async def leave(builder: Any, zap_id: str) -> None:
    """The page shows another one, or is closed."""
    running = runtime.current()
    await running.presence.leave(topic(zap_id), _page(builder))
    running.signals.send({topic(zap_id)})


def _meet(company: Company, there: list[Guest], me: Guest) -> None:
    others = {guest.user_id: guest for guest in there if guest.page != me.page}
    visitors = [
        Visitor(
            _initials(guest.name),
            "You have this zap open in another tab"
            if guest.user_id == me.user_id
            else f"{shown.line(guest.name)} has this zap open",
        )
        for guest in others.values()
    ]
    _set(company, visitors=visitors[:MOST_SHOWN], more=max(0, len(visitors) - MOST_SHOWN))


def _note(company: Company, newest: Newest) -> None:
    who = "You, in another tab," if newest.is_me else shown.line(newest.by)
    _set(company, who=who, at=shown.moment(newest.at))


def _set(company: Company, **now: Any) -> None:
    for name, value in now.items():
        # An assignment is sent to the browser, also one of the same value.
        if getattr(company, name) != value:
            setattr(company, name, value)


def _initials(name: str) -> str:
    words = name.split()
    return "".join(word[0] for word in words[:1] + words[1:][-1:]).upper() or "?"


def _page(builder: Any) -> str:
    """A name for the tab that gives nothing away: its token is what its state is found by."""
    token = str(builder.router.session.client_token)
    return hashlib.sha256(token.encode()).hexdigest()[:16]
