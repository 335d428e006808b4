"""As much of IMAP (RFC 3501) as reading a mailbox takes, over a connection that is given.

Whatever the server sends, a line, a literal and all of it together stay under their limits; nothing
of it is text that could become a command.
"""

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from base64 import b64encode
from collections.abc import Sequence
from ssl import SSLContext
from typing import NamedTuple

LONGEST_LINE = 64 * 1024
MOST_BYTES = 10 * 1024 * 1024
MOST_UIDS = 100_000
_LITERAL = re.compile(rb"\{(\d{1,12})\}$")
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,12})\b")
_CODE = re.compile(rb"\[(UIDVALIDITY|UIDNEXT) (\d{1,10})\]", re.IGNORECASE)


class ImapRefused(Exception):
    """The server said no, or something that is no IMAP. ``is_final``: asking again will not help."""

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


class Folder(NamedTuple):
    """A folder that was opened. UIDs mean something only as long as ``validity`` stays."""

    validity: int
    next_uid: int


class Fetched(NamedTuple):
    """The beginning of a message, and how large all of it is."""

    uid: int
    size: int
    raw: bytes


class _Line(NamedTuple):
    text: bytes
    literals: tuple[bytes, ...]


class ImapClient:
    """One conversation. Raises: ImapRefused, OSError, asyncio.IncompleteReadError."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0
        self._left = MOST_BYTES

    @property
    def bytes_left(self) -> int:
        return self._left

    async def greet(self) -> None:
        line = await self._line()
        if not line.text.upper().startswith((b"* OK", b"* PREAUTH")):
            raise ImapRefused(f"The server is no mail server that lets us in: {_shown(line.text)}")

    async def start_tls(self, context: SSLContext, host: str) -> None:
        await self._command(b"STARTTLS", what="Encryption")
        await self._writer.start_tls(context, server_hostname=host)

    async def log_in(self, user: str, password: str) -> None:
        arguments = [await self._argument(user), await self._argument(password)]
        await self._command(b"LOGIN", *arguments, what="Signing in")

    async def open(self, folder: str) -> Folder:
        """Open for reading: nothing is marked as read."""
        name = await self._argument(encoded_name(folder))
        lines = await self._command(b"EXAMINE", name, what=f"Opening the folder {folder!r}")
        codes = {
            match.group(1).upper(): int(match.group(2))
            for line in lines
            for match in _CODE.finditer(line.text)
        }
        if b"UIDVALIDITY" not in codes:
            raise ImapRefused("The server does not number its messages, so none can be told apart.")
        return Folder(codes[b"UIDVALIDITY"], codes.get(b"UIDNEXT", 0))

    async def uids_from(self, first: int) -> list[int]:
        """Ascending."""
        lines = await self._command(f"UID SEARCH UID {first}:*".encode(), what="Searching")
        found: set[int] = set()
        for line in lines:
            if line.text.upper().startswith(b"* SEARCH"):
                found |= {int(word) for word in line.text[8:].split() if word.isdigit()}
        if len(found) > MOST_UIDS:
            raise ImapRefused(f"The folder has more than {MOST_UIDS:,} messages.", is_final=True)
        # N:* names the last message also where its UID is below N.
        return sorted(uid for uid in found if uid >= first)

    async def fetch(self, uid: int, most: int) -> Fetched | None:
        """The first ``most`` bytes of a message; None where it is gone."""
        command = f"UID FETCH {uid} (UID RFC822.SIZE BODY.PEEK[]<0.{most}>)".encode()
        for line in await self._command(command, what="Fetching a message"):
            named = _UID.search(line.text)
            if b" FETCH " in line.text.upper() and named and int(named.group(1)) == uid:
                raw = line.literals[0] if line.literals else _quoted(line.text)
                size = _SIZE.search(line.text)
                return Fetched(uid, int(size.group(1)) if size else len(raw), raw)
        return None

    async def log_out(self) -> None:
        await self._command(b"LOGOUT", what="Signing out")

    async def _command(self, verb: bytes, *arguments: Sequence[bytes], what: str) -> list[_Line]:
        """What the server says before it is done."""
        self._number += 1
        tag = f"a{self._number}".encode()
        self._writer.write(tag + b" " + verb)
        for argument in arguments:
            self._writer.write(b" ")
            for index, part in enumerate(argument):
                if index:
                    await self._continued(what)
                self._writer.write(part)
        self._writer.write(b"\r\n")
        await self._writer.drain()
        lines: list[_Line] = []
        while True:
            line = await self._line()
            if line.text.startswith(tag + b" "):
                break
            if line.text.upper().startswith(b"* BYE") and verb != b"LOGOUT":
                raise ImapRefused(f"The server hung up: {_shown(line.text[6:])}")
            lines.append(line)
        said = line.text[len(tag) + 1 :]
        if not said.upper().startswith(b"OK"):
            raise ImapRefused(f"{what} was refused: {_shown(said)}", is_final=True)
        return [*lines, line]

    async def _argument(self, text: str) -> Sequence[bytes]:
        """Parts, before each but the first of which the server is waited for."""
        raw = text.encode()
        if text.isascii() and text.isprintable():
            escaped = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            return [b'"' + escaped + b'"']
        return [b"{" + str(len(raw)).encode() + b"}\r\n", raw]

    async def _continued(self, what: str) -> None:
        await self._writer.drain()
        line = await self._line()
        if not line.text.startswith(b"+"):
            raise ImapRefused(f"{what} was refused: {_shown(line.text)}", is_final=True)

    async def _line(self) -> _Line:
        """A line with the literals in it."""
        text = b""
        literals: list[bytes] = []
        while True:
            part = await self._one_line()
            text += part
            if len(text) > LONGEST_LINE:
                raise ImapRefused("The server sent a line without an end.")
            announced = _LITERAL.search(part)
            if announced is None:
                return _Line(text, tuple(literals))
            size = int(announced.group(1))
            self._spend(size)
            literals.append(await self._reader.readexactly(size))

    async def _one_line(self) -> bytes:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise ImapRefused("The server sent a line without an end.") from None
        self._spend(len(line))
        return line.rstrip(b"\r\n")

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            most = MOST_BYTES // 1024 // 1024
            raise ImapRefused(f"The server sent more than {most} MB.")


def encoded_name(folder: str) -> str:
    """The name of a folder in the UTF-7 of IMAP (RFC 3501, 5.1.3): printable ASCII only."""
    out: list[str] = []
    for part in re.split(r"([^\x20-\x7e]+)", folder):
        if not part or (part.isascii() and part.isprintable()):
            out.append(part.replace("&", "&-"))
        else:
            packed = b64encode(part.encode("utf-16-be", errors="replace")).rstrip(b"=").decode()
            out.append(f"&{packed.replace('/', ',')}-")
    return "".join(out)


def _quoted(text: bytes) -> bytes:
    """The body of a short message, which a server may send within quotes."""
    found = re.search(rb'BODY\[\](?:<0>)? "((?:[^"\\]|\\.)*)"', text, re.IGNORECASE)
    return re.sub(rb"\\(.)", rb"\1", found.group(1)) if found else b""


def _shown(said: bytes) -> str:
    text = "".join(c if c.isprintable() else " " for c in said[:200].decode(errors="replace"))
    return " ".join(text.split())
