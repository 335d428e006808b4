"""The health of zaps: counted by day, with the newest failure, in one statement."""

import datetime as dt
from typing import Any

from flowforge.infra.db import utc_now
from flowforge.services import health
from flowforge.services.health import Day
from tests.house import House
from tests.zapping import ended, path_of, published, working

FINE = {"id": "fine", "kind": "filter", "name": "All", "when": {"any": []}}
BROKEN = {"id": "broken", "kind": "code", "language": "python", "inputs": {}, "code": "1 / 0"}


async def _health(house: House, ids: list[str], now: dt.datetime) -> dict[str, health.Health]:
    async with house.db.reading() as session:
        return await health.of_zaps(session, ids, now)


async def test_runs_are_counted_by_day_and_the_newest_failure_is_told(house: House) -> None:
    ada = await house.sign_up()
    fine, broken = await published(house, ada, FINE), await published(house, ada, BROKEN)
    idle = await published(house, ada, FINE)
    runs: list[str] = []
    async with working(house):
        for zap in (fine, fine, broken, broken):
            answer = await house.client.post(path_of(zap), json={})
            runs.append(answer.json()["zapRunId"])
            await ended(house, runs[-1])
    ids = [fine.id, broken.id, idle.id]
    now = utc_now()
    found = await _health(house, ids, now)
    assert found.keys() == {fine.id, broken.id}
    assert found[fine.id].days == (*[Day()] * 6, Day(2, 0))
    assert (found[fine.id].error, found[fine.id].error_run_id) == ("", "")
    assert found[broken.id].days[-1] == Day(0, 2)
    assert found[broken.id].error_run_id == runs[-1]
    assert "division" in found[broken.id].error

    # Three days later they are three places further back, and after a week gone.
    later: Any = await _health(house, ids, now + dt.timedelta(days=3))
    assert later[fine.id].days == (*[Day()] * 3, Day(2, 0), *[Day()] * 3)
    assert await _health(house, ids, now + dt.timedelta(days=7, seconds=60)) == {}


async def test_any_number_of_zaps_costs_one_statement(house: House) -> None:
    ada = await house.sign_up()
    zaps = [await published(house, ada, FINE) for _ in range(4)]
    with house.counted_statements() as count:
        await _health(house, [zap.id for zap in zaps], utc_now())
    assert count.number <= 2  # BEGIN is one on SQLite
