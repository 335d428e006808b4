"""Running a run again: what succeeded stays done, and of two who ask at once one wins."""

import asyncio
import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import delete, update
from sqlmodel import col

from flowforge.actions import REGISTRY
from flowforge.infra.db import utc_now
from flowforge.jobs.batches import work_page
from flowforge.models import Attempt, Event, OutboxEntry, Run
from flowforge.services import records
from flowforge.services.execution import Ledger, Writes
from flowforge.services.zap_views import ZapView
from tests import zapping
from tests.claiming import claims_of, take_all
from tests.flows import loop, parallel
from tests.house import Account, House
from tests.integration.runs.again import Sink, asked, entry_of, fire, published_again, read
from tests.zapping import attempts_of, ended, run_of, working


@pytest.fixture
def sink(httpserver: HTTPServer) -> Sink:
    return Sink(httpserver)


async def failed(house: House, zap: ZapView, body: Any = None, *, how: str = "failed") -> str:
    """The id of a run that a worker has carried to its bad end."""
    run_id = await fire(house, zap, body)
    async with working(house):
        run = await ended(house, run_id)
    assert run.status == how, run.error
    return run_id


async def chain(house: House, sink: Sink) -> tuple[Account, ZapView]:
    ada = await house.sign_up()
    return ada, await zapping.published(house, ada, *map(sink.step, ("one", "two", "three")))


async def test_it_goes_on_where_it_failed_and_repeats_nothing(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"two"}
    run_id = await failed(house, zap)
    sink.broken = set()
    opened = await asked(house, ada, f"/runs/{run_id}/retry")
    assert (opened["id"], opened["run_id"]) == (run_id, run_id)
    assert (opened["status"], opened["retries"], opened["error"]) == ("queued", 1, None)
    async with working(house):
        assert (await ended(house, run_id)).status == "succeeded"
    assert sink.got == ["one", "two", "two", "three"]
    assert sink.keys[1] == sink.keys[2], "the receiver knows that it is the same step"
    rows = [(row.path, row.number, row.status) for row in await attempts_of(house, run_id)]
    assert rows == [
        ("one", 1, "succeeded"), ("two", 1, "failed"), ("two", 2, "succeeded"),
        ("three", 1, "succeeded"),
    ]  # fmt: skip


async def test_it_may_fail_and_be_opened_many_times(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"two"}
    run_id = await failed(house, zap)
    async with working(house):
        for life in (1, 2, 3):
            await asked(house, ada, f"/runs/{run_id}/retry", {"from": "failed", "version": "same"})
            run = await ended(house, run_id)
            assert (run.status, run.retries) == ("failed", life)
            assert run.error is not None
        sink.broken = set()
        await asked(house, ada, f"/runs/{run_id}/retry")
        assert (await ended(house, run_id)).status == "succeeded"
    assert sink.got == ["one", *["two"] * 5, "three"]


async def test_the_policy_of_the_step_begins_anew(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    # Broken for a while: each life has all its tries.
    sink.status = 503
    zap = await zapping.published(house, ada, sink.step("one") | {"retry": zapping.QUICK})
    sink.broken = {"one"}
    run_id = await failed(house, zap)
    assert len(sink.got) == zapping.QUICK["attempts"]
    async with working(house):
        await asked(house, ada, f"/runs/{run_id}/retry")
        await ended(house, run_id)
    numbers = [row.number for row in await attempts_of(house, run_id)]
    assert numbers == [1, 2, 3, 4, 5, 6]


async def test_of_two_who_ask_at_once_one_wins(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"two"}
    run_id = await failed(house, zap)
    url = f"/api/v1/runs/{run_id}/retry"
    answers = await asyncio.gather(
        *(house.client.post(url, headers=ada.headers) for _ in range(8)),
    )
    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 7]
    codes = {one.json()["error"]["code"] for one in answers if one.status_code == 409}
    assert codes == {"run_not_ended"}
    assert (await run_of(house, run_id)).retries == 1


async def test_a_worker_of_the_first_life_writes_nothing_into_the_second(
    house: House, sink: Sink
) -> None:
    ada, zap = await chain(house, sink)
    run_id = await fire(house, zap)
    (zombie,) = await take_all(claims_of(house, "zombie"))
    await asked(house, ada, f"/runs/{run_id}/cancel", status=200)
    await asked(house, ada, f"/runs/{run_id}/retry")
    entry = await entry_of(house, run_id)
    assert entry is not None
    assert entry.fence == 1_000_000
    late = Writes()
    late.finish_run(zombie.key, "failed", None)
    settled = await Ledger(house.db, house.runtime.signals).settle(zombie.key, late)
    assert not settled.is_mine
    async with working(house):
        assert (await ended(house, run_id)).status == "succeeded"
    assert sink.got == ["one", "two", "three"]


