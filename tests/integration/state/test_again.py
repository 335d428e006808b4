"""Retrying from a run's page: what is doubtful is asked about once more, and until then untouched."""

from dataclasses import replace
from typing import Any

import pytest
import reflex as rx
from reflex.istate.data import HeaderData, ReflexURL, URLData
from sqlalchemy import update
from sqlmodel import col

from flowforge.actions import REGISTRY
from flowforge.infra.db import utc_now
from flowforge.models import Attempt, OutboxEntry, Run
from flowforge.services import records, sessions
from flowforge.state.again import Again
from tests.house import Account, House
from tests.zapping import hook, path_of, published, run_of

HERE = "http://localhost:3000/runs/{}"
PAYS = hook("pay", "http://127.0.0.1:9/")


@pytest.fixture(autouse=True)
def _paying_twice_does_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing in the registry does today: all of it carries the same idempotency key again.
    once = replace(REGISTRY["webhook"], repeatable=False)
    monkeypatch.setattr(records, "REGISTRY", {**REGISTRY, "webhook": once})


async def _doubtful(house: House, account: Account) -> str:
    """A failed run of which nobody knows whether it has paid."""
    zap = await published(house, account, PAYS)
    answer = await house.client.post(path_of(zap), json={})
    run_id = str(answer.json()["zapRunId"])
    error = {"code": "worker_lost", "message": "Nobody knows."}
    async with house.db.transaction() as session:
        session.add(
            Attempt(
                run_id=run_id,
                path="pay",
                step_id="pay",
                kind="action",
                action="webhook",
                number=1,
                status="unknown",
                error=error,
                seq=1,
                finished_at=utc_now(),
            )
        )
        await session.execute(
            update(Run)
            .where(col(Run.id) == run_id)
            .values(status="failed", error=error, started_at=utc_now(), finished_at=utc_now())
        )
        entry = await session.get(OutboxEntry, run_id)
        await session.delete(entry)
    return run_id


def _tab(account: Account, run_id: str) -> Any:
    root = rx.State(_reflex_internal_init=True)  # type: ignore[call-arg]
    cookie = f"{sessions.COOKIE}={account.token}"
    root.rx_router_headers = HeaderData.from_router_data({"headers": {"cookie": cookie}})
    root.rx_router_url = URLData.from_url(ReflexURL(HERE.format(run_id)))
    return root.get_substate(Again.get_full_name().split("."))


async def _press(tab: Any) -> str:
    return str(await Again.event_handlers["retry"].fn(tab, {}))


async def test_a_doubtful_run_goes_on_only_after_a_second_press(house: House) -> None:
    ada = await house.sign_up()
    run_id = await _doubtful(house, ada)
    tab = _tab(ada, run_id)
    assert await _press(tab) == "None"
    assert tab.doubt
    assert not tab.error
    # What was written before the refusal is gone with it.
    assert (await run_of(house, run_id)).status == "failed"
    assert (await run_of(house, run_id)).retries == 0
    assert "flowforge.close" in await _press(tab)
    run = await run_of(house, run_id)
    assert (run.status, run.retries) == ("queued", 1)
