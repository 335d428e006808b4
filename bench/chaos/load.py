"""The load: senders that go on whatever happens, a person who decides, clicks and cancels nothing.

Half of them are impatient: they give their event a key and send it again until they hear 2xx, as
the better providers do. Ordered senders wait for each answer before they send the next.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

from bench.chaos.stage import HOOKS, Stage
from tests.chaos.acks import Ack

MOST_IN_FLIGHT = 150
KEYS = ("red", "green", "blue", "grey")
ORDERED_SECONDS = 0.7
DECIDING_SECONDS = 0.3
RESEND_SECONDS = 0.2
# Of a hundred events, what they fire; the rest fires the main zap.
MIX = {"asking": 3, "coding": 4, "large": 2, "parent": 3, "fragile": 2}


@dataclass
class Load:
    """``ordered``: per key, the acknowledged events in order. ``sent`` counts by zap."""

    stage: Stage
    rate: float
    ordered: dict[str, list[Ack]] = field(default_factory=lambda: defaultdict(list))
    _is_over: asyncio.Event = field(default_factory=asyncio.Event)
    _senders: set[asyncio.Task[None]] = field(default_factory=set)
    _standing: list[asyncio.Task[None]] = field(default_factory=list)
    _number: int = 0

    def start(self) -> None:
        self._is_over.clear()
        work = [self._pour(), self._decide(), *(self._in_order(key) for key in KEYS)]
        self._standing = [asyncio.create_task(one) for one in work]

    async def stop(self) -> None:
        """No more events; the person goes on deciding until ``dismiss``."""
        self._is_over.set()
        deciding = self._standing.pop(1)
        await asyncio.gather(*self._standing)
        await asyncio.gather(*self._senders)
        self._standing = [deciding]

    async def dismiss(self) -> None:
        for task in self._standing:
            task.cancel()
        await asyncio.gather(*self._standing, return_exceptions=True)

    async def _pour(self) -> None:
        """An open loop: a slow answer slows nobody else down."""
        clock = asyncio.get_running_loop()
        due = clock.time()
        while not self._is_over.is_set():
            due += 1 / self.rate
            await asyncio.sleep(max(0.0, due - clock.time()))
            if len(self._senders) < MOST_IN_FLIGHT:
                self._number += 1
                task = asyncio.create_task(self._send(self._number))
                self._senders.add(task)
                task.add_done_callback(self._senders.discard)

    async def _send(self, number: int) -> None:
        stage = self.stage
        zap = self._which()
        body = {"n": number, "odd": number % 2}
        is_impatient = stage.random.random() < 0.5
        headers = {"X-Idempotency-Key": str(uuid4())} if is_impatient else None
        tag = f"{zap} {headers['X-Idempotency-Key']}" if headers else zap
        while True:
            url = stage.url(zap, stage.random.randrange(HOOKS))
            ack = await stage.acks.post(
                stage.client, url, body, number=number, tag=tag, headers=headers
            )
            if not is_impatient:
                return
            if ack.is_promise:
                # Now and then even one that was heard is sent once more.
                if stage.random.random() < 0.1:
                    await stage.acks.post(
                        stage.client, stage.url(zap, number), body, tag=tag, headers=headers
                    )
                return
            await asyncio.sleep(RESEND_SECONDS)

    def _which(self) -> str:
        place = self.stage.random.randrange(100)
        for zap, share in MIX.items():
            place -= share
            if place < 0:
                return zap
        return "main"

    async def _in_order(self, key: str) -> None:
        stage, number = self.stage, 0
        while not self._is_over.is_set():
            number += 1
            url = stage.url("ordered", stage.random.randrange(HOOKS))
            body = {"n": number, "key": key}
            ack = await stage.acks.post(stage.client, url, body, number=number, tag="ordered")
            if ack.is_promise:
                self.ordered[key].append(ack)
            with suppress(TimeoutError):
                async with asyncio.timeout(ORDERED_SECONDS):
                    await self._is_over.wait()

    async def _decide(self) -> None:
        """Approve most of what is asked, reject the rest, twice now and then."""
        stage = self.stage
        while True:
            await asyncio.sleep(DECIDING_SECONDS)
            answer = await stage.ask("GET", "/approvals?limit=100")
            if answer.status_code != 200:
                continue
            for one in answer.json()["data"]:
                body = {"approved": stage.random.random() < 0.8, "comment": "by the bench"}
                path = f"/approvals/{one['id']}"
                times = 2 if stage.random.random() < 0.2 else 1
                await asyncio.gather(*(stage.ask("POST", path, body) for _ in range(times)))
