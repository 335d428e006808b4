"""An outside service that honours idempotency keys, and can be told to behave badly.

It runs on an event loop in a thread of its own, so that neither the test's loop nor its pauses
change what callers see. Each complete request is one line of its book; a repeated key changes
nothing outside.
"""

import asyncio
import hashlib
import json
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

Manner = Literal["ok", "error", "busy", "headers", "drip", "reset", "silent", "endless", "large"]

LARGE_BYTES = 1024 * 1024
DRIP_SECONDS = 0.2
RETRY_AFTER_SECONDS = 1
# A lingering socket that may not linger: its close is a reset.
_NO_LINGER = struct.pack("ii", 1, 0)
_ANSWERS: dict[str, tuple[int, bytes, str]] = {
    "ok": (200, b'{"ok": true}', ""),
    "large": (200, json.dumps({"text": "x" * LARGE_BYTES}).encode(), ""),
    "error": (500, b'{"ok": false}', ""),
    "busy": (429, b'{"ok": false}', f"Retry-After: {RETRY_AFTER_SECONDS}\r\n"),
}


class Hang:
    """One request that is kept waiting."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.released = threading.Event()


@dataclass(frozen=True, slots=True)
class Call:
    """One complete request. ``took_effect``: the first of its key that was not refused."""

    at: float
    name: str
    key: str
    digest: str
    manner: str
    took_effect: bool


@dataclass
class Book:
    """What reached the sink; with ``file``, also as a line each, as a service would keep it."""

    calls: list[Call] = field(default_factory=list)
    effects: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    applied: dict[str, Call] = field(default_factory=dict)
    file: TextIO | None = None

    def enter(self, name: str, key: str, body: bytes, manner: Manner) -> None:
        self.effects[key].append(body)
        is_refused = manner in {"error", "busy"}
        digest = hashlib.sha256(body).hexdigest()[:16]
        takes_effect = not is_refused and key not in self.applied
        call = Call(time.time(), name, key, digest, manner, takes_effect)
        self.calls.append(call)
        if takes_effect:
            self.applied[key] = call
        if self.file is not None:
            run, _, path = key.partition(":")
            number = len(self.effects[key])
            line = {"at": call.at, "key": key, "run": run, "path": path, "name": name}
            line |= {"arrival": number, "hash": digest, "effect": takes_effect, "manner": manner}
            self.file.write(json.dumps(line) + "\n")


class Sink:
    """``effects``: idempotency key -> the bodies that came under it, in order."""

    def __init__(self, book: Path | None = None) -> None:
        self.book = Book(file=book.open("w") if book is not None else None)
        self.delay_seconds = 0.0
        self._manners: dict[str, Manner] = {}
        self._hanging: dict[str, Hang] = {}
        self._hangs: list[Hang] = []
        self._loop = asyncio.new_event_loop()
        self._talks: set[asyncio.Task[None]] = set()
        self.connections: set[asyncio.Transport] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server, self._port = self._soon(self._open()).result(10)

    @property
    def effects(self) -> dict[str, list[bytes]]:
        return self.book.effects

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._port}/{name}"

    def behave(self, name: str, manner: Manner) -> None:
        """How requests to ``name``, and to all below it, are answered from now on."""
        self._manners[name] = manner

    def hang_once(self, name: str) -> Hang:
        """The next request to ``name`` is answered only when the hang is released."""
        hang = Hang()
        self._hanging[name] = hang
        self._hangs.append(hang)
        return hang

    def close(self) -> None:
        for hang in self._hangs:
            hang.released.set()
        self._soon(self._close()).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        if self.book.file is not None:
            self.book.file.close()

    def _soon(self, work: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self) -> tuple[asyncio.Server, int]:
        server = await asyncio.get_running_loop().create_server(
            lambda: _Talk(self), "127.0.0.1", 0, backlog=1000
        )
        port: int = server.sockets[0].getsockname()[1]
        return server, port

    async def _close(self) -> None:
        self._server.close()
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        for transport in list(self.connections):
            transport.abort()
        while self.connections:  # noqa: ASYNC110 - what closes them sets no event
            await asyncio.sleep(0)

    def _manner(self, name: str) -> Manner:
        first = name.partition("/")[0]
        return self._manners.get(name, self._manners.get(first, "ok"))

    def taken(self, name: str, key: str, body: bytes, answer: Callable[[Manner], None]) -> None:
        """A request is complete: book it, then answer, now or later."""
        manner = self._manner(name)
        self.book.enter(name, key, body, manner)
        hang = self._hanging.pop(name, None)
        if hang is None and not self.delay_seconds:
            answer(manner)
            return
        self.keep(self._later(hang, answer, manner))

    def keep(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)

    async def _later(
        self, hang: Hang | None, answer: Callable[[Manner], None], manner: Manner
    ) -> None:
        if hang is not None:
            hang.arrived.set()
            while not hang.released.is_set():  # noqa: ASYNC110 - it is set by another thread
                await asyncio.sleep(0.01)
        await asyncio.sleep(self.delay_seconds)
        answer(manner)


class _Talk(asyncio.Protocol):
    """One connection: requests with a Content-Length, one after the other."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._received = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._sink.connections.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sink.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        lines = bytes(head).decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        del self._received[: len(head) + 4 + length]
        name = lines[0].split(" ")[1].strip("/")
        self._sink.taken(
            name, headers.get("idempotency-key", ""), bytes(rest[:length]), self._answer
        )

    def _answer(self, manner: Manner) -> None:
        if self._transport.is_closing():
            return  # the caller was killed meanwhile
        if manner in _ANSWERS:
            self._send(*_ANSWERS[manner])
            return
        match manner:
            case "reset":
                plain = self._transport.get_extra_info("socket")
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                self._transport.abort()
            case "headers":
                self._sink.keep(self._trickle(b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n"))
            case "drip":
                start = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
                self._sink.keep(self._trickle(start, b"x"))
            case "endless":
                self._sink.keep(self._flood())

    def _send(self, status: int, body: bytes, more: str) -> None:
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{more}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)

    async def _trickle(self, start: bytes, drop: bytes) -> None:
        """Something comes often enough that no time limit of one read is ever reached."""
        self._transport.write(start)
        while not self._transport.is_closing():
            self._transport.write(drop)
            await asyncio.sleep(DRIP_SECONDS)

    async def _flood(self) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        while not self._transport.is_closing():
            if self._transport.get_write_buffer_size() < len(chunk) * 4:
                self._transport.write(chunk)
            await asyncio.sleep(0.002)
