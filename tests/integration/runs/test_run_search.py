"""Finding runs by what is in them: ids, keys, words, the step they failed at; and how many there are."""

from typing import Any

import pytest

from flowforge.infra.db import new_id
from flowforge.models import Attempt
from flowforge.services import run_filters, runs
from flowforge.services.run_filters import RunFilter
from flowforge.services.zap_views import ZapView
from tests import zapping
from tests.house import Account, House


async def _zap(house: House, owner: Account) -> ZapView:
    return await zapping.published(house, owner, {"id": "end", "kind": "stop"})


async def _fire(house: House, zap: ZapView, body: Any = None, key: str | None = None) -> str:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = await house.client.post(zapping.path_of(zap), json=body or {}, headers=headers)
    run_id: str = answer.json()["zapRunId"]
    return run_id


async def _found(house: House, owner: Account, **wanted: Any) -> list[str]:
    async with house.db.reading() as session:
        page = await runs.list_runs(session, owner.actor, RunFilter(**wanted))
    return [run.id for run in page.data]


async def _change(house: House, run_id: str, **values: Any) -> None:
    async with house.db.transaction() as session:
        run = await session.merge(await zapping.run_of(house, run_id))
        for name, value in values.items():
            setattr(run, name, value)


async def _attempt(house: House, run_id: str, step: str, number: int, status: str) -> None:
    async with house.db.transaction() as session:
        attempt = Attempt(
            run_id=run_id, path=step, step_id=step, kind="action", number=number, status=status
        )
        attempt.output = {"receipt": "Grüße 77"} if status == "succeeded" else None
        session.add(attempt)


async def test_a_run_is_found_by_whole_ids_keys_and_words(house: House) -> None:
    ada = await house.sign_up()
    zap = await _zap(house, ada)
    first = await _fire(house, zap, {"customer": "Björn"}, "order-1")
    second = await _fire(house, zap, {"customer": "Eve"}, "order-12")
    await _attempt(house, second, "send", 1, "succeeded")
    event_id = (await zapping.run_of(house, first)).event_id
    for sought in (first, first.upper(), event_id, "key:order-1", "BJ", "Björn"):
        assert await _found(house, ada, q=sought) == [first], sought
    assert await _found(house, ada, q="order-1") == [second, first]
    assert await _found(house, ada, q="Grüße 77") == [second]
    assert await _found(house, ada, q="key:order-1", status="failed") == []
    for sought in (new_id(), "key:order", "key:", "Olaf", "%"):
        assert await _found(house, ada, q=sought) == [], sought


async def test_strangers_find_nothing_by_any_of_them(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com", "Eve")
    run_id = await _fire(house, await _zap(house, ada), {"customer": "Björn"}, "order-1")
    event_id = (await zapping.run_of(house, run_id)).event_id
    await _change(house, run_id, status="failed")
    await _attempt(house, run_id, "send", 1, "failed")
    for sought in (run_id, event_id, "key:order-1", "Björn"):
        assert await _found(house, eve, q=sought) == [], sought
    assert await _found(house, eve, failed_step="send") == []
    assert await _found(house, ada, failed_step="send") == [run_id]


async def test_a_step_that_was_tried_again_with_success_did_not_fail(house: House) -> None:
    ada = await house.sign_up()
    zap = await _zap(house, ada)
    mended, failed, succeeded = [await _fire(house, zap) for _ in range(3)]
    for run_id in (mended, failed):
        await _change(house, run_id, status="failed")
        await _attempt(house, run_id, "fetch", 1, "failed")
    await _attempt(house, mended, "fetch", 2, "succeeded")
    await _attempt(house, mended, "send", 1, "unknown")
    await _change(house, succeeded, status="succeeded")
    await _attempt(house, succeeded, "fetch", 1, "failed")
    assert await _found(house, ada, failed_step="fetch") == [failed]
    assert await _found(house, ada, failed_step="send") == [mended]
    assert await _found(house, ada, failed_step="fetch", status="succeeded") == []
    answer = await house.client.get("/api/v1/runs?failed_step=fetch", headers=ada.headers)
    assert [run["id"] for run in answer.json()["data"]] == [failed]


async def test_several_statuses_are_one_list_in_order_over_pages(house: House) -> None:
    ada = await house.sign_up()
    zap = await _zap(house, ada)
    ids = [await _fire(house, zap) for _ in range(9)]
    for n, run_id in enumerate(ids):
        await _change(house, run_id, status=("succeeded", "failed", "cancelled")[n % 3])
    wanted = [run_id for n, run_id in enumerate(ids) if n % 3][::-1]
    for more in ({}, {"zap_id": zap.id}):
        seen: list[str] = []
        cursor = None
        while True:
            async with house.db.reading() as session:
                page = await runs.list_runs(
                    session,
                    ada.actor,
                    RunFilter(status="failed,cancelled,failed", **more),
                    limit=2,
                    cursor=cursor,
                )
            seen += [run.id for run in page.data]
            cursor = page.next
            if cursor is None:
                break
        assert seen == wanted


async def test_a_search_goes_on_beyond_what_one_page_looks_at(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_filters, "WORDS_WINDOW", 2)
    ada = await house.sign_up()
    zap = await _zap(house, ada)
    old = await _fire(house, zap, {"customer": "Björn"})
    for _ in range(4):
        await _fire(house, zap, {"customer": "Eve"})
    wanted = RunFilter(q="Björn")
    pages: list[list[str]] = []
    cursor = None
    async with house.db.reading() as session:
        while True:
            page = await runs.list_runs(session, ada.actor, wanted, cursor=cursor)
            pages.append([run.id for run in page.data])
            cursor = page.next
            if cursor is None:
                break
        counts = await runs.count_runs(session, ada.actor, wanted)
    assert pages == [[], [], [old]]
    assert (counts.total, counts.is_exact) == (0, False)


async def test_counts_stop_where_more_would_say_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MOST_COUNTED", 2)
    ada = await house.sign_up()
    zap = await _zap(house, ada)
    ids = [await _fire(house, zap) for _ in range(4)]
    async with house.db.reading() as session:
        counts = await runs.count_runs(session, ada.actor, RunFilter())
    assert (counts.by_status["queued"], counts.total, counts.is_exact) == (2, 2, False)
    for run_id in ids[:2]:
        await _change(house, run_id, status="succeeded")
    async with house.db.reading() as session:
        counts = await runs.count_runs(session, ada.actor, RunFilter(zap_id=zap.id))
    assert (counts.by_status["queued"], counts.total, counts.is_exact) == (2, 4, True)
