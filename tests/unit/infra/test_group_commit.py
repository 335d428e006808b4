"""Group commit: nothing that was added is forgotten."""

import asyncio
from collections.abc import Sequence

from flowforge.infra.group_commit import GroupCommit


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


async def test_a_lone_caller_is_served_each_time() -> None:
    async def flush(items: list[int]) -> Sequence[int]:
        return items

    group: GroupCommit[int, int] = GroupCommit(flush)
    async with asyncio.timeout(5):
        assert [await group.add(number) for number in range(1000)] == list(range(1000))
