"""The health of zaps: counted by day, with the newest failure, in as many statements for all."""

import datetime as dt
from typing import Any

from flowforge.infra.db import utc_now
from flowforge.services import health
from flowforge.services.health import Day
from tests.house import Account, House
from tests.zapping import ended, path_of, published, working

FINE = {"id": "fine", "kind": "filter", "name": "All", "when": {"any": []}}
BROKEN = {"id": "broken", "kind": "code", "language": "python", "inputs": {}, "code": "1 / 0"}


async def _health(
    house: House, owner: Account, ids: list[str], now: dt.datetime
) -> dict[str, health.Health]:
    async with house.db.reading() as session:
        return await health.of_zaps(session, owner.project_id, ids, now)


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
    found = await _health(house, ada, ids, now)
    assert found.keys() == {fine.id, broken.id}
    assert found[fine.id].days == (*[Day()] * 6, Day(2, 0))
    assert (found[fine.id].error, found[fine.id].error_run_id) == ("", "")
    assert found[broken.id].days[-1] == Day(0, 2)
    assert found[broken.id].error_run_id == runs[-1]
    assert "division" in found[broken.id].error

    # Three days later they are three places further back, and after a week gone.
    later: Any = await _health(house, ada, ids, now + dt.timedelta(days=3))
    assert later[fine.id].days == (*[Day()] * 3, Day(2, 0), *[Day()] * 3)
    assert await _health(house, ada, ids, now + dt.timedelta(days=7, seconds=60)) == {}


async def test_many_zaps_cost_as_many_statements_as_one(house: House) -> None:
    ada = await house.sign_up()
    zaps = [await published(house, ada, BROKEN) for _ in range(4)]
    async with working(house):
        for zap in zaps:
            answer = await house.client.post(path_of(zap), json={})
            await ended(house, answer.json()["zapRunId"])
    counts = []
    for some in (zaps[:1], zaps):
        with house.counted_statements() as count:
            found = await _health(house, ada, [zap.id for zap in some], utc_now())
        assert all(each.error for each in found.values())
        counts.append(count.number)
    assert counts[0] == counts[1]
