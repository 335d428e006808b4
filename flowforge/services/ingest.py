"""Intake: one transaction turns a batch of requests into events, runs and outbox entries.

Promises: a receipt is given only after the commit; of any number of equal dedupe keys exactly one
is accepted; ownership is decided before anything about earlier events is looked up.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Text, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict
from flowforge.infra import documents
from flowforge.infra.blobs import Blobs
from flowforge.infra.bulk import Bulk, bulk
from flowforge.infra.db import Database, after_commit, new_id
from flowforge.infra.failpoints import reach
from flowforge.infra.group_commit import GroupCommit
from flowforge.infra.signals import Signals
from flowforge.models import Event, Run, Zap
from flowforge.services import accepting, leases
from flowforge.services.accepting import Case, Receipt
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.arrivals import LONGEST_DEDUPE_KEY, Arrival
from flowforge.services.limits import entry
from flowforge.services.payload import trigger_data

__all__ = ["LARGEST_BATCH", "LONGEST_DEDUPE_KEY", "Arrival", "Intake", "Receipt", "start_manual"]

LARGEST_BATCH = 128
MOST_KNOWN = 20_000


class Standing(NamedTuple):
    """What a process remembers of a hook's zap: enough to examine its requests before they are
    stored, which is where it shows whether it is still so.
    """

    zap_id: str
    trigger: str | None


class Intake:
    """The door for events of one process; concurrent arrivals share commits."""

    def __init__(self, database: Database, signals: Signals, blobs: Blobs) -> None:
        self._database = database
        self._signals = signals
        self._blobs = blobs
        self._group = GroupCommit(self._store, largest=LARGEST_BATCH)
        self._known: dict[str, Standing] = {}

    async def receive(self, arrival: Arrival) -> Receipt:
        """Store an arrival. Raises: Unavailable, and then nothing is stored."""
        return await self._group.add(arrival)

    async def standing(self, hook_id: str) -> Standing | None:
        """By what the hook's requests are examined; None where there is no such zap.

        Raises: Unavailable.
        """
        known = self._known.get(hook_id)
        if known is not None:
            return known
        async with self._database.reading() as session:
            found = await session.execute(
                select(col(Zap.id), type_coerce(col(Zap.trigger), Text)).where(
                    col(Zap.hook_id) == hook_id, col(Zap.deleted_at).is_(None)
                )
            )
            row = found.first()
        if row is None:
            return None
        if len(self._known) >= MOST_KNOWN:
            # The oldest half: whoever still comes is known again with one look.
            self._known = dict(list(self._known.items())[MOST_KNOWN // 2 :])
        self._known[hook_id] = Standing(row[0], row[1])
        return self._known[hook_id]

    def forget(self, hook_id: str) -> None:
        """What is known of the hook is no longer so."""
        self._known.pop(hook_id, None)

    async def _store(self, arrivals: list[Arrival]) -> Sequence[Receipt]:
        cases = [Case(arrival, new_id()) for arrival in arrivals]
        has_keys = any(arrival.dedupe_key is not None for arrival in arrivals)
        async with bulk(self._database, writes_once=not has_keys) as tx:
            await _find_zaps(tx, cases)
            await accepting.place(cases, self._blobs)
            rows = await accepting.store(tx, cases)
            reach("intake.before_commit")
            # The rest in one statement: without keys it is the whole transaction.
            await tx.insert_all(rows)
        reach("intake.after_commit")
        await accepting.announce(self._database, self._signals, cases)
        return accepting.receipts_of(cases)


async def _find_zaps(tx: Bulk, cases: list[Case]) -> None:
    rows = await tx.select(
        f"SELECT hook_id, owner_id, {accepting.ZAP_COLUMNS} FROM zap "  # noqa: S608 - our own names
        "WHERE deleted_at IS NULL AND hook_id IN :ids",
        list({case.arrival.hook_id for case in cases}),
    )
    zaps = {row["hook_id"]: row for row in rows}
    for case in cases:
        zap = zaps.get(case.arrival.hook_id)
        if zap is not None and case.arrival.user_id in {None, zap["owner_id"]}:
            case.zap = zap
            case.receipt = accepting.verdict(case)


async def start_manual(
    session: AsyncSession, actor: Actor, signals: Signals, zap_id: str, data: Any
) -> str:
    """Start a run of the live version now, with ``data`` as its body. The run's id.

    Raises: Conflict where nothing is published yet.
    """
    require(actor, Permission.OPERATE)
    zap = await own(session, actor, Zap, zap_id)
    if zap.live_version is None:
        raise Conflict("Publish the zap first; a run uses the live version.", code="not_published")
    raw = documents.dump(data).encode()
    event = Event(
        project_id=zap.project_id,
        zap_id=zap.id,
        trigger="manual",
        verdict="accepted",
        content_type="application/json",
        headers={},
        query={},
        raw=raw,
        size=len(raw),
    )
    session.add(event)
    await session.flush()
    run = Run(
        project_id=zap.project_id,
        zap_id=zap.id,
        version=zap.live_version,
        event_id=event.id,
        status="queued",
    )
    session.add(run)
    await session.flush()
    session.add(entry(run, zap.limits, lambda: trigger_data(event, raw), leases.URGENT))

    async def ring() -> None:
        signals.send({f"zap:{zap.id}", f"project:{zap.project_id}"}, wake=True)

    after_commit(session, ring)
    return run.id
