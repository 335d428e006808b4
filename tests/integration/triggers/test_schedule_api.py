"""What people see of schedules: the next times, the ledger, a preview, the alarm."""

import datetime as dt
from dataclasses import replace
from typing import Any

from sqlalchemy import update

from flowforge.infra.db import utc_now
from flowforge.jobs.alarms import raise_alarms
from flowforge.models import Slot, Timer
from flowforge.services import equipment, slots
from flowforge.services.slots import Scheduler
from tests.house import Account, House
from tests.integration.triggers.test_schedules import (
    due_at,
    look,
    runs_of,
    scheduled,
    slots_of,
    taken,
    this_minute,
    timer_of,
)
from tests.zapping import ended, working

PREVIEW = "/api/v1/schedules/preview"


async def get(house: House, account: Account, path: str) -> Any:
    answer = await house.client.get(f"/api/v1{path}", headers=account.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_schedule_tells_its_next_five_times_and_its_timer(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada, cron="0 9 * * 1-5", timezone="Europe/Berlin")
    found = await get(house, ada, f"/zaps/{zap.id}/schedule")
    assert found["sentence"] == "At 09:00 on weekdays, Europe/Berlin"
    assert found["timezone"] == "Europe/Berlin"
    assert found["settings"]["cron"] == "0 9 * * 1-5"
    assert len(found["next"]) == len(set(found["next"])) == 5
    assert found["next"] == sorted(found["next"])
    assert found["timer"]["due_at"] == found["next"][0]
    assert (found["enabled"], found["alarm"]) == (True, None)
    await house.client.post(f"/api/v1/zaps/{zap.id}/disable", headers=ada.headers)
    off = await get(house, ada, f"/zaps/{zap.id}/schedule")
    assert (off["enabled"], off["next"], off["timer"]["due_at"]) == (False, [], None)


async def test_a_zap_without_a_schedule_says_so(house: House) -> None:
    ada = await house.sign_up()
    made = await house.client.post("/api/v1/zaps", json={"name": "Hook"}, headers=ada.headers)
    found = await get(house, ada, f"/zaps/{made.json()['id']}/schedule")
    assert (found["settings"], found["next"], found["timer"]) == (None, [], None)


async def test_the_ledger_is_paged_newest_first_and_nobody_elses(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    zap = await scheduled(house, ada, cron="* * * * *", missed="skip")
    await due_at(house, zap, this_minute() - dt.timedelta(minutes=5))
    (due,) = await taken(house)
    scheduler = Scheduler(house.db, house.runtime.signals)
    await scheduler.fire([replace(due, now=this_minute() + dt.timedelta(seconds=1))])
    first = await get(house, ada, f"/zaps/{zap.id}/slots?limit=4")
    rest = await get(house, ada, f"/zaps/{zap.id}/slots?limit=4&cursor={first['next']}")
    found = first["data"] + rest["data"]
    assert rest["next"] is None
    planned = [slot["planned_at"] for slot in found]
    assert planned == sorted(planned, reverse=True)
    assert [slot["status"] for slot in found] == ["ran", *["missed"] * 5]
    assert all(slot["reason"] for slot in found[1:])
    (run,) = await runs_of(house, zap)
    assert found[0]["run_id"] == run.id
    for path in ("schedule", "slots"):
        answer = await house.client.get(f"/api/v1/zaps/{zap.id}/{path}", headers=eve.headers)
        assert answer.status_code == 404


async def test_a_preview_says_when_and_in_words(house: House) -> None:
    ada = await house.sign_up()
    body = {"cron": "30 8 1 * *", "timezone": "America/New_York"}
    answer = await house.client.post(PREVIEW, json=body, headers=ada.headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["sentence"] == "At 08:30 on day 1 of the month, America/New_York"
    assert len(answer.json()["next"]) == 5
    every = await house.client.post(PREVIEW, json={"every_seconds": 300}, headers=ada.headers)
    assert every.json()["sentence"] == "Every 5 minutes"


async def test_a_preview_of_nonsense_names_the_field(house: House) -> None:
    ada = await house.sign_up()
    for body, path in (
        ({"cron": "60 * * * *"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": "@every 0s"}, "cron"),
        ({}, "cron"),
        ({"cron": "* * * * *", "timezone": "Mars/Base"}, "timezone"),
        ({"cron": "* * * * *", "timezone": "x" * 101}, "timezone"),
        ({"every_seconds": 1}, "every_seconds"),
        ({"every_seconds": "1e309"}, "every_seconds"),
        ({"cron": "* * * * *", "more": 1}, "more"),
    ):
        answer = await house.client.post(PREVIEW, json=body, headers=ada.headers)
        assert answer.status_code in {400, 422}, (body, answer.text)
        details = answer.json()["error"]["details"]
        assert any(path in detail["path"] for detail in details), (body, details)


async def silent(house: House, seconds: int) -> None:
    """As if every timer had been armed so long ago, and the last alarm not now."""
    long_ago = utc_now() - dt.timedelta(seconds=seconds)
    async with house.db.transaction() as session:
        await session.execute(update(Timer).values(armed_at=long_ago))


async def alarmed(house: House) -> list[str]:
    await raise_alarms(house.runtime, equipment.mailer(house.runtime))
    return [mail["subject"] for mail in await mails(house)]


async def mails(house: House) -> list[Any]:
    return [mail for mail in await house.mailbox() if mail["subject"].startswith("Does not run")]


async def test_who_does_not_run_is_reported_once_until_it_runs_again(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada, cron="0 0 1 1 *", alarm_after_seconds=600)
    await scheduled(house, ada, cron="0 0 1 1 *")
    assert await alarmed(house) == []
    found = await get(house, ada, f"/zaps/{zap.id}/schedule")
    assert (found["alarm"]["is_ringing"], found["alarm"]["after_seconds"]) == (False, 600)
    await silent(house, 601)
    assert await alarmed(house) == ["Does not run: Clock"]
    assert await alarmed(house) == ["Does not run: Clock"]
    found = await get(house, ada, f"/zaps/{zap.id}/schedule")
    assert found["alarm"]["is_ringing"]
    assert found["alarm"]["alarmed_at"] is not None
    (mail,) = await mails(house)
    assert mail["to"] == ada.email
    assert f"/zaps/{zap.id}/schedule" in mail["text"]
    await due_at(house, zap, this_minute())
    async with working(house):
        await look(house)
        (run,) = await runs_of(house, zap)
        await ended(house, run.id)
    assert len(await alarmed(house)) == 1
    found = await get(house, ada, f"/zaps/{zap.id}/schedule")
    assert not found["alarm"]["is_ringing"]
    assert (await timer_of(house, zap)).alarmed_at is None


async def test_what_is_switched_off_raises_no_alarm(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada, cron="0 0 1 1 *", alarm_after_seconds=600)
    await house.client.post(f"/api/v1/zaps/{zap.id}/disable", headers=ada.headers)
    await silent(house, 3600)
    assert await alarmed(house) == []
    # Switched on again, it has all of its time.
    await house.client.post(f"/api/v1/zaps/{zap.id}/enable", headers=ada.headers)
    assert await alarmed(house) == []


async def test_old_slots_are_forgotten(house: House) -> None:
    ada = await house.sign_up()
    zap = await scheduled(house, ada)
    await due_at(house, zap, this_minute())
    await look(house)
    long_ago = utc_now() - dt.timedelta(days=slots.KEPT_DAYS + 1)
    begin = f"{int(long_ago.timestamp() * 1000):012x}"
    old = f"{begin[:8]}-{begin[8:]}-7000-8000-000000000000"
    async with house.db.transaction() as session:
        session.add(
            Slot(
                id=old,
                project_id=ada.project_id,
                zap_id=zap.id,
                kind="schedule",
                planned_at=long_ago,
                status="ran",
            )
        )
    assert len(await slots_of(house, zap)) == 2
    await slots.remove_old(house.db)
    (kept,) = await slots_of(house, zap)
    assert kept.id != old
