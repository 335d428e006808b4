"""Works off batches, a page at a time, beside the runs of this worker.

It needs nothing but the database, and nobody to ring: a person who starts a batch waits a second.
"""

import asyncio

import structlog

from flowforge.errors import Unavailable
from flowforge.infra.db import Database
from flowforge.infra.signals import Signals
from flowforge.services import batches

log = structlog.get_logger()

LOOK_SECONDS = 1.0


async def work_batches(database: Database, signals: Signals) -> None:
    """Go on until cancelled. What a page has not committed then never happened."""
    while True:
        try:
            while await work_page(database, signals):
                pass
        except Unavailable:
            log.warning("batches wait: the database is away")
        except Exception:
            log.exception("a page of a batch failed; trying again")
        await asyncio.sleep(LOOK_SECONDS)


async def work_page(database: Database, signals: Signals) -> bool:
    """Deal with one page; False where there is nothing to do."""
    # Most of the time there is none, and looking takes no lock from anybody.
    async with database.reading() as session:
        if not await batches.is_any_running(session):
            return False
    async with database.transaction() as session:
        return await batches.work(session, signals)
