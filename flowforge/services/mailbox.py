"""Where mail of the house goes: through the transport after the commit, or into the dev mailbox.

Promise: no mail leaves for a transaction that was rolled back, and a mail that cannot be delivered
never undoes what it was about; the log says so and the page offers to send it again.
"""

import asyncio
from collections.abc import Sequence
from html import escape

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.config import Settings
from flowforge.errors import NotFound, Unavailable
from flowforge.infra.db import after_commit
from flowforge.infra.mail import Mailer, MailRefused, Message
from flowforge.infra.runtime import Runtime
from flowforge.models import Mail

MOST_KEPT = 200
WAITS_SECONDS = (0.0, 2.0, 10.0)

log = structlog.get_logger()


def require_configured(settings: Settings) -> None:
    """Raises: Unavailable where no mail could reach anybody."""
    if not settings.has_mail_transport and not settings.shows_dev_mailbox:
        raise Unavailable(
            "Mail is not configured on this server, so no link can be sent. Ask its operator to "
            "set FLOWFORGE_SMTP_URL or FLOWFORGE_RESEND_API_KEY.",
            code="mail_not_configured",
        )


async def post(session: AsyncSession, running: Runtime, message: Message, key: str) -> None:
    """Send ``message`` once ``session`` has committed; ``key`` makes the provider send it once."""
    if not running.settings.has_mail_transport:
        await put(session, message)
        return

    async def send() -> None:
        mailer = Mailer(running.settings)
        running.errands.start(deliver(mailer, message, key), name="account mail")

    after_commit(session, send)


async def deliver(
    mailer: Mailer, message: Message, key: str, *, waits: Sequence[float] = WAITS_SECONDS
) -> None:
    """Try a few times; a refusal for good ends it. Never raises a refusal."""
    for wait in waits:
        await asyncio.sleep(wait)
        try:
            await mailer.send(message, key)
        except MailRefused as problem:
            log.warning("mail not delivered", permanent=problem.permanent, key=key)
            if problem.permanent:
                return
        else:
            return
    log.error("mail given up", key=key)


async def put(session: AsyncSession, message: Message) -> None:
    """Into the dev mailbox, which keeps the newest ``MOST_KEPT``."""
    text, html = message.text, message.html
    if message.attachments:
        # The mailbox is there to be read: of files it only tells.
        names = ", ".join(f"{each.name} ({len(each.data)} bytes)" for each in message.attachments)
        text, html = f"{text}\n\nAttached: {names}", f"{html}<p>Attached: {escape(names)}</p>"
    session.add(Mail(to=message.to, subject=message.subject, text=text, html=html))
    await session.flush()
    kept = select(col(Mail.id)).order_by(col(Mail.id).desc()).limit(MOST_KEPT)
    await session.execute(delete(Mail).where(col(Mail.id).not_in(kept)))


async def newest(session: AsyncSession, settings: Settings) -> Sequence[Mail]:
    """The dev mailbox, newest first.

    Raises: NotFound wherever somebody else could read it.
    """
    if not settings.shows_dev_mailbox:
        raise NotFound("There is nothing at this address.")
    query = select(Mail).order_by(col(Mail.id).desc()).limit(MOST_KEPT)
    return (await session.scalars(query)).all()
