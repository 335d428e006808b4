"""Why a run waits: each reason, as the API tells it."""

import datetime as dt
from typing import Any

import pytest
from sqlmodel import col

from flowforge.infra.db import new_id, utc_now
from flowforge.models import Attempt, Run, WorkerEntry, Zap
from flowforge.services import waiting, workers
from flowforge.services.workers import Identity
from tests.house import Account, House
from tests.integration.limits.line import Worker, arrive, limited, set_on

ADA = Identity("ada", "here", 7, "1.0", 50)
ONE = {"concurrency": {"limit": 1, "key": "{{ trigger.body.who }}"}}


async def ask(house: House, account: Account, run_id: str) -> dict[str, Any]:
    answer = await house.client.get(f"/api/v1/runs/{run_id}/why", headers=account.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    await _says_the_same_in_short(house, account, run_id, found)
    return found


async def _says_the_same_in_short(
    house: House, account: Account, run_id: str, found: dict[str, Any]
) -> None:
    """As the run list says it."""
    async with house.db.reading() as session:
        short = await waiting.in_short(session, account.actor, [run_id])
    if found["reason"] in {"working", "ended"}:
        assert short == {}
        return
    known = {"no_worker": "busy"}.get(found["reason"], found["reason"])
    assert short[run_id].reason == known
    until = short[run_id].until
    assert (until.isoformat() if until else None) == _utc(found["until"])


def _utc(moment: str | None) -> str | None:
    return dt.datetime.fromisoformat(moment).isoformat() if moment else None


async def test_a_due_run_waits_for_a_worker_or_for_a_place(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    first, second = [await arrive(house, zap) for _ in range(2)]
    alone = await ask(house, account, first)
    assert (alone["reason"], alone["position"]) == ("no_worker", 1)
    await workers.beat(house.db, ADA, held=0)
    busy = await ask(house, account, second)
    assert (busy["reason"], busy["position"]) == ("busy", 2)


async def test_a_run_in_hand_and_one_that_ended(house: House) -> None:
    account = await house.sign_up()
    run_id = await arrive(house, await limited(house, account))
    worker = Worker(house)
    (lease,) = await worker.claim()
    working = await ask(house, account, run_id)
    assert working["reason"] == "working"
    assert "ada" in working["message"]
    await worker.end(lease)
    ended = await ask(house, account, run_id)
    assert ended == {
        "reason": "ended",
        "message": "The run has ended: succeeded.",
        "position": None,
        "until": None,
    }


async def test_the_limit_of_a_zap_says_how_many_are_before(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account, **ONE)
    came = [await arrive(house, zap, {"who": "ada"}) for _ in range(3)]
    await Worker(house).claim()
    last = await ask(house, account, came[2])
    assert (last["reason"], last["position"]) == ("limit", 2)
    assert "1 run with the same key" in last["message"]


@pytest.mark.parametrize("changes", [{"project_concurrency": 1}])
async def test_the_limit_of_a_project_says_so(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    came = [await arrive(house, zap) for _ in range(3)]
    await Worker(house).claim()
    last = await ask(house, account, came[2])
    assert (last["reason"], last["position"]) == ("limit", 2)
    assert "Its project has at most 1 run" in last["message"]


async def test_a_throttle_and_a_debounce_say_until_when(house: House) -> None:
    account = await house.sign_up()
    throttled = await limited(house, account, throttle={"limit": 1, "seconds": 600})
    debounced = await limited(house, account, debounce={"seconds": 600})
    came = [await arrive(house, throttled) for _ in range(2)]
    quiet = await arrive(house, debounced)
    await Worker(house).claim()
    for run_id, reason in ((came[1], "throttle"), (quiet, "future")):
        found = await ask(house, account, run_id)
        assert found["reason"] == reason
        left = dt.datetime.fromisoformat(found["until"]) - utc_now()
        assert 590 < left.total_seconds() <= 600


async def test_a_paused_zap_says_so_before_and_after_a_claim(house: House) -> None:
    account = await house.sign_up()
    zap = await limited(house, account)
    await set_on(house, Zap, col(Zap.id) == zap.id, paused_at=utc_now())
    run_id = await arrive(house, zap)
    assert (await ask(house, account, run_id))["reason"] == "paused"
    assert await Worker(house).claimed() == []
    assert (await ask(house, account, run_id))["reason"] == "paused"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("approval", "waiting_for_approval"),
        ("zap", "waiting_for_zap"),
        ("delay", "delay"),
        (None, "retry"),
    ],
)
async def test_a_run_that_sleeps_says_what_for(house: House, kind: str | None, reason: str) -> None:
    account = await house.sign_up()
    run_id = await arrive(house, await limited(house, account))
    worker = Worker(house)
    (lease,) = await worker.claim()
    await worker.wait(lease, seconds=600)
    if kind is not None:
        async with house.db.transaction() as session:
            session.add(
                Attempt(
                    id=new_id(),
                    run_id=run_id,
                    path="nap",
                    step_id="nap",
                    kind=kind,
                    number=1,
                    status="running",
                    wake_at=utc_now() + dt.timedelta(seconds=60),
                )
            )
    assert (await ask(house, account, run_id))["reason"] == reason


async def test_nobody_is_told_about_the_runs_of_others(house: House) -> None:
    run_id = await arrive(house, await limited(house, await house.sign_up()))
    bob = await house.sign_up("bob@example.com")
    answer = await house.client.get(f"/api/v1/runs/{run_id}/why", headers=bob.headers)
    assert answer.status_code == 404
    async with house.db.reading() as session:
        assert await waiting.in_short(session, bob.actor, [run_id]) == {}
    other = (await house.client.get("/api/v1/queue", headers=bob.headers)).json()
    assert (other["due"], other["by_status"]["queued"]) == (0, 0)


async def test_the_queue_says_how_much_there_is_of_what(house: House) -> None:
    account = await house.sign_up()
    await workers.beat(house.db, ADA, held=3)
    zap = await limited(house, account, **ONE)
    for who in ("ada", "ada", "bob"):
        await arrive(house, zap, {"who": who})
    worker = Worker(house)
    _, sleeping = await worker.claim()
    await worker.wait(sleeping, seconds=600)
    await house.client.post(f"/api/v1/zaps/{zap.id}/run", json={}, headers=account.headers)
    broken = await arrive(house, await limited(house, account))
    failed = {"status": "failed", "error": {"code": "card_declined", "message": 'A "no".'}}
    await set_on(house, Run, col(Run.id) == broken, **failed)
    found = (await house.client.get("/api/v1/queue", headers=account.headers)).json()
    assert found.pop("oldest_due_seconds") > 0
    assert found == {
        "due": 2,
        "leased": 1,
        "sleeping": 1,
        "parked": {"limit": 1, "throttle": 0, "paused": 0},
        "by_status": {"queued": 2, "running": 1, "waiting": 1},
        "by_priority": {"high": 1, "normal": 4, "low": 0},
        "workers": 1,
        "dead_letters": [{"code": "card_declined", "count": 1}],
    }
    metrics = (await house.client.get("/metrics")).text
    assert 'flowforge_queue_entries{reason="limit"} 1.0' in metrics


async def test_workers_are_forgotten_when_they_say_nothing_for_a_minute(house: House) -> None:
    account = await house.sign_up()
    await workers.beat(house.db, ADA, held=3)
    await workers.beat(house.db, ADA, held=4)
    (shown,) = await _workers(house, account)
    assert (shown["name"], shown["held"], shown["concurrency"]) == ("ada", 4, 50)
    past = utc_now() - workers.GONE_AFTER
    await set_on(house, WorkerEntry, col(WorkerEntry.name) == "ada", seen_at=past)
    assert await _workers(house, account) == []
    bob = Identity("bob", "there", 8, "1.0", 50)
    await workers.beat(house.db, bob, held=0)
    await workers.leave(house.db, "bob")
    assert await _workers(house, account) == []


async def _workers(house: House, account: Account) -> list[dict[str, Any]]:
    answer = await house.client.get("/api/v1/workers", headers=account.headers)
    found: list[dict[str, Any]] = answer.json()["data"]
    return found
