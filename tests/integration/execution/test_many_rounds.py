"""Loops whose rounds need nobody: however long, they are written down piece by piece."""

import threading
from collections import Counter
from typing import Any

import pytest

from flowforge.engine.loops import MOST_WORK
from flowforge.services import claims, rebuilding
from flowforge.services.rebuilding import Claimed
from tests.flows import loop, parallel, when
from tests.house import House
from tests.zapping import attempts_of, ended, owed, path_of, published, working

ROUNDS = 3 * MOST_WORK // 2


async def test_a_long_loop_of_decisions_is_settled_in_pieces(house: House) -> None:
    ada = await house.sign_up()
    checks = {"id": "check", "kind": "filter", "when": when("{{ trigger.body.go }}")}
    many = loop("many", None, checks, count=ROUNDS)
    beside = {"id": "beside", "kind": "filter", "when": when("{{ trigger.body.go }}")}
    zap = await published(house, ada, parallel("both", long=[many], short=[beside]))
    async with working(house):
        answer = await house.client.post(path_of(zap), json={"go": 1})
        run = await ended(house, answer.json()["zapRunId"], within_seconds=40)
    assert (run.status, run.error) == ("succeeded", None)
    rows = await attempts_of(house, run.id)
    assert Counter(row.step_id for row in rows) == {
        "both": 1,
        "many": 1,
        "check": ROUNDS,
        "beside": 1,
    }
    assert sorted(row.seq or 0 for row in rows) == list(range(1, len(rows) + 1))
    assert await owed(house) == 0


async def test_what_has_done_much_is_folded_beside_the_loop(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the leases of all other runs would go unrenewed meanwhile."""
    folded: dict[int, list[int]] = {}

    def rebuild(claimed: Claimed, *more: Any) -> Any:
        folded.setdefault(threading.get_ident(), []).append(len(claimed.rows))
        return rebuilding.rebuild(claimed, *more)

    monkeypatch.setattr(claims, "rebuild", rebuild)
    monkeypatch.setattr(claims, "MOST_FOLDED_AT_ONCE", 10)
    ada = await house.sign_up()
    check = {"id": "check", "kind": "filter", "when": when("{{ trigger.body.go }}")}
    nap = {"id": "nap", "kind": "delay", "seconds": 0.5}
    zap = await published(house, ada, loop("many", None, check, count=20), nap)
    async with working(house):
        answer = await house.client.post(path_of(zap), json={"go": 1})
        run = await ended(house, answer.json()["zapRunId"], within_seconds=20)
    assert (run.status, run.error) == ("succeeded", None)
    here = threading.get_ident()
    assert folded.pop(here) == [0]
    assert list(folded.values()) == [[22]]
