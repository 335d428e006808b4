"""The dev mailbox: where mail lands on a machine without a mail transport.

Promise: it opens under the names of this machine only, like its route of the API.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import reflex as rx

from flowforge.config import LOOPBACK_HOSTS
from flowforge.infra import runtime
from flowforge.models import Mail
from flowforge.services import mailbox
from flowforge.services.origin import local_path
from flowforge.state import doors, shown

_ADDRESS = re.compile(r"https?://[^\s<>\"]+")
# Links of a mail open beside it: a page in a frame would have no way back.
_BASE = '<base target="_blank">'


@dataclass(frozen=True)
class Letter:
    """One mail. ``links``: paths of our own pages that it leads to."""

    id: str = ""
    receiver: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    sent_at: str = ""
    links: list[str] = field(default_factory=list)


class Mailbox(rx.State):
    """``stage``: loading, ready or missing."""

    letters: list[Letter] = []  # noqa: RUF012 - Reflex copies defaults
    opened: Letter = Letter()
    stage: str = "loading"

    @doors.public
    async def look(self) -> None:
        """The mails there are now; the newest is open."""
        running = runtime.current()
        # A tunnel or a rebound name reaches a loopback address too, but not under its name.
        name = urlsplit(f"//{self.router.headers.host}").hostname
        if name not in LOOPBACK_HOSTS or not running.settings.shows_dev_mailbox:
            self.stage, self.letters, self.opened = "missing", [], Letter()
            return
        async with running.db.reading() as session:
            self.letters = _letters(await mailbox.newest(session, running.settings))
        self.stage = "ready"
        self.opened = self.letters[0] if self.letters else Letter()

    @doors.public
    async def read(self, letter_id: str) -> None:
        self.opened = next((one for one in self.letters if one.id == letter_id), Letter())


def _letters(mails: Sequence[Mail]) -> list[Letter]:
    base = runtime.current().settings.effective_public_url
    return [
        Letter(
            id=mail.id,
            receiver=mail.to,
            subject=mail.subject,
            text=mail.text,
            html=_BASE + mail.html if mail.html else "",
            sent_at=shown.moment(mail.sent_at),
            links=_links(mail.text, base),
        )
        for mail in mails
    ]


def _links(text: str, base: str) -> list[str]:
    own = [found.removeprefix(base) for found in _ADDRESS.findall(text) if found.startswith(base)]
    return [path for path in own if local_path(path, "") == path and path]
