"""Damage to one run stays with that run: claims, leases and neighbours go on."""

import asyncio
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import text, update
from sqlmodel import col

from flowforge.models import Attempt, Event, OutboxEntry
from flowforge.services.holding import Done, Held
from flowforge.services.steps import Performer
from tests.claiming import claims_of
from tests.house import Account, House
from tests.zapping import (
    attempts_of,
    ended,
    hook,
    owed,
    path_of,
    published,
    run_of,
    working,
)


async def fire(house: House, path: str) -> str:
    answer = await house.client.post(path, json={})
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["zapRunId"]
    return run_id


async def two_runs(house: House, ada: Account, url: str) -> tuple[str, str, str]:
    """(a zap's id, its run, the run of another zap)."""
    zap = await published(house, ada, hook("one", url))
    other = await published(house, ada, hook("one", url))
    return zap.id, await fire(house, path_of(zap)), await fire(house, path_of(other))


@pytest.mark.parametrize(
    "definition", ['{"trigger":7}', "{", "[]", '{"trigger":{"kind":"webhook"},"steps":[{}]}']
)
async def test_a_version_that_cannot_be_read_fails_its_runs_only(
    house: House, httpserver: HTTPServer, definition: str
) -> None:
    httpserver.expect_request("/").respond_with_data("ok")
    ada = await house.sign_up()
    zap_id, damaged, healthy = await two_runs(house, ada, httpserver.url_for("/"))
    async with house.db.transaction() as session:
        await session.execute(
            text("UPDATE version SET definition = :text WHERE zap_id = :zap_id"),
            {"text": definition, "zap_id": zap_id},
        )
    async with working(house):
        assert (await ended(house, healthy)).status == "succeeded"
        run = await ended(house, damaged)
    assert (run.status, run.error["code"]) == ("failed", "damaged")
    assert await owed(house) == 0


async def test_an_event_whose_bytes_are_gone_fails_its_run_only(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/").respond_with_data("ok")
    ada = await house.sign_up()
    _, damaged, healthy = await two_runs(house, ada, httpserver.url_for("/"))
    event_id = (await run_of(house, damaged)).event_id
    async with house.db.transaction() as session:
        await session.execute(
            update(Event).where(col(Event.id) == event_id).values(blob_key="0" * 32)
        )
    async with working(house):
        assert (await ended(house, healthy)).status == "succeeded"
        assert (await ended(house, damaged)).error["code"] == "damaged"


@pytest.mark.parametrize("changes", [{"lease_seconds": 3.0}])
async def test_a_run_that_is_dropped_is_not_held_for_ever_by_a_busy_worker(
    house: House, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease must end although the worker renews those of its other runs."""
    perform, hanging = Performer.perform, asyncio.Event()

    async def breaks(performer: Performer, held: Held, *more: Any) -> Done:
        if held.key.zap_id == zap.id:
            raise RuntimeError("a fault of ours")
        return await perform(performer, held, *more)

    monkeypatch.setattr(Performer, "perform", breaks)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hanging.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ada = await house.sign_up()
    busy = await published(house, ada, hook("one", f"http://127.0.0.1:{port}/"))
    twice = {"attempts": 2, "first_wait": 0.05}
    zap = await published(house, ada, hook("one", httpserver.url_for("/"), retry=twice))
    held = await fire(house, path_of(busy))
    dropped = await fire(house, path_of(zap))
    async with working(house):
        try:
            run = await ended(house, dropped, within_seconds=20)
            assert (await run_of(house, held)).status == "running"
            assert [a.number for a in await attempts_of(house, held)] == [1]
        finally:
            hanging.set()
            server.close()
    assert run.status == "failed"
    assert [(a.number, a.status) for a in await attempts_of(house, dropped)] == [
        (1, "unknown"),
        (2, "unknown"),
    ]


async def test_runs_that_died_together_twice_are_parted(house: House) -> None:
    """One of them may be what kills workers; the others must not die with it a third time."""
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", "http://127.0.0.1:1/"))
    ids = [await fire(house, path_of(zap)) for _ in range(8)]
    lease = 0.3
    claims = claims_of(house, "doomed", lease)
    assert len((await claims.take(10)).held) == 8
    await asyncio.sleep(lease + 0.1)
    assert len((await claims.take(10)).held) == 8, "the first time at once"
    await asyncio.sleep(lease + 0.1)
    patient = claims_of(house, "patient", 30)
    assert (await patient.take(10)).held == []
    async with house.db.reading() as session:
        entries = [await session.get(OutboxEntry, run_id) for run_id in ids]
    moments = {entry.due_at for entry in entries if entry is not None}
    assert len(moments) == 8
    assert (max(moments) - min(moments)).total_seconds() > 1
    for run_id in ids:
        assert [a.status for a in await attempts_of(house, run_id)] == ["unknown", "unknown"]
    async with house.db.transaction() as session:
        past = min(moments).replace(year=2020)
        await session.execute(update(OutboxEntry).values(due_at=past, rank_at=past))
        await session.execute(update(Attempt).values(retry_at=past))
    assert [one.todo[0].number for one in (await patient.take(10)).held] == [3] * 8
