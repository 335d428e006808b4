"""Limits with real workers, real steps and real targets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from flowforge.services import versions, zaps
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.integration.limits.line import arrive, entries
from tests.zapping import ended, hook, owed, working


class Crowd:
    """A target that counts how many are inside of it at once. The test server has one thread, and
    would never see two.
    """

    def __init__(self) -> None:
        self.most = 0
        self.order: list[str] = []
        self.url = ""
        self._inside = 0

    async def enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
        await reader.readexactly(int(headers["content-length"]))
        self._inside += 1
        self.most = max(self.most, self._inside)
        self.order.append(headers["idempotency-key"].split(":")[0])
        # Long enough that others would be seen here if they were let in.
        await asyncio.sleep(0.05)
        self._inside -= 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()


@pytest.fixture
async def crowd() -> AsyncIterator[Crowd]:
    found = Crowd()
    async with await asyncio.start_server(found.enter, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found.url = f"http://127.0.0.1:{port}/"
        yield found


async def live(house: House, account: Account, *steps: dict[str, Any], **limits: Any) -> ZapView:
    definition = {"trigger": {"kind": "webhook"}, "steps": list(steps), "limits": limits}
    async with house.db.transaction() as session:
        zap = await zaps.create(session, account.actor, name="Busy", definition=definition)
        await versions.publish(session, account.actor, zap.id)
        return await zaps.get(session, account.actor, zap.id)


@asynccontextmanager
async def two_workers(house: House) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(working(house))
        yield


async def test_two_workers_keep_the_limit_of_a_zap_and_end_all(house: House, crowd: Crowd) -> None:
    account = await house.sign_up()
    nap = {"id": "nap", "kind": "delay", "seconds": 0.02}
    steps = (hook("one", crowd.url), nap, hook("two", crowd.url))
    zap = await live(house, account, *steps, concurrency={"limit": 2})
    came = [await arrive(house, zap) for _ in range(10)]
    async with two_workers(house):
        runs = [await ended(house, run_id, within_seconds=30) for run_id in came]
    assert {run.status for run in runs} == {"succeeded"}
    assert crowd.most == 2
    assert await owed(house) == 0


async def test_runs_of_one_key_take_turns_in_the_order_they_came(
    house: House, crowd: Crowd
) -> None:
    account = await house.sign_up()
    one_each = {"limit": 1, "key": "{{ trigger.body.who }}"}
    step = hook("one", crowd.url)
    zap = await live(house, account, step, concurrency=one_each)
    came = [await arrive(house, zap, {"who": "ada"}) for _ in range(12)]
    async with two_workers(house):
        for run_id in came:
            await ended(house, run_id, within_seconds=30)
    assert crowd.most == 1
    assert crowd.order == came


@pytest.mark.parametrize("changes", [{"project_concurrency": 2}])
async def test_two_workers_keep_the_limit_of_a_project(house: House, crowd: Crowd) -> None:
    account = await house.sign_up()
    nap = {"id": "nap", "kind": "delay", "seconds": 0.02}
    steps = (hook("one", crowd.url), nap, hook("two", crowd.url))
    both = [await live(house, account, *steps) for _ in range(2)]
    came = [await arrive(house, zap) for zap in both for _ in range(5)]
    async with two_workers(house):
        runs = [await ended(house, run_id, within_seconds=30) for run_id in came]
    assert {run.status for run in runs} == {"succeeded"}
    assert crowd.most == 2
    assert await owed(house) == 0


async def test_a_run_that_only_decides_leaves_its_gate_in_the_same_claim(house: House) -> None:
    account = await house.sign_up()
    zap = await live(house, account, {"id": "end", "kind": "stop"}, concurrency={"limit": 1})
    came = [await arrive(house, zap) for _ in range(20)]
    async with working(house):
        runs = [await ended(house, run_id) for run_id in came]
    assert {run.status for run in runs} == {"succeeded"}
    assert [run.started_at for run in runs] == sorted(
        run.started_at for run in runs if run.started_at
    )


async def test_a_limited_zap_that_calls_itself_comes_to_an_end(house: House) -> None:
    account = await house.sign_up()
    zap = await live(house, account, {"id": "end", "kind": "stop"}, concurrency={"limit": 1})
    again = {
        "id": "again",
        "kind": "router",
        "branches": [
            {
                "name": "deeper",
                "when": _is_below("{{ trigger.body.depth }}", 3),
                "steps": [
                    {
                        "id": "sub",
                        "kind": "zap",
                        "zap_id": zap.id,
                        "input": {"depth": "{{ trigger.body.depth | plus: 1 }}"},
                    }
                ],
            }
        ],
        "fallback": [],
    }
    definition = {
        "trigger": {"kind": "webhook"},
        "steps": [again],
        "limits": {"concurrency": {"limit": 1}},
    }
    async with house.db.transaction() as session:
        await zaps.save_draft(
            session, account.actor, zap.id, revision=zap.draft_revision, definition=definition
        )
        await versions.publish(session, account.actor, zap.id)
    came = [await arrive(house, zap, {"depth": 0}) for _ in range(2)]
    async with working(house):
        runs = [await ended(house, run_id) for run_id in came]
    assert [run.status for run in runs] == ["succeeded"] * 2
    assert await entries(house) == {}


def _is_below(left: str, right: int) -> dict[str, Any]:
    return {"any": [{"all": [{"left": left, "op": "NUMBER_IS_LESS_THAN", "right": right}]}]}


async def test_of_a_burst_one_run_is_performed(house: House, crowd: Crowd) -> None:
    account = await house.sign_up()
    step = hook("one", crowd.url)
    zap = await live(house, account, step, debounce={"seconds": 0.3})
    async with working(house):
        came = sorted(await asyncio.gather(*(arrive(house, zap) for _ in range(20))))
        runs = [await ended(house, run_id) for run_id in came]
    assert [run.status for run in runs] == ["cancelled"] * 19 + ["succeeded"]
    assert crowd.order == came[-1:]


async def test_throttled_runs_keep_their_distance(house: House) -> None:
    account = await house.sign_up()
    zap = await live(
        house, account, {"id": "end", "kind": "stop"}, throttle={"limit": 5, "seconds": 1}
    )
    came = [await arrive(house, zap) for _ in range(5)]
    async with working(house):
        runs = [await ended(house, run_id) for run_id in came]
    starts = [run.started_at for run in runs if run.started_at is not None]
    assert starts == sorted(starts)
    # Five with 0.2 s between them; the loop's timer may make each up to 0.25 s late.
    assert (starts[-1] - starts[0]).total_seconds() > 4 * 0.2 - 0.25
