"""Driving one run: its steps are performed, what is due is woken, every turn is settled.

One holder, one fence, however many steps work side by side; what ends together is settled together.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import structlog

from flowforge.engine.protocol import Path, Perform, Woke
from flowforge.errors import Unavailable
from flowforge.services.carrying import Turn
from flowforge.services.claims import Claims
from flowforge.services.execution import Ledger, Settled
from flowforge.services.holding import ANSWERS_ON_THEIR_WAY, Done, Held, Reported
from flowforge.services.resolving import Resolver
from flowforge.services.steps import Performer
from flowforge.services.values import Values

log = structlog.get_logger()

OUTAGE_PAUSE_SECONDS = 0.5

Flights = dict[asyncio.Task[Done], Path]
Given = ParamSpec("Given")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Driver:
    """Drives the runs of one worker process.

    ``begins`` says whether further attempts may begin; ``slots`` are shared by all steps that work
    side by side with others of their run.
    """

    claims: Claims
    ledger: Ledger
    performer: Performer
    resolver: Resolver
    values: Values
    run_timeout_seconds: float
    slots: asyncio.Semaphore
    begins: Callable[[], bool]

    async def drive(self, held: Held, first: Turn | None = None) -> None:
        """Until the run has ended, waits, or is no longer ours. ``first`` is a turn that is still
        to be settled.
        """
        held.most_active_seconds = self.run_timeout_seconds
        flights: Flights = {}
        try:
            turn = first
            while turn is None or await self._settle(turn):
                turn = await self._next_turn(held, flights)
        finally:
            for task in flights:
                task.cancel()
            await asyncio.gather(*flights, return_exceptions=True)

    async def _next_turn(self, held: Held, flights: Flights) -> Turn:
        if not flights and not held.deferred and len(held.todo) == len(held.state.waits) == 1:
            # Nearly always: one step after the other. It needs no task of its own.
            perform = held.todo.pop()
            began = time.monotonic()
            held.performing.add(perform.path)
            done = await self._perform(held, perform)
            held.active_seconds += time.monotonic() - began
            turn = Turn(held, begins=self.begins())
            turn.end_attempt(perform.path, done)
            return turn
        for perform in held.todo:
            held.performing.add(perform.path)
            flights[asyncio.create_task(self._perform_in_slot(held, perform))] = perform.path
        held.todo.clear()
        turn = Turn(held, begins=self.begins())
        if not held.deferred and flights:
            await self._await_some(turn, flights)
        turn.wake_due()
        return turn

    async def _await_some(self, turn: Turn, flights: Flights) -> None:
        """Take in what has ended, and what was said from outside."""
        held, began = turn.held, time.monotonic()
        ear = asyncio.create_task(held.heard.wait())
        soonest = held.next_wake()
        wait = None if soonest is None else max((soonest - held.now).total_seconds(), 0.0)
        try:
            ended, _ = await asyncio.wait(
                {*flights, ear}, timeout=wait, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ear.cancel()
        held.active_seconds += time.monotonic() - began
        for task in [task for task in flights if task in ended]:
            turn.end_attempt(flights.pop(task), task.result())
        overdue = held.due_questions(ANSWERS_ON_THEIR_WAY)
        if held.heard.is_set() or overdue:
            held.heard.clear()
            await self._listen(turn, overdue)

    async def _listen(self, turn: Turn, overdue: list[Path]) -> None:
        """What people and called zaps have said; only then, who has said nothing."""
        for said in await patiently(self.claims.look_again, turn.held):
            if isinstance(said, Reported):
                turn.held.deferred.append(said)
            else:
                turn.tell(said)
        for path in overdue:
            turn.tell(Woke(path))

    async def _perform_in_slot(self, held: Held, perform: Perform) -> Done:
        async with self.slots:
            return await self._perform(held, perform)

    async def _perform(self, held: Held, perform: Perform) -> Done:
        return await patiently(
            self.performer.perform, held, perform.path, perform.number, held.seconds_left
        )

    async def _settle(self, turn: Turn) -> bool:
        """What was done must be written, however long the database is away; or the fence says
        that somebody else has taken over, and then it must not be. Whether to go on.
        """
        held = turn.held
        while not turn.is_concluded:
            await patiently(self.resolver.resolve, turn)
            turn.conclude()
        if not turn.is_over and not turn.writes.is_filled:
            return True
        if held.crashes:
            turn.writes.forgive_crashes(held.key.run_id)
        settled: Settled = await patiently(self._write, turn)
        held.crashes = 0
        if not settled.is_mine:
            log.warning("late result thrown away", run_id=held.key.run_id)
            await patiently(self.claims.outlive, held)
            return False
        if settled.news > held.news:
            held.news = settled.news
            held.heard.set()
        return not turn.is_over

    async def _write(self, turn: Turn) -> Settled:
        """Large values first, the rows that name them after."""
        await self.values.write(turn.writes.blobs)
        return await self.ledger.settle(turn.held.key, turn.writes, turn.held.news)


async def patiently(
    ask: Callable[Given, Awaitable[Answer]], *args: Given.args, **more: Given.kwargs
) -> Answer:
    """The answer, however long the database or the disk is away."""
    while True:
        try:
            return await ask(*args, **more)
        except (Unavailable, OSError, asyncio.QueueFull):
            log.warning("a run waits for the database or the disk")
            await asyncio.sleep(OUTAGE_PAUSE_SECONDS)
