"""Webhooks at a steady rate, whether or not the last is answered yet: what senders really do."""

import asyncio
import time
from urllib.parse import urlsplit

_BODY = b'{"id":1815,"event":"order.created"}'


async def send(url: str, per_second: int, seconds: float, connections: int = 64) -> list[float]:
    """Milliseconds from when each was due until its answer; one that is not 2xx counts as a
    minute.
    """
    parts = urlsplit(url)
    request = (
        f"POST {parts.path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(_BODY)}\r\n\r\n"
    ).encode() + _BODY
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await asyncio.open_connection(parts.hostname, parts.port))
    took: list[float] = []

    async def one(due: float) -> None:
        reader, writer = await free.get()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        await reader.readexactly(length)
        free.put_nowait((reader, writer))
        is_good = head.startswith(b"HTTP/1.1 2")
        took.append((time.perf_counter() - due) * 1000 if is_good else 60_000.0)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(per_second * seconds)):
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    while not free.empty():
        _, writer = free.get_nowait()
        writer.close()
    return took
