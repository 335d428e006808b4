"""Real child processes under the supervisor."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from flowforge.infra import pids
from flowforge.infra.supervisor import Service, Supervisor

WAITS = "import time; print('here', flush=True); time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('here', flush=True); time.sleep(60)"
)


def _python(name: str, code: str, stop_seconds: float = 20.0) -> Service:
    return Service(name, (sys.executable, "-c", code), stop_seconds=stop_seconds)


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    made = Supervisor(tmp_path / "logs")
    yield made
    await made.stop()


async def _eventually(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - files tell nobody that they have changed
            await asyncio.sleep(0.02)


def _pid(supervisor: Supervisor, name: str) -> int:
    path = supervisor.logs / f"{name}.pid"
    return int(path.read_text()) if path.exists() and path.read_text() else 0


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_each_service_has_a_log_and_a_pid(supervisor: Supervisor) -> None:
    await supervisor.start(_python("worker", WAITS))
    assert _is_alive(_pid(supervisor, "worker"))
    await _eventually(lambda: "here" in (supervisor.logs / "worker.log").read_text())


async def test_a_killed_service_comes_back_under_a_new_pid(supervisor: Supervisor) -> None:
    await supervisor.start(_python("worker", WAITS))
    first = _pid(supervisor, "worker")
    os.kill(first, 9)
    await _eventually(lambda: _pid(supervisor, "worker") not in {0, first})
    assert _is_alive(_pid(supervisor, "worker"))
    assert supervisor.crashes == {"worker": 1}


async def test_stop_ends_every_service_and_removes_its_pid(supervisor: Supervisor) -> None:
    await supervisor.start(_python("web", WAITS))
    await supervisor.start(_python("worker", WAITS))
    numbers = [_pid(supervisor, "web"), _pid(supervisor, "worker")]
    await supervisor.stop()
    assert not any(_is_alive(number) for number in numbers)
    assert list(supervisor.logs.glob("*.pid")) == []


async def test_a_service_that_does_not_listen_is_killed_in_the_end(supervisor: Supervisor) -> None:
    await supervisor.start(_python("worker", STUBBORN, stop_seconds=0.3))
    number = _pid(supervisor, "worker")
    await _eventually(lambda: "here" in (supervisor.logs / "worker.log").read_text())
    await supervisor.stop()
    assert not _is_alive(number)


async def test_stop_during_the_wait_before_a_restart_starts_nothing(supervisor: Supervisor) -> None:
    await supervisor.start(_python("worker", "raise SystemExit(3)"))
    await _eventually(lambda: supervisor.crashes.get("worker") == 1)
    await supervisor.stop()
    await asyncio.sleep(0.7)
    assert supervisor.crashes == {"worker": 1}
    assert list(supervisor.logs.glob("*.pid")) == []


async def test_a_task_that_ends_tells_its_code(supervisor: Supervisor) -> None:
    assert await supervisor.run(_python("migrate", "raise SystemExit(4)")) == 4
    assert await supervisor.run(_python("migrate", "")) == 0


async def test_a_pid_of_somebody_else_is_nobody(supervisor: Supervisor) -> None:
    (supervisor.logs / "web.pid").write_text("1\n")
    assert pids.recorded(supervisor.logs, "web") is None
    (supervisor.logs / "web.pid").write_text("not a number")
    assert pids.recorded(supervisor.logs, "web") is None
