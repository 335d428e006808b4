"""A worker process: wires the outbox loop, the carrier and the adapters together.

SIGTERM and SIGINT stop it gracefully: no new runs, steps in hand finish, runs are given back.
"""

import asyncio
import os
import signal
import socket
from functools import partial

import structlog

from flowforge.actions import REGISTRY
from flowforge.actions.sdk import ActionConfig, SolanaConfig
from flowforge.config import Settings, load_settings
from flowforge.infra import telemetry
from flowforge.infra.db import new_id
from flowforge.infra.mail import Mailer, Message
from flowforge.infra.runtime import Runtime, open_runtime
from flowforge.jobs.carrier import carrier
from flowforge.jobs.outbox import OutboxLoop
from flowforge.jobs.sweep import sweep
from flowforge.services import mailbox
from flowforge.services.claims import Claims
from flowforge.services.execution import Ledger, RunKey
from flowforge.services.steps import Performer
from flowforge.services.store import StepStore

log = structlog.get_logger()


def main() -> None:
    """Run one worker until it is told to stop."""
    settings = load_settings()
    telemetry.configure_logging(settings, "worker")
    asyncio.run(work(settings))


async def work(settings: Settings, ready: asyncio.Event | None = None) -> None:
    """Open everything, work until SIGTERM or SIGINT, close everything."""
    async with open_runtime(settings) as runtime:
        loop = build_loop(runtime)
        running = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            running.add_signal_handler(number, loop.stop)
        carrying = _carry(runtime, loop)
        log.info("worker ready", concurrency=settings.worker_concurrency)
        if ready is not None:
            ready.set()
        await sweep(runtime.db)
        try:
            await loop.run()
        finally:
            for task in carrying:
                task.cancel()
            await asyncio.gather(*carrying, return_exceptions=True)
        log.info("worker stopped")


def build_loop(runtime: Runtime) -> OutboxLoop:
    """The outbox loop of this process, ready to run."""
    settings = runtime.settings
    name = f"{socket.gethostname()}:{os.getpid()}:{new_id()[-8:]}"

    def store_of(key: RunKey, path: str) -> StepStore:
        return StepStore(runtime.db, key, path)

    return OutboxLoop(
        runtime.db,
        Claims(
            runtime.db,
            runtime.blobs,
            REGISTRY,
            worker=name,
            lease_seconds=settings.lease_seconds,
            signals=runtime.signals,
        ),
        Ledger(runtime.db, runtime.signals),
        Performer(REGISTRY, runtime.http, action_config(runtime), store_of),
        worker=name,
        concurrency=settings.worker_concurrency,
        lease_seconds=settings.lease_seconds,
        run_timeout_seconds=settings.run_timeout_seconds,
    )


def action_config(runtime: Runtime) -> ActionConfig:
    """The operator's settings that actions may know of."""
    settings = runtime.settings

    async def into_mailbox(message: Message, key: str) -> str:
        async with runtime.db.transaction() as session:
            await mailbox.put(session, message)
        return key

    return ActionConfig(
        mailer=Mailer(settings, into_mailbox if settings.shows_dev_mailbox else None),
        solana=SolanaConfig(
            rpc_url=settings.solana_rpc_url,
            secret_key=settings.solana_secret_key.get_secret_value(),
            dry_run=settings.solana_dry_run,
        ),
    )


def _carry(runtime: Runtime, loop: OutboxLoop) -> list[asyncio.Task[None]]:
    if runtime.redis is None:
        log.warning("no redis: due work is found by timer, within a quarter of a second")
        return []
    worker = carrier(
        runtime.redis,
        runtime.settings.redis_prefix,
        wake=loop.wake,
        sweep=partial(sweep, runtime.db),
    )
    return [asyncio.create_task(worker.main())]


if __name__ == "__main__":
    main()
