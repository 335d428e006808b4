"""A small IMAP server: LOGIN, EXAMINE, UID SEARCH, UID FETCH, LOGOUT; and some that behave badly."""

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext


@dataclass
class ImapServer:
    """``mails`` by UID. ``greeting`` None: says nothing, ever."""

    host: str = "127.0.0.1"
    port: int = 0
    user: str = "ada"
    password: str = "secret word"
    validity: int = 7
    mails: dict[int, bytes] = field(default_factory=dict)
    greeting: bytes | None = b"* OK ready\r\n"
    fetch_answer: bytes | None = None
    commands: list[str] = field(default_factory=list)

    def put(self, subject: str, body: str = "Hello.") -> int:
        uid = max(self.mails, default=0) + 1
        self.mails[uid] = (
            f"From: Bob <bob@example.com>\r\nTo: ada@example.com\r\nSubject: {subject}\r\n"
            f"Message-ID: <{uid}@example.com>\r\nDate: Sat, 01 Aug 2026 10:00:00 +0200\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
        ).encode()
        return uid

    async def talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self.greeting is None:
            await reader.read()
            return
        writer.write(self.greeting)
        while line := await _command(reader, writer):
            tag, _, rest = line.partition(" ")
            self.commands.append(rest)
            writer.write(self._answer(tag, rest))
            await writer.drain()
            if rest == "LOGOUT":
                return

    def _answer(self, tag: str, command: str) -> bytes:
        match command.split(" ", 2):
            case ["LOGIN", *_]:
                good = command == f'LOGIN "{self.user}" "{self.password}"'
                said = "OK in" if good else "NO [AUTHENTICATIONFAILED] Invalid credentials"
                answer = f"{tag} {said}\r\n".encode()
            case ["EXAMINE", *_] if command != 'EXAMINE "INBOX"':
                answer = f"{tag} NO no such folder\r\n".encode()
            case ["EXAMINE", *_]:
                answer = (
                    f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] ok\r\n"
                    f"* OK [UIDNEXT {max(self.mails, default=0) + 1}] next\r\n"
                    f"{tag} OK [READ-ONLY] done\r\n"
                ).encode()
            case ["UID", "SEARCH", what]:
                first = int(re.findall(r"\d+", what)[0])
                # N:* always names the last one.
                named = {uid for uid in self.mails if uid >= first} | {max(self.mails, default=0)}
                uids = " ".join(str(uid) for uid in sorted(named - {0}))
                answer = f"* SEARCH {uids}\r\n{tag} OK done\r\n".encode()
            case ["UID", "FETCH", what]:
                answer = self.fetch_answer or self._fetched(tag, what)
            case ["LOGOUT"]:
                answer = f"* BYE bye\r\n{tag} OK out\r\n".encode()
            case _:
                answer = f"{tag} BAD what\r\n".encode()
        return answer

    def _fetched(self, tag: str, what: str) -> bytes:
        uid = int(what.split(maxsplit=1)[0])
        raw = self.mails.get(uid)
        if raw is None:
            return f"{tag} OK gone\r\n".encode()
        cut = raw[: int(re.findall(r"<0\.(\d+)>", what)[0])]
        head = f"* 1 FETCH (UID {uid} RFC822.SIZE {len(raw)} BODY[]<0> {{{len(cut)}}}\r\n"
        return head.encode() + cut + f")\r\n{tag} OK done\r\n".encode()


async def _command(reader: StreamReader, writer: StreamWriter) -> str:
    """A whole command; its literals are put in quotes."""
    text = ""
    while True:
        text += (await reader.readline()).decode().removesuffix("\r\n")
        if not (literal := re.search(r"\{(\d+)\}$", text)):
            return text
        writer.write(b"+ go on\r\n")
        told = (await reader.readexactly(int(literal.group(1)))).decode()
        text = f'{text[: literal.start()]}"{told}"'


@asynccontextmanager
async def running_imap(tls: SSLContext | None = None) -> AsyncIterator[ImapServer]:
    known = ImapServer()
    server = await asyncio.start_server(known.talk, "127.0.0.1", 0, ssl=tls)
    known.port = server.sockets[0].getsockname()[1]
    try:
        yield known
    finally:
        server.close()
