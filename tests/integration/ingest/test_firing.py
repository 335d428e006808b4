"""What fires without a request takes the same way as one."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from flowforge.infra.bulk import bulk
from flowforge.infra.db import new_id, utc_now
from flowforge.models import OutboxEntry
from flowforge.services import leases, zaps
from flowforge.services.firing import Fired, Happening, fire
from tests.house import House
from tests.integration.ingest.inbox import all_events, listening, tally
from tests.zapping import ended, events_of, hook, published, run_of, working

NOWHERE = "http://127.0.0.1:1/"


async def fired(house: House, *happenings: Happening) -> Fired:
    async with bulk(house.db) as tx:
        found = await fire(tx, happenings)
    await found.after(house.db, house.runtime.signals)
    return found


async def entries(house: House) -> list[OutboxEntry]:
    async with house.db.reading() as session:
        query = select(OutboxEntry).order_by(col(OutboxEntry.run_id))
        return list((await session.scalars(query)).all())


def tick(zap_id: str, key: str | None = None, **more: Any) -> Happening:
    return Happening(zap_id=zap_id, trigger="schedule", body={"n": 1}, dedupe_key=key, **more)


async def test_what_fires_is_an_event_and_a_run_that_ends(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, {"id": "end", "kind": "stop"})
    (receipt,) = await fired(house, tick(zap.id))
    assert receipt.verdict == "accepted"
    assert receipt.run_id is not None
    async with working(house):
        run = await ended(house, receipt.run_id)
    assert (run.status, run.event_id) == ("succeeded", receipt.event_id)
    (event,) = await events_of(house, zap)
    assert (event.trigger, event.raw, event.method) == ("schedule", b'{"n":1}', "")


async def test_many_happenings_of_many_zaps_are_stored_at_once(house: House) -> None:
    ada = await house.sign_up()
    one = await published(house, ada, hook("one", NOWHERE))
    other = await published(house, ada, hook("one", NOWHERE))
    receipts = await fired(
        house, *(tick(zap.id, f"slot-{n}") for n in range(200) for zap in (one, other))
    )
    assert {receipt.verdict for receipt in receipts} == {"accepted"}
    assert len({receipt.run_id for receipt in receipts}) == 400
    assert len(await events_of(house, one)) == len(await events_of(house, other)) == 200


async def test_of_equal_keys_one_fires_and_a_quiet_repeat_leaves_no_row(house: House) -> None:
    _, zap = await listening(house)
    first, again = await fired(house, tick(zap.id, "slot"), tick(zap.id, "slot"))
    (third,) = await fired(house, tick(zap.id, "slot"))
    assert (first.verdict, again.verdict, third.verdict) == ("accepted", "duplicate", "duplicate")
    assert first.run_id == again.run_id == third.run_id
    assert tally(await all_events(house)) == {"accepted": 1}


async def test_a_repeat_from_outside_is_seen(house: House) -> None:
    _, zap = await listening(house)
    said = Happening(zap_id=zap.id, trigger="app", body=None, dedupe_key="delivery")
    await fired(house, said)
    await fired(house, said)
    assert tally(await all_events(house)) == {"accepted": 1, "duplicate": 1}


async def test_a_zap_that_is_off_holds_and_a_deleted_one_is_unknown(house: House) -> None:
    ada, zap = await listening(house)
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=False)
    (held,) = await fired(house, tick(zap.id))
    async with house.db.transaction() as session:
        await zaps.delete(session, ada.actor, zap.id)
    gone, nobody = await fired(house, tick(zap.id), tick(new_id()))
    assert (held.verdict, held.run_id) == ("held", None)
    assert (gone.verdict, nobody.verdict) == ("unknown", "unknown")
    assert tally(await all_events(house)) == {"held": 1}


async def test_a_planned_time_and_a_priority_place_the_run(house: House) -> None:
    _, zap = await listening(house)
    later = utc_now() + dt.timedelta(hours=1)
    await fired(house, tick(zap.id, planned_at=later), tick(zap.id, priority=leases.URGENT))
    planned, urgent = await entries(house)
    assert abs(planned.due_at - later) < dt.timedelta(seconds=1)
    assert urgent.priority == leases.URGENT
    assert urgent.rank_at is not None
    assert urgent.due_at - urgent.rank_at == dt.timedelta(seconds=60)


async def test_limits_hold_for_what_fires(house: House) -> None:
    ada = await house.sign_up()
    limits = {"debounce": {"key": "same", "seconds": 60}, "concurrency": {"limit": 1}}
    zap = await published(house, ada, hook("one", NOWHERE), limits=limits)
    first, second = await fired(house, tick(zap.id), tick(zap.id))
    assert first.run_id is not None
    assert second.run_id is not None
    assert (await run_of(house, first.run_id)).status == "cancelled"
    (entry,) = await entries(house)
    assert entry.run_id == second.run_id
    assert entry.gate is not None


async def test_what_fires_in_a_transaction_that_fails_is_gone_with_it(house: House) -> None:
    _, zap = await listening(house)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - it fails within the transaction
        async with bulk(house.db) as tx:
            await fire(tx, [tick(zap.id)])
            1 / 0  # noqa: B018
    assert await all_events(house) == []


async def test_a_key_of_any_length_and_any_characters_is_a_key(house: House) -> None:
    _, zap = await listening(house)
    for key in ("k" * 100_000, "nul\0", "half \ud800", "ü" * 200):
        first, again = await fired(house, tick(zap.id, key), tick(zap.id, key))
        assert (first.verdict, again.verdict) == ("accepted", "duplicate")


async def test_nothing_fires_nothing(house: House) -> None:
    assert await fired(house) == []
