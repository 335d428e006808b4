"""Schedules: one timer a zap, one slot a time, whoever dies and whatever the clocks do."""

import asyncio
import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from flowforge.infra import failpoints
from flowforge.infra.db import utc_now
from flowforge.infra.failpoints import FailpointError
from flowforge.jobs.timers import TimerLoop
from flowforge.jobs.worker import clockwork
from flowforge.models import Event, OutboxEntry, Run, Slot, Timer, Zap
from flowforge.services import leases, timers, versions, zaps
from flowforge.services.slots import MOST_MISSED_ROWS, Scheduler
from flowforge.services.timers import Due
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.zapping import ended, working

STOP = {"id": "end", "kind": "stop"}
EVERY_MINUTE = {"cron": "* * * * *"}
MINUTE = dt.timedelta(minutes=1)


async def scheduled(house: House, owner: Account, **settings: Any) -> ZapView:
    """A live zap with a schedule."""
    trigger = {"kind": "schedule", "settings": settings or EVERY_MINUTE}
    async with house.db.transaction() as session:
        zap = await zaps.create(
            session, owner.actor, name="Clock", definition={"trigger": trigger, "steps": [STOP]}
        )
        await versions.publish(session, owner.actor, zap.id)
        return await zaps.get(session, owner.actor, zap.id)


async def timers_of(house: House, zap: ZapView) -> list[Timer]:
    async with house.db.reading() as session:
        return list(await session.scalars(select(Timer).where(col(Timer.zap_id) == zap.id)))


async def timer_of(house: House, zap: ZapView) -> Timer:
    (timer,) = await timers_of(house, zap)
    return timer


async def slots_of(house: House, zap: ZapView) -> list[Slot]:
    async with house.db.reading() as session:
        query = select(Slot).where(col(Slot.zap_id) == zap.id).order_by(col(Slot.planned_at))
        return list(await session.scalars(query))


async def runs_of(house: House, zap: ZapView) -> list[Run]:
    async with house.db.reading() as session:
        query = select(Run).where(col(Run.zap_id) == zap.id).order_by(col(Run.id))
        return list(await session.scalars(query))


async def due_at(house: House, zap: ZapView, moment: dt.datetime) -> None:
    async with house.db.transaction() as session:
        await session.execute(
            update(Timer).where(col(Timer.zap_id) == zap.id).values(due_at=moment)
        )


async def look(house: House) -> None:
    """One look of a worker's timer loop, and what comes of it."""
    loop = TimerLoop(house.db, clockwork(house.runtime))
    await loop.look()
    await loop.finish()


async def taken(house: House) -> list[Due]:
    return await timers.claim(house.db, "schedule", 10, 1000)


def this_minute() -> dt.datetime:
    return utc_now().replace(second=0, microsecond=0)


async def test_a_due_time_fires_one_run_with_what_it_was_for(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada, cron="*/5 * * * *", timezone="Asia/Kolkata")
    planned = this_minute()
    await due_at(house, zap, planned)
    async with working(house):
        await look(house)
        (run,) = await runs_of(house, zap)
        assert (await ended(house, run.id)).status == "succeeded"
    (slot,) = await slots_of(house, zap)
    assert (slot.status, slot.planned_at, slot.run_id) == ("ran", planned, run.id)
    async with house.db.reading() as session:
        event = (await session.scalars(select(Event).where(col(Event.id) == run.event_id))).one()
    assert (event.trigger, event.verdict) == ("schedule", "accepted")
    body = (await house.client.get(f"/api/v1/events/{event.id}", headers=ada.headers)).json()
    sent = body["body"]
    assert dt.datetime.fromisoformat(sent["planned_at"]) == planned
    assert sent["planned_at"].endswith("+05:30")
    assert sent["timezone"] == "Asia/Kolkata"
    assert 0 <= sent["late_seconds"] < 70
    timer = await timer_of(house, zap)
    assert timer.due_at is not None
    assert timer.due_at > utc_now()
    assert timer.due_at.minute % 5 == 0
    assert timer.lease_until is None


