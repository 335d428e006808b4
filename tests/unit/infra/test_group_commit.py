"""Group commit: nothing that was added is forgotten, and concurrent callers share."""

import asyncio
from collections.abc import Sequence

import pytest

from flowforge.errors import Unavailable
from flowforge.infra.group_commit import GroupCommit


class Flushes:
    """Records its batches; each flush waits for the gate, and fails for what is in ``bad``."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.bad: dict[int, Exception] = {}
        if is_open:
            self.gate.set()

    async def __call__(self, items: list[int]) -> Sequence[int]:
        self.batches.append(items)
        await self.gate.wait()
        for item in items:
            if item in self.bad:
                raise self.bad[item]
        return [item * 10 for item in items]


async def turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_who_adds_again_at_once_is_served_as_well() -> None:
    async def flush(items: list[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        return items

    group: GroupCommit[int, int] = GroupCommit(flush)

    async def many(first: int) -> list[int]:
        return [await group.add(first + more) for more in range(100)]

    async with asyncio.timeout(5):
        found = await asyncio.gather(*(many(1000 * caller) for caller in range(5)))
    assert found == [[1000 * caller + more for more in range(100)] for caller in range(5)]


async def test_a_lone_caller_is_flushed_at_once_each_time() -> None:
    flushes = Flushes()
    group = GroupCommit(flushes)
    async with asyncio.timeout(5):
        assert [await group.add(number) for number in range(100)] == [n * 10 for n in range(100)]
    assert flushes.batches == [[number] for number in range(100)]


async def test_who_comes_during_a_flush_shares_the_next_in_order() -> None:
    flushes = Flushes(is_open=False)
    group = GroupCommit(flushes)
    callers = [asyncio.create_task(group.add(0))]
    await turns()
    callers += [asyncio.create_task(group.add(number)) for number in range(1, 6)]
    await turns()
    assert flushes.batches == [[0]]
    flushes.gate.set()
    assert await asyncio.gather(*callers) == [0, 10, 20, 30, 40, 50]
    assert flushes.batches == [[0], [1, 2, 3, 4, 5]]


async def test_no_batch_is_larger_than_the_largest() -> None:
    flushes = Flushes()
    group = GroupCommit(flushes, largest=3)
    assert await asyncio.gather(*(group.add(n) for n in range(8))) == [n * 10 for n in range(8)]
    assert [len(batch) for batch in flushes.batches] == [3, 3, 2]


async def test_one_bad_item_fails_alone() -> None:
    flushes = Flushes()
    flushes.bad = {2: ValueError("bad")}
    group = GroupCommit(flushes)
    found = await asyncio.gather(*(group.add(n) for n in range(4)), return_exceptions=True)
    assert [found[0], found[1], found[3]] == [0, 10, 30]
    assert isinstance(found[2], ValueError)
    assert flushes.batches == [[0, 1, 2, 3], [0], [1], [2], [3]]
    assert await group.add(5) == 50


async def test_an_outage_answers_the_whole_batch_and_is_not_tried_one_by_one() -> None:
    flushes = Flushes()
    flushes.bad = {0: Unavailable("away")}
    group = GroupCommit(flushes)
    found = await asyncio.gather(*(group.add(n) for n in range(4)), return_exceptions=True)
    assert [type(one) for one in found] == [Unavailable] * 4
    assert len(flushes.batches) == 1


async def test_more_than_the_capacity_is_refused_and_room_comes_back() -> None:
    flushes = Flushes(is_open=False)
    group = GroupCommit(flushes, capacity=3)
    first = asyncio.create_task(group.add(0))
    await turns()
    waiting = [asyncio.create_task(group.add(number)) for number in (1, 2, 3)]
    await turns()
    with pytest.raises(asyncio.QueueFull):
        await group.add(4)
    flushes.gate.set()
    assert await asyncio.gather(first, *waiting) == [0, 10, 20, 30]
    assert await group.add(5) == 50


async def test_a_caller_that_gives_up_takes_nobody_with_it() -> None:
    flushes = Flushes(is_open=False)
    group = GroupCommit(flushes)
    callers = [asyncio.create_task(group.add(number)) for number in range(3)]
    await turns()
    callers[1].cancel()
    await turns()
    flushes.gate.set()
    assert [await callers[0], await callers[2]] == [0, 20]
