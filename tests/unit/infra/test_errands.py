"""Background work is kept, awaited and never fails in silence."""

import asyncio

import structlog

from flowforge.infra.errands import Errands


async def test_an_errand_outlives_its_caller_and_is_awaited_at_the_end() -> None:
    done: list[str] = []
    errands = Errands()

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.append("work")

    errands.start(work(), name="work")
    assert done == []
    await errands.finish()
    assert done == ["work"]
    await errands.finish()


async def test_an_errand_that_fails_is_a_line_in_the_log() -> None:
    errands = Errands()

    async def fail() -> None:
        raise RuntimeError("no")

    with structlog.testing.capture_logs() as lines:
        errands.start(fail(), name="doomed")
        await errands.finish()
        await asyncio.sleep(0)
    assert [(line["event"], line["errand"]) for line in lines] == [("errand failed", "doomed")]


async def test_an_errand_that_takes_too_long_is_cut_short() -> None:
    errands = Errands()
    with structlog.testing.capture_logs() as lines:
        errands.start(asyncio.sleep(60), name="slow")
        await errands.finish(within_seconds=0.01)
    assert [line["event"] for line in lines] == ["errand cut short"]
