"""Everything at once: nobody waits for each other, nobody is forgotten, no limit is passed."""

import asyncio
import random

import pytest

from flowforge.services.leases import Lease
from tests.house import House
from tests.integration.limits.line import Worker, arrive, entries, limited

KEYS = ("a", "b", "c")
EVENTS = 40
LIMIT = 2


@pytest.mark.parametrize("changes", [{"project_concurrency": 5}])
@pytest.mark.parametrize("seed", [1, 2])
async def test_all_come_through_whatever_else_happens(house: House, seed: int) -> None:
    chance = random.Random(seed)
    account = await house.sign_up()
    by_who = {"key": "{{ trigger.body.who }}"}
    limits = {
        "concurrency": {"limit": LIMIT, **by_who},
        "throttle": {"limit": 1000, "seconds": 1, **by_who},
    }
    busy, plain, quiet = [
        await limited(house, account, **limits),
        await limited(house, account),
        await limited(house, account, **limits, debounce={"seconds": 0.05, **by_who}),
    ]
    ended: set[str] = set()
    done = asyncio.Event()

    async def send() -> None:
        for _ in range(EVENTS):
            zap = chance.choice([busy, busy, plain, quiet])
            await arrive(house, zap, {"who": chance.choice(KEYS)})
        done.set()

    async def pause() -> None:
        for word in ("pause", "resume") * 3:
            url = f"/api/v1/zaps/{busy.id}/{word}"
            answer = await house.client.post(url, headers=account.headers)
            assert answer.status_code == 200, answer.text

    async def work(worker: Worker) -> None:
        while not (done.is_set() and not await entries(house)):
            for lease in await worker.claim(chance.randint(1, 7)):
                ended.update(await _go_on(worker, lease, chance))
            await asyncio.sleep(0.005)

    workers = [Worker(house, name) for name in ("ada", "bob", "cy")]
    async with asyncio.timeout(45):
        await asyncio.gather(send(), pause(), *map(work, workers))
    assert await entries(house) == {}
    assert len(ended) > EVENTS / 2


async def _go_on(worker: Worker, lease: Lease, chance: random.Random) -> list[str]:
    """It ends, or sleeps for a moment; the ended one."""
    if lease.gate is not None:
        assert len(await _inside(worker.house, lease.gate)) <= LIMIT
    if chance.random() < 0.3:
        await worker.wait(lease, seconds=0.02)
        return []
    await worker.end(lease)
    return [lease.run_id]


async def _inside(house: House, gate: str) -> list[str]:
    found = await entries(house)
    return [run_id for run_id, entry in found.items() if entry.gate == gate and entry.admitted]
