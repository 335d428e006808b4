"""Whoever breaks off in the middle of a turn leaves nothing that the next one does not put right."""

import asyncio

import pytest

from flowforge.infra.failpoints import arm
from flowforge.jobs.registrar import Registrar
from tests.house import House
from tests.integration.registrations.registering import (
    REPLY,
    SECRET,
    connected,
    due_again,
    registered,
    republished,
    row_of,
    shown,
    switched,
    trigger,
    turned,
)
from tests.servers.github import FakeGitHub
from tests.zapping import published

DEATHS = [
    "register.before_send",
    "register.after_send",
    "register.before_commit",
    "transaction.before_commit",
    "transaction.after_commit",
]


@pytest.mark.parametrize("place", DEATHS)
@pytest.mark.parametrize("then", ["on", "off", "elsewhere"])
async def test_whoever_breaks_off_leaves_one_hook_or_none(
    house: House, github: FakeGitHub, place: str, then: str
) -> None:
    ada = await connected(house)
    zap = await published(house, ada, REPLY, trigger=trigger())
    arm(f"{place}=error")
    try:
        await turned(house)
    finally:
        arm("")
    github.repositories["ada/notes"] = {}
    if then == "off":
        await switched(house, ada, zap, on=False)
    elif then == "elsewhere":
        await republished(house, ada, zap, register_at="ada/notes")
    await turned(house)
    await due_again(house)
    await turned(house)
    left = {name: len(hooks) for name, hooks in github.repositories.items()}
    assert left == {"ada/engine": int(then == "on"), "ada/notes": int(then == "elsewhere")}
    assert github.counted["POST"] <= 1 + (then == "elsewhere")
    for hook in github.hooks:
        assert hook["config"]["secret"] == SECRET


@pytest.mark.parametrize("place", DEATHS)
async def test_whoever_breaks_off_while_removing_is_followed(
    house: House, github: FakeGitHub, place: str
) -> None:
    ada = await connected(house)
    zap = await registered(house, ada)
    await switched(house, ada, zap, on=False)
    arm(f"{place}=error")
    try:
        await turned(house)
    finally:
        arm("")
    await due_again(house)
    await turned(house)
    assert ((await shown(house, ada, zap))["status"], github.hooks) == ("removed", [])


async def test_who_was_too_slow_settles_nothing(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    github.delay_seconds = 0.3
    zap = await published(house, ada, REPLY, trigger=trigger())
    slow = Registrar(house.runtime)
    await slow.look()
    await asyncio.sleep(0.1)
    await due_again(house)  # as if its lease had run out while it asked for the hooks
    await turned(house)
    await slow.finish()
    assert len(github.hooks) == 1
    row = await row_of(house, zap)
    assert (row.status, row.external_id, row.fence) == ("active", str(github.hook["id"]), 2)


async def test_who_never_gets_an_answer_gives_up_in_time(house: House, github: FakeGitHub) -> None:
    ada = await connected(house)
    github.delay_seconds = 0.5
    zap = await published(house, ada, REPLY, trigger=trigger())
    worker = Registrar(house.runtime, lease_seconds=0.2)
    assert await worker.look()
    await worker.finish()
    assert (await row_of(house, zap)).status == "pending"
    github.delay_seconds = 0
    await due_again(house)
    await turned(house)
    assert len(github.hooks) == 1


async def test_a_worker_that_is_stopped_leaves_it_to_others(
    house: House, github: FakeGitHub
) -> None:
    ada = await connected(house)
    github.delay_seconds = 0.3
    await published(house, ada, REPLY, trigger=trigger())
    running = asyncio.create_task(Registrar(house.runtime).run())
    while not github.calls:  # noqa: ASYNC110 - it is in another thread
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await due_again(house)
    await turned(house)
    assert len(github.hooks) == 1
