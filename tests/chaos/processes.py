"""Processes that a test may kill: each in a group of its own, ended with the test."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from redis.asyncio import Redis

from flowforge.infra import embedded
from tests.servers.rude_http import free_port

ROOT = Path(__file__).parents[2]


class Child:
    """A running command and what it has logged."""

    pid: int

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._file = self.log.open("ab")
        self._popen = subprocess.Popen(
            command,
            cwd=folder,
            env={**env},
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._popen.pid

    @property
    def exit_code(self) -> int | None:
        return self._popen.poll()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """To the whole group: a server may have children."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self._popen.wait(10)

    async def ended(self, within_seconds: float) -> int:
        async with asyncio.timeout(within_seconds):
            while (code := self.exit_code) is None:  # noqa: ASYNC110 - it sets no event of ours
                await asyncio.sleep(0.02)
        return code

    async def says(self, *texts: str, within_seconds: float = 20) -> None:
        """Wait until one of ``texts`` is in the log."""
        end = time.monotonic() + within_seconds
        while not any(text in self.said for text in texts):
            assert self.exit_code is None, f"{self.name} has ended:\n{self.said[-3000:]}"
            assert time.monotonic() < end, f"{self.name} never said {texts}:\n{self.said[-3000:]}"
            await asyncio.sleep(0.05)

    def close(self) -> None:
        self.kill()
        self._file.close()


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


class OwnRedis:
    """A Redis that forgets everything when it dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._starts = 0
        self.child: Child | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    async def start(self) -> None:
        server = embedded.executable()
        assert server is not None, "no redis-server on this machine"
        self._starts += 1
        options = ("--port", str(self._port), "--bind", "127.0.0.1", "--save", "")
        self.child = Child(
            f"redis-{self._starts}",
            [server, *options, "--appendonly", "no", "--dir", str(self._folder)],
            self._folder,
            os.environ,
        )
        assert await embedded.wait_until_ready(self.url, 10)

    def kill(self) -> None:
        if self.child is not None:
            self.child.close()
            self.child = None

    async def flush(self) -> None:
        async with Redis.from_url(self.url) as redis:
            await redis.flushall()

    async def listeners(self) -> int:
        """How many workers block on a doorbell right now."""
        async with Redis.from_url(self.url) as redis:
            return sum(one["cmd"] == "blpop" for one in await redis.client_list())
