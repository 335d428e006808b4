"""What happens is noted with it, for whoever listens, and passed on once."""

from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from flowforge.infra import failpoints
from flowforge.jobs.notices import Postman
from flowforge.services import accounts, destinations, ending, versions, zaps
from flowforge.services import testing as trying
from tests.house import Account, House
from tests.integration.destinations import receiving
from tests.integration.destinations.receiving import (
    PATH,
    STOP,
    all_deliveries,
    all_notices,
    failing_zap,
    made,
    zap_of,
)
from tests.zapping import ZAP_NAME, ended, hook, path_of, working

NOWHERE = "http://127.0.0.1:1/"


async def run_through(house: House, zap: Any) -> str:
    answer = await house.client.post(path_of(zap), json={"n": 1})
    run_id: str = answer.json()["zapRunId"]
    async with working(house):
        await ended(house, run_id)
    return run_id


async def said(house: House) -> list[tuple[str, Any]]:
    await receiving.passed_on(house)
    return [(one.kind, one.payload["data"]) for one in await all_deliveries(house)]


async def test_where_nobody_listens_nothing_is_written(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    await made(house, bob, NOWHERE)
    off = await made(house, ada, NOWHERE)
    await made(house, ada, NOWHERE, "user.signed_up")
    async with house.db.transaction() as session:
        await destinations.change(session, ada.actor, house.runtime, off.id, enabled=False)
    await run_through(house, await failing_zap(house, ada))
    assert await all_notices(house) == []


async def test_what_becomes_of_a_zap_is_told(house: House) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE, "zap.*")
    zap = await zap_of(house, ada, STOP)
    async with house.db.transaction() as session:
        await versions.publish(session, ada.actor, zap.id)
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=True)
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=False)
        await zaps.delete(session, ada.actor, zap.id)
    told = await said(house)
    assert [kind for kind, _ in told] == [
        "zap.created", "zap.published", "zap.enabled", "zap.disabled", "zap.deleted",
    ]  # fmt: skip
    assert told[1][1]["zap"] == {"id": zap.id, "name": ZAP_NAME, "version": 1, "enabled": True}
    assert {data["by"] for _, data in told} == {ada.user_id}


async def test_what_is_rolled_back_is_told_to_nobody(house: House) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE)

    async def fail_after_all() -> None:
        async with house.db.transaction() as session:
            await zaps.create(session, ada.actor, name="Orders")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_after_all()
    assert await all_notices(house) == []


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([hook("one", "{{ trigger.body.nothing }}", retry={"attempts": 1})], "failed"),
        # It ends at its claim, without a step that is performed.
        ([STOP], "succeeded"),
        ([{"id": "calc", "kind": "code", "language": "python", "code": "1"}], "succeeded"),
    ],
)
async def test_the_end_of_a_run_is_told(
    house: House, steps: list[dict[str, Any]], status: str
) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE, "run.finished")
    zap = await zap_of(house, ada, *steps)
    run_id = await run_through(house, zap)
    ((kind, data),) = await said(house)
    assert (kind, data["run"]["id"], data["run"]["status"]) == ("run.finished", run_id, status)
    assert data["run"]["zap_name"] == ZAP_NAME
    assert data["run"]["url"].endswith(f"/runs/{run_id}")
    assert data["event"]["trigger"] == "webhook"
    assert (data["run"]["error"] is None) == (status == "succeeded")


async def test_who_asks_for_failures_hears_of_no_success(house: House) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE, "run.failed")
    await run_through(house, await zap_of(house, ada, STOP))
    await run_through(house, await failing_zap(house, ada))
    ((kind, data),) = await said(house)
    assert (kind, data["run"]["status"]) == ("run.failed", "failed")
    assert data["run"]["error"]["message"]


async def test_who_asks_for_all_of_runs_hears_of_a_failure_once(house: House) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE, "run.*")
    await run_through(house, await failing_zap(house, ada))
    assert [kind for kind, _ in await said(house)] == ["run.finished"]


async def test_a_cancelled_run_is_told(house: House) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE, "run.*")
    answer = await house.client.post(path_of(await zap_of(house, ada, STOP)), json={})
    async with house.db.transaction() as session:
        run_id = answer.json()["zapRunId"]
        await ending.cancel(session, ada.actor, house.runtime.signals, run_id)
    ((_, data),) = await said(house)
    assert data["run"]["status"] == "cancelled"


async def test_tests_are_told_to_nobody(house: House) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE)
    zap = await failing_zap(house, ada)
    await said(house)
    before = len(await all_deliveries(house))
    async with house.db.transaction() as session:
        run_id = await trying.start(session, ada.actor, house.runtime.signals, zap.id, {})
    async with working(house):
        await ended(house, run_id)
    assert len(await said(house)) == before


async def test_a_sign_in_is_told_in_the_projects_of_the_user(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    for one in (ada, bob):
        await made(house, one, NOWHERE, "user.*")
    await _sign_in(house, ada)
    ((kind, data),) = await said(house)
    assert (kind, data["user"]["email"]) == ("user.signed_in", ada.email)


async def _sign_in(house: House, account: Account) -> None:
    async with house.db.transaction() as session:
        credentials = await accounts.find_credentials(session, account.email)
        await accounts.sign_in(session, house.runtime, credentials)


async def test_who_dies_while_passing_on_loses_and_doubles_nothing(
    house: House, httpserver: HTTPServer
) -> None:
    ada = await house.sign_up()
    await made(house, ada, NOWHERE)
    async with house.db.transaction() as session:
        await zaps.create(session, ada.actor, name="Orders")
    failpoints.arm("tell.before_commit=error")
    try:
        with pytest.raises(failpoints.FailpointError):
            await Postman(house.runtime).pass_on()
    finally:
        failpoints.arm("")
    assert (len(await all_notices(house)), len(await all_deliveries(house))) == (1, 0)
    assert len(await said(house)) == 1
    assert len(await said(house)) == 1
    assert await all_notices(house) == []


async def test_the_project_of_somebody_else_hears_nothing(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data("")
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    await made(house, bob, httpserver.url_for(PATH))
    await made(house, ada, NOWHERE)
    await run_through(house, await zap_of(house, ada, STOP))
    await receiving.posted(house)
    assert httpserver.log == []
