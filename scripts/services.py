"""What test.sh asks about servers: ``postgresql`` and ``redis`` by exit code, ``start-redis DIR``."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg

from flowforge.infra import embedded

POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")


async def has_postgresql() -> bool:
    try:
        connection = await asyncpg.connect(f"{POSTGRESQL.rstrip('/')}/postgres", timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


async def start_redis(directory: Path) -> str | None:
    """The address of a Redis that keeps nothing; its pid is in ``directory``."""
    server = embedded.executable()
    if server is None:
        return None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own arguments; starting is instant
        [server, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    (directory / "redis.pid").write_text(str(process.pid))
    address = f"redis://127.0.0.1:{port}/15"
    return address if await embedded.wait_until_ready(address) else None


def main(question: str, *more: str) -> int:
    match question:
        case "postgresql":
            return 0 if asyncio.run(has_postgresql()) else 1
        case "redis":
            return 0 if asyncio.run(embedded.answers(REDIS)) else 1
        case _:
            address = asyncio.run(start_redis(Path(more[0])))
            print(address or "")
            return 0 if address else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