async def test_scheduled_runs_go_after_all_others(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada)
    await due_at(house, zap, this_minute())
    await look(house)
    async with house.db.reading() as session:
        (entry,) = await session.scalars(select(OutboxEntry))
    assert entry.priority == leases.PATIENT


async def test_publishing_again_and_again_leaves_one_timer_and_its_time(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada, every_seconds=3600)
    before = await timer_of(house, zap)
    for number in range(50):
        definition = {**zap.definition, "steps": [{**STOP, "name": f"End {number}"}]}
        async with house.db.transaction() as session:
            found = await zaps.get(session, ada.actor, zap.id)
            await zaps.save_draft(
                session, ada.actor, zap.id, revision=found.draft_revision, definition=definition
            )
            await versions.publish(session, ada.actor, zap.id)
    after = await timer_of(house, zap)
    assert (after.id, after.due_at) == (before.id, before.due_at)
    await due_at(house, zap, utc_now())
    await look(house)
    assert len(await runs_of(house, zap)) == 1


async def test_another_schedule_holds_at_once(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada, cron="0 0 1 1 *")
    definition = {**zap.definition, "trigger": {"kind": "schedule", "every_seconds": 60}}
    async with house.db.transaction() as session:
        await zaps.save_draft(session, ada.actor, zap.id, revision=1, definition=definition)
        await versions.publish(session, ada.actor, zap.id)
    timer = await timer_of(house, zap)
    assert timer.due_at is not None
    assert dt.timedelta() < timer.due_at - utc_now() <= MINUTE


async def test_what_is_switched_off_or_deleted_is_never_due(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada)
    await due_at(house, zap, this_minute())
    due = await taken(house)
    assert len(due) == 1
    await house.client.post(f"/api/v1/zaps/{zap.id}/disable", headers=ada.headers)
    # Whoever had it in hand comes too late.
    await Scheduler(house.db, house.runtime.signals).fire(due)
    assert (await timer_of(house, zap)).due_at is None
    await look(house)
    assert await runs_of(house, zap) == []
    assert await slots_of(house, zap) == []
    await house.client.post(f"/api/v1/zaps/{zap.id}/enable", headers=ada.headers)
    again = await timer_of(house, zap)
    assert again.due_at is not None
    assert again.due_at > utc_now() - dt.timedelta(seconds=1)
    assert (await house.client.delete(f"/api/v1/zaps/{zap.id}", headers=ada.headers)).is_success
    assert await timers_of(house, zap) == []


async def test_another_kind_of_trigger_takes_the_timer_away(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada)
    definition = {**zap.definition, "trigger": {"kind": "webhook"}}
    async with house.db.transaction() as session:
        await zaps.save_draft(session, ada.actor, zap.id, revision=1, definition=definition)
        await versions.publish(session, ada.actor, zap.id)
    assert await timers_of(house, zap) == []


async def test_several_schedulers_at_once_write_one_slot_and_one_run_each(house: House) -> None:
    ada = await house.sign_up()
    made = [await scheduled(house, ada) for _ in range(12)]
    for zap in made:
        await due_at(house, zap, this_minute() - 2 * MINUTE)
    await asyncio.gather(*(look(house) for _ in range(4)))
    for zap in made:
        slots = await slots_of(house, zap)
        assert len({slot.planned_at for slot in slots}) == len(slots)
        runs = await runs_of(house, zap)
        # One, and the next minute where the test ran across it.
        assert 1 <= len(runs) <= 2
        assert [slot.run_id for slot in slots if slot.status == "ran"] == [run.id for run in runs]


