"""When an event cannot be stored the sender is told so, keeps it, and nothing half remains."""

import asyncio
import os
import sqlite3
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy import text

from flowforge.infra import db as database_room
from tests import house as building
from tests.house import House
from tests.integration.ingest.inbox import all_events, blob_files, listening, tally
from tests.servers.rude_http import free_port
from tests.zapping import owed, path_of


def is_honest(answer: httpx.Response) -> bool:
    return (
        answer.status_code == 503
        and answer.json()["error"]["code"] == "unavailable"
        and int(answer.headers["retry-after"]) > 0
    )


async def test_a_table_that_is_gone_is_a_503_and_all_is_well_afterwards(house: House) -> None:
    _, zap = await listening(house)
    async with house.db.transaction() as session:
        await session.execute(text("ALTER TABLE outbox RENAME TO away"))
    answers = await asyncio.gather(*(house.client.post(path_of(zap)) for _ in range(5)))
    async with house.db.transaction() as session:
        await session.execute(text("ALTER TABLE away RENAME TO outbox"))
    assert all(is_honest(answer) for answer in answers)
    assert await all_events(house) == []
    assert (await house.client.post(path_of(zap))).status_code == 200
    assert await owed(house) == 1


async def test_blobs_that_cannot_be_written_are_a_503(house: House) -> None:
    _, zap = await listening(house)
    (house.settings.data_dir / "blobs").write_text("a file where a directory should be")
    for content, kind in ((b"x" * 600_000, "text/plain"), (b"\x89PNG", "image/png")):
        answer = await house.client.post(
            path_of(zap), content=content, headers={"content-type": kind}
        )
        assert is_honest(answer)
    assert await all_events(house) == []
    assert (await house.client.post(path_of(zap), content=b"small")).status_code == 200


async def test_a_database_that_answers_nobody_is_a_503(tmp_path: Path) -> None:
    dead = f"postgresql://postgres@127.0.0.1:{free_port()}/flowforge"
    async with building.open_house(dead, tmp_path) as house:
        async with asyncio.timeout(10):
            answer = await house.client.post(
                "/hooks/catch/1/0190a000-0000-7000-8000-000000000000", content=b"x" * 600_000
            )
        assert is_honest(answer)
        # Nobody could say what the zap asks of a request: nothing of it is kept.
        assert blob_files(house) == []


async def test_a_name_that_does_not_resolve_is_a_503(tmp_path: Path) -> None:
    dead = "postgresql://postgres@nowhere.invalid/flowforge"
    async with building.open_house(dead, tmp_path) as house:
        answer = await house.client.post("/hooks/catch/1/0190a000-0000-7000-8000-000000000000")
        assert is_honest(answer)


@pytest.mark.parametrize("database", ["postgresql"])
async def test_connections_that_the_server_has_ended_are_replaced(
    house: House, database_url: str
) -> None:
    """As after a restart of PostgreSQL: no process of ours needs one, too."""
    _, zap = await listening(house)
    for _ in range(2):
        warm = await asyncio.gather(*(house.client.post(path_of(zap)) for _ in range(20)))
        assert {answer.status_code for answer in warm} == {200}
        administrator = await asyncpg.connect(database_url)
        await administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await administrator.close()
        answers = [await house.client.post(path_of(zap)) for _ in range(20)]
        stored = [answer.status_code for answer in answers].count(200)
        assert stored >= 18
        assert all(answer.status_code == 200 or is_honest(answer) for answer in answers)


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_database_file_that_somebody_else_holds_is_a_503(
    house: House, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_room, "SQLITE_BUSY_SECONDS", 0.2)
    await house.db.close()
    _, zap = await listening(house)
    holder = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    answer = await house.client.post(path_of(zap))
    holder.execute("ROLLBACK")
    holder.close()
    assert is_honest(answer)
    assert (await house.client.post(path_of(zap))).status_code == 200
    assert tally(await all_events(house)) == {"accepted": 1}


@pytest.mark.parametrize(
    "changes", [{"redis_url": f"unix:///tmp/flowforge-nowhere-{os.getpid()}.sock"}]
)
async def test_redis_being_away_costs_an_event_nothing(house: House) -> None:
    _, zap = await listening(house)
    async with asyncio.timeout(5):
        for _ in range(20):
            assert (await house.client.post(path_of(zap))).status_code == 200
    assert await owed(house) == 20
