"""The witnesses of the ledger see what they are there to see, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from flowforge.models import Run
from tests.chaos import witness
from tests.house import House
from tests.zapping import hook, path_of, published


@pytest.fixture
async def watched(house: House) -> AsyncIterator[House]:
    await witness.watch(house)
    yield house
    await witness.forget(house)


async def one_run(house: House) -> str:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", "http://127.0.0.1:9/"))
    answer = await house.client.post(path_of(zap), json={})
    run_id: str = answer.json()["zapRunId"]
    return run_id


async def change(house: House, run_id: str, **values: Any) -> None:
    async with house.db.transaction() as session:
        await session.execute(update(Run).where(col(Run.id) == run_id).values(**values))


async def test_an_end_that_is_written_twice_is_seen(watched: House) -> None:
    house = watched
    run_id = await one_run(house)
    for status in ("running", "waiting", "running", "succeeded"):
        await change(house, run_id, status=status)
    assert list(await witness.transitions(house)) == []
    await change(house, run_id, status="succeeded")
    assert list(await witness.transitions(house)) == [
        f"I4: run {run_id} went from succeeded to succeeded"
    ]


async def test_only_a_counted_retry_opens_an_ended_run(watched: House) -> None:
    house = watched
    run_id = await one_run(house)
    await change(house, run_id, status="failed")
    await change(house, run_id, status="queued", retries=1)
    assert list(await witness.transitions(house)) == []
    await change(house, run_id, status="failed")
    await change(house, run_id, status="queued")
    assert list(await witness.transitions(house)) == [
        f"I4: run {run_id} went from failed to queued"
    ]


async def test_a_run_that_a_replay_changed_is_seen(house: House) -> None:
    run_id = await one_run(house)
    before = {run_id: await witness.digest(house, run_id)}
    assert await witness.unchanged(house, before) == []
    await change(house, run_id, error={"code": "x", "message": "y"})
    assert await witness.unchanged(house, before) == [
        f"I8: run {run_id} is not what it was before it was replayed"
    ]


async def test_a_secret_in_a_log_is_seen(house: House, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("all is well\n")
    secrets = {"the key": "planted-secret"}
    assert await witness.leaks(house, [log], secrets) == []
    log.write_text("connecting with planted-secret\n")
    assert await witness.leaks(house, [log], secrets) == ["I9: the key stands in worker.log"]
