"""The embedded Redis, for real."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from flowforge.config import Settings
from flowforge.infra import embedded
from flowforge.infra.supervisor import Service, Supervisor

pytestmark = pytest.mark.skipif(
    embedded.executable() is None, reason="no redis-server on this machine"
)


async def _written_and_read_again(settings: Settings, logs: Path, value: str | None) -> str:
    plan = embedded.prepare(settings)
    assert plan is not None
    supervisor = Supervisor(logs)
    await supervisor.start(Service("redis", plan.command, is_ground=True))
    try:
        assert await embedded.wait_until_ready(plan.url)
        assert await embedded.running_url(settings) == plan.url
        async with Redis.from_url(plan.url) as redis:
            if value is not None:
                await redis.set("key", value)
            found = await redis.get("key")
        return str(found.decode())
    finally:
        await supervisor.stop()


async def test_it_answers_on_a_socket_and_keeps_what_it_was_told(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data with a space")
    await _written_and_read_again(settings, tmp_path / "logs", "kept")
    assert await _written_and_read_again(settings, tmp_path / "logs", None) == "kept"
    assert await embedded.running_url(settings) is None


async def test_nobody_else_on_the_machine_can_use_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    plan = embedded.prepare(settings)
    assert plan is not None
    supervisor = Supervisor(tmp_path / "logs")
    await supervisor.start(Service("redis", plan.command, is_ground=True))
    try:
        assert await embedded.wait_until_ready(plan.url)
        socket = Path(plan.command[plan.command.index("--unixsocket") + 1])
        mode = (await asyncio.to_thread(socket.stat)).st_mode
        assert mode & 0o077 == 0
        assert plan.command[plan.command.index("--port") + 1] == "0"
    finally:
        await supervisor.stop()


async def test_a_server_that_is_not_there_is_waited_for_no_longer_than_asked() -> None:
    async with asyncio.timeout(5):
        assert not await embedded.wait_until_ready("unix:///nowhere/redis.sock", 0.2)
