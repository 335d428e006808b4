"""Death at every failpoint: what was acknowledged still ends, once, whoever died where."""

import asyncio
import signal
from typing import Any

import pytest

from flowforge.infra.failpoints import CATALOGUE, arm
from tests.chaos.acks import Acks
from tests.chaos.ledger import prove, settled
from tests.chaos.site import Site
from tests.zapping import ended, hook, path_of, published

INTAKE = sorted(name for name in CATALOGUE if name.startswith("intake."))
SCHEDULE = {"schedule.before_commit"}
NOTICES = {"tell.before_commit", "deliver.after_send"}
POLLS = {"poll.before_store", "poll.before_commit", "poll.after_commit"}
HOOKS = {"register.before_send", "register.after_send", "register.before_commit"}
WORKER = sorted(CATALOGUE.keys() - set(INTAKE) - SCHEDULE - NOTICES - POLLS - HOOKS)


async def test_workers_that_die_at_every_place_leave_nothing_behind(site: Site) -> None:
    """One worker for each place, all at once: the last one alive finishes everything."""
    ada = await site.house.sign_up()
    patient = {"attempts": 20, "first_wait": 0.05, "factor": 1.0}
    mail = {"to": "ada@example.com", "subject": "Done", "body": "It is done."}
    zap = await published(
        site.house,
        ada,
        hook("one", site.sink.url("one"), retry=patient),
        hook("big", site.sink.url("big"), retry=patient),
        hook("mail", "", action="email", inputs=mail, retry=patient),
    )
    site.sink.behave("big", "large")
    site.sink.delay_seconds = 0.05  # long enough for leases to be renewed
    armed = {place: await site.born(f"{place}:2=kill") for place in WORKER}
    acks = Acks()
    try:
        async with asyncio.timeout(30), site.client() as client:
            number = 0
            while any(child.exit_code is None for child in armed.values()):
                number += 1
                await acks.send(client, path_of(zap), number)
                await asyncio.sleep(0.02)
    except TimeoutError:
        alive = [place for place, child in armed.items() if child.exit_code is None]
        raise AssertionError(f"nobody died at {alive}") from None
    assert {child.exit_code for child in armed.values()} == {-signal.SIGKILL}
    site.sink.delay_seconds = 0
    await site.worker()
    await settled(site.house, within_seconds=20)
    runs = await prove(site.house, acks, site.sink)
    assert {run.status for run in runs.values()} == {"succeeded"}
    assert len(runs) == len(acks.runs)


async def test_intake_that_dies_around_its_commit_has_promised_nothing_it_cannot_keep(
    site: Site,
) -> None:
    zap = await site.zap("one")
    doors = await asyncio.gather(*(site.hooks(f"{place}:20=kill") for place in INTAKE))
    told = dict(zip(INTAKE, [Acks(), Acks(), Acks()], strict=True))
    for (process, address), acks in zip(doors, told.values(), strict=True):
        async with site.client(address) as client:
            while process.exit_code is None and len(acks.all) < 100:
                await acks.send(client, path_of(zap), len(acks.all))
        await process.ended(10)
    # One request after the other, and the 20th met the end. An answer that was handed to the server
    # just before it may have left or not.
    heard = [len(acks.runs) for acks in told.values()]
    assert heard in ([19, 19, 19], [19, 20, 19]), dict(zip(told, heard, strict=True))
    await site.worker()
    await settled(site.house, within_seconds=20)
    every = Acks(runs={run: event for acks in told.values() for run, event in acks.runs.items()})
    runs = await prove(site.house, every, site.sink)
    assert {run.status for run in runs.values()} == {"succeeded"}
    # What was committed is stored, told or not.
    assert len(runs) == 20 + 20 + 19


async def test_three_hundred_runs_survive_the_death_of_their_worker(site: Site) -> None:
    zap = await site.zap("one", "two", "three")
    site.sink.delay_seconds = 0.02
    doomed = await site.worker()
    acks = await site.fire(zap, 300)
    assert len(acks.runs) == 300
    wanted = site.random.randint(150, 600)
    async with asyncio.timeout(30):
        while len(site.sink.book.applied) < wanted:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.01)
    doomed.kill()
    await site.worker()
    await settled(site.house, within_seconds=30)
    runs = await prove(site.house, acks, site.sink)
    assert [run.status for run in runs.values()] == ["succeeded"] * 300
    assert len(site.sink.book.applied) == 900
    # What is called twice is at most what was under way, and under the same key.
    assert len(site.sink.book.calls) <= 900 + 50


AROUND_COMMIT = ["transaction.before_commit", "transaction.after_commit"]


@pytest.mark.parametrize("place", AROUND_COMMIT)
async def test_a_decision_whose_process_breaks_around_its_commit_counts_once(
    site: Site, place: str
) -> None:
    ask = {"id": "ask", "kind": "approval", "question": "Go on?"}
    ada = await site.house.sign_up()
    zap = await published(site.house, ada, ask, hook("one", site.sink.url("one")))
    await site.worker()
    acks = await site.fire(zap, 1)
    (run_id,) = acks.runs
    asked: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not asked:
            answer = await site.house.client.get("/api/v1/approvals", headers=ada.headers)
            asked = answer.json()["data"]
    url = f"/api/v1/approvals/{asked[0]['id']}"
    arm(f"{place}=error")
    try:
        broken = await site.house.client.post(url, json={"approved": True}, headers=ada.headers)
    finally:
        arm("")
    assert broken.status_code == 500
    again = await site.house.client.post(url, json={"approved": False}, headers=ada.headers)
    was_stored = place == "transaction.after_commit"
    assert again.status_code == (409 if was_stored else 200)
    await ended(site.house, run_id)
    await prove(site.house, acks, site.sink)
    assert (f"{run_id}:one" in site.sink.book.applied) == was_stored
