"""The fixture itself: a house is whole, and each test gets a fresh one."""

import pytest

from tests.house import House


@pytest.mark.parametrize("turn", [1, 2])
async def test_every_test_gets_an_empty_house(house: House, turn: int) -> None:
    assert await house.mailbox() == []
    ada = await house.sign_up("ada@example.com")
    assert ada.user_id == 1
    answer = await house.client.get("/api/v1/auth/me", headers=ada.headers)
    assert answer.status_code == 200
    assert answer.json()["project"]["id"] == ada.project_id


async def test_two_people_live_in_two_projects(house: House) -> None:
    ada = await house.sign_up("ada@example.com")
    bob = await house.sign_up("bob@example.com")
    assert ada.project_id != bob.project_id
