"""One timer for many waits."""

import asyncio

import pytest

from flowforge.api.patience import Patience


async def test_what_takes_too_long_ends_with_a_time_out() -> None:
    patience = Patience(0.04)
    began = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError), patience.limited():
        await asyncio.sleep(5)
    assert asyncio.get_running_loop().time() - began < 1
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0, "the task goes on as if nothing had been"
    await asyncio.sleep(0)


async def test_what_is_quick_enough_is_left_alone() -> None:
    patience = Patience(0.04)
    for _ in range(3):
        with patience.limited():
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.1)


async def test_each_wait_has_its_own_time() -> None:
    patience = Patience(0.1)

    async def wait(seconds: float) -> str:
        try:
            with patience.limited():
                await asyncio.sleep(seconds)
        except TimeoutError:
            return "over"
        return "done"

    found = await asyncio.gather(*(wait(seconds) for seconds in (0.01, 5, 0.02, 5)))
    assert found == ["done", "over", "done", "over"]


async def test_somebody_elses_cancellation_passes_through() -> None:
    patience = Patience(10)

    async def wait() -> None:
        with patience.limited():
            await asyncio.sleep(5)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_inside_is_not_changed() -> None:
    with pytest.raises(ValueError, match="inside"), Patience(1).limited():
        raise ValueError("inside")
