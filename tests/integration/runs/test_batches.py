"""Many runs at once: a plan, a batch that nobody loses or doubles, and an end to it."""

import asyncio
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import func, select, update
from sqlmodel import col

from flowforge.errors import Forbidden
from flowforge.infra import failpoints
from flowforge.infra.failpoints import FailpointError
from flowforge.jobs.batches import work_batches, work_page
from flowforge.models import Batch, Event, OutboxEntry, Run
from flowforge.services import batches, ending, replays, retries, runs
from flowforge.services.access import Role
from flowforge.services.retries import Again
from flowforge.services.run_filters import RunFilter
from flowforge.services.zap_views import ZapView
from tests import zapping
from tests.house import Account, House
from tests.integration.runs.again import Sink, asked, fire, read
from tests.zapping import ended, run_of, working


@pytest.fixture
def sink(httpserver: HTTPServer) -> Sink:
    return Sink(httpserver)


async def with_runs(house: House, number: int, **values: Any) -> tuple[Account, ZapView]:
    """A zap with so many runs that have ended, without a worker."""
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, {"id": "end", "kind": "stop"})
    async with house.db.transaction() as session:
        for _ in range(number):
            event = Event(
                project_id=ada.project_id, zap_id=zap.id, verdict="accepted", raw=b"{}", size=2
            )
            session.add(event)
            await session.flush()
            columns = {"status": "succeeded"} | values
            session.add(
                Run(
                    project_id=ada.project_id,
                    zap_id=zap.id,
                    version=1,
                    event_id=event.id,
                    **columns,
                )
            )
    return ada, zap


async def work(house: House) -> None:
    while await work_page(house.db, house.runtime.signals):
        pass


async def of_batch(house: House, batch_id: str) -> list[Run]:
    async with house.db.reading() as session:
        query = select(Run).where(col(Run.batch_id) == batch_id).order_by(col(Run.id))
        return list(await session.scalars(query))


async def number_of_runs(house: House) -> int:
    async with house.db.reading() as session:
        return int((await session.execute(select(func.count()).select_from(Run))).scalar_one())


async def test_first_the_plan_then_the_batch_and_its_progress(house: House) -> None:
    ada, zap = await with_runs(house, 3)
    body = {"filter": {"zap_id": zap.id, "status": "succeeded"}, "dry_run": True}
    plan = await asked(house, ada, "/runs/replay", body, status=200)
    assert plan["count"] == 3
    assert plan["oldest"] < plan["newest"]
    assert await number_of_runs(house) == 3, "a plan does nothing"
    batch_id = (await asked(house, ada, "/runs/replay", body | {"dry_run": False}, status=200))[
        "batch_id"
    ]
    before = await read(house, ada, f"/batches/{batch_id}")
    assert (before["status"], before["total"], before["started"]) == ("running", 3, 0)
    await work(house)
    after = await read(house, ada, f"/batches/{batch_id}")
    assert (after["status"], after["started"], after["failed"]) == ("done", 3, 0)
    assert after["finished_at"] is not None
    assert [one["id"] for one in (await read(house, ada, "/batches"))["data"]] == [batch_id]
    begun = await of_batch(house, batch_id)
    assert len({run.replay_of for run in begun}) == 3
    async with house.db.reading() as session:
        assert set(await session.scalars(select(col(OutboxEntry.priority)))) == {3}
    async with working(house):
        for run in begun:
            assert (await ended(house, run.id)).status == "succeeded"


async def test_its_own_runs_and_later_ones_are_not_in_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PAGE", 2)
    ada, zap = await with_runs(house, 5)
    body = {"filter": {"zap_id": zap.id}}
    batch_id = (await asked(house, ada, "/runs/replay", body, status=200))["batch_id"]
    assert await work_page(house.db, house.runtime.signals)
    later = await fire(house, zap)
    async with house.db.transaction() as session:
        # All that has begun meanwhile has ended and would fit, the batch's own among it.
        await session.execute(update(Run).values(status="succeeded"))
    await work(house)
    repeated = {run.replay_of for run in await of_batch(house, batch_id)}
    assert len(repeated) == 5
    assert later not in repeated
    assert await number_of_runs(house) == 11


