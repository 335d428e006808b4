"""``house``: a whole FlowForge per test, once on SQLite and once on PostgreSQL.

Settings that differ: ``@pytest.mark.parametrize("changes", [{"signup": "invite"}])``.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import house as building
from tests.house import House


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return building.made_sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    url = building.made_postgresql(os.environ.get("PYTEST_XDIST_WORKER", "master"))
    yield url
    building.drop_postgresql(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database of this run of the test."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with all tables and no rows."""
    if database == "sqlite":
        return building.copied_sqlite(request.getfixturevalue("sqlite_template"), tmp_path)
    url: str = request.getfixturevalue("postgresql_url")
    building.empty_postgresql(url)
    return url


@pytest.fixture
def changes() -> dict[str, Any]:
    """Settings that differ from the usual ones of a test."""
    return {}


@pytest.fixture
async def house(database_url: str, tmp_path: Path, changes: dict[str, Any]) -> AsyncIterator[House]:
    await building.ping_redis()
    async with building.open_house(database_url, tmp_path, **changes) as opened:
        yield opened
