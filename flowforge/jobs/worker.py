"""A worker process: wires the outbox loop, the carrier and the adapters together.

SIGTERM and SIGINT stop it gracefully: no new runs, steps in hand finish, runs are given back.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from functools import partial

import structlog

import flowforge
from flowforge.actions import REGISTRY
from flowforge.config import Settings, load_settings
from flowforge.infra import heap, telemetry
from flowforge.infra.db import new_id
from flowforge.infra.runtime import Runtime, open_runtime
from flowforge.jobs.alarms import raise_alarms
from flowforge.jobs.approval_mails import ApprovalMails
from flowforge.jobs.batches import work_batches
from flowforge.jobs.carrier import carrier
from flowforge.jobs.driving import Driver
from flowforge.jobs.notices import Postman
from flowforge.jobs.outbox import OutboxLoop
from flowforge.jobs.registrar import Registrar
from flowforge.jobs.sweep import Sweep
from flowforge.jobs.tallies import keep_tallies
from flowforge.jobs.timers import TimerLoop, Work
from flowforge.services import equipment, slots, workers
from flowforge.services.claims import Claims
from flowforge.services.execution import Ledger
from flowforge.services.looking import LONGEST_SECONDS, looker
from flowforge.services.polls import Polls
from flowforge.services.resolving import Resolver
from flowforge.services.slots import Scheduler
from flowforge.services.store import StepStore
from flowforge.services.values import Values
from flowforge.services.workers import Identity
from flowforge.services.writes import RunKey

log = structlog.get_logger()

# More than a look may last, and storing what it brought.
POLL_LEASE_SECONDS = LONGEST_SECONDS + 30


def main() -> None:
    """Run one worker until it is told to stop."""
    settings = load_settings()
    telemetry.configure_logging(settings, "worker")
    heap.settle()
    asyncio.run(work(settings))


async def work(settings: Settings, ready: asyncio.Event | None = None) -> None:
    """Open everything, work until SIGTERM or SIGINT, close everything."""
    async with open_runtime(settings) as runtime:
        mailer = equipment.mailer(runtime)
        mails = ApprovalMails(runtime, mailer)
        loop = build_loop(runtime, mails.ring)
        running = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            running.add_signal_handler(number, loop.stop)
        postman = Postman(runtime)
        sweep = Sweep(
            runtime,
            mails=mails.send_due,
            deliveries=postman.remove_old,
            alarms=partial(raise_alarms, runtime, mailer),
            slots=partial(slots.remove_old, runtime.db),
            tallies=partial(keep_tallies, runtime.db),
        )
        beside = [
            asyncio.create_task(sweep.run()),
            asyncio.create_task(work_batches(runtime.db, runtime.signals)),
            asyncio.create_task(postman.run()),
            asyncio.create_task(Registrar(runtime).run()),
            asyncio.create_task(TimerLoop(runtime.db, clockwork(runtime)).run()),
            *_carry(runtime, loop, sweep),
        ]
        log.info("worker ready", concurrency=settings.worker_concurrency)
        if ready is not None:
            ready.set()
        try:
            await loop.run()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        log.info("worker stopped")


def build_loop(runtime: Runtime, ring_mails: Callable[[], None] = lambda: None) -> OutboxLoop:
    """The outbox loop of this process, ready to run."""
    settings = runtime.settings
    name = f"{socket.gethostname()}:{os.getpid()}:{new_id()[-8:]}"
    identity = Identity(
        name, socket.gethostname(), os.getpid(), flowforge.__version__, settings.worker_concurrency
    )

    def store_of(key: RunKey, path: str) -> StepStore:
        return StepStore(runtime.db, key, path)

    values = Values(runtime.blobs)
    ledger = Ledger(runtime.db, runtime.signals, ring_mails)
    claims = Claims(
        runtime.db,
        runtime.blobs,
        REGISTRY,
        ledger,
        worker=name,
        lease_seconds=settings.lease_seconds,
        most_at_once=settings.worker_concurrency,
    )

    def driver(begins: Callable[[], bool]) -> Driver:
        return Driver(
            claims,
            ledger,
            equipment.performer(runtime, store_of, values),
            Resolver(runtime.db, values),
            values,
            settings.run_timeout_seconds,
            asyncio.Semaphore(settings.worker_concurrency),
            begins,
        )

    return OutboxLoop(
        runtime.db,
        claims,
        driver,
        worker=name,
        concurrency=settings.worker_concurrency,
        lease_seconds=settings.lease_seconds,
        beat=partial(workers.beat, runtime.db, identity),
    )


def clockwork(runtime: Runtime) -> dict[str, Work]:
    """What is done by the clock, by kind of timer."""
    scheduler = Scheduler(runtime.db, runtime.signals)
    polls = Polls(runtime.db, runtime.signals, looker(runtime))
    return {
        "schedule": Work(scheduler.fire, batch=1000, at_once=1000, lease_seconds=10),
        "poll": Work(polls.take_turns, at_once=20, lease_seconds=POLL_LEASE_SECONDS),
    }


def _carry(runtime: Runtime, loop: OutboxLoop, sweep: Sweep) -> list[asyncio.Task[None]]:
    if runtime.redis is None:
        log.warning("no redis: due work is found by timer, within a quarter of a second")
        return []
    prefix = runtime.settings.redis_prefix
    worker = carrier(runtime.redis, prefix, wake=loop.wake, sweep=sweep.sweep)
    return [asyncio.create_task(worker.main())]


if __name__ == "__main__":
    main()
