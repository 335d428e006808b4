"""Faults that come from outside: F8 to F11, F17 and F18. They go on beside those of the servers.

Each is over when the runs that it hit have ended; what the product must answer is checked here, and
a broken promise is noted in ``wrong``.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bench.chaos.faults import Recovery
from bench.chaos.stage import HOOKS, Stage, now
from bench.chaos.zaps import SLOW_SECONDS
from bench.processes import tree
from tests.chaos.acks import Ack
from tests.chaos.witness import digest
from tests.zapping import ENDED

DUPLICATES = 100
AWAY = 503
STORM_RUNS = 40
SLOW_RUNS = 15
# The database may be away for a minute of it.
RUN_SECONDS = 150.0
TOO_LARGE = 25 * 1024 * 1024 + 1


@dataclass
class Mischief:
    """``replayed``: run id -> what the old run was; ``touched``: runs a person ended or opened."""

    stage: Stage
    wrong: list[str] = field(default_factory=list)
    replayed: dict[str, str] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    healed: list[tuple[float, float]] = field(default_factory=list)
    _loops: int = 0

    async def duplicates(self, is_long: bool) -> Recovery:
        """F8: one event, a hundred times at once through both doors, and again after a while."""
        struck, key = now(), str(uuid4())
        acks = await self._burst("probe", DUPLICATES, {"X-Idempotency-Key": key})
        await asyncio.sleep(self.stage.random.uniform(0, 2))
        acks += await self._burst("probe", 10, {"X-Idempotency-Key": key})
        runs = {ack.run_id for ack in acks}
        firsts = [ack for ack in acks if not ack.is_duplicate]
        # The one that was accepted may have been told to nobody.
        if len(runs) != 1 or len(firsts) > 1:
            self.wrong.append(f"F8: {len(runs)} runs and {len(firsts)} firsts for the key {key}")
        over = now()
        await self._ended(runs)
        return Recovery("100 at once", struck, over, now())

    async def slow_target(self, is_long: bool) -> Recovery:
        """F9: a receiver that never ends its headers, drips, resets or says nothing."""
        manner = self.stage.random.choice(("headers", "drip", "reset", "silent"))
        self.stage.sink.behave("slow", manner)  # type: ignore[arg-type]
        struck = now()
        acks = await self._burst("slow", SLOW_RUNS)
        await asyncio.sleep(2 * SLOW_SECONDS)
        self.stage.sink.behave("slow", "ok")
        over = now()
        runs = [ack.run_id for ack in acks]
        await self._ended(runs)
        late = await self.stage.fetch(
            "SELECT count(*) FROM attempt WHERE run_id = ANY($1) AND status = 'unknown' "
            "AND error LIKE '%longer than%' "
            "AND finished_at - started_at > make_interval(secs => $2)",
            runs,
            # The pause of a frozen worker and of a frozen database come on top.
            SLOW_SECONDS + 8,
        )
        if late[0][0]:
            self.wrong.append(f"F9: {late[0][0]} attempts took far longer than their limit")
        await self._all("succeeded", runs, "F9")
        return Recovery(manner, struck, over, now())

    async def hostile_code(self, is_long: bool) -> Recovery:
        """F10: code that eats memory, and the death of the process that runs code."""
        if self.stage.random.random() < 0.5:
            struck = now()
            acks = await self._burst("bombing", 2)
            await self._all("failed", [ack.run_id for ack in acks], "F10")
            return Recovery("memory", struck, struck, now())
        acks = await self._burst("coding", 10)
        struck = now()
        for _ in range(20):
            if self._kill_sandboxes():
                break
            await asyncio.sleep(0.05)
        runs = [ack.run_id for ack in acks]
        await self._ended(runs)
        return Recovery("its process killed", struck, struck, now())

    def _kill_sandboxes(self) -> int:
        """Whatever the workers have started themselves."""
        killed = 0
        for slot in self.stage.alive():
            assert slot.child is not None
            for pid in tree([slot.child.pid]) - {slot.child.pid}:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        return killed

    async def too_much(self, is_long: bool) -> Recovery:
        """F11: a body over the limit, an answer without end, a loop of 100,000."""
        struck = now()
        if is_long:
            (ack,) = await self._burst("looping", 1)
            await self._ended([ack.run_id], within_seconds=600)
            await self._all("succeeded", [ack.run_id], "F11")
            return Recovery("100,000 rounds", struck, struck, now())
        if self.stage.random.random() < 0.5:
            await self._send_too_much()
            return Recovery("body over 25 MB", struck, struck, now())
        self.stage.sink.behave("flood", "endless")
        acks = await self._burst("flood", 2)
        runs = [ack.run_id for ack in acks]
        await self._all("failed", runs, "F11")
        self.stage.sink.behave("flood", "ok")
        return Recovery("endless answer", struck, struck, now())

    async def _send_too_much(self) -> None:
        async with asyncio.timeout(RUN_SECONDS):
            while True:
                ack = await self.stage.acks.post(
                    self.stage.client,
                    self.stage.url("probe", self.stage.random.randrange(HOOKS)),
                    "x" * TOO_LARGE,
                    tag="too large",
                )
                # The door may also hang up on one who sends on; its process may be dead.
                if ack.status == 413:
                    return
                if ack.is_promise:
                    self.wrong.append("F11: a body over the limit was accepted")
                    return
                await asyncio.sleep(0.1)

    async def storm(self, is_long: bool) -> Recovery:
        """F17: a receiver that refuses everybody for a while, then is well again."""
        manner = self.stage.random.choice(("error", "busy"))
        self.stage.sink.behave("storm", manner)  # type: ignore[arg-type]
        struck = now()
        acks = await self._burst("storm", STORM_RUNS)
        await asyncio.sleep(self.stage.random.uniform(2, 4))
        self.stage.sink.behave("storm", "ok")
        over = now()
        runs = [ack.run_id for ack in acks]
        await self._all("succeeded", runs, "F17")
        self.healed.append((over, now()))
        return Recovery(manner, struck, over, now())

    async def races(self, is_long: bool) -> Recovery:
        """F18: two people press the same button while the run goes on."""
        button = self.stage.random.choice(("cancel", "retry", "replay"))
        struck = now()
        runs = await {"cancel": self._cancel, "retry": self._retry, "replay": self._replay}[
            button
        ]()
        over = now()
        await self._ended(runs)
        return Recovery(f"two {button}", struck, over, now())

    async def _cancel(self) -> list[str]:
        acks = await self._burst("main", 5)
        await asyncio.sleep(self.stage.random.uniform(0, 2.5))
        runs = [ack.run_id or "" for ack in acks]
        self.touched.update(runs)
        for run_id in runs:
            statuses = await self._twice(f"/runs/{run_id}/cancel")
            if sum(status < 300 for status in statuses) > 1:
                self.wrong.append(f"F18: run {run_id} was cancelled twice")
        return runs

    async def _retry(self) -> list[str]:
        """Runs that fail, are retried by two people at once, and succeed."""
        self.stage.sink.behave("fragile", "error")
        acks = await self._burst("fragile", 5)
        runs = [ack.run_id or "" for ack in acks]
        self.touched.update(runs)
        await self._ended(runs)
        self.stage.sink.behave("fragile", "ok")
        for run_id in runs:
            statuses = await self._twice(f"/runs/{run_id}/retry", {})
            won = sum(status < 300 for status in statuses)
            # Nobody need win while the database is away, which they are told.
            if won > 1 or (won == 0 and AWAY not in statuses):
                self.wrong.append(f"F18: {won} of two retries of {run_id} won: {statuses}")
        return runs

    async def _replay(self) -> list[str]:
        rows = await self.stage.fetch(
            "SELECT id FROM run WHERE zap_id = $1 AND status = 'succeeded' "
            "ORDER BY id DESC LIMIT 3",
            self.stage.zaps["main"].id,
        )
        new: list[str] = []
        for row in rows:
            self.replayed[row["id"]] = await digest(self.stage.house, row["id"])
            answers = await self._both(f"/runs/{row['id']}/replay")
            new += [one.json()["run_id"] for one in answers if one.status_code < 300]
        return new

    async def _twice(self, path: str, body: Any = None) -> list[int]:
        return [answer.status_code for answer in await self._both(path, body)]

    async def _both(self, path: str, body: Any = None) -> list[Any]:
        ask = self.stage.ask
        return list(await asyncio.gather(ask("POST", path, body), ask("POST", path, body)))

    async def _burst(
        self, zap: str, number: int, headers: dict[str, str] | None = None
    ) -> list[Ack]:
        """So many events at once, each sent until it is acknowledged."""

        async def one(place: int) -> Ack:
            while True:
                ack = await self.stage.acks.post(
                    self.stage.client,
                    self.stage.url(zap, place),
                    {"n": 0 if headers else place, "odd": place % 2},
                    tag=f"burst {zap}",
                    headers=headers,
                )
                if ack.is_promise:
                    return ack
                await asyncio.sleep(0.1)

        return list(await asyncio.gather(*(one(place) for place in range(number))))

    async def _ended(
        self, runs: Sequence[str | None] | set[str | None], within_seconds: float = RUN_SECONDS
    ) -> dict[str, str]:
        """The status of each of these runs, once all have ended."""
        async with asyncio.timeout(within_seconds):
            while True:
                rows = await self.stage.fetch(
                    "SELECT id, status FROM run WHERE id = ANY($1)", list(runs)
                )
                if len(rows) == len(set(runs)) and all(row["status"] in ENDED for row in rows):
                    return {row["id"]: row["status"] for row in rows}
                await asyncio.sleep(0.05)

    async def _all(self, status: str, runs: Sequence[str | None], fault: str) -> None:
        found = await self._ended(runs)
        others = [f"{run_id} {was}" for run_id, was in found.items() if was != status]
        if others:
            self.wrong.append(f"{fault}: not {status}: {', '.join(others[:3])}")
