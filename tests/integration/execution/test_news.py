"""What open pages are told: that a run has begun, without waiting for its first step to end."""

from flowforge.infra.signals import Subscription
from tests.claiming import claims_of
from tests.house import House
from tests.zapping import hook, path_of, published


async def quiet(news: Subscription) -> None:
    """What was sent before somebody listened may still be on its way; it is not sent for ever."""
    for _ in range(5):
        if not await news.wait(0.3):
            return
    raise AssertionError("the news do not end")


async def test_a_page_hears_that_a_run_has_begun(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", "http://127.0.0.1:1/"))
    answer = await house.client.post(path_of(zap), json={})
    signals = house.runtime.signals
    claims = claims_of(house, "one")
    async with signals.subscribe(f"run:{answer.json()['zapRunId']}") as news:
        # Whoever begins to listen is told to look once; after that it is quiet.
        assert await news.wait(5)
        await quiet(news)
        assert len((await claims.take(10)).held) == 1
        assert await news.wait(5)


async def test_lists_of_zaps_hear_that_one_was_published_switched_or_deleted(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", "http://127.0.0.1:1/"))
    async with house.runtime.signals.subscribe(f"project:{ada.actor.project_id}") as news:
        assert await news.wait(5)
        await quiet(news)
        for method, path, body in (
            ("PATCH", "", {"enabled": False}),
            ("POST", "/publish", None),
            ("POST", "/duplicate", None),
            ("DELETE", "", None),
        ):
            answer = await house.client.request(
                method, f"/api/v1/zaps/{zap.id}{path}", json=body, headers=ada.headers
            )
            assert answer.is_success
            assert await news.wait(5)
            assert not await news.wait(0.2)
