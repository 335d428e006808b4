"""The app trigger in the builder: the URL its app needs, and how it stands with what the app was told.

Promise: it shows what is stored now, also what a worker did while the page is open.
"""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError
from flowforge.services import app_standing, registrations
from flowforge.services.access import Permission
from flowforge.services.app_standing import AppStanding
from flowforge.services.registrations import RegistrationView
from flowforge.services.zap_views import ZapView
from flowforge.state import doors, shown


@dataclass(frozen=True)
class Told:
    """What the app knows of the zap. ``look`` and ``word`` are its status, ``next_at`` the next try
    of one that failed.
    """

    is_there: bool = False
    look: str = ""
    word: str = ""
    sentence: str = ""
    checked_at: str = ""
    next_at: str = ""
    can_retry: bool = False


_STATUS = {
    "pending": ("queued", "On its way"),
    "active": ("succeeded", "Active"),
    "failed": ("failed", "Failed"),
    "removed": ("cancelled", "Removed"),
}


class AppTrigger(rx.State):
    """``app`` is empty while none is chosen, ``url`` until it has a secret. ``lacks_token``: the
    draft names a place that nothing here may tell. ``zap`` is whose trigger it is.
    """

    zap: str = ""
    app: str = ""
    url: str = ""
    lacks_token: bool = False
    told: Told = Told()

    @doors.writes(Permission.OPERATE)
    async def retry(self, caller: doors.Caller) -> Any:
        await registrations.retry(caller.session, caller.actor, self.zap)
        found = await app_standing.of_zap(caller.session, caller.actor, self.zap)
        _take(self, self.zap, found)
        return rx.toast.success("It is tried again now.", position="bottom-left")


async def show(tab: rx.State, caller: doors.Caller, zap: ZapView) -> None:
    """Draw it for the draft that the builder shows."""
    found = await app_standing.of_draft(caller.session, caller.actor, zap.id, zap.definition)
    _take(await tab.get_state(AppTrigger), zap.id, found)


async def follow(tab: rx.State, cookies: str, zap_id: str) -> None:
    """Draw it as it is by now, from a handler in the background."""
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            found = await app_standing.of_zap(caller.session, caller.actor, zap_id)
    except FlowForgeError:
        return  # whoever follows the zap itself deals with it
    async with tab:
        _take(await tab.get_state(AppTrigger), zap_id, found)


def _take(state: AppTrigger, zap_id: str, found: AppStanding | None) -> None:
    source = found.source if found else None
    told = _told(found.registration) if found and found.registration else Told()
    now = {
        "zap": zap_id,
        "app": source.name if source else "",
        "url": (source.url or "") if source else "",
        "lacks_token": bool(
            found and source and found.registers and source.takes_token and not source.has_token
        ),
        "told": told,
    }
    for name, value in now.items():
        # An assignment is sent to the browser, also one of the same value.
        if getattr(state, name) != value:
            setattr(state, name, value)


def _told(view: RegistrationView) -> Told:
    look, word = _STATUS[view.status]
    return Told(
        is_there=True,
        look=look,
        word=word,
        sentence=shown.line(view.sentence),
        checked_at=shown.moment(view.renewed_at) if view.status == "active" else "",
        next_at=shown.moment(view.due_at) if view.status == "failed" else "",
        can_retry=view.status == "failed",
    )
