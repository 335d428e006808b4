"""Folders and tags: names once whatever their case, zaps that outlive their folder, nobody else's."""

from typing import Any

import pytest

from tests.house import Account, House


async def _sent(house: House, who: Account, method: str, url: str, **more: Any) -> Any:
    return await house.client.request(method, f"/api/v1{url}", headers=who.headers, **more)


async def _asked(house: House, who: Account, method: str, url: str, **more: Any) -> Any:
    answer = await _sent(house, who, method, url, **more)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


async def _zap(house: House, who: Account, name: str, **more: Any) -> str:
    made: dict[str, Any] = await _asked(house, who, "POST", "/zaps", json={"name": name} | more)
    return str(made["id"])


async def _names(house: House, who: Account, query: str) -> list[str]:
    found = await _asked(house, who, "GET", f"/zaps{query}")
    return [zap["name"] for zap in found["data"]]


async def test_a_folder_is_made_renamed_and_listed_with_its_count(house: House) -> None:
    ada = await house.sign_up()
    shop = await _asked(house, ada, "POST", "/folders", json={"name": "  Shop "})
    assert (shop["name"], shop["zaps"]) == ("Shop", 0)
    await _asked(house, ada, "POST", "/folders", json={"name": "Admin"})
    await _zap(house, ada, "Orders", folder_id=shop["id"])
    gone = await _zap(house, ada, "Gone", folder_id=shop["id"])
    await _asked(house, ada, "DELETE", f"/zaps/{gone}")
    renamed = await _asked(house, ada, "PATCH", f"/folders/{shop['id']}", json={"name": "Store"})
    assert (renamed["name"], renamed["zaps"]) == ("Store", 1)
    listed = await _asked(house, ada, "GET", "/folders")
    assert [(one["name"], one["zaps"]) for one in listed["data"]] == [("Admin", 0), ("Store", 1)]


@pytest.mark.parametrize("name", ["SHOP", "shop", "\uff33hop"])
async def test_a_name_is_there_once_whatever_its_case(house: House, name: str) -> None:
    ada = await house.sign_up()
    grace = await house.sign_up("grace@example.com", "Grace")
    await _asked(house, ada, "POST", "/folders", json={"name": "Shop"})
    other = await _asked(house, ada, "POST", "/folders", json={"name": "Other"})
    for method, url in (("POST", "/folders"), ("PATCH", f"/folders/{other['id']}")):
        refused = await _sent(house, ada, method, url, json={"name": name})
        assert refused.status_code == 409
        assert refused.json()["error"]["code"] == "folder_exists"
    await _asked(house, grace, "POST", "/folders", json={"name": name})
    # The same one in another spelling is no other folder.
    await _asked(house, ada, "PATCH", f"/folders/{other['id']}", json={"name": "OTHER"})


async def test_zaps_outlive_their_folder(house: House) -> None:
    ada = await house.sign_up()
    shop = await _asked(house, ada, "POST", "/folders", json={"name": "Shop"})
    zap = await _zap(house, ada, "Orders", folder_id=shop["id"])
    await _zap(house, ada, "Loose")
    assert await _names(house, ada, f"?folder={shop['id']}") == ["Orders"]
    assert await _names(house, ada, "?folder=none") == ["Loose"]
    await _asked(house, ada, "DELETE", f"/folders/{shop['id']}")
    assert (await _asked(house, ada, "GET", f"/zaps/{zap}"))["folder_id"] is None
    assert await _names(house, ada, "?folder=none") == ["Loose", "Orders"]


async def test_a_zap_is_moved_in_and_out_and_stays_where_it_is_otherwise(house: House) -> None:
    ada = await house.sign_up()
    shop = await _asked(house, ada, "POST", "/folders", json={"name": "Shop"})
    zap = await _zap(house, ada, "Orders")
    moved = await _asked(house, ada, "PATCH", f"/zaps/{zap}", json={"folder_id": shop["id"]})
    assert moved["folder_id"] == shop["id"]
    kept = await _asked(house, ada, "PATCH", f"/zaps/{zap}", json={"name": "Sales"})
    assert kept["folder_id"] == shop["id"]
    out = await _asked(house, ada, "PATCH", f"/zaps/{zap}", json={"folder_id": None})
    assert out["folder_id"] is None


async def test_a_copy_is_filed_where_its_model_is_with_the_same_tags(house: House) -> None:
    ada = await house.sign_up()
    shop = await _asked(house, ada, "POST", "/folders", json={"name": "Shop"})
    zap = await _zap(house, ada, "Orders", folder_id=shop["id"])
    await _asked(house, ada, "PATCH", f"/zaps/{zap}", json={"tags": ["Daily", "EU"]})
    copy = await _asked(house, ada, "POST", f"/zaps/{zap}/duplicate")
    assert (copy["folder_id"], copy["tags"]) == (shop["id"], ["Daily", "EU"])
    assert await _names(house, ada, f"?folder={shop['id']}") == ["Copy of Orders", "Orders"]
    await _asked(house, ada, "PATCH", f"/zaps/{copy['id']}", json={"tags": []})
    assert (await _asked(house, ada, "GET", f"/zaps/{zap}"))["tags"] == ["Daily", "EU"]
    loose = await _zap(house, ada, "Loose")
    other = await _asked(house, ada, "POST", f"/zaps/{loose}/duplicate")
    assert (other["folder_id"], other["tags"]) == (None, [])


