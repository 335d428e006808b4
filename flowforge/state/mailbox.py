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


MOST_CHARACTERS = 100_000
MOST_OF_A_LINE = 200


@dataclass(frozen=True)
class Envelope:
    """A mail in the list."""

    id: str
    receiver: str
    subject: str
    sent_at: str


@dataclass(frozen=True)
class Letter:
    """The mail that is open. ``links``: paths of our own pages that it leads to."""

    id: str = ""
    receiver: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    sent_at: str = ""
    links: list[str] = field(default_factory=list)


class Mailbox(rx.State):
    """``stage``: loading, ready or missing."""

    envelopes: list[Envelope] = []  # noqa: RUF012 - Reflex copies defaults
    opened: Letter = Letter()
    stage: str = "loading"

    @doors.public
    async def look(self) -> None:
        """The mails there are now; the newest is open."""
        mails = await self._mails()
        self.envelopes = [_envelope(mail) for mail in mails]
        self.opened = _letter(mails[0]) if mails else Letter()

    @doors.public
    async def read(self, mail_id: str) -> None:
        mails = await self._mails()
        self.opened = next((_letter(mail) for mail in mails if mail.id == mail_id), Letter())

    async def _mails(self) -> Sequence[Mail]:
        running = runtime.current()
        # A tunnel or a rebound name reaches a loopback address too, but not under its name.
        name = urlsplit(f"//{self.router.headers.host}").hostname
        if name not in LOOPBACK_HOSTS or not running.settings.shows_dev_mailbox:
            self.stage = "missing"
            return []
        self.stage = "ready"
        async with running.db.reading() as session:
            return await mailbox.newest(session, running.settings)


def _envelope(mail: Mail) -> Envelope:
    return Envelope(
        id=mail.id,
        receiver=mail.to[:MOST_OF_A_LINE],
        subject=mail.subject[:MOST_OF_A_LINE],
        sent_at=shown.moment(mail.sent_at),
    )


def _letter(mail: Mail) -> Letter:
    base = runtime.current().settings.effective_public_url
    html = mail.html[:MOST_CHARACTERS]
    return Letter(
        id=mail.id,
        receiver=mail.to,
        subject=mail.subject,
        text=mail.text[:MOST_CHARACTERS],
        html=_BASE + html if html else "",
        sent_at=shown.moment(mail.sent_at),
        links=_links(mail.text[:MOST_CHARACTERS], base),
    )


def _links(text: str, base: str) -> list[str]:
    own = [found.removeprefix(base) for found in _ADDRESS.findall(text) if found.startswith(base)]
    return [path for path in own if path and local_path(path, "") == path]
