"""What open pages are told: that a run has begun, without waiting for its first step to end."""

from tests.claiming import claims_of
from tests.house import House
from tests.zapping import hook, path_of, published


async def test_a_page_hears_that_a_run_has_begun(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", "http://127.0.0.1:1/"))
    answer = await house.client.post(path_of(zap), json={})
    signals = house.runtime.signals
    claims = claims_of(house, "one")
    async with signals.subscribe(f"run:{answer.json()['zapRunId']}") as news:
        # Whoever begins to listen is told to look once; after that it is quiet.
        assert await news.wait(5)
        assert not await news.wait(0.2)
        assert len((await claims.take(10)).held) == 1
        assert await news.wait(5)
