"""A file of a zap as text: read back as it was written, or refused with the place that is wrong."""

import json
from typing import Any

import pytest

from flowforge.errors import FlowForgeError, Malformed
from flowforge.services import transfer, zaps
from tests.house import House

FILE: dict[str, Any] = {
    "name": "Orders",
    "definition": {"trigger": {"kind": "webhook", "settings": {}}, "steps": []},
    "schema_version": 2,
}


async def test_the_text_of_an_export_is_the_same_zap_again(house: House) -> None:
    ada = await house.sign_up()
    async with house.db.transaction() as session:
        first = await zaps.create(session, ada.actor, name="Orders")
        text = json.dumps(await transfer.export(session, ada.actor, first.id))
        again = await transfer.import_text(session, ada.actor, text)
        assert again.id != first.id
        assert again.enabled is False
        assert json.dumps(await transfer.export(session, ada.actor, again.id)) == text


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("[]", [""]),
        ("{}", ["name", "definition", "schema_version"]),
        (json.dumps(FILE | {"schema_version": True}), ["schema_version"]),
        (json.dumps(FILE | {"owner_id": 1}), ["owner_id"]),
        (json.dumps(FILE | {"name": " "}), ["name"]),
        (json.dumps(FILE | {"schema_version": 99}), ["schema_version"]),
        (json.dumps(FILE | {"definition": {"steps": [{"id": "a", "kind": "no"}]}}), None),
    ],
)
async def test_what_is_wrong_with_a_file_is_named_by_its_path(
    house: House, text: str, paths: list[str] | None
) -> None:
    ada = await house.sign_up()
    async with house.db.transaction() as session:
        with pytest.raises(FlowForgeError) as refused:
            await transfer.import_text(session, ada.actor, text)
        found = [detail["path"] for detail in refused.value.details or ()]
        assert found == paths if paths is not None else found[0].startswith("steps")
        assert not (await zaps.list_zaps(session, ada.actor)).data


@pytest.mark.parametrize("text", ["", "no json", "[" * 5000, '{"name": NaN}'])
async def test_what_is_no_json_is_refused_in_words(house: House, text: str) -> None:
    ada = await house.sign_up()
    async with house.db.transaction() as session:
        with pytest.raises(Malformed):
            await transfer.import_text(session, ada.actor, text)


@pytest.mark.parametrize(
    ("name", "file"),
    [("Large orders!", "large-orders.json"), ("../../etc", "etc.json"), ("日本", "zap.json")],
)
def test_a_file_has_a_plain_name(name: str, file: str) -> None:
    assert transfer.file_name(name) == file
