"""Outgoing mail: Resend, SMTP, or the local mailbox where neither is set.

A mail that `Mailer.send` returned for was taken by the transport; every other end is a
`MailRefused` that says whether trying again can help. No text can add a header or a receiver.
"""

import asyncio
import base64
import hashlib
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import resend
from resend.exceptions import ResendError

from flowforge.config import Settings
from flowforge.infra.failpoints import reach

TIMEOUT_SECONDS = 30.0
LONGEST_RESEND_KEY = 256
LONGEST_WAIT_SECONDS = 86_400
SERVER_ERRORS = 500
# Their content is not bytes to a mail.
_HOLDS_OTHERS = frozenset({"multipart", "message"})
_SLOWEST_BYTES_PER_SECOND = 200_000
# Answers of Resend that a later try may turn: time-outs, conflicts with our own twin, limits.
RESEND_TRY_LATER = frozenset({408, 425, 429})


class Attached(Protocol):
    """A file that goes along."""

    @property
    def name(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def data(self) -> bytes: ...


class MailLike(Protocol):
    """One mail to one receiver: what any floor may hand to `Mailer.send`."""

    @property
    def to(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def html(self) -> str: ...
    @property
    def attachments(self) -> Sequence[Attached]: ...


@dataclass(frozen=True)
class Message:
    """One mail to one receiver, the text and the same as HTML, what is attached."""

    to: str
    subject: str
    text: str
    html: str
    attachments: tuple[Attached, ...] = ()


class MailRefused(Exception):
    """The transport did not take the mail.

    ``permanent``: trying again cannot help. ``uncertain``: the connection broke after the mail may
    have been handed over, so a second try may deliver it twice. ``retry_after`` is the wait the
    transport asked for.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool,
        uncertain: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.uncertain = uncertain
        self.retry_after = retry_after


Transport = Callable[[Message, str], Awaitable[str]]


class Mailer:
    """Sends through the transport that the settings name.

    ``deliver(message, idempotency_key) -> id`` is the local mailbox; it is used only where
    neither Resend nor SMTP is set.
    """

    def __init__(self, settings: Settings, deliver: Transport | None = None) -> None:
        self._transport = _transport(settings) or deliver

    @property
    def refused(self) -> type[MailRefused]:
        """What `send` raises, for callers that may not import this floor."""
        return MailRefused

    async def send(self, message: MailLike, idempotency_key: str) -> str:
        """The transport's id of the mail. The same key again is the same mail.

        Raises: MailRefused.
        """
        if self._transport is None:
            raise MailRefused(
                "This FlowForge cannot send mail: set FLOWFORGE_RESEND_API_KEY or "
                "FLOWFORGE_SMTP_URL.",
                permanent=True,
            )
        reach("mail.before_send")
        taken = await self._transport(_clean(message), idempotency_key)
        reach("mail.after_send")
        return taken


def _transport(settings: Settings) -> Transport | None:
    sender = settings.mail_from
    if key := settings.resend_api_key.get_secret_value():
        return _Resend(key, settings.resend_api_url, sender)
    if url := settings.smtp_url.get_secret_value():
        return _Smtp(url, sender)
    return None


def _clean(message: MailLike) -> Message:
    lines = [("receiver", message.to), ("subject", message.subject)]
    lines += [("name of an attachment", each.name) for each in message.attachments]
    for name, line in lines:
        if not line.isprintable():
            raise MailRefused(
                f"The {name} has a line break or another control character.", permanent=True
            )
    if not re.fullmatch(r"[^\s,;<>@]+@[^\s,;<>@]+", message.to):
        raise MailRefused("The receiver must be one address.", permanent=True)
    # Half of a surrogate pair cannot be encoded; such text comes from broken payloads.
    text, html = (part.encode("utf-8", "replace").decode() for part in (message.text, message.html))
    return Message(message.to, message.subject, text, html, tuple(message.attachments))


@dataclass(frozen=True)
class _Resend:
    key: str
    url: str
    sender: str

    async def __call__(self, message: Message, idempotency_key: str) -> str:
        letter: resend.Emails.SendParams = {
            "from": self.sender,
            "to": [message.to],
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
        }
        if message.attachments:
            letter["attachments"] = await asyncio.to_thread(_encoded, message.attachments)
        # The package keeps key and address in module globals. It reads both before it first
        # waits, so setting them here cannot mix up two mails of one process.
        resend.api_key, resend.api_url = self.key, self.url
        if len(idempotency_key) > LONGEST_RESEND_KEY:
            idempotency_key = _digest(idempotency_key)
        try:
            answer = await resend.Emails.send_async(letter, {"idempotency_key": idempotency_key})
            return str(answer["id"])
        except (KeyError, TypeError) as problem:
            raise MailRefused(
                "Resend's answer cannot be read; the mail is tried again under the same key.",
                permanent=False,
            ) from problem
        except ResendError as problem:
            raise _resend_refusal(problem) from problem


def _encoded(attachments: Sequence[Attached]) -> list[resend.Attachment | resend.RemoteAttachment]:
    return [
        {
            "filename": each.name,
            "content_type": each.content_type,
            "content": base64.b64encode(each.data).decode(),
        }
        for each in attachments
    ]


def _resend_refusal(problem: ResendError) -> MailRefused:
    if problem.error_type == "HttpClientError":
        # The same idempotency key makes a second try harmless even if the first one arrived.
        return MailRefused("Resend cannot be reached or does not answer.", permanent=False)
    code = int(problem.code) if str(problem.code).isdecimal() else SERVER_ERRORS
    temporary = (
        code in RESEND_TRY_LATER
        or code >= SERVER_ERRORS
        or problem.error_type == "concurrent_idempotent_requests"
    )
    return MailRefused(
        f"Resend refused the mail with status {code}: {_one_line(problem.message)}",
        permanent=not temporary,
        retry_after=_wait(problem.headers),
    )


def _wait(headers: Mapping[str, str]) -> timedelta | None:
    asked = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    if not re.fullmatch(r"[0-9]{1,9}", asked):
        return None
    return timedelta(seconds=min(int(asked), LONGEST_WAIT_SECONDS))


@dataclass(frozen=True)
class _Smtp:
    url: str
    sender: str

    async def __call__(self, message: Message, idempotency_key: str) -> str:
        server, size = urlsplit(self.url), sum(len(each.data) for each in message.attachments)
        mail = await asyncio.to_thread(_mime, message, self.sender, idempotency_key)
        try:
            await aiosmtplib.send(
                mail,
                sender=parseaddr(self.sender)[1],
                recipients=[message.to],
                hostname=server.hostname,
                port=server.port,
                username=unquote(server.username) if server.username else None,
                password=unquote(server.password) if server.password else None,
                use_tls=server.scheme == "smtps",
                # Named here because the library would ask DNS for it, and block meanwhile.
                local_hostname=socket.gethostname(),
                timeout=TIMEOUT_SECONDS + size / _SLOWEST_BYTES_PER_SECOND,
            )
        except (aiosmtplib.SMTPException, OSError, UnicodeError) as problem:
            raise _smtp_refusal(problem) from problem
        return str(mail["Message-ID"])


def _mime(message: Message, sender: str, idempotency_key: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = message.to
    mail["Subject"] = message.subject
    mail["Date"] = formatdate()
    # Equal over attempts: a mail that is delivered twice is one mail to most mail readers.
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    mail["Message-ID"] = f"<{_digest(idempotency_key)}@{domain}>"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    for each in message.attachments:
        main, _, sub = each.content_type.partition("/")
        if main in _HOLDS_OTHERS or not sub:
            main, sub = "application", "octet-stream"
        mail.add_attachment(each.data, maintype=main, subtype=sub, filename=each.name)
    return mail


def _smtp_refusal(problem: Exception) -> MailRefused:
    match problem:
        case aiosmtplib.SMTPRecipientsRefused(recipients=[first, *_]):
            return _smtp_refusal(first)
        case aiosmtplib.SMTPResponseException(code=code, message=said):
            return MailRefused(
                f"The mail server refused the mail with code {code}: {_one_line(said)}",
                permanent=code >= SERVER_ERRORS,
            )
        case aiosmtplib.SMTPConnectError():
            return MailRefused("The mail server cannot be reached.", permanent=False)
        case aiosmtplib.SMTPNotSupported() | UnicodeError():
            return MailRefused(
                f"The mail server cannot take this mail: {_one_line(str(problem))}",
                permanent=True,
            )
    return MailRefused(
        "The mail server stopped answering; the mail may have been taken or not.",
        permanent=False,
        uncertain=True,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
