"""The figures of usage: each is the one that the run list finds, whatever happened meanwhile."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from flowforge.infra.db import utc_now
from flowforge.jobs import tallies as job
from flowforge.jobs.tallies import keep_tallies
from flowforge.models import Run, Tally
from flowforge.services import runs, tallies, tallying, usage, zap_figures
from flowforge.services.run_filters import RunFilter
from flowforge.services.usage import UsageView
from tests.house import Account, House
from tests.integration.usage import history

# Clocks changed in Europe (a day of 25 hours) and on Lord Howe (half an hour) in these 90 days.
NOW = dt.datetime(2026, 11, 20, 10, 7, 30, tzinfo=dt.UTC)
SINCE = NOW - dt.timedelta(days=92)
ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"]


@pytest.fixture
async def ada(house: House) -> Account:
    return await house.sign_up()


async def _usage(house: House, ada: Account, **how: Any) -> UsageView:
    async with house.db.reading() as session:
        return await usage.of_project(session, ada.actor, now=NOW, **how)


async def _is_what_the_list_says(house: House, ada: Account, found: UsageView) -> None:
    async with house.db.reading() as session:
        everything = RunFilter(since=found.since, until=found.until)
        counts = await runs.count_runs(session, ada.actor, everything)
        assert (found.total, found.by_status) == (counts.total, counts.by_status)
        for day in found.days:
            wanted = RunFilter(since=day.since, until=day.until)
            counts = await runs.count_runs(session, ada.actor, wanted)
            assert (day.total, day.by_status) == (counts.total, counts.by_status), day.day
        for zap in found.zaps:
            wanted = everything.model_copy(update={"zap_id": zap.zap_id})
            counts = await runs.count_runs(session, ada.actor, wanted)
            assert (zap.total, zap.by_status) == (counts.total, counts.by_status)
            assert sum(zap.by_day) == zap.total
    assert sum(zap.total for zap in found.zaps) == found.total == sum(d.total for d in found.days)


async def test_they_are_those_of_the_run_list_before_and_after_counting_and_after_changes(
    house: House, ada: Account
) -> None:
    zaps = await history.zaps_of(house, ada, "One", "Two", "Three")
    await history.ran(house, ada, history.random_runs(zaps, SINCE, NOW, 900, seed=2))
    await _is_what_the_list_says(house, ada, await _usage(house, ada, days=90))

    await keep_tallies(house.db, NOW)
    async with house.db.reading() as session:
        kept = await session.scalar(select(func.count()).select_from(Tally))
        assert kept is not None
        assert kept > 90
        assert await tallying.mark(session) == NOW.replace(minute=45, hour=9, second=0)
    for zone in ZONES:
        for days in (1, 7, 90):
            found = await _usage(house, ada, days=days, time_zone=zone)
            await _is_what_the_list_says(house, ada, found)

    # What waited has ended, and what had ended is run again: no tally was told.
    ended = {"status": "succeeded", "finished_at": NOW}
    async with house.db.transaction() as session:
        live = col(Run.status).in_(history.LIVE)
        await session.execute(update(Run).where(live).values(**ended))
    await history.change(house, 30, seed=4, status="queued", retries=1, finished_at=None)
    for zone in ZONES[:2]:
        await _is_what_the_list_says(house, ada, await _usage(house, ada, days=90, time_zone=zone))
    await keep_tallies(house.db, NOW)
    await history.change(house, 30, seed=4, status="failed", retries=2, finished_at=NOW)
    await _is_what_the_list_says(house, ada, await _usage(house, ada, days=90))


async def test_of_one_zap_it_is_its_own_list(house: House, ada: Account) -> None:
    zaps = await history.zaps_of(house, ada, "One", "Two")
    await history.ran(house, ada, history.random_runs(zaps, SINCE, NOW, 200, seed=8))
    await keep_tallies(house.db, NOW)
    both = await _usage(house, ada, days=90, time_zone="Europe/Berlin")
    one = await _usage(house, ada, days=90, time_zone="Europe/Berlin", zap_id=zaps[0])
    (of_both,) = [zap for zap in both.zaps if zap.zap_id == zaps[0]]
    assert one.zaps == [of_both]
    assert (one.total, one.p95_ms) == (of_both.total, of_both.p95_ms)
    assert [day.total for day in one.days] == of_both.by_day


async def test_lengths_of_time_are_right_to_two_percent(house: House, ada: Account) -> None:
    zaps = await history.zaps_of(house, ada, "One")
    made = [(zaps[0], NOW - dt.timedelta(hours=30 * n / 300), "succeeded") for n in range(1, 301)]
    await history.ran(house, ada, made)
    async with house.db.reading() as session:
        rows = (await session.execute(select(col(Run.started_at), col(Run.finished_at)))).all()
    took = sorted(round((end - begin).total_seconds() * 1000) for begin, end in rows)
    for _ in range(2):
        found = await _usage(house, ada, days=7)
        assert found.p50_ms == pytest.approx(max(0, took[149]), rel=0.02)
        assert found.p95_ms == pytest.approx(took[284], rel=0.02)
        await keep_tallies(house.db, NOW)


async def test_a_day_that_has_not_changed_is_not_counted_again(
    house: House, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    zaps = await history.zaps_of(house, ada, "One")
    day = NOW - dt.timedelta(days=3)
    made = [(zaps[0], day, "waiting"), (zaps[0], day, "failed")]
    await history.ran(house, ada, made)
    await keep_tallies(house.db, NOW)

    async def stamps() -> list[dt.datetime]:
        async with house.db.reading() as session:
            return list(await session.scalars(select(col(Tally.counted_at))))

    first = await stamps()
    await keep_tallies(house.db, NOW)
    assert await stamps() == first
    await history.change(house, 2, seed=1, status="cancelled", retries=1, finished_at=NOW)
    await keep_tallies(house.db, NOW)
    assert await stamps() != first
    found = await _usage(house, ada)
    assert found.by_status["cancelled"] == found.total == 2


async def test_more_that_wait_than_can_be_named_are_counted_all_the_same(
    house: House, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallying, "MOST_PENDING", 3)
    zaps = await history.zaps_of(house, ada, "One")
    day = NOW - dt.timedelta(days=2)
    await history.ran(house, ada, [(zaps[0], day, "waiting")] * 5 + [(zaps[0], day, "failed")])
    await keep_tallies(house.db, NOW)
    found = await _usage(house, ada)
    assert (found.by_status["waiting"], found.by_status["failed"]) == (5, 1)
    await _is_what_the_list_says(house, ada, found)


async def test_what_two_workers_count_at_once_is_kept_once(house: House, ada: Account) -> None:
    zaps = await history.zaps_of(house, ada, "One")
    day = (NOW - dt.timedelta(days=1)).date()
    through = tallies.begin_of(tallies.slot_of(NOW))
    await history.ran(house, ada, [(zaps[0], NOW - dt.timedelta(days=1), "failed")])

    async def counted() -> tallying.Day:
        async with house.db.reading() as session:
            await tallying.see_one_moment(session)
            return await tallying.counted_day(session, ada.project_id, day, through)

    async def kept(one: tallying.Day) -> bool:
        async with house.db.transaction() as session:
            return await tallying.keep(session, one)

    first, second = await counted(), await counted()
    assert await kept(first)
    assert not await kept(second)
    assert await kept(await counted())


async def test_it_is_counted_on_from_where_a_sweep_ran_out_of_time(
    house: House, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    zaps = await history.zaps_of(house, ada, "One", "Two")
    await history.ran(house, ada, history.random_runs(zaps, SINCE, NOW, 100, seed=3))
    monkeypatch.setattr(job, "MOST_SECONDS", 0.05)
    for _ in range(200):
        await keep_tallies(house.db, NOW)
        async with house.db.reading() as session:
            mark = await tallying.mark(session)
        await _is_what_the_list_says(house, ada, await _usage(house, ada, days=7))
        if mark == tallies.begin_of(tallies.slot_of(NOW - tallying.SETTLED)):
            break
    else:
        raise AssertionError("it never came to an end")


async def test_figures_of_zaps_count_every_run_once(house: House, ada: Account) -> None:
    zaps = await history.zaps_of(house, ada, "One", "Two", "Idle")
    now = utc_now()
    made = history.random_runs(zaps[:2], now - dt.timedelta(days=20), now, 200, seed=6)
    await history.ran(house, ada, made)
    seen = []
    for until in (None, now - dt.timedelta(hours=5), now):
        if until:
            await keep_tallies(house.db, until)
        async with house.db.reading() as session:
            seen.append(await zap_figures.of_zaps(session, ada.project_id, zaps))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0].keys() == set(zaps[:2])
    for zap_id in zaps[:2]:
        mine = [each for each in made if each[0] == zap_id]
        assert seen[0][zap_id].total == len(mine)
        assert seen[0][zap_id].last_at == max(at for _, at, _ in mine)


async def test_nobody_sees_the_figures_of_others(house: House, ada: Account) -> None:
    zaps = await history.zaps_of(house, ada, "One")
    await history.ran(house, ada, [(zaps[0], utc_now(), "failed")])
    eve = await house.sign_up("eve@example.com")
    await keep_tallies(house.db, utc_now() + dt.timedelta(hours=1))
    answer = await house.client.get("/api/v1/usage", headers=eve.headers)
    assert (answer.json()["total"], answer.json()["zaps"]) == (0, [])
    answer = await house.client.get(f"/api/v1/usage?zap_id={zaps[0]}", headers=eve.headers)
    assert answer.status_code == 404
    answer = await house.client.get("/api/v1/usage", headers=ada.headers)
    assert (answer.json()["total"], answer.json()["zaps"][0]["name"]) == (1, "One")


@pytest.mark.parametrize(
    ("query", "named"), [("days=0", "days"), ("days=91", "days"), ("time_zone=Mars", "time_zone")]
)
async def test_what_cannot_be_is_named(house: House, ada: Account, query: str, named: str) -> None:
    answer = await house.client.get(f"/api/v1/usage?{query}", headers=ada.headers)
    assert answer.status_code in {400, 422}
    assert named in answer.text