@pytest.mark.parametrize("place", ["transaction.before_commit", "transaction.after_commit"])
async def test_a_worker_that_dies_between_pages_neither_loses_nor_doubles_a_run(
    house: House, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(batches, "PAGE", 3)
    ada, zap = await with_runs(house, 10)
    body = {"filter": {"zap_id": zap.id}}
    batch_id = (await asked(house, ada, "/runs/replay", body, status=200))["batch_id"]
    died = 0
    try:
        # Every second page ends at the worst place.
        for page in range(20):
            failpoints.arm(f"{place}=error" if page % 2 else "")
            try:
                if not await work_page(house.db, house.runtime.signals):
                    break
            except FailpointError:
                died += 1
    finally:
        failpoints.arm("")
    assert died > 1
    repeated = [run.replay_of for run in await of_batch(house, batch_id)]
    assert len(repeated) == len(set(repeated)) == 10
    done = await read(house, ada, f"/batches/{batch_id}")
    assert (done["status"], done["started"], done["failed"]) == ("done", 10, 0)


async def test_several_workers_share_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PAGE", 2)
    ada, zap = await with_runs(house, 12)
    body = {"filter": {"zap_id": zap.id}}
    batch_id = (await asked(house, ada, "/runs/replay", body, status=200))["batch_id"]
    tasks = [asyncio.create_task(work_batches(house.db, house.runtime.signals)) for _ in range(3)]
    async with asyncio.timeout(20):
        while (await read(house, ada, f"/batches/{batch_id}"))["status"] == "running":  # noqa: ASYNC110 - the workers end it
            await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    repeated = [run.replay_of for run in await of_batch(house, batch_id)]
    assert len(repeated) == len(set(repeated)) == 12


async def test_a_cancelled_batch_starts_nothing_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PAGE", 2)
    ada, zap = await with_runs(house, 6)
    body = {"filter": {"zap_id": zap.id}}
    batch_id = (await asked(house, ada, "/runs/replay", body, status=200))["batch_id"]
    await work_page(house.db, house.runtime.signals)
    stopped = await asked(house, ada, f"/batches/{batch_id}/cancel", status=200)
    assert (stopped["status"], stopped["started"]) == ("cancelled", 2)
    await work(house)
    begun = await of_batch(house, batch_id)
    assert [run.status for run in begun] == ["queued", "queued"], "what it started goes on"
    refused = await asked(house, ada, f"/batches/{batch_id}/cancel", status=409)
    assert refused["error"]["code"] == "batch_ended"


async def test_failed_runs_go_on_in_place_and_those_that_cannot_are_counted(
    house: House, sink: Sink
) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, sink.step("one"), sink.step("two"))
    sink.broken = {"two"}
    ids = [await fire(house, zap, {"n": number}) for number in range(4)]
    async with working(house):
        for run_id in ids:
            await ended(house, run_id)
    sink.broken = set()
    async with house.db.transaction() as session:
        gone = await session.scalar(select(Event).where(col(Event.raw) == b'{"n":3}'))
        gone.raw, gone.blob_key = None, "0" * 32
    body = {"filter": {"error_code": "refused"}, "mode": {"from": "failed"}}
    plan = await asked(house, ada, "/runs/replay", body | {"dry_run": True}, status=200)
    assert plan["count"] == 4
    batch_id = (await asked(house, ada, "/runs/replay", body, status=200))["batch_id"]
    await work(house)
    view = await read(house, ada, f"/batches/{batch_id}")
    assert (view["status"], view["started"], view["failed"]) == ("done", 3, 1)
    assert view["refused"] == {"event_gone": 1}
    async with working(house):
        for run_id in ids[:3]:
            assert (await ended(house, run_id)).status == "succeeded"
    assert await number_of_runs(house) == 4
    assert (await run_of(house, ids[3])).status == "failed"
    assert sink.got.count("one") == 4, "what succeeded stays done"


