"""New mail in a mailbox, over IMAP."""

import asyncio
import email
import ssl
from collections.abc import Mapping
from contextlib import suppress
from email import policy
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any, Literal

from pydantic import Field

from flowforge.actions.imap_client import Fetched, Folder, ImapClient, ImapRefused
from flowforge.actions.sdk import (
    App,
    FatalError,
    Filled,
    FilledSecret,
    Inputs,
    Item,
    Output,
    Poll,
    PollContext,
    RetryableError,
    excerpt,
    moment_of,
    poller,
)

IMAP = App("imap", "Mailbox (IMAP)", icon="/icons/trigger-imap.svg")
MOST_PER_MESSAGE = 512 * 1024
MOST_MESSAGES = 100
SAMPLES = 5
# How far back samples are looked for.
RECENT = 50
LOG_OUT_SECONDS = 2.0
# What the standard library's parser is known to raise for damaged mail.
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError, RecursionError, AssertionError)


class Mailbox(Inputs):
    host: Filled = Field(
        title="Server",
        max_length=255,
        json_schema_extra={"placeholder": "imap.example.com"},
    )
    port: int = Field(default=993, ge=1, le=65_535, title="Port")
    security: Literal["tls", "starttls", "none"] = Field(
        default="tls", title="Encryption", description="Without it the password is sent openly."
    )
    user: Filled = Field(title="User", max_length=320)
    password: FilledSecret = Field(
        title="Password",
        description="Many services want an app password here.",
        json_schema_extra={"widget": "secret", "secret": True},
    )
    folder: Filled = Field(default="INBOX", title="Folder", max_length=500)


class Mail(Output):
    """Of a large message only the beginning is read: ``is_cut`` says so."""

    id: str = Field(title="Message id")
    uid: int = Field(title="Number in the folder")
    subject: str = Field(title="Subject")
    sender: str = Field(title="From")
    to: tuple[str, ...] = Field(title="To")
    cc: tuple[str, ...] = Field(title="Copy to")
    date: str | None = Field(title="Date")
    text: str = Field(title="Text")
    html: str = Field(title="HTML")
    attachments: tuple[str, ...] = Field(title="Names of attachments")
    size: int = Field(title="Size in bytes")
    is_cut: bool = Field(title="Cut off")


@poller(
    "imap",
    name="Mailbox: new mail",
    app=IMAP,
    place=("host", "port", "user", "folder"),
    item=Mail,
)
async def new_mail(
    ctx: PollContext[None], inputs: Mailbox, cursor: Mapping[str, Any] | None
) -> Poll:
    """Starts a run for every new mail in a folder. Nothing is marked as read."""
    reader, writer = await ctx.dial(inputs.host, inputs.port, tls=inputs.security == "tls")
    client = ImapClient(reader, writer)
    try:
        folder = await _opened(ctx, client, inputs)
        return await _look(client, folder, cursor)
    except ImapRefused as problem:
        kind = FatalError if problem.is_final else RetryableError
        raise kind(str(problem)) from problem
    except ssl.SSLError as problem:
        raise FatalError(
            f"{inputs.host} and we could not agree on encryption: {problem.reason}."
        ) from problem
    except (OSError, asyncio.IncompleteReadError) as problem:
        raise RetryableError(f"The connection to {inputs.host} broke.") from problem
    finally:
        await _leave(client)
        writer.close()


async def _opened(ctx: PollContext[None], client: ImapClient, inputs: Mailbox) -> Folder:
    await client.greet()
    if inputs.security == "starttls":
        await client.start_tls(ctx.trust, inputs.host)
    await client.log_in(inputs.user, inputs.password.get_secret_value())
    return await client.open(inputs.folder)


async def _look(client: ImapClient, folder: Folder, cursor: Mapping[str, Any] | None) -> Poll:
    if cursor is None:
        next_uid = await _next_uid(client, folder)
        uids = await client.uids_from(max(1, next_uid - RECENT))
        found, _ = await _fetch(client, folder, uids[-SAMPLES:])
        return Poll(found, _position(folder, next_uid))
    if cursor.get("validity") != folder.validity:
        position = _position(folder, await _next_uid(client, folder))
        return Poll([], position, note="The server numbered its mail anew: a first look again.")
    start = int(cursor["next"])
    uids = await client.uids_from(start)
    found, looked_at = await _fetch(client, folder, uids[:MOST_MESSAGES])
    after = uids[looked_at - 1] + 1 if looked_at else start
    return Poll(found, _position(folder, after), more=looked_at < len(uids))


def _position(folder: Folder, next_uid: int) -> dict[str, Any]:
    return {"validity": folder.validity, "next": next_uid}


async def _next_uid(client: ImapClient, folder: Folder) -> int:
    if folder.next_uid:
        return folder.next_uid
    uids = await client.uids_from(1)
    return uids[-1] + 1 if uids else 1


async def _fetch(client: ImapClient, folder: Folder, uids: list[int]) -> tuple[list[Item], int]:
    """Messages, and how many of ``uids`` were looked at: as many as the limits allow."""
    found: list[Item] = []
    for number, uid in enumerate(uids):
        if number and client.bytes_left < 2 * MOST_PER_MESSAGE:
            return found, number
        fetched = await client.fetch(uid, MOST_PER_MESSAGE)
        if fetched is not None:
            mail = await asyncio.to_thread(_mail, fetched)
            found.append(Item(f"{folder.validity}.{uid}", mail.model_dump(mode="json")))
    return found, len(uids)


async def _leave(client: ImapClient) -> None:
    with suppress(ImapRefused, OSError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(LOG_OUT_SECONDS):
            await client.log_out()


def _mail(fetched: Fetched) -> Mail:
    try:
        message = email.message_from_bytes(fetched.raw, policy=policy.default)
        text, html, attachments = _parts(message)
    except _DAMAGED:
        message, text, html, attachments = EmailMessage(), fetched.raw.decode("latin-1"), "", ()
    date = moment_of(_header(message, "date"))
    return Mail(
        id=_header(message, "message-id"),
        uid=fetched.uid,
        subject=_header(message, "subject"),
        sender=_header(message, "from"),
        to=_addresses(message, "to"),
        cc=_addresses(message, "cc"),
        date=date.isoformat() if date else None,
        text=text,
        html=html,
        attachments=attachments,
        size=fetched.size,
        is_cut=fetched.size > len(fetched.raw),
    )


def _parts(message: EmailMessage) -> tuple[str, str, tuple[str, ...]]:
    plain = message.get_body(("plain",))
    rich = message.get_body(("html",))
    names = (part.get_filename() for part in message.iter_attachments())
    return (
        _content(plain) if plain else "",
        _content(rich) if rich else "",
        tuple(excerpt(name or "without a name") for name in names),
    )


def _content(part: Any) -> str:
    found = part.get_content()
    return found.replace("\r\n", "\n") if isinstance(found, str) else ""


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except _DAMAGED:
        return ""


def _addresses(message: EmailMessage, name: str) -> tuple[str, ...]:
    try:
        said = [str(value) for value in message.get_all(name, [])]
        return tuple(address for _, address in getaddresses(said) if address)
    except _DAMAGED:
        return ()
