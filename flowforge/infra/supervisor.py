"""Keeps child processes alive: a log and a pid file each, restart with backoff, a graceful end.

Promises: a crashed child is back within seconds, and never in a hot loop; SIGTERM reaches every
child and each gets its time to finish; a pid file exists exactly as long as its process.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

log = structlog.get_logger()

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
# A child that lived this long was healthy: its next crash starts the backoff anew.
HEALTHY_SECONDS = 60.0
LOG_LIMIT_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class Service:
    """One child. ``is_ground`` services (Redis) are stopped after those that stand on them."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 20.0
    is_ground: bool = False


def wait_seconds(crashes: int) -> float:
    """Seconds before restart number ``crashes`` (1-based): 0.5 doubled each time, at most 30.

    0.5, 1, 2, …; anything below 1 counts as 1.
    """
    return min(FIRST_WAIT_SECONDS * 2.0 ** min(max(crashes, 1) - 1, 16), LONGEST_WAIT_SECONDS)


class Supervisor:
    """The children of one process; ``logs`` is where their logs and pid files are."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.crashes: dict[str, int] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, tuple[Service, asyncio.Task[None]]] = {}
        self._is_stopping = False
        logs.mkdir(parents=True, exist_ok=True)

    async def start(self, service: Service) -> None:
        """Start it once, then keep it running until ``stop``."""
        process = await self._spawn(service)
        self._keepers[service.name] = (service, asyncio.create_task(self._keep(service, process)))

    async def run(self, service: Service) -> int:
        """Run it to its end. Returns its exit code."""
        process = await self._spawn(service)
        try:
            return await process.wait()
        finally:
            self._forget(service)

    async def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that overrun their time; the ground goes last."""
        self._is_stopping = True
        services = [service for service, _ in self._keepers.values()]
        for is_ground in (False, True):
            await asyncio.gather(
                *(self._end(service) for service in services if service.is_ground is is_ground)
            )

    async def _keep(self, service: Service, process: asyncio.subprocess.Process) -> None:
        loop = asyncio.get_running_loop()
        crashes = 0
        while True:
            started = loop.time()
            code = await process.wait()
            if self._is_stopping:
                return
            crashes = 1 if loop.time() - started > HEALTHY_SECONDS else crashes + 1
            self.crashes[service.name] = crashes
            wait = wait_seconds(crashes)
            log.warning("service ended", service=service.name, code=code, restart_in_seconds=wait)
            await asyncio.sleep(wait)
            process = await self._spawn(service)

    async def _spawn(self, service: Service) -> asyncio.subprocess.Process:
        path = self.logs / f"{service.name}.log"
        with suppress(FileNotFoundError):
            if path.stat().st_size > LOG_LIMIT_BYTES:
                path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *service.command,
                env={**os.environ, **service.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Its own group: Ctrl-C reaches the supervisor only, which ends them in order.
                start_new_session=True,
            )
        self._processes[service.name] = process
        self._pid_file(service).write_text(f"{process.pid}\n")
        log.info("service started", service=service.name, pid=process.pid)
        return process

    async def _end(self, service: Service) -> None:
        process = self._processes[service.name]
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(service.stop_seconds):
                    await process.wait()
            except TimeoutError:
                log.warning("service had to be killed", service=service.name)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        _, keeper = self._keepers[service.name]
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        self._forget(service)

    def _forget(self, service: Service) -> None:
        self._pid_file(service).unlink(missing_ok=True)

    def _pid_file(self, service: Service) -> Path:
        return self.logs / f"{service.name}.pid"
