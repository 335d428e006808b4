"""A project works on at most so many runs at a time, over all workers."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import delete
from sqlmodel import col

from flowforge.models import OutboxEntry, Project, Run
from flowforge.services import admission
from tests.house import House
from tests.integration.limits.line import (
    Worker,
    arrive,
    limited,
    lose,
    make_due,
    parked,
    set_on,
)

TWO = pytest.mark.parametrize("changes", [{"project_concurrency": 2}])


@TWO
async def test_all_zaps_of_a_project_share_its_places_in_the_order_they_came(house: House) -> None:
    account = await house.sign_up()
    zaps = [await limited(house, account) for _ in range(2)]
    came = [await arrive(house, zaps[number % 2]) for number in range(6)]
    worker, other = Worker(house), Worker(house, "bob")
    held = await worker.claim()
    assert [lease.run_id for lease in held] == came[:2]
    assert await other.claimed() == []
    began = list(held)
    while held:
        await worker.end(held.pop(0))
        held += (fresh := await other.claim())
        began += fresh
        assert len(held) <= 2
    assert [lease.run_id for lease in began] == came


@TWO
async def test_a_run_that_waits_has_no_place_and_comes_back_in_line(house: House) -> None:
    zap = await limited(house, await house.sign_up())
    first, second, third = [await arrive(house, zap) for _ in range(3)]
    worker = Worker(house)
    one, _ = await worker.claim()
    await worker.wait(one, seconds=3600)
    assert await worker.claimed() == [third]
    await make_due(house, first)
    assert await worker.claimed() == []
    assert await parked(house) == {first: "project", second: None, third: None}


@TWO
async def test_who_is_called_is_not_overtaken_on_its_way(house: House) -> None:
    zap = await limited(house, await house.sign_up())
    came = [await arrive(house, zap) for _ in range(3)]
    worker = Worker(house)
    one, _ = await worker.claim()
    await worker.end(one)
    assert (await parked(house))[came[2]] == "next"
    younger = await arrive(house, zap)
    # Whatever its rank: only the younger one is claimed.
    await make_due(house, younger, ago=3600)
    assert await worker.claimed(limit=1) == []
    assert (await parked(house))[younger] == "project"
    assert await worker.claimed() == [came[2]]


@TWO
async def test_a_worker_that_dies_frees_its_places(house: House) -> None:
    zap = await limited(house, await house.sign_up())
    came = [await arrive(house, zap) for _ in range(3)]
    await lose(house, *await Worker(house).claim())
    other = Worker(house, "bob")
    again = await other.claim()
    assert [lease.run_id for lease in again] == came[:2]
    await other.end(*again)
    assert await other.claimed() == came[2:]


@TWO
async def test_workers_that_claim_at_once_keep_to_it(house: House) -> None:
    zap = await limited(house, await house.sign_up())
    came = [await arrive(house, zap) for _ in range(30)]
    began: list[str] = []
    inside = 0

    async def work(worker: Worker) -> None:
        nonlocal inside
        while len(began) < len(came):
            held = await worker.claim(4)
            inside += len(held)
            assert inside <= 2
            began.extend(lease.run_id for lease in held)
            for lease in held:
                # Before its place is given on, not after.
                inside -= 1
                await worker.end(lease)

    async with asyncio.timeout(30):
        await asyncio.gather(*(work(Worker(house, name)) for name in ("ada", "bob", "cy")))
    assert sorted(began) == came


@TWO
async def test_projects_do_not_wait_for_each_other_and_tests_for_nobody(house: House) -> None:
    zaps = [await limited(house, await house.sign_up(f"{name}@example.com")) for name in ("a", "b")]
    came = [await arrive(house, zap) for zap in zaps for _ in range(3)]
    test = await arrive(house, zaps[0])
    await set_on(house, Run, col(Run.id) == test, environment="test")
    assert await Worker(house).claimed() == [*came[:2], *came[3:5], test]


async def test_an_admin_sets_a_limit_and_takes_it_away_again(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    url = f"/api/v1/projects/{account.project_id}"
    answer = await house.client.patch(url, json={"concurrency": 1}, headers=account.headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["concurrency"] == 1
    came = [await arrive(house, zap) for _ in range(3)]
    worker = Worker(house)
    assert await worker.claimed() == came[:1]
    answer = await house.client.patch(url, json={"concurrency": None}, headers=account.headers)
    assert answer.json()["concurrency"] is None
    assert await worker.claimed() == came[1:]


@TWO
async def test_a_project_cannot_raise_what_the_operator_allows(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    await set_on(house, Project, col(Project.id) == account.project_id, concurrency=50)
    for _ in range(3):
        await arrive(house, zap)
    assert len(await Worker(house).claimed()) == 2


@pytest.mark.parametrize("changes", [{"project_concurrency": 1}])
async def test_what_was_forgotten_is_let_in_by_the_sweep(house: House) -> None:
    zap = await limited(house, await house.sign_up())
    came = [await arrive(house, zap) for _ in range(2)]
    worker = Worker(house)
    (lease,) = await worker.claim()
    # A worker of the release before ends it: that one knows of no places.
    await set_on(house, Run, col(Run.id) == lease.run_id, status="succeeded")
    await _forget(house, lease.run_id)
    assert await worker.claimed() == []
    await admission.mend(house.db)
    assert await worker.claimed() == came[1:]
    assert (await parked(house)) == {came[1]: None}


async def _forget(house: House, run_id: str) -> None:
    async with house.db.transaction() as session:
        await session.execute(delete(OutboxEntry).where(col(OutboxEntry.run_id) == run_id))


@pytest.mark.parametrize("body", [{"concurrency": 0}, {"concurrency": "2"}, {"concurrency": 1.5}])
async def test_a_limit_is_a_number_above_nothing(house: House, body: dict[str, Any]) -> None:
    account = await house.sign_up()
    url = f"/api/v1/projects/{account.project_id}"
    answer = await house.client.patch(url, json=body, headers=account.headers)
    assert answer.status_code == 422, answer.text


@TWO
async def test_a_place_that_somebody_is_called_to_is_taken(house: House) -> None:
    zap = await limited(house, await house.sign_up())
    came = [await arrive(house, zap) for _ in range(3)]
    worker = Worker(house)
    one, _ = await worker.claim()
    await worker.end(one)
    younger = await arrive(house, zap)
    assert await worker.claimed() == [came[2]]
    assert (await parked(house))[younger] == "project"
