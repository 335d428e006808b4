"""What the sweep removes, mends and takes over; and what it leaves alone."""

import os
import time
from pathlib import Path

from sqlalchemy import select, text, update
from sqlmodel import col

from flowforge.jobs.sweep import Sweep
from flowforge.models import Attempt, Event, OutboxEntry
from flowforge.services import leftovers
from tests.house import House
from tests.zapping import attempts_of, ended, hook, path_of, published, working

DAY = 86_400


def grown_old(house: House, key: str) -> Path:
    path: Path = house.settings.data_dir / "blobs" / key[:2] / key
    long_ago = time.time() - 2 * DAY
    os.utime(path, (long_ago, long_ago))
    return path


async def test_blobs_that_no_row_names_are_removed_after_a_day(house: House) -> None:
    blobs, ada = house.runtime.blobs, await house.sign_up()
    zap = await published(house, ada, hook("one", "http://127.0.0.1:1/", retry={"attempts": 1}))
    async with working(house):
        answer = await house.client.post(path_of(zap), json={})
        run = await ended(house, answer.json()["zapRunId"])
    (row,) = await attempts_of(house, run.id)
    named = {
        name: (await blobs.put(name.encode())).key for name in ("event", "input", "output", "left")
    }
    fresh = (await blobs.put(b"fresh")).key
    async with house.db.transaction() as session:
        await session.execute(
            update(Event).where(col(Event.id) == run.event_id).values(blob_key=named["event"])
        )
        await session.execute(
            update(Attempt)
            .where(col(Attempt.id) == row.id)
            .values(input_blob=named["input"], output_blob=named["output"])
        )
    paths = {name: grown_old(house, key) for name, key in named.items()}
    unfinished = paths["left"].with_name(f".{'0' * 32}")
    unfinished.write_bytes(b"half")
    os.utime(unfinished, (time.time() - 2 * DAY,) * 2)
    assert await leftovers.remove_unnamed(house.db, blobs) == 1
    assert {name: path.exists() for name, path in paths.items()} == {
        "event": True,
        "input": True,
        "output": True,
        "left": False,
    }
    assert not unfinished.exists()
    assert await blobs.get(fresh) == b"fresh"


async def test_entries_of_the_first_release_are_taken_over(house: House) -> None:
    """It knows neither rank nor project nor zap, and may run beside this one."""
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", "http://127.0.0.1:1/", retry={"attempts": 1}))
    answer = await house.client.post(path_of(zap), json={})
    run_id = answer.json()["zapRunId"]
    async with house.db.transaction() as session:
        await session.execute(
            text("UPDATE outbox SET rank_at = NULL, project_id = NULL, zap_id = NULL")
        )
    await leftovers.adopt(house.db)
    async with house.db.reading() as session:
        entry = (await session.scalars(select(OutboxEntry))).one()
    assert (entry.run_id, entry.rank_at) == (run_id, entry.due_at)
    assert (entry.project_id, entry.zap_id) == (ada.project_id, zap.id)
    async with working(house):
        assert (await ended(house, run_id)).status == "failed"


async def test_a_chore_that_fails_stops_no_other(house: House) -> None:
    done: list[str] = []

    async def breaks() -> None:
        done.append("breaks")
        raise RuntimeError("a fault of ours")

    async def works() -> None:
        done.append("works")

    sweep = Sweep(house.runtime, breaks=breaks, works=works)
    await sweep.sweep()
    await sweep.sweep()
    assert done == ["breaks", "works"] * 2
