"""The schema: migrations and models agree, and every step has a way back, on both databases."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlmodel
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import create_async_engine

import flowforge.models  # noqa: F401 - registers the tables
from flowforge.infra import migrations
from tests import house as building

Answer = TypeVar("Answer")


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The driver's URL of a database without a table."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "master")
    url = await asyncio.to_thread(building.bare_postgresql, f"schema_{worker}")
    yield url.replace("postgresql://", "postgresql+asyncpg://", 1)
    await asyncio.to_thread(building.drop_postgresql, url)


async def test_up_down_and_up_again_ends_where_the_models_are(empty_url: str) -> None:
    await migrations.upgrade(empty_url)
    first = await _tables(empty_url)
    assert set(sqlmodel.SQLModel.metadata.tables) <= first
    assert await _differences(empty_url) == []

    await migrations.downgrade(empty_url, "base")
    assert await _tables(empty_url) <= {"alembic_version"}

    await migrations.upgrade(empty_url)
    assert await _tables(empty_url) == first
    assert await _differences(empty_url) == []


async def test_every_revision_has_a_way_back(empty_url: str) -> None:
    script = ScriptDirectory(str(migrations.SCRIPTS))
    for revision in reversed(list(script.walk_revisions())):
        await migrations.upgrade(empty_url, revision=revision.revision)
        await migrations.downgrade(empty_url, str(revision.down_revision or "base"))
        await migrations.upgrade(empty_url, revision=revision.revision)
    assert await migrations.current_revision(empty_url) == migrations.head_revision()


async def test_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    await asyncio.gather(*(migrations.upgrade(empty_url) for _ in range(4)))
    assert await _differences(empty_url) == []


async def _tables(url: str) -> set[str]:
    def names(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names())

    return await _asked(url, names)


async def _differences(url: str) -> list[object]:
    """What Alembic would write into a new migration."""

    def found(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, sqlmodel.SQLModel.metadata)
        return [each for each in differences if not _is_for_the_release_before(each)]

    return await _asked(url, found)


def _is_for_the_release_before(difference: Any) -> bool:
    """``outbox.rank_at`` has a default on PostgreSQL alone, for processes that do not know it yet;
    SQLite cannot add such a column, and there the sweep fills it in.
    """
    first = difference[0]
    return bool(first[0] == "modify_default" and first[2:4] == ("outbox", "rank_at"))


async def _asked(url: str, question: Callable[[Connection], Answer]) -> Answer:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        answer = await connection.run_sync(question)
    await engine.dispose()
    return answer
