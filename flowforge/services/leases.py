"""Who holds which run, and which is taken next.

Promises: a run has one holder at a time, and whoever took it with a higher fence is the one; the
clock of leases is the database's; what is due goes by rank, so that what is urgent overtakes and
nothing waits for ever.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flowforge.infra.bulk import Bulk, bulk, moment
from flowforge.infra.db import Database
from flowforge.infra.failpoints import reach

URGENT: Final = 1
USUAL: Final = 2
PATIENT: Final = 3
HEAD_START_SECONDS = {URGENT: 60.0, USUAL: 10.0, PATIENT: 0.0}


@dataclass(frozen=True, slots=True)
class Lease:
    """A run that was taken just now.

    ``news`` is what its outbox entry counted then; a holder that sees more has something to read.
    ``crashes``: how many holders in a row, up to this one, never gave it back. ``now`` is the
    database's clock. ``project_gate`` is set where the run takes one of the places of its project:
    that is left when the run waits, ``gate`` when it has ended.
    """

    run_id: str
    fence: int
    news: int
    crashes: int
    gate: str | None
    admitted: bool
    priority: int
    throttle: str | None
    debounce: str | None
    parked: str | None
    now: dt.datetime
    project_gate: str | None = None

    @property
    def gates(self) -> tuple[str, ...]:
        """What the run leaves when it ends."""
        return tuple(gate for gate in (self.gate, self.project_gate) if gate is not None)


def rank(due_at: dt.datetime, priority: int) -> dt.datetime:
    """Where a run stands among those that are due: earlier goes first.

    ``due_at`` less 60, 10 or 0 seconds for priority 1, 2 or 3. So an urgent run overtakes what
    became due in the last minute and nothing that has waited longer: every run is the first at
    some time, however many urgent ones keep coming.
    """
    return due_at - dt.timedelta(seconds=HEAD_START_SECONDS[priority])


async def take(
    tx: Bulk, worker: str, lease_seconds: float, limit: int, *, spare_zaps: Sequence[str] = ()
) -> list[Lease]:
    """Lease up to ``limit`` due entries, by rank; none of ``spare_zaps``.

    One statement; two workers that claim at once each see different rows.
    """
    spared = {f"spare{number}": zap_id for number, zap_id in enumerate(spare_zaps)}
    others = f"AND zap_id NOT IN ({', '.join(f':{name}' for name in spared)}) " if spared else ""
    rows = await tx.fetch(
        f"UPDATE outbox SET lease_until = {tx.seconds_from_now('lease')}, fence = fence + 1, "  # noqa: S608 - our own constants
        "worker = :worker, "
        # A lease that ran out says that its holder died; a run given back has none.
        "crashes = CASE WHEN lease_until IS NULL THEN 0 ELSE crashes + 1 END "
        "WHERE run_id IN ("
        f"SELECT run_id FROM outbox WHERE rank_at <= {tx.now} AND due_at <= {tx.now} "
        f"AND (lease_until IS NULL OR lease_until <= {tx.now}) {others}"
        f"ORDER BY rank_at, run_id LIMIT :limit {tx.skip_locked}) "
        "RETURNING run_id, fence, news, crashes, gate, admitted, priority, throttle, debounce, "
        "parked, rank_at, "
        f"{tx.now} AS now",
        worker=worker,
        lease=lease_seconds,
        limit=limit,
        **spared,
    )
    # RETURNING has no order of its own.
    return [_lease(row) for row in sorted(rows, key=lambda row: (row["rank_at"], row["run_id"]))]


def _lease(row: Any) -> Lease:
    return Lease(
        run_id=row["run_id"],
        fence=row["fence"],
        news=row["news"],
        crashes=row["crashes"],
        gate=row["gate"],
        admitted=bool(row["admitted"]),
        priority=row["priority"],
        throttle=row["throttle"],
        debounce=row["debounce"],
        parked=row["parked"],
        now=moment(row["now"]),
    )


async def renew(database: Database, worker: str, lease_seconds: float) -> dict[str, int]:
    """Prolong every lease of ``worker``; the news of each. One that has run out is still its own
    while nobody else has taken the run. Rows being settled right now are passed over.
    """
    async with bulk(database) as tx:
        news = await prolong(tx, worker, lease_seconds)
        reach("renew.before_commit")
    return news


async def prolong(tx: Bulk, worker: str, lease_seconds: float) -> dict[str, int]:
    """``renew`` within a transaction."""
    rows = await tx.fetch(
        f"UPDATE outbox SET lease_until = {tx.seconds_from_now('lease')} "  # noqa: S608 - our own constants
        "WHERE run_id IN (SELECT run_id FROM outbox "
        f"WHERE worker = :worker AND lease_until IS NOT NULL {tx.skip_locked}) "
        "RETURNING run_id, news",
        worker=worker,
        lease=lease_seconds,
    )
    return {row["run_id"]: row["news"] for row in rows}


async def outlive(database: Database, run_ids: Sequence[str]) -> None:
    """Whoever was too slow for these runs, so that others have taken them, did not die of them:
    that is taken back.
    """
    async with bulk(database) as tx:
        await tx.select(
            "UPDATE outbox SET crashes = crashes - 1 WHERE crashes > 0 AND run_id IN :ids "
            "RETURNING run_id",
            sorted(run_ids),
        )


async def let_go(database: Database, run_id: str, fence: int) -> None:
    """Stop prolonging the lease of one run: it ends, and somebody takes the run up again."""
    async with bulk(database) as tx:
        await tx.fetch(
            "UPDATE outbox SET worker = NULL WHERE run_id = :run_id AND fence = :fence "
            "RETURNING run_id",
            run_id=run_id,
            fence=fence,
        )


async def give_back(database: Database, run_id: str, fence: int, seconds: float) -> None:
    """Give a run back as it is; whoever is free in so many seconds tries it again."""
    async with bulk(database) as tx:
        due_at = tx.seconds_from_now("seconds")
        await tx.fetch(
            f"UPDATE outbox SET lease_until = NULL, due_at = {due_at}, rank_at = {due_at} "  # noqa: S608 - our own constants
            "WHERE run_id = :run_id AND fence = :fence RETURNING run_id",
            run_id=run_id,
            fence=fence,
            seconds=seconds,
        )


async def fences(database: Database, run_ids: Sequence[str]) -> dict[str, int]:
    """Under which fence each of these runs is held now; none for one that owes no work."""
    async with bulk(database) as tx:
        rows = await tx.select("SELECT run_id, fence FROM outbox WHERE run_id IN :ids", run_ids)
    return {row["run_id"]: row["fence"] for row in rows}