async def test_two_that_hold_the_same_times_fire_once(house: House) -> None:
    """As after a lease that ran out while its holder was frozen."""
    ada = await house.sign_up()
    zap = await scheduled(house, ada)
    await due_at(house, zap, this_minute())
    (late,) = await taken(house)
    async with house.db.transaction() as session:
        await session.execute(update(Timer).values(lease_until=None))
    (early,) = await taken(house)
    scheduler = Scheduler(house.db, house.runtime.signals)
    await scheduler.fire([early])
    await scheduler.fire([late])
    # Even with its fence: the slot is there.
    await due_at(house, zap, early.due_at)
    (forged,) = await taken(house)
    await scheduler.fire([replace(forged, now=early.now)])
    assert len(await runs_of(house, zap)) == 1
    assert len(await slots_of(house, zap)) == 1


@pytest.mark.parametrize("place", ["schedule.before_commit", "bulk.after_commit:2"])
async def test_a_scheduler_that_dies_leaves_the_time_to_another(house: House, place: str) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada)
    await due_at(house, zap, this_minute())
    failpoints.arm(f"{place}=error")
    try:
        due = await taken(house)
        with pytest.raises(FailpointError):
            await Scheduler(house.db, house.runtime.signals).fire(due)
    finally:
        failpoints.arm("")
    async with house.db.transaction() as session:
        await session.execute(update(Timer).values(lease_until=None))
    await look(house)
    first, *more = await slots_of(house, zap)
    assert first.planned_at == due[0].due_at
    runs = await runs_of(house, zap)
    assert len(runs) == 1 + len(more)
    assert first.run_id == runs[0].id


async def test_a_restart_over_a_minute_neither_loses_nor_doubles_it(house: House) -> None:
    """Stopped at :59 and started at :01: the minute is late by a second, and in time."""
    ada = await house.sign_up()
    zap = await scheduled(house, ada, cron="* * * * *", missed="skip")
    planned = this_minute() - MINUTE
    await due_at(house, zap, planned)
    (due,) = await taken(house)
    scheduler = Scheduler(house.db, house.runtime.signals)
    await scheduler.fire([replace(due, now=planned + dt.timedelta(seconds=1))])
    (slot,) = await slots_of(house, zap)
    assert (slot.status, slot.planned_at, slot.reason) == ("ran", planned, None)
    assert (await timer_of(house, zap)).due_at == planned + MINUTE


async def test_after_a_long_absence_the_last_time_is_made_up_for(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada, cron="*/5 * * * *")
    now = dt.datetime(2026, 3, 1, 12, 2, tzinfo=dt.UTC)
    await due_at(house, zap, now.replace(hour=11, minute=45))
    (due,) = await taken(house)
    await Scheduler(house.db, house.runtime.signals).fire([replace(due, now=now)])
    slots = await slots_of(house, zap)
    assert [(slot.planned_at.strftime("%H:%M"), slot.status) for slot in slots] == [
        ("11:45", "missed"),
        ("11:50", "missed"),
        ("11:55", "missed"),
        ("12:00", "ran"),
    ]
    assert all(slot.reason for slot in slots)
    (run,) = await runs_of(house, zap)
    assert slots[-1].run_id == run.id
    assert (await timer_of(house, zap)).due_at == now.replace(minute=5)


async def test_who_does_not_want_that_has_rows_and_no_run(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada, cron="0 * * * *", missed="skip")
    now = dt.datetime(2026, 3, 1, 12, 2, tzinfo=dt.UTC)
    await due_at(house, zap, now.replace(hour=10, minute=0))
    (due,) = await taken(house)
    await Scheduler(house.db, house.runtime.signals).fire([replace(due, now=now)])
    assert [slot.status for slot in await slots_of(house, zap)] == ["missed"] * 3
    assert await runs_of(house, zap) == []


async def test_a_very_long_absence_writes_a_hundred_rows_and_one_that_counts(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada, every_seconds=10)
    now = this_minute()
    await due_at(house, zap, now - dt.timedelta(days=7))
    (due,) = await taken(house)
    await Scheduler(house.db, house.runtime.signals).fire([replace(due, now=now)])
    slots = await slots_of(house, zap)
    assert len(slots) == MOST_MISSED_ROWS + 2
    assert slots[0].planned_at == now - dt.timedelta(days=7)
    assert f"{7 * 8640 - MOST_MISSED_ROWS:,} times" in str(slots[0].reason)
    assert [slot.status for slot in slots].count("ran") == 1
    assert slots[-1].planned_at == now
    # No drift: the next one is counted from the plan and not from now.
    assert (await timer_of(house, zap)).due_at == now + dt.timedelta(seconds=10)


