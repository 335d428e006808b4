"""Samples: the newest real values of a zap, for a person to pick from and for a step's test."""

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from flowforge.infra import documents
from flowforge.infra.db import new_id, utc_now
from flowforge.infra.redaction import REDACTED
from flowforge.models import Attempt, Event, Run, Sample, Zap
from flowforge.services import samples
from tests.house import Account, House
from tests.integration.zaps.test_zaps import made

NOW = utc_now()
LOOP: dict[str, Any] = {"id": "each", "kind": "loop", "over": "{{ trigger.body }}", "steps": []}
FLOW: dict[str, Any] = {"trigger": {"kind": "webhook"}, "steps": [LOOP]}


def ago(minutes: int) -> dt.datetime:
    return NOW - dt.timedelta(minutes=minutes)


async def ran(house: House, zap: dict[str, Any], *attempts: dict[str, Any], **run: Any) -> str:
    """A run of the zap with these attempts; its id."""
    async with house.db.transaction() as session:
        row = (await session.scalars(select(Zap).where(col(Zap.id) == zap["id"]))).one()
        shared = {"project_id": row.project_id, "zap_id": row.id}
        event = Event(**shared, verdict="accepted", headers={}, query={}, raw=b"")
        session.add(event)
        await session.flush()
        made_run = Run(**shared, **{"version": 1, "status": "succeeded", **run}, event_id=event.id)
        session.add(made_run)
        await session.flush()
        for number, attempt in enumerate(attempts, start=1):
            usual = {"path": attempt["step_id"], "kind": "action", "status": "succeeded"}
            session.add(Attempt(run_id=made_run.id, number=number, **{**usual, **attempt}))
        return made_run.id


async def has_test(
    house: House, zap: dict[str, Any], step_id: str, output: Any, **more: Any
) -> None:
    async with house.db.transaction() as session:
        row = (await session.scalars(select(Zap).where(col(Zap.id) == zap["id"]))).one()
        session.add(
            Sample(
                **{
                    "zap_id": row.id,
                    "project_id": row.project_id,
                    "step_id": step_id,
                    "output": output,
                    **more,
                }
            )
        )


async def seen(house: House, owner: Account, zap: dict[str, Any]) -> dict[str, Any]:
    answer = await house.client.get(f"/api/v1/zaps/{zap['id']}/samples", headers=owner.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def whole(house: House, zap: dict[str, Any], *step_ids: str) -> dict[str, Any]:
    async with house.db.reading() as session:
        row = (await session.scalars(select(Zap).where(col(Zap.id) == zap["id"]))).one()
        return await samples.step_values(session, row, step_ids)


async def test_a_sample_is_the_newest_success_of_its_step(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    await ran(house, zap, {"step_id": "a", "output": 1}, {"step_id": "b", "output": 1})
    await ran(
        house,
        zap,
        {"step_id": "a", "output": 2},
        {"step_id": "b", "output": 2, "status": "failed"},
        environment="test",
        version=-3,
    )
    assert (await seen(house, ada, zap))["steps"] == {"a": 2, "b": 1}
    assert await whole(house, zap, "a", "nobody") == {"a": 2}


async def test_of_a_run_and_a_test_the_newer_one_counts(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    await ran(
        house,
        zap,
        {"step_id": "old_test", "output": "run", "finished_at": ago(1)},
        {"step_id": "new_test", "output": "run", "finished_at": ago(10)},
    )
    await has_test(house, zap, "old_test", "test", updated_at=ago(5))
    await has_test(house, zap, "new_test", "test", updated_at=ago(5))
    await has_test(house, zap, "only", None, updated_at=ago(5))
    steps = (await seen(house, ada, zap))["steps"]
    assert steps == {"old_test": "run", "new_test": "test", "only": None}


async def test_of_a_loop_the_first_item_is_shown(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=FLOW)
    assert (await seen(house, ada, zap))["items"] == {}
    loop = {"step_id": "each", "kind": "loop", "status": "running"}
    await ran(house, zap, {**loop, "input": {"items": [{"n": 1}, {"n": 2}]}, "started_at": ago(5)})
    assert (await seen(house, ada, zap))["items"] == {"each": {"n": 1}}
    await has_test(house, zap, "each", {}, input={"items": [{"n": 9}]}, updated_at=ago(1))
    # A step that is no loop may have an input of that name.
    await has_test(house, zap, "calc", {}, input={"items": [1]}, updated_at=ago(1))
    assert (await seen(house, ada, zap))["items"] == {"each": {"n": 9}}


async def test_a_value_in_a_blob_is_whole_for_a_test_and_short_for_a_person(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    value = [{"text": "x" * 20_000}] * 200
    blob = await house.runtime.blobs.put(documents.dump(value).encode())
    large = {"output_blob": blob.key, "output_size": blob.size}
    await ran(
        house,
        zap,
        {"step_id": "large", **large},
        {"step_id": "huge", "output_blob": blob.key, "output_size": 24_000_000},
        {"step_id": "gone", "output_blob": "0" * 32, "output_size": 40_000},
    )
    assert await whole(house, zap, "large", "gone") == {"large": value}
    steps = (await seen(house, ada, zap))["steps"]
    assert len(steps["large"]) == samples.LONGEST_LIST
    assert len(steps["large"][0]["text"]) == samples.LONGEST_TEXT + 1
    assert steps["huge"] == "(24.0 MB: too large to be shown here)"
    assert steps["gone"] == "(no longer stored)"


async def test_samples_show_no_secret_and_tests_are_given_it(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=FLOW)
    await ran(house, zap, {"step_id": "login", "output": {"access_token": "T0P5ECRET"}})
    await has_test(house, zap, "each", {}, input={"items": [{"password": "T0P5ECRET"}]})
    found = await seen(house, ada, zap)
    assert found["steps"]["login"] == {"access_token": REDACTED}
    assert found["items"] == {"each": {"password": REDACTED}}
    assert (await whole(house, zap, "login"))["login"] == {"access_token": "T0P5ECRET"}


async def test_samples_of_another_zap_are_none_of_this_one(house: House) -> None:
    ada = await house.sign_up()
    zap, other = await made(house, ada), await made(house, ada)
    await ran(house, other, {"step_id": "post", "output": 1})
    await has_test(house, other, "post", 2)
    assert (await seen(house, ada, zap))["steps"] == {}
    unknown = await house.client.get(f"/api/v1/zaps/{new_id()}/samples", headers=ada.headers)
    assert unknown.status_code == 404
