"""``site``: a database, a Redis and a sink of this test's own, and processes it may kill."""

import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import house as building
from tests.chaos.nursery import Nursery
from tests.chaos.processes import OwnRedis
from tests.chaos.sink import Sink
from tests.chaos.site import Site
from tests.chaos.witness import watch


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(database: str, tmp_path: Path) -> Iterator[str]:
    if database == "sqlite":
        yield building.copied_sqlite(building.made_sqlite(tmp_path), tmp_path)
        return
    url = building.made_postgresql("chaos")
    yield url
    building.drop_postgresql(url)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def has_redis() -> bool:
    return True


@pytest.fixture
async def site(
    database_url: str, tmp_path: Path, nursery: Nursery, *, has_redis: bool
) -> AsyncIterator[Site]:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed of this test: {seed}")  # noqa: T201 - shown where it fails
    redis, sink = OwnRedis(tmp_path), Sink()
    if has_redis:
        await redis.start()
    url = redis.url if has_redis else ""
    changes = {"redis_url": url, "redis_prefix": "chaos"}
    async with building.open_house(database_url, tmp_path, **changes) as house:
        made = Site(
            house, sink, tmp_path, database_url, redis, nursery, random.Random(seed), has_redis
        )
        try:
            await watch(house)
            yield made
        finally:
            for child in made.children:
                child.close()
            redis.kill()
            sink.close()
