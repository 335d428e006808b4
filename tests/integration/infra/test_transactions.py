"""Who stands still in the middle of a transaction keeps its rows from nobody for long."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.errors import Unavailable
from flowforge.infra.db import LONGEST_IDLE_SECONDS
from tests.house import Account, House


@pytest.fixture
def is_postgresql(house: House) -> None:
    if house.db.is_sqlite:
        pytest.skip("SQLite has one writer at a time, and no server that could send it away")


@pytest.mark.usefixtures("is_postgresql")
async def test_every_connection_is_sent_away_when_it_idles(house: House) -> None:
    ask = "SHOW idle_in_transaction_session_timeout"
    expected = f"{LONGEST_IDLE_SECONDS}s"
    async with house.db.transaction() as session:
        assert await session.scalar(text(ask)) == expected
    async with house.db.reading() as session:
        assert await session.scalar(text(ask)) == expected
    async with house.db.driver() as raw:
        assert await raw.fetchval(ask) == expected


@pytest.mark.usefixtures("is_postgresql")
async def test_a_frozen_transaction_lets_go_and_is_told_so(house: House) -> None:
    ada = await house.sign_up()

    async def freeze() -> None:
        async with house.db.transaction() as frozen:
            await frozen.execute(text("SET LOCAL idle_in_transaction_session_timeout = '100ms'"))
            await rename(frozen, ada, "late")
            async with house.db.transaction() as other:
                await other.execute(text("SET LOCAL lock_timeout = '5s'"))
                await rename(other, ada, "new")

    with pytest.raises(Unavailable):
        await freeze()
    async with house.db.reading() as session:
        query = text("SELECT name FROM project WHERE id = :id")
        assert await session.scalar(query, {"id": ada.project_id}) == "new"


async def rename(session: AsyncSession, account: Account, name: str) -> None:
    query = text("UPDATE project SET name = :name WHERE id = :id")
    await session.execute(query, {"name": name, "id": account.project_id})


@pytest.mark.usefixtures("is_postgresql")
async def test_a_batch_that_froze_is_an_outage_too(house: House) -> None:
    async def freeze() -> None:
        async with house.db.driver() as raw:
            await raw.execute("BEGIN")
            await raw.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            await asyncio.sleep(0.3)
            await raw.execute("SELECT 1")

    with pytest.raises(Unavailable):
        await freeze()
    async with house.db.driver() as raw:
        assert await raw.fetchval("SELECT 1") == 1


@pytest.mark.usefixtures("is_postgresql")
async def test_who_freezes_within_a_statement_lets_go_as_well(house: House) -> None:
    """The driver asks for a plan, then for the rows: between both the server waits, and not idly."""
    ada = await house.sign_up()

    async def freeze() -> None:
        async with house.db.driver() as raw:
            await raw.execute("BEGIN")
            query = "UPDATE project SET name = 'late' WHERE id = $1"
            await raw.execute(query, ada.project_id)
            half = await raw.prepare("SELECT 1")
            assert await house.db.end_frozen() == 0  # it may still go on
            assert await house.db.end_frozen(after_seconds=0) == 1
            async with house.db.transaction() as other:
                await other.execute(text("SET LOCAL lock_timeout = '5s'"))
                await rename(other, ada, "new")
            await half.fetchval()

    with pytest.raises(Unavailable):
        await freeze()
    async with house.db.driver() as raw:
        query = "SELECT name FROM project WHERE id = $1"
        assert await raw.fetchval(query, ada.project_id) == "new"
