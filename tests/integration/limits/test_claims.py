"""What is taken next, and what looking for it costs."""

import datetime as dt
from typing import Any

from sqlalchemy import text

from flowforge.infra.bulk import bulk
from flowforge.infra.db import new_id, utc_now
from flowforge.models import Event, OutboxEntry, Run
from flowforge.services import leases
from tests.house import House
from tests.integration.limits.line import Worker, arrive, entries, limited, lose, make_due

SLEEPERS = 20_000


async def _owe(
    house: House, zap_id: str, number: int, *, due_in: float, priority: int, project_id: str
) -> list[str]:
    """So many runs of one event, due in so many seconds."""
    due_at = utc_now() + dt.timedelta(seconds=due_in)
    event_id, ids = new_id(), [new_id() for _ in range(number)]
    event = (event_id, project_id, zap_id, "webhook", "accepted", "", "", "", 0, utc_now())
    names = ("id", "project_id", "zap_id", "trigger", "verdict")
    names += ("method", "source_ip", "content_type", "size", "received_at")  # type: ignore[assignment]
    runs = [(one, project_id, zap_id, 1, event_id, "queued", utc_now()) for one in ids]
    columns = ("id", "project_id", "zap_id", "version", "event_id", "status", "created_at")
    rank_at = leases.rank(due_at, priority)
    owed = [(one, project_id, zap_id, due_at, rank_at, priority, 0) for one in ids]
    entry = ("run_id", "project_id", "zap_id", "due_at", "rank_at", "priority", "fence")
    async with bulk(house.db) as tx:
        await tx.insert(Event.__table__, names, [event])  # type: ignore[attr-defined]
        await tx.insert(Run.__table__, columns, runs)  # type: ignore[attr-defined]
        await tx.insert(OutboxEntry.__table__, entry, owed)  # type: ignore[attr-defined]
    return ids


async def test_one_that_a_person_starts_overtakes_a_flood(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    project_id = account.project_id
    flood: dict[str, Any] = {"due_in": -1, "priority": leases.PATIENT, "project_id": project_id}
    await _owe(house, zap.id, 500, **flood)
    hooked = await arrive(house, zap)
    started = await house.client.post(
        f"/api/v1/zaps/{zap.id}/run", json={}, headers=account.headers
    )
    assert await Worker(house).claimed(limit=2) == [started.json()["run_id"], hooked]


async def test_what_has_waited_for_longer_than_a_minute_is_not_overtaken(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    (old,) = await _owe(
        house,
        zap.id,
        1,
        due_in=-61,
        priority=leases.PATIENT,
        project_id=account.project_id,
    )
    await house.client.post(f"/api/v1/zaps/{zap.id}/run", json={}, headers=account.headers)
    assert await Worker(house).claimed(limit=1) == [old]


async def test_a_head_start_makes_nothing_due_before_its_time(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    sooner: dict[str, Any] = {"due_in": 30, "priority": leases.URGENT}
    await _owe(house, zap.id, 1, **sooner, project_id=account.project_id)
    assert await Worker(house).claimed() == []


async def test_spared_zaps_leave_the_slots_to_others(house: House) -> None:
    account = await house.sign_up()
    greedy, modest = [await limited(house, account) for _ in range(2)]
    for _ in range(3):
        await arrive(house, greedy)
    came = await arrive(house, modest)
    found = await Worker(house).claim(spare_zaps=[greedy.id, new_id()])
    assert [lease.run_id for lease in found] == [came]


async def test_crashes_in_a_row_are_counted_and_a_run_given_back_begins_anew(house: House) -> None:
    zap = await limited(house, await house.sign_up())
    run_id = await arrive(house, zap)
    worker, crashes = Worker(house), []
    for _ in range(3):
        (lease,) = await worker.claim()
        crashes.append(lease.crashes)
        await lose(house, lease)
    (lease,) = await worker.claim()
    assert [*crashes, lease.crashes] == [0, 1, 2, 3]
    await worker.wait(lease, seconds=600)
    await make_due(house, run_id)
    (lease,) = await worker.claim()
    assert (lease.crashes, lease.fence) == (0, 5)


async def test_renewing_tells_the_news_and_passes_over_what_is_not_ours(house: House) -> None:
    zap = await limited(house, await house.sign_up())
    mine, other = [await arrive(house, zap) for _ in range(2)]
    worker = Worker(house)
    (lease,) = await worker.claim(limit=1)
    await Worker(house, "bob").claim()
    async with house.db.transaction() as session:
        await session.execute(text("UPDATE outbox SET news = 2"))
    before = (await entries(house))[mine].lease_until
    assert await leases.renew(house.db, worker.name, 600) == {mine: 2}
    after = await entries(house)
    assert before is not None
    assert after[mine].lease_until > before + dt.timedelta(seconds=500)  # type: ignore[operator]
    await leases.let_go(house.db, lease.run_id, lease.fence)
    assert await leases.renew(house.db, worker.name, 600) == {}
    assert other in after


async def test_a_claim_looks_at_what_is_due_and_not_at_what_sleeps(
    house: House, database: str
) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    some: dict[str, Any] = {"priority": leases.USUAL, "project_id": account.project_id}
    await _owe(house, zap.id, SLEEPERS, due_in=3600, **some)
    await _owe(house, zap.id, 10, due_in=-1, **some)
    plans = await _plans(house, database)
    for statement, index in (("take", "ix_outbox_rank_at"), ("renew", "ix_outbox_leased")):
        assert index in plans[statement], plans[statement]
        assert "Seq Scan" not in plans[statement], plans[statement]


async def _plans(house: House, database: str) -> dict[str, str]:
    """How the database carries out both statements, in its own words."""
    explain = "EXPLAIN " if database == "postgresql" else "EXPLAIN QUERY PLAN "
    found = {}
    async with house.db.driver() as raw:
        if database == "postgresql":
            await raw.execute("ANALYZE outbox")
    async with bulk(house.db) as tx:
        real = tx.fetch

        async def fetch(sql: str, **values: Any) -> list[Any]:
            name = "take" if "fence + 1" in sql else "renew"
            rows = await real(explain + sql, **values)
            found[name] = "\n".join(
                str(row[-1] if database == "postgresql" else row["detail"]) for row in rows
            )
            return []

        tx.fetch = fetch  # type: ignore[method-assign]
        await leases.take(tx, "ada", 60, 50)
        await leases.prolong(tx, "ada", 60)
    return found
