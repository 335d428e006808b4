"""The first FlowForge's history of a zap that is more than a flat list of actions."""

from tests.house import House
from tests.integration.zaps.test_samples import FLOW, ran
from tests.integration.zaps.test_zaps import made


async def test_old_clients_see_one_row_for_a_loop_and_none_for_its_rounds(house: House) -> None:
    ada = await house.sign_up()
    loop = {**FLOW["steps"][0], "steps": [{"id": "inner", "kind": "stop"}]}
    end = {"id": "end", "kind": "action", "action": "webhook"}
    definition = {"trigger": {"kind": "webhook"}, "steps": [loop, end]}
    zap = await made(house, ada, definition=definition)
    url = f"/api/v1/zap/{zap['id']}/runs"
    run_id = await ran(
        house,
        zap,
        {"step_id": "each", "kind": "loop"},
        {"step_id": "inner", "path": "each[1]/inner"},
        {"step_id": "inner", "path": "each[2]/inner"},
        {"step_id": "end", "action": "webhook", "status": "failed", "error": {"message": "no"}},
    )
    (run,) = (await house.client.get(url, headers=ada.headers)).json()["runs"]
    assert run["id"] == run_id
    assert [(log["actionId"], log["status"]) for log in run["logs"]] == [
        ("loop", "SUCCESS"),
        ("webhook", "FAILED"),
    ]


async def test_old_clients_see_no_test_runs(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    await ran(house, zap, {"step_id": "post"}, environment="test", version=-1)
    answer = await house.client.get(f"/api/v1/zap/{zap['id']}/runs", headers=ada.headers)
    assert answer.json() == {"runs": []}
