"""Zaps as files: without secrets, and the same file again after a round trip."""

from typing import Any

import pytest

from flowforge.errors import Invalid
from flowforge.services import transfer
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
# The same deep inside, beside every other place that a secret or an id may stand in.
NESTED: dict[str, Any] = {
    "trigger": {"kind": "webhook", "settings": {"metadata": {"api_key": "T0P5ECRET"}}},
    "limits": {"concurrency": {"limit": 2, "key": "{{ trigger.body.token }}"}},
    "notes": "Ask Ada.",
    "steps": [
        {
            "id": "way",
            "kind": "router",
            "branches": [
                {
                    "name": "large",
                    "when": {"any": [{"all": [{"left": {"token": "T0P5ECRET"}, "op": "EXISTS"}]}]},
                    "steps": [
                        {"id": "each", "kind": "loop", "over": [1], "steps": SECRETIVE["steps"]}
                    ],
                }
            ],
            "fallback": [
                {"id": "sub", "kind": "zap", "zap_id": "conn-1", "input": {"pwd": "T0P5ECRET"}}
            ],
        },
        {
            "id": "both",
            "kind": "parallel",
            "branches": [
                {"name": "get token", "steps": []},
                {"name": "b", "steps": []},
                {
                    "name": "c",
                    "depends_on": ["get token", "b"],
                    "steps": [
                        {
                            "id": "calc",
                            "kind": "code",
                            "inputs": {"secret": "T0P5ECRET", "n": 1},
                            "code": "1",
                        },
                    ],
                },
            ],
        },
        {"id": "ask", "kind": "approval", "question": "?", "approvers": ["token@e.com", "b@e.com"]},
        {"id": "say_so", "kind": "reply", "headers": {"Authorization": "T0P5ECRET"}, "body": {}},
    ],
}


@pytest.mark.parametrize("definition", [SECRETIVE, NESTED], ids=["flat", "nested"])
async def test_export_import_export_gives_the_same_file(
    house: House, definition: dict[str, Any]
) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=definition)
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
        {"schema_version": 3},
        {"schema_version": 0},
        {"schema_version": -1},
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


async def test_a_nested_export_holds_no_secret_and_leaves_the_rest_as_it_was(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, definition=NESTED)
    answer = await house.client.get(f"/api/v1/zaps/{zap['id']}/export", headers=ada.headers)
    for hidden in ("T0P5ECRET", "conn-1", zap["id"], ada.project_id):
        assert hidden not in answer.text
    definition = answer.json()["definition"]
    assert (definition["limits"], definition["notes"]) == (NESTED["limits"], NESTED["notes"])
    way, both, ask, _ = definition["steps"]
    assert way["fallback"] == [{"id": "sub", "kind": "zap", "zap_id": "", "input": {"pwd": ""}}]
    assert both["branches"][2]["depends_on"] == ["get token", "b"]
    assert both["branches"][2]["steps"][0]["inputs"] == {"secret": "", "n": 1}
    assert ask == NESTED["steps"][2]


async def test_an_import_says_which_zaps_are_to_be_chosen_again(house: House) -> None:
    ada = await house.sign_up()
    file = {"name": "x", "definition": NESTED, "schema_version": 2}
    zap = (await house.client.post("/api/v1/zaps/import", json=file, headers=ada.headers)).json()
    draft = (await house.client.get(f"/api/v1/zaps/{zap['id']}/draft", headers=ada.headers)).json()
    assert "steps.sub.zap_id" in [each["path"] for each in draft["problems"]]


async def test_a_file_of_the_first_schema_is_still_read(house: House) -> None:
    ada = await house.sign_up()
    file = {"name": "Old", "definition": SECRETIVE, "schema_version": 1}
    answer = await house.client.post("/api/v1/zaps/import", json=file, headers=ada.headers)
    assert answer.status_code == 201, answer.text
    exported = await house.client.get(
        f"/api/v1/zaps/{answer.json()['id']}/export", headers=ada.headers
    )
    assert exported.json()["schema_version"] == 2


async def test_a_file_from_the_future_is_told_so(house: House) -> None:
    ada = await house.sign_up()
    file = {"name": "New", "definition": {"steps": [], "dreams": 1}, "schema_version": 3}
    answer = await house.client.post("/api/v1/zaps/import", json=file, headers=ada.headers)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith(
        "This file was made by a newer release of FlowForge (schema 3, this one reads up to 2)."
    )


def test_migrations_are_taken_one_after_the_other_from_where_the_file_stands() -> None:
    chain = {1: lambda each: [*each, "to 2"], 2: lambda each: [*each, "to 3"]}
    assert transfer.migrated([], 1, chain) == ["to 2", "to 3"]
    assert transfer.migrated([], 2, chain) == ["to 3"]
    assert transfer.migrated([], 3, chain) == []
    with pytest.raises(Invalid, match="schema 4, this one reads up to 3"):
        transfer.migrated([], 4, chain)


def test_every_schema_up_to_todays_has_a_way_here() -> None:
    for schema in range(1, transfer.SCHEMA_VERSION + 1):
        assert transfer.migrated({"steps": []}, schema) == {"steps": []}
