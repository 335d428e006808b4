"""The schema: brought to the newest version under a lock, whole or not at all.

Promises: any number of processes may start at once, one of them migrates; a migration that fails
leaves the old schema; a schema from a newer FlowForge is refused, not guessed at.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from alembic import command
from flowforge.errors import Conflict

SCRIPTS = Path(__file__).resolve().parents[2] / "alembic"
# Any number will do that no other program uses on the same database.
ADVISORY_LOCK = 0x466C6F77


async def upgrade(database_url: str, *, revision: str = "head", scripts: Path = SCRIPTS) -> None:
    """Bring the database to ``revision``. A no-op where it is there already.

    Raises: Conflict (code ``schema_too_new``) where a newer release has migrated it.
    """
    await _under_lock(database_url, scripts, lambda config: command.upgrade(config, revision))


async def downgrade(database_url: str, revision: str, *, scripts: Path = SCRIPTS) -> None:
    """Take the database back to ``revision``; ``base`` empties it."""
    await _under_lock(database_url, scripts, lambda config: command.downgrade(config, revision))


async def current_revision(database_url: str) -> str | None:
    """The revision the database is at; None where it is empty."""
    engine = create_async_engine(database_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_revision)
    finally:
        await engine.dispose()


def head_revision(scripts: Path = SCRIPTS) -> str | None:
    return ScriptDirectory.from_config(_config(scripts)).get_current_head()


async def _under_lock(database_url: str, scripts: Path, step: Any) -> None:
    engine = create_async_engine(database_url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    try:
        async with _file_lock(engine), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Released with the transaction, so a killed migration cannot leave it behind.
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK}
                )
            await connection.run_sync(_migrate, scripts, step)
    finally:
        await engine.dispose()


def _migrate(connection: Connection, scripts: Path, step: Any) -> None:
    config = _config(scripts)
    _refuse_newer(connection, config)
    config.attributes["connection"] = connection
    step(config)
    if connection.dialect.name == "sqlite":
        _check_references(connection)


def _refuse_newer(connection: Connection, config: Config) -> None:
    found = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise Conflict(
            f"This database was migrated by a newer FlowForge (schema {found}, unknown here). "
            "Start that release, or restore a backup made before the upgrade.",
            code="schema_too_new",
        )


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _check_references(connection: Connection) -> None:
    """Batch migrations copy whole tables, which SQLite allows only with its checks off."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"the migration breaks references of table {broken[0][0]}")


def _config(scripts: Path) -> Config:
    config = Config()
    # A percent sign in the path would be read as the start of a variable.
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@asynccontextmanager
async def _file_lock(engine: AsyncEngine) -> AsyncIterator[None]:
    """SQLite: the switch to WAL ignores the busy timeout, so newcomers queue before the file."""
    path = make_url(str(engine.url)).database if engine.dialect.name == "sqlite" else None
    if not path or path == ":memory:":
        yield
        return
    lock = await asyncio.to_thread(_wait_for, Path(f"{path}.migrate.lock"))
    try:
        yield
    finally:
        lock.close()


def _wait_for(path: Path) -> TextIOWrapper:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = path.open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _prepare_sqlite(connection: Any, record: object) -> None:
    # The driver would commit before each DDL statement; here all of it is one transaction.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout=60000", "journal_mode=WAL", "foreign_keys=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN EXCLUSIVE")