async def test_many_are_cancelled_the_same_way(house: House) -> None:
    ada, zap = await with_runs(house, 2)
    live = [await fire(house, zap) for _ in range(3)]
    body: dict[str, Any] = {"filter": {"zap_id": zap.id}}
    plan = await asked(house, ada, "/runs/cancel", body | {"dry_run": True}, status=200)
    assert plan["count"] == 3, "what has ended is not meant"
    batch_id = (await asked(house, ada, "/runs/cancel", body, status=200))["batch_id"]
    await work(house)
    for run_id in live:
        assert (await run_of(house, run_id)).status == "cancelled"
    view = await read(house, ada, f"/batches/{batch_id}")
    assert (view["kind"], view["mode"], view["started"]) == ("cancel", None, 3)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"filter": {}}, "filter"),
        ({"filter": {"environment": "test"}}, "filter"),
        ({"filter": {"status": "done"}}, "status"),
        ({"filter": {"colour": "red"}}, "filter.colour"),
        ({"filter": {"ids": ["x"] * 1001}}, "filter.ids"),
        ({"filter": {"status": "failed"}, "mode": {"inputs": {}}}, "mode.inputs"),
        ({"filter": {"status": "failed"}, "mode": {"version": "next"}}, "mode.version"),
    ],
)
async def test_what_is_wrong_with_a_batch_is_named(
    house: House, body: dict[str, Any], path: str
) -> None:
    ada = await house.sign_up()
    refused = await asked(house, ada, "/runs/replay", body, status=422)
    assert path in [detail["path"].removeprefix("body.") for detail in refused["error"]["details"]]


async def test_where_no_run_fits_there_is_no_batch(house: House) -> None:
    ada = await house.sign_up()
    body = {"filter": {"status": "failed"}}
    plan = await asked(house, ada, "/runs/replay", body | {"dry_run": True}, status=200)
    assert plan == {"count": 0, "oldest": None, "newest": None}
    refused = await asked(house, ada, "/runs/replay", body, status=409)
    assert refused["error"]["code"] == "nothing_to_do"
    assert (await read(house, ada, "/batches"))["data"] == []


async def test_somebody_elses_batch_does_not_exist(house: House) -> None:
    ada, zap = await with_runs(house, 1)
    eve = await house.sign_up("eve@example.com")
    body = {"filter": {"zap_id": zap.id}}
    batch_id = (await asked(house, ada, "/runs/replay", body, status=200))["batch_id"]
    await read(house, eve, f"/batches/{batch_id}", status=404)
    await asked(house, eve, f"/batches/{batch_id}/cancel", status=404)
    assert (await read(house, eve, "/batches"))["data"] == []


async def test_who_may_only_look_runs_nothing_again(house: House) -> None:
    ada, zap = await with_runs(house, 1)
    viewer = house.as_role(ada, Role.VIEWER)
    wanted = RunFilter(zap_id=zap.id)
    async with house.db.transaction() as session:
        for doing in (batches.plan, batches.start):
            with pytest.raises(Forbidden):
                await doing(session, viewer, "replay", wanted)
        assert (await batches.list_batches(session, viewer)).data == []
        (run,) = (await runs.list_runs(session, viewer, wanted)).data
        signals = house.runtime.signals
        with pytest.raises(Forbidden):
            await retries.retry(session, viewer, signals, run.id, Again())
        with pytest.raises(Forbidden):
            await replays.replay(session, viewer, signals, run.id)
        with pytest.raises(Forbidden):
            await replays.replay_event(session, viewer, signals, run.event_id)
        with pytest.raises(Forbidden):
            await ending.cancel(session, viewer, signals, run.id)


async def test_a_run_that_no_code_expects_ends_no_batch(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that breaks is tried again, and the others' pages go on meanwhile."""
    ada, zap = await with_runs(house, 1)
    body = {"filter": {"zap_id": zap.id}}
    batch_id = (await asked(house, ada, "/runs/replay", body, status=200))["batch_id"]
    failpoints.arm("transaction.before_commit=error")
    task = asyncio.create_task(work_batches(house.db, house.runtime.signals))
    try:
        async with asyncio.timeout(20):
            while (await read(house, ada, f"/batches/{batch_id}"))["status"] == "running":  # noqa: ASYNC110 - the worker ends it
                await asyncio.sleep(0.05)
    finally:
        failpoints.arm("")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with house.db.reading() as session:
        assert (await session.scalars(select(col(Batch.started)))).all() == [1]
