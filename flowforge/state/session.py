"""Who looks at this tab, for the app bar and for pages that are somebody's own."""

from typing import Any

import reflex as rx

from flowforge.config import load_settings
from flowforge.errors import Unauthenticated
from flowforge.infra import runtime
from flowforge.services import accounts
from flowforge.services.access import Permission
from flowforge.state import doors


class Session(rx.State):
    """The signed-in person as the app bar shows them."""

    name: str = ""
    email: str = ""
    is_signed_in: bool = False
    shows_mailbox: bool = False

    @rx.var
    def initials(self) -> str:
        words = [word for word in self.name.split() if word[0].isalnum()]
        letters = words[:1] + words[1:][-1:]
        return "".join(word[0] for word in letters).upper() or "?"

    @doors.reads()
    async def require(self, caller: doors.Caller) -> None:
        """For pages that are somebody's own: nobody goes to the sign-in page."""
        await self._know(caller)

    @doors.public
    async def recognise(self) -> Any:
        """For pages that everybody may see."""
        self.shows_mailbox = runtime.current().settings.shows_dev_mailbox
        try:
            async with doors.opened(self.router.headers.cookie, Permission.READ) as caller:
                await self._know(caller)
        except Unauthenticated:
            self.is_signed_in = False
            self.name = self.email = ""

    @doors.public
    async def leave(self) -> Any:
        """Sign out, in the browser: only an answer of the API can clear the cookie."""
        return rx.call_script("flowforge.leave()")

    async def _know(self, caller: doors.Caller) -> None:
        user, _ = await accounts.who(caller.session, caller.actor)
        self.name, self.email, self.is_signed_in = user.name, user.email, True
        self.shows_mailbox = load_settings().shows_dev_mailbox
