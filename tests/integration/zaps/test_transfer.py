"""Zaps as files: without secrets, and the same file again after a round trip."""

from typing import Any

import pytest

from tests.house import House
from tests.integration.zaps.test_zaps import made

SECRETIVE: dict[str, Any] = {
    "trigger": {"kind": "webhook", "settings": {}},
    "steps": [
        {
            "id": "say",
            "kind": "action",
            "action": "slack",
            "connection": "conn-1",
            "inputs": {"webhookUrl": "https://hooks.example/T0P5ECRET", "message": "hi"},
        },
        {
            "id": "post",
            "kind": "action",
            "action": "webhook",
            "inputs": {
                "url": "https://example.com/",
                "headers": {
                    "Authorization": "Bearer T0P5ECRET",
                    "X-Api-Key": "{{ trigger.body.key }}",
                    "Accept": "text/plain",
                },
                "body": {"password": "T0P5ECRET", "plain": [1, None, {"a": True}]},
            },
        },
        {"id": "end", "kind": "stop"},
    ],
}


async def test_export_import_export_gives_the_same_file(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=SECRETIVE)
    first = await house.client.get(f"/api/v1/zaps/{zap['id']}/export", headers=ada.headers)
    assert first.status_code == 200
    answer = await house.client.post("/api/v1/zaps/import", json=first.json(), headers=ada.headers)
    imported = answer.json()
    assert answer.status_code == 201, answer.text
    assert (imported["enabled"], imported["live_version"]) == (False, None)
    second = await house.client.get(f"/api/v1/zaps/{imported['id']}/export", headers=ada.headers)
    assert second.text == first.text


async def test_an_export_holds_no_secret_and_no_id_of_this_place(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=SECRETIVE)
    answer = await house.client.get(f"/api/v1/zaps/{zap['id']}/export", headers=ada.headers)
    assert set(answer.json()) == {"name", "definition", "schema_version"}
    for hidden in ("T0P5ECRET", "conn-1", zap["id"], ada.project_id):
        assert hidden not in answer.text
    headers = answer.json()["definition"]["steps"][1]["inputs"]["headers"]
    assert headers == {
        "Authorization": "",
        "X-Api-Key": "{{ trigger.body.key }}",
        "Accept": "text/plain",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"schema_version": "1"},
        {"definition": {"steps": 5}},
        {"definition": []},
        {"definition": None},
        {"name": ""},
        {"id": "01a1fbe4-8bf4-7022-9e05-9c07cc200c08"},
        {"project_id": "x"},
    ],
)
async def test_a_bad_file_is_refused_and_leaves_nothing(
    house: House, change: dict[str, Any]
) -> None:
    ada = await house.sign_up()
    file = {"name": "x", "definition": {"steps": []}, "schema_version": 1} | change
    answer = await house.client.post("/api/v1/zaps/import", json=file, headers=ada.headers)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"]
    assert (await house.client.get("/api/v1/zaps", headers=ada.headers)).json()["data"] == []


async def test_an_import_brings_no_connection_of_another_place(house: House) -> None:
    ada = await house.sign_up()
    file = {"name": "x", "definition": SECRETIVE, "schema_version": 1}
    zap = (await house.client.post("/api/v1/zaps/import", json=file, headers=ada.headers)).json()
    assert zap["definition"]["steps"][0]["connection"] is None
