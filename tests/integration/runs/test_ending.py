"""Cancelling: whatever a run is doing it ends, and with it what it waits for."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from sqlmodel import col

from flowforge.models import Approval, Run
from tests import zapping
from tests.claiming import claims_of, take_all
from tests.flows import call, delay, parallel
from tests.house import House
from tests.integration.runs.again import Sink, asked, entry_of, fire, read
from tests.zapping import attempts_of, ended, owed, run_of, working


@pytest.fixture
def sink(httpserver: HTTPServer) -> Sink:
    return Sink(httpserver)


async def until(is_so: Callable[[], Any]) -> None:
    async with asyncio.timeout(15):
        while not await is_so():  # noqa: ASYNC110 - a worker brings it about
            await asyncio.sleep(0.02)


async def waits(house: House, run_id: str) -> None:
    async def is_so() -> bool:
        return (await run_of(house, run_id)).status == "waiting"

    await until(is_so)


async def child_of(house: House, run_id: str) -> Run:
    async def is_so() -> bool:
        return bool(await _children(house, run_id))

    await until(is_so)
    return (await _children(house, run_id))[0]


async def _children(house: House, run_id: str) -> list[Run]:
    async with house.db.reading() as session:
        return list(await session.scalars(select(Run).where(col(Run.parent_run_id) == run_id)))


async def test_what_only_waited_is_given_up_and_what_was_performed_is_unknown(
    house: House, sink: Sink
) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(
        house,
        ada,
        parallel(
            "all",
            a=[delay("nap", 3600)],
            b=[{"id": "ok", "kind": "approval", "question": "Ship it?"}],
            c=[sink.step("one")],
        ),
    )
    run_id = await fire(house, zap)
    # A worker has it in hand, and its step is under way.
    await take_all(claims_of(house, "worker"))
    cancelled = await asked(house, ada, f"/runs/{run_id}/cancel", status=200)
    assert cancelled["status"] == "cancelled"
    rows = {row.path: row for row in await attempts_of(house, run_id)}
    found = {path: (row.status, (row.error or {})["code"]) for path, row in rows.items()}
    assert found == {
        "all": ("skipped", "given_up"),
        "nap": ("skipped", "given_up"),
        "ok": ("skipped", "given_up"),
        "one": ("unknown", "cancelled"),
    }
    assert all(row.finished_at is not None for row in rows.values())
    assert await owed(house) == 0
    async with house.db.reading() as session:
        assert [one.status for one in await session.scalars(select(Approval))] == ["given_up"]


async def test_runs_that_it_waits_for_end_with_it_however_deep(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    inner = await zapping.published(house, ada, delay("nap", 3600), sink.step("never"))
    middle = await zapping.published(house, ada, call("deeper", inner.id))
    outer = await zapping.published(
        house, ada, call("aside", inner.id, wait=False), call("deep", middle.id)
    )
    run_id = await fire(house, outer)
    async with working(house):
        await until(lambda: _number_of_children(house, run_id, 2))
        aside, child = sorted(await _children(house, run_id), key=lambda run: run.id)
        grandchild = await child_of(house, child.id)
        await waits(house, grandchild.id)
        await asked(house, ada, f"/runs/{run_id}/cancel", status=200)
    for each in (run_id, child.id, grandchild.id):
        assert (await run_of(house, each)).status == "cancelled"
    assert (await run_of(house, aside.id)).status in {"queued", "running", "waiting"}
    assert sink.got == []


async def _number_of_children(house: House, run_id: str, number: int) -> bool:
    return len(await _children(house, run_id)) == number


async def test_who_waits_for_a_cancelled_run_is_told(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    inner = await zapping.published(house, ada, delay("nap", 3600))
    outer = await zapping.published(
        house, ada, call("ask", inner.id, on_error="continue"), sink.step("after")
    )
    run_id = await fire(house, outer)
    async with working(house):
        child = await child_of(house, run_id)
        await waits(house, child.id)
        await waits(house, run_id)
        await asked(house, ada, f"/runs/{child.id}/cancel", status=200)
        assert (await ended(house, run_id)).status == "succeeded"
    row = next(row for row in await attempts_of(house, run_id) if row.path == "ask")
    assert (row.status, (row.error or {})["code"]) == ("failed", "zap_failed")
    assert sink.got == ["after"]


async def test_a_cancelled_run_makes_room_at_its_limit(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    limits = {"concurrency": {"key": "", "limit": 1}}
    zap = await zapping.published(house, ada, delay("nap", 3600), sink.step("one"), limits=limits)
    first, second = await fire(house, zap), await fire(house, zap)
    async with working(house):
        await waits(house, first)
        await until(lambda: _is_parked(house, second))
        await asked(house, ada, f"/runs/{first}/cancel", status=200)
        await waits(house, second)


async def _is_parked(house: House, run_id: str) -> bool:
    entry = await entry_of(house, run_id)
    return entry is not None and entry.parked == "limit"


async def test_a_cancel_and_the_end_of_a_run_do_not_both_win(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, sink.step("one"))
    async with working(house):
        for _ in range(10):
            run_id = await fire(house, zap)
            url = f"/api/v1/runs/{run_id}/cancel"
            answers = await asyncio.gather(
                *(house.client.post(url, headers=ada.headers) for _ in range(2))
            )
            run = await ended(house, run_id)
            won = [answer.status_code for answer in answers].count(200)
            assert won == (run.status == "cancelled")
            assert (await read(house, ada, f"/runs/{run_id}"))["status"] == run.status
    assert await owed(house) == 0


async def test_deleting_a_zap_ends_what_has_not_begun_and_what_that_waits_for(
    house: House, sink: Sink
) -> None:
    ada = await house.sign_up()
    inner = await zapping.published(house, ada, delay("nap", 3600))
    outer = await zapping.published(house, ada, call("ask", inner.id))
    run_id = await fire(house, outer)
    async with working(house):
        child = await child_of(house, run_id)
        await waits(house, child.id)
        await waits(house, run_id)
    answer = await house.client.delete(f"/api/v1/zaps/{outer.id}", headers=ada.headers)
    assert answer.status_code == 204
    assert (await run_of(house, run_id)).status == "cancelled"
    assert (await run_of(house, child.id)).status == "cancelled"