async def test_a_strangers_folder_is_like_one_that_is_not_there(house: House) -> None:
    ada = await house.sign_up()
    grace = await house.sign_up("grace@example.com", "Grace")
    shop = await _asked(house, ada, "POST", "/folders", json={"name": "Shop"})
    zap = await _zap(house, grace, "Hers")
    for folder_id in (shop["id"], "01a1fbe4-8bf4-7022-9e05-9c07cc200c08"):
        answers = [
            await _sent(house, grace, "PATCH", f"/zaps/{zap}", json={"folder_id": folder_id}),
            await _sent(house, grace, "POST", "/zaps", json={"name": "x", "folder_id": folder_id}),
            await _sent(house, grace, "PATCH", f"/folders/{folder_id}", json={"name": "x"}),
            await _sent(house, grace, "DELETE", f"/folders/{folder_id}"),
            await _sent(house, grace, "GET", f"/zaps?folder={folder_id}"),
        ]
        assert [answer.status_code for answer in answers] == [404] * 5
    assert await _names(house, grace, "") == ["Hers"]
    assert (await _asked(house, grace, "GET", "/folders"))["data"] == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\u0000b", "a\nb"])
async def test_a_name_that_is_none_is_refused_by_its_field(house: House, name: str) -> None:
    ada = await house.sign_up()
    refused = await _sent(house, ada, "POST", "/folders", json={"name": name})
    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["path"] == "name"


async def test_tags_are_kept_once_found_blind_to_case_and_counted(house: House) -> None:
    ada = await house.sign_up()
    grace = await house.sign_up("grace@example.com", "Grace")
    orders, bills = await _zap(house, ada, "Orders"), await _zap(house, ada, "Bills")
    hers = await _zap(house, grace, "Hers")
    tagged = await _asked(
        house, ada, "PATCH", f"/zaps/{orders}", json={"tags": ["Shop", " shop ", "Äpfel"]}
    )
    assert tagged["tags"] == ["Shop", "Äpfel"]
    await _asked(house, ada, "PATCH", f"/zaps/{bills}", json={"tags": ["SHOP"]})
    await _asked(house, grace, "PATCH", f"/zaps/{hers}", json={"tags": ["shop", "hers"]})
    assert await _names(house, ada, "?tag=sHoP") == ["Bills", "Orders"]
    assert await _names(house, ada, "?tag=%C3%A4pfel&q=ord") == ["Orders"]
    assert await _names(house, ada, "?tag=hers") == []
    listed = (await _asked(house, ada, "GET", "/tags"))["data"]
    assert [(one["name"].casefold(), one["zaps"]) for one in listed] == [("shop", 2), ("äpfel", 1)]
    await _asked(house, ada, "PATCH", f"/zaps/{orders}", json={"tags": []})
    assert await _names(house, ada, "?tag=shop") == ["Bills"]


@pytest.mark.parametrize(
    ("tags", "path"),
    [
        ([str(number) for number in range(21)], "tags"),
        (["ok", "x" * 41], "tags.1"),
        (["ok", " "], "tags.1"),
        (["a\u0000b"], "tags.0"),
    ],
)
async def test_tags_have_bounds(house: House, tags: list[str], path: str) -> None:
    ada = await house.sign_up()
    zap = await _zap(house, ada, "Orders")
    await _asked(house, ada, "PATCH", f"/zaps/{zap}", json={"tags": [str(n) for n in range(20)]})
    refused = await _sent(house, ada, "PATCH", f"/zaps/{zap}", json={"tags": tags})
    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["path"] == path
    kept = await _asked(house, ada, "GET", f"/zaps/{zap}")
    assert len(kept["tags"]) == 20


async def test_a_page_of_zaps_costs_as_many_statements_as_one_zap(house: House) -> None:
    ada = await house.sign_up()
    first = await _zap(house, ada, "0")
    await _asked(house, ada, "PATCH", f"/zaps/{first}", json={"tags": ["one"]})
    with house.counted_statements() as one:
        await _asked(house, ada, "GET", "/zaps")
    for number in range(8):
        zap = await _zap(house, ada, str(number))
        await _asked(house, ada, "PATCH", f"/zaps/{zap}", json={"tags": ["a", "b"]})
    with house.counted_statements() as many:
        await _asked(house, ada, "GET", "/zaps")
    assert many.number == one.number