async def test_a_cancelled_run_goes_on_from_what_was_under_way(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(
        house, ada, sink.step("one"), {"id": "nap", "kind": "delay", "seconds": 3600},
        sink.step("two"),
    )  # fmt: skip
    run_id = await fire(house, zap)
    async with working(house):
        await _waits(house, run_id)
        await asked(house, ada, f"/runs/{run_id}/cancel", status=200)
        nap = (await attempts_of(house, run_id))[-1]
        assert (nap.status, (nap.error or {})["code"]) == ("skipped", "given_up")
        await asked(house, ada, f"/runs/{run_id}/retry")
        await _waits(house, run_id)
    rows = [(row.path, row.number, row.status) for row in await attempts_of(house, run_id)]
    assert rows == [("one", 1, "succeeded"), ("nap", 1, "skipped"), ("nap", 2, "running")]
    assert sink.got == ["one"]


async def _waits(house: House, run_id: str) -> None:
    async with asyncio.timeout(10):
        while (await run_of(house, run_id)).status != "waiting":  # noqa: ASYNC110 - another task changes it
            await asyncio.sleep(0.02)


async def test_in_parallel_parts_and_loops_only_what_was_lost_is_repeated(
    house: House, sink: Sink
) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(
        house,
        ada,
        parallel(
            "both",
            a=[loop("each", "{{ trigger.body.n }}", sink.step("x"), sink.step("y"))],
            b=[sink.step("z")],
        ),
        sink.step("last"),
    )
    sink.broken = {"y"}
    run_id = await failed(house, zap, {"n": [1, 2]})
    sink.broken = set()
    async with working(house):
        await asked(house, ada, f"/runs/{run_id}/retry")
        assert (await ended(house, run_id)).status == "succeeded"
    assert sorted(sink.got) == ["last", "x", "x", "y", "y", "y", "z"]


async def test_a_run_that_did_not_fail_has_nothing_to_go_on_from(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    run_id = await fire(house, zap)
    refused = await asked(house, ada, f"/runs/{run_id}/retry", status=409)
    assert refused["error"]["code"] == "run_not_ended"
    async with working(house):
        await ended(house, run_id)
    refused = await asked(house, ada, f"/runs/{run_id}/retry", status=409)
    assert refused["error"]["code"] == "run_not_failed"
    assert "Replay" in refused["error"]["message"]


async def test_from_the_start_is_a_new_run_of_the_same_version(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"two"}
    run_id = await failed(house, zap, {"n": 1})
    sink.broken = set()
    await published_again(house, ada, zap, sink.step("other"))
    new = await asked(house, ada, f"/runs/{run_id}/retry", {"from": "start"})
    assert (new["replay_of"], new["version"]) == (run_id, 1)
    async with working(house):
        assert (await ended(house, new["id"])).status == "succeeded"
    assert sink.got == ["one", "two", "one", "two", "three"]
    assert (await run_of(house, run_id)).status == "failed", "the old one is as it was"
    assert (await run_of(house, run_id)).retries == 0


async def test_from_a_step_the_earlier_ones_are_kept(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    run_id = await fire(house, zap, {"n": 1})
    async with working(house):
        await ended(house, run_id)
        new = await asked(house, ada, f"/runs/{run_id}/retry", {"from": "two"})
        assert (await ended(house, new["id"])).status == "succeeded"
    assert sink.got == ["one", "two", "three", "two", "three"]
    old, copied = (await attempts_of(house, run_id))[0], (await attempts_of(house, new["id"]))[0]
    same = {"path", "number", "status", "output", "input", "seq", "started_at"}
    assert old.model_dump(include=same) == copied.model_dump(include=same)
    assert old.id != copied.id


async def test_from_a_round_of_a_loop_on(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(
        house,
        ada,
        loop("each", "{{ trigger.body.n }}", sink.step("x"), sink.step("y")),
        sink.step("last"),
    )
    run_id = await fire(house, zap, {"n": [1, 2, 3]})
    async with working(house):
        await ended(house, run_id)
        sink.got.clear()
        new = await asked(house, ada, f"/runs/{run_id}/retry", {"from": "each[2]/y"})
        assert (await ended(house, new["id"])).status == "succeeded"
    assert sink.got == ["y", "x", "y", "last"]
    loops = [row for row in await attempts_of(house, new["id"]) if row.path == "each"]
    assert [row.output["count"] for row in loops] == [3]


async def test_edited_inputs_are_what_the_step_gets(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    run_id = await fire(house, zap, {"n": 1})
    async with working(house):
        await ended(house, run_id)
        url = (await attempts_of(house, run_id))[1].input["url"]
        given = {"url": url, "body": {"n": "{{ trigger.body.n }}"}}
        new = await asked(house, ada, f"/runs/{run_id}/retry", {"from": "two", "inputs": given})
        assert (await ended(house, new["id"])).status == "succeeded"
    assert sink.bodies[3] == {"n": "{{ trigger.body.n }}"}, "what a person typed is data"
    assert sink.bodies[4] == {"n": 1}


@pytest.mark.parametrize(
    ("how", "path"),
    [
        ({"from": "nowhere"}, "from"),
        ({"from": "each[1]/two"}, "from"),
        ({"from": "two", "inputs": {"url": 5}}, "inputs.url"),
        ({"from": "two", "inputs": {}}, "inputs.url"),
        ({"from": "two", "inputs": [1]}, "inputs"),
        ({"from": "two", "inputs": {"url": "http://x", "nonsense": 1}}, "inputs.nonsense"),
        (
            {"from": "two", "inputs": {"url": "http://x", "headers": {"X-Token": "**REDACTED**"}}},
            "inputs.headers.X-Token",
        ),
        ({"from": "start", "inputs": {"url": "http://x"}}, "inputs"),
        ({"inputs": {"url": "http://x"}}, "inputs"),
    ],
)
async def test_what_does_not_fit_is_named(
    house: House, sink: Sink, how: dict[str, Any], path: str
) -> None:
    ada, zap = await chain(house, sink)
    run_id = await fire(house, zap)
    async with working(house):
        await ended(house, run_id)
    refused = await asked(house, ada, f"/runs/{run_id}/retry", how, status=422)
    assert path in [detail["path"] for detail in refused["error"]["details"]]
    assert len((await read(house, ada, "/runs"))["data"]) == 1


async def test_on_the_live_version_it_goes_on_with_what_was_mended(
    house: House, sink: Sink
) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"two"}
    run_id = await failed(house, zap)
    mended = {**sink.step("three"), "id": "two"}
    await published_again(house, ada, zap, sink.step("one"), mended, sink.step("four"))
    new = await asked(house, ada, f"/runs/{run_id}/retry", {"version": "live"})
    assert (new["version"], new["replay_of"]) == (2, run_id)
    async with working(house):
        assert (await ended(house, new["id"])).status == "succeeded"
    assert sink.got == ["one", "two", "three", "four"]


async def test_on_the_live_version_the_failed_step_must_be_there(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"two"}
    run_id = await failed(house, zap)
    await published_again(house, ada, zap, sink.step("one"), sink.step("three"))
    refused = await asked(house, ada, f"/runs/{run_id}/retry", {"version": "live"}, status=422)
    assert "'two'" in refused["error"]["message"]
    assert refused["error"]["details"][0]["path"] == "version"


async def test_on_the_live_version_what_stands_before_a_new_step_is_kept(
    house: House, sink: Sink
) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"three"}
    run_id = await failed(house, zap)
    sink.broken = set()
    await published_again(house, ada, zap, *map(sink.step, ("one", "new", "two", "three")))
    new = await asked(house, ada, f"/runs/{run_id}/retry", {"version": "live"})
    async with working(house):
        assert (await ended(house, new["id"])).status == "succeeded"
    assert sink.got == ["one", "two", "three", "new", "two", "three"]


LOST = {"code": "worker_lost", "message": "It may have taken effect."}


async def doubtful(house: House, sink: Sink, zap: ZapView, **values: Any) -> str:
    """A run whose second step was cut short: nobody knows what it did."""
    sink.broken = {"two"}
    run_id = await failed(house, zap)
    sink.broken = set()
    async with house.db.transaction() as session:
        await session.execute(
            update(Attempt)
            .where(col(Attempt.run_id) == run_id, col(Attempt.path) == "two")
            .values(status="unknown", error=LOST, **values)
        )
    return run_id


async def require_refusal(house: House, account: Account, run_id: str, **how: str) -> None:
    refused = await asked(house, account, f"/runs/{run_id}/retry", how, status=409)
    assert refused["error"]["code"] == "outcome_unknown"
    assert refused["error"]["details"] == [{"path": "two", "message": LOST["message"]}]
    assert "Check at the provider" in refused["error"]["message"]
    assert (await run_of(house, run_id)).status == "failed"


async def test_what_must_not_be_done_twice_is_done_again_only_by_somebody_who_looked(
    house: House, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, zap = await chain(house, sink)
    run_id = await doubtful(house, sink, zap)
    # No action that we have is like that.
    once = replace(REGISTRY["webhook"], repeatable=False)
    monkeypatch.setattr(records, "REGISTRY", {**REGISTRY, "webhook": once})
    ways: list[dict[str, str]] = [{}, {"from": "start"}, {"from": "two"}, {"version": "live"}]
    for how in ways:
        await require_refusal(house, ada, run_id, **how)
    await asked(house, ada, f"/runs/{run_id}/retry", {"confirm_unknown": True})
    async with working(house):
        assert (await ended(house, run_id)).status == "succeeded"


async def test_a_transfer_goes_on_in_its_own_run_and_is_not_begun_in_another(
    house: House, sink: Sink
) -> None:
    ada, zap = await chain(house, sink)
    run_id = await doubtful(house, sink, zap, action="send-sol")
    await require_refusal(house, ada, run_id, **{"from": "start"})
    await require_refusal(house, ada, run_id, **{"from": "two"})
    await asked(house, ada, f"/runs/{run_id}/retry")


async def test_a_batch_passes_over_what_somebody_must_look_at_first(
    house: House, sink: Sink
) -> None:
    ada, zap = await chain(house, sink)
    run_id = await doubtful(house, sink, zap, action="send-sol")
    body = {"filter": {"zap_id": zap.id}}
    batch_id = (await asked(house, ada, "/runs/replay", body, status=200))["batch_id"]
    while await work_page(house.db, house.runtime.signals):
        pass
    view = await read(house, ada, f"/batches/{batch_id}")
    assert (view["started"], view["refused"]) == (0, {"outcome_unknown": 1})
    assert (await run_of(house, run_id)).status == "failed"


async def test_a_transfer_of_long_ago_is_asked_about(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    long_ago = utc_now() - dt.timedelta(days=40)
    run_id = await doubtful(house, sink, zap, action="send-sol", started_at=long_ago)
    await require_refusal(house, ada, run_id)


async def test_a_run_whose_data_is_gone_stays_as_it_is(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"two"}
    run_id = await failed(house, zap)
    async with house.db.transaction() as session:
        await session.execute(update(Event).values(raw=None, blob_key="0" * 32, size=9))
    for path in (f"/runs/{run_id}/retry", f"/runs/{run_id}/replay"):
        refused = await asked(house, ada, path, status=409)
        assert refused["error"]["code"] == "event_gone"
    run = await run_of(house, run_id)
    assert (run.status, run.retries) == ("failed", 0)
    assert await entry_of(house, run_id) is None


async def test_a_large_output_that_is_gone_keeps_the_run_from_going_on(
    house: House, sink: Sink
) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"two"}
    run_id = await failed(house, zap)
    async with house.db.transaction() as session:
        await session.execute(
            update(Attempt)
            .where(col(Attempt.path) == "one")
            .values(output_blob="0" * 32, output_size=40_000)
        )
    refused = await asked(house, ada, f"/runs/{run_id}/retry", status=409)
    assert refused["error"]["code"] == "value_gone"
    await asked(house, ada, f"/runs/{run_id}/retry", {"from": "start"})


async def test_of_a_deleted_zap_nothing_runs_again(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"two"}
    run_id = await failed(house, zap)
    await house.client.delete(f"/api/v1/zaps/{zap.id}", headers=ada.headers)
    for path in (f"/runs/{run_id}/retry", f"/runs/{run_id}/replay"):
        refused = await asked(house, ada, path, status=409)
        assert refused["error"]["code"] == "zap_deleted"


async def test_time_begins_anew_with_a_retry(house: House, sink: Sink) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, sink.step("one"), limits={"deadline_seconds": 3600})
    run_id = await fire(house, zap)
    long_ago = utc_now().replace(year=2020)
    error = {"code": "deadline", "message": "It took too long."}
    async with house.db.transaction() as session:
        await session.execute(delete(OutboxEntry))
        await session.execute(
            update(Run)
            .where(col(Run.id) == run_id)
            .values(
                status="timed_out",
                started_at=long_ago,
                deadline_at=long_ago,
                finished_at=long_ago,
                error=error,
            )
        )
    await asked(house, ada, f"/runs/{run_id}/retry")
    async with working(house):
        run = await ended(house, run_id)
    assert run.status == "succeeded"
    assert run.deadline_at is not None
    assert run.deadline_at > utc_now()


async def test_a_test_of_the_draft_is_retried_as_one(house: House, sink: Sink) -> None:
    ada, zap = await chain(house, sink)
    sink.broken = {"two"}
    started = await asked(house, ada, f"/zaps/{zap.id}/test", {"input": {}})
    async with working(house):
        assert (await ended(house, started["run_id"])).status == "failed"
        sink.broken = set()
        opened = await asked(house, ada, f"/runs/{started['run_id']}/retry")
        assert opened["environment"] == "test"
        assert (await ended(house, started["run_id"])).status == "succeeded"
    assert sink.got == ["one", "two", "two", "three"]
    assert (await read(house, ada, "/runs"))["data"] == []
