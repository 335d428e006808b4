"""The tour and the seed: true to what they say, and harmless when repeated."""

import httpx
import pytest

from flowforge.api.app import complete_app
from flowforge.services import demo
from tests import zapping
from tests.house import House


async def toured(house: House) -> tuple[int, str]:
    said: list[str] = []
    async with zapping.working(house):
        transport = httpx.ASGITransport(app=complete_app(lambda: house.runtime))
        code = await demo.demo(house.settings, said.append, transport=transport)
    return code, "\n".join(said)


async def test_the_tour_fires_a_webhook_and_follows_its_run(house: House) -> None:
    code, said = await toured(house)
    assert code == 0, said
    for step in ("Only orders above 10", "Thank the buyer", "Tell the warehouse"):
        assert f"{step:<24} succeeded in" in said
    assert "The run succeeded. See it: http://localhost:3000/runs/" in said
    subjects = [mail["subject"] for mail in await house.mailbox()]
    assert subjects == ["Ada: order 1815", "Ada: order 1815"]


async def test_a_second_tour_uses_the_same_owner_and_zap(house: House) -> None:
    _, first = await toured(house)
    code, second = await toured(house)
    assert (code, "version 1" in second) == (0, True)
    assert "(shown only now)" in first
    assert "password" not in second
    ada = await house.sign_up("ada@example.com")
    assert (await house.user("ada@example.com")).is_admin
    assert (await house.client.get("/api/v1/zaps", headers=ada.headers)).json()["data"] == []


@pytest.mark.parametrize("changes", [{"host": "203.0.113.1"}])
async def test_where_no_mail_can_be_sent_the_tour_goes_without(house: House) -> None:
    code, said = await toured(house)
    assert code == 0, said
    assert "Thank the buyer" not in said


@pytest.mark.parametrize("changes", [{"public_url": "http://127.0.0.1:9"}])
async def test_a_server_that_sleeps_is_told_and_nobody_is_signed_up(house: House) -> None:
    said: list[str] = []
    assert await demo.demo(house.settings, said.append) == 1
    assert "nothing answers at http://127.0.0.1:9" in said[0]
    assert len(said) == 1


async def test_seeding_twice_says_the_same(house: House) -> None:
    said: list[str] = []
    for _ in range(2):
        await demo.seed(house.settings, said.append)
    assert said[0] == said[1]
    assert "5 actions and 2 triggers" in said[0]
