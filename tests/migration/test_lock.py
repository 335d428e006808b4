"""Migrations under fire: many at once, one that fails, a database from the future."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from flowforge.errors import Conflict
from flowforge.infra import migrations
from tests import house as building

ENV = (migrations.SCRIPTS / "env.py").read_text()
FIRST = '''"""first"""
from alembic import op
import sqlalchemy as sa
revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("made_first", sa.Column("id", sa.Integer, primary_key=True))
'''
BROKEN = '''"""broken"""
from alembic import op
import sqlalchemy as sa
revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table("made_second", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO made_first (id) VALUES (1)")
    op.execute("INSERT INTO nowhere VALUES (1)")
'''


@pytest.fixture(params=["sqlite", "postgresql"])
async def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The driver's URL of a database without a table."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'deep' / 'empty.db'}"
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "master")
    url = await asyncio.to_thread(building.bare_postgresql, f"lock_{worker}")
    yield url.replace("postgresql://", "postgresql+asyncpg://", 1)
    await asyncio.to_thread(building.drop_postgresql, url)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    made = tmp_path / "100% scripts"
    (made / "versions").mkdir(parents=True)
    (made / "env.py").write_text(ENV)
    (made / "versions" / "0001.py").write_text(FIRST)
    return made


async def _count(url: str, table: str) -> int | None:
    """Rows of ``table``; None where there is no such table."""
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            found = await connection.execute(text(f"SELECT count(*) FROM {table}"))
            return int(found.scalar_one())
    except Exception as problem:
        if "no such table" in str(problem) or "does not exist" in str(problem):
            return None
        raise
    finally:
        await engine.dispose()


async def test_a_migration_that_fails_leaves_the_old_schema(bare_url: str, scripts: Path) -> None:
    await migrations.upgrade(bare_url, scripts=scripts)
    (scripts / "versions" / "0002.py").write_text(BROKEN)
    with pytest.raises(Exception, match="nowhere"):
        await migrations.upgrade(bare_url, scripts=scripts)
    assert await migrations.current_revision(bare_url) == "0001"
    assert await _count(bare_url, "made_first") == 0
    assert await _count(bare_url, "made_second") is None


async def test_after_a_failure_a_mended_migration_goes_through(
    bare_url: str, scripts: Path
) -> None:
    (scripts / "versions" / "0002.py").write_text(BROKEN)
    with pytest.raises(Exception, match="nowhere"):
        await migrations.upgrade(bare_url, scripts=scripts)
    mended = BROKEN.replace('    op.execute("INSERT INTO nowhere VALUES (1)")\n', "")
    # Python would take the compiled file of the same second for this one.
    (scripts / "versions" / "0002.py").unlink()
    (scripts / "versions" / "0002_mended.py").write_text(mended)
    await migrations.upgrade(bare_url, scripts=scripts)
    assert await _count(bare_url, "made_second") == 0


async def test_a_database_from_a_newer_release_is_refused(bare_url: str, scripts: Path) -> None:
    (scripts / "versions" / "0002.py").write_text(
        BROKEN.replace('    op.execute("INSERT INTO nowhere VALUES (1)")\n', "")
    )
    await migrations.upgrade(bare_url, scripts=scripts)
    (scripts / "versions" / "0002.py").unlink()
    with pytest.raises(Conflict, match="newer FlowForge") as refused:
        await migrations.upgrade(bare_url, scripts=scripts)
    assert refused.value.code == "schema_too_new"
    assert await migrations.current_revision(bare_url) == "0002"


async def test_separate_processes_that_start_at_once_are_safe(bare_url: str) -> None:
    code = (
        "import asyncio, sys; from flowforge.infra import migrations; "
        "asyncio.run(migrations.upgrade(sys.argv[1]))"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code, bare_url), stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    answers = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert await migrations.current_revision(bare_url) == migrations.head_revision()