async def test_a_clock_that_jumps_fires_no_time_twice(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada, cron="*/10 * * * *")
    start = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
    scheduler = Scheduler(house.db, house.runtime.signals)
    hour = dt.timedelta(hours=1)

    async def passes(now: dt.datetime) -> None:
        # Whether it is due is for the database's clock to say, which stands still here.
        timer = await timer_of(house, zap)
        if timer.due_at is not None and timer.due_at <= now:
            (due,) = await taken(house)
            await scheduler.fire([replace(due, now=now)])

    await due_at(house, zap, start)
    clock = [start + number * 10 * MINUTE for number in range(4)]
    clock += [moment + hour for moment in clock]
    clock += [start + number * 10 * MINUTE for number in range(12)]
    for now in clock:
        await passes(now)
    slots = await slots_of(house, zap)
    planned = [slot.planned_at for slot in slots]
    assert planned == [start + number * 10 * MINUTE for number in range(len(planned))]
    ran = [slot for slot in slots if slot.status == "ran"]
    assert len(await runs_of(house, zap)) == len(ran)
    assert [slot.status for slot in slots].count("missed") == 2


async def test_a_zap_that_was_switched_off_by_a_change_underneath_is_skipped(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada)
    await due_at(house, zap, this_minute())
    async with house.db.transaction() as session:
        await session.execute(update(Zap).where(col(Zap.id) == zap.id).values(enabled=False))
    await look(house)
    (slot,) = await slots_of(house, zap)
    assert (slot.status, slot.reason) == ("skipped", "The zap is switched off.")


async def test_what_cannot_be_worked_out_says_so_and_hurts_nobody_else(house: House) -> None:
    ada = await house.sign_up()
    bad, good = await scheduled(house, ada), await scheduled(house, ada)
    async with house.db.transaction() as session:
        await session.execute(
            update(Timer)
            .where(col(Timer.zap_id) == bad.id)
            .values(settings={"cron": "* * * * *", "timezone": "Gone/Away"})
        )
    for zap in (bad, good):
        await due_at(house, zap, this_minute())
    await look(house)
    assert len(await runs_of(house, good)) == 1
    timer = await timer_of(house, bad)
    assert "Gone/Away" in str(timer.error)
    assert timer.due_at is not None
    assert timer.due_at > utc_now()


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"cron": "* * * * * *"}, "trigger.settings.cron"),
        ({"cron": "60 * * * *"}, "trigger.settings.cron"),
        ({"cron": "@every 0s"}, "trigger.settings.cron"),
        ({"cron": "0 0 30 2 *"}, "trigger.settings.cron"),
        ({"every_seconds": 0}, "trigger.settings.every_seconds"),
        ({}, "trigger.settings.cron"),
        ({"cron": "* * * * *", "timezone": "Mars/Base"}, "trigger.settings.timezone"),
        ({"cron": "* * * * *", "timezone": "../../etc/passwd"}, "trigger.settings.timezone"),
    ],
)
async def test_a_bad_schedule_is_refused_with_its_place(
    house: House, settings: dict[str, Any], path: str
) -> None:
    ada = await house.sign_up()
    definition = {"trigger": {"kind": "schedule", "settings": settings}, "steps": [STOP]}
    answer = await house.client.post(
        "/api/v1/zaps", json={"name": "Bad", "definition": definition}, headers=ada.headers
    )
    if answer.status_code == 201:
        url = f"/api/v1/zaps/{answer.json()['id']}/publish"
        answer = await house.client.post(url, headers=ada.headers)
    assert answer.status_code == 422, answer.text
    assert [detail["path"] for detail in answer.json()["error"]["details"]] == [path]
