"""What stands for a trigger while it is built: the newest event, a chosen one, data by hand."""

from typing import Any

from sqlalchemy import delete
from sqlmodel import col

from flowforge.infra.redaction import REDACTED
from flowforge.models import Event
from flowforge.services import trigger_samples
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.zapping import events_of, hook, path_of, published

CODE = {
    "id": "calc",
    "kind": "code",
    "inputs": {"n": "{{ trigger.body.n }}"},
    "code": "inputs['n']",
}


async def received(house: House, zap: ZapView, *bodies: Any) -> list[str]:
    for body in bodies:
        assert (await house.client.post(path_of(zap), json=body)).status_code == 200
    return [event.id for event in await events_of(house, zap)]


async def seen(house: House, ada: Account, zap: ZapView) -> dict[str, Any]:
    answer = await house.client.get(f"/api/v1/zaps/{zap.id}/samples", headers=ada.headers)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def choose(house: House, ada: Account, zap: ZapView, body: Any) -> Any:
    return await house.client.put(f"/api/v1/zaps/{zap.id}/sample", json=body, headers=ada.headers)


async def tried(house: House, ada: Account, zap: ZapView) -> Any:
    answer = await house.client.post(
        f"/api/v1/zaps/{zap.id}/test-step", json={"path": "calc"}, headers=ada.headers
    )
    return answer.raise_for_status().json()["output"]


async def test_a_chosen_event_stands_until_the_newest_is_asked_for_again(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, CODE)
    first, _ = await received(house, zap, {"n": 1}, {"n": 2})
    before = await seen(house, ada, zap)
    assert before["trigger"]["body"] == {"n": 2}
    assert not any(each["is_sample"] for each in before["events"])
    answer = await choose(house, ada, zap, {"event_id": first})
    assert answer.status_code == 200
    assert answer.json()["trigger"]["body"] == {"n": 1}
    assert [each["is_sample"] for each in answer.json()["events"]] == [False, True]
    await received(house, zap, {"n": 3})
    assert (await seen(house, ada, zap))["trigger"]["body"] == {"n": 1}
    assert await tried(house, ada, zap) == 1
    nothings: tuple[dict[str, Any] | None, ...] = (None, {})
    for nothing in nothings:
        answer = await choose(house, ada, zap, nothing)
        assert answer.json()["trigger"]["body"] == {"n": 3}
    assert await tried(house, ada, zap) == 3


async def test_data_by_hand_stands_where_nothing_came_yet(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, CODE)
    assert (await seen(house, ada, zap))["trigger"] is None
    answer = await choose(house, ada, zap, {"data": {"n": 7, "api_key": "abc"}})
    assert answer.json()["trigger"]["body"] == {"n": 7, "api_key": REDACTED}
    assert await tried(house, ada, zap) == 7
    run = await house.client.post(f"/api/v1/zaps/{zap.id}/test", headers=ada.headers)
    assert run.status_code == 202
    (event,) = await events_of(house, zap)
    assert event.raw == b'{"n":7,"api_key":"abc"}'


async def test_a_chosen_event_that_is_gone_gives_way_to_the_newest(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, CODE)
    first, _ = await received(house, zap, {"n": 1}, {"n": 2})
    await choose(house, ada, zap, {"event_id": first})
    async with house.db.transaction() as session:
        await session.execute(delete(Event).where(col(Event.id) == first))
    assert (await seen(house, ada, zap))["trigger"]["body"] == {"n": 2}


async def test_what_an_event_carried_is_shown_without_its_secrets(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    await received(house, zap, {"n": 1, "api_key": "abc"})
    assert (await seen(house, ada, zap))["trigger"]["body"] == {"n": 1, "api_key": REDACTED}


async def test_the_last_fifty_are_listed_with_a_beginning_without_secrets(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    await received(house, zap, *({"n": n} for n in range(52)))
    await received(house, zap, {"password": "hunter2", "text": "x" * 500}, {"long": "y" * 20_000})
    found = (await seen(house, ada, zap))["events"]
    assert len(found) == trigger_samples.MOST_LISTED
    assert found[0]["preview"] == ""
    assert found[0]["size"] > 20_000
    assert "hunter2" not in found[1]["preview"]
    assert len(found[1]["preview"]) == trigger_samples.LONGEST_PREVIEW
    assert found[2]["preview"] == '{"n":51}'


async def test_what_cannot_be_a_sample_is_refused(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com", "Eve")
    zap, theirs = await published(house, ada, CODE), await published(house, eve, CODE)
    (foreign,) = await received(house, theirs, {"n": 1})
    assert (await choose(house, ada, zap, {"event_id": foreign})).status_code == 404
    assert (await choose(house, ada, zap, {"event_id": "x"})).status_code == 404
    both = {"event_id": foreign, "data": 1}
    assert (await choose(house, ada, zap, both)).status_code == 422
    assert (await choose(house, ada, zap, {"other": 1})).status_code == 422
    large = {"data": "x" * 300_000}
    assert (await choose(house, ada, zap, large)).status_code == 422
    assert (await choose(house, eve, zap, {"data": 1})).status_code == 404
