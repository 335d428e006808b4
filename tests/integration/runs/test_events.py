"""The inbox by HTTP: everything that came, and why it did or did not run."""

from tests import zapping
from tests.house import House


async def test_each_thing_received_is_listed_with_its_verdict(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, {"id": "end", "kind": "stop"})
    path = zapping.path_of(zap)
    key = {"X-Idempotency-Key": "k1", "X-Secret-Token": "HIDE-ME"}
    first = await house.client.post(path, params={"a": "1"}, json={"n": 1}, headers=key)
    await house.client.post(path, json={"n": 2}, headers=key)
    await house.client.post(path, content=b"{broken", headers={"Content-Type": "application/json"})
    await house.client.post(f"/api/v1/zaps/{zap.id}/disable", headers=ada.headers)
    await house.client.post(path, json={"n": 4})

    answer = await house.client.get(f"/api/v1/zaps/{zap.id}/events", headers=ada.headers)
    events = answer.json()["data"]
    assert [each["verdict"] for each in events] == ["held", "rejected", "duplicate", "accepted"]
    assert all(each["reason"] for each in events[:3])
    assert events[2]["duplicate_of"] == events[3]["id"]

    async def shown(event_id: str) -> dict[str, object]:
        found = await house.client.get(f"/api/v1/events/{event_id}", headers=ada.headers)
        assert found.status_code == 200, found.text
        event: dict[str, object] = found.json()
        return event

    accepted = await shown(events[3]["id"])
    assert accepted["body"] == {"n": 1}
    assert accepted["query"] == {"a": "1"}
    assert accepted["run_ids"] == [first.json()["zapRunId"]]
    assert "HIDE-ME" not in str(accepted)
    assert (await shown(events[2]["id"]))["run_ids"] == accepted["run_ids"]
    broken = await shown(events[1]["id"])
    assert (broken["body"], broken["run_ids"]) == ("{broken", [])


async def test_a_body_of_a_megabyte_is_shown_whole(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, {"id": "end", "kind": "stop"})
    text = "x" * 1_000_000
    answer = await house.client.post(zapping.path_of(zap), json={"text": text})
    event_id = answer.json()["eventId"]
    found = await house.client.get(f"/api/v1/events/{event_id}", headers=ada.headers)
    assert found.json()["body"] == {"text": text}
    run = await house.client.get(f"/api/v1/runs/{answer.json()['zapRunId']}", headers=ada.headers)
    assert run.json()["trigger"]["body"] == {"text": text}
