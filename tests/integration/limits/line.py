"""A line of runs without steps in between: events come, claims begin them, and they end or wait."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlmodel import col

from flowforge.infra.bulk import bulk
from flowforge.infra.db import utc_now
from flowforge.models import OutboxEntry, Run, Zap
from flowforge.services import admission, leases, versions, zaps
from flowforge.services.leases import Lease
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.zapping import path_of

LEASE_SECONDS = 60.0
_RUNS = (
    "SELECT r.id, r.project_id, r.zap_id, r.status, r.environment, r.parent_run_id, z.paused_at, "
    "p.concurrency FROM run r JOIN zap z ON z.id = r.zap_id JOIN project p ON p.id = r.project_id "
    "WHERE r.id IN :ids"
)


async def limited(house: House, account: Account, **limits: Any) -> ZapView:
    """A live zap that does nothing, with these limits."""
    definition = {"trigger": {"kind": "webhook"}, "limits": limits, "steps": [_STOP]}
    async with house.db.transaction() as session:
        zap = await zaps.create(session, account.actor, name="Limited", definition=definition)
        await versions.publish(session, account.actor, zap.id)
        return await zaps.get(session, account.actor, zap.id)


_STOP = {"id": "end", "kind": "stop"}


async def arrive(house: House, zap: ZapView, body: Any = None, **headers: str) -> str:
    """The run of an event that comes now."""
    answer = await house.client.post(path_of(zap), json=body or {}, headers=headers)
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["zapRunId"]
    return run_id


class Died(Exception):
    """The worker is no more."""


@dataclass
class Worker:
    """What a worker does about its line, and nothing else."""

    house: House
    name: str = "ada"
    lease_seconds: float = LEASE_SECONDS

    async def claim(
        self, limit: int = 100, *, spare_zaps: Sequence[str] = (), dies: bool = False
    ) -> list[Lease]:
        """The runs that may be worked on, which are running from now on; none if it ``dies``
        before that is committed.
        """
        async with bulk(self.house.db) as tx:
            taken = await leases.take(
                tx, self.name, self.lease_seconds, limit, spare_zaps=spare_zaps
            )
            rows = await tx.select(_RUNS, [lease.run_id for lease in taken])
            begun = await admission.admit(tx, taken, {row["id"]: row for row in rows})
            running = [(lease.run_id, "running") for lease in begun]
            await tx.update(Run.__table__, "id", ("status",), running)  # type: ignore[attr-defined]
            if dies:
                raise Died
        return begun

    async def claimed(self, limit: int = 100) -> list[str]:
        return [lease.run_id for lease in await self.claim(limit)]

    async def end(self, *ended: Lease) -> None:
        """The runs succeed."""
        async with bulk(self.house.db) as tx:
            ids = [lease.run_id for lease in ended]
            await tx.select("SELECT run_id FROM outbox WHERE run_id IN :ids", ids, lock=True)
            rows = [(run_id, "succeeded", utc_now()) for run_id in ids]
            await tx.update(Run.__table__, "id", ("status", "finished_at"), rows)  # type: ignore[attr-defined]
            await tx.delete(OutboxEntry.__table__, "run_id", ids)  # type: ignore[attr-defined]
            await admission.leave(tx, [gate for lease in ended for gate in lease.gates])

    async def wait(self, lease: Lease, seconds: float) -> None:
        """The run sleeps."""
        due_at = utc_now() + dt.timedelta(seconds=seconds)
        async with bulk(self.house.db) as tx:
            await tx.select(
                "SELECT run_id FROM outbox WHERE run_id IN :ids", [lease.run_id], lock=True
            )
            row = (lease.run_id, due_at, leases.rank(due_at, lease.priority), None)
            columns = ("due_at", "rank_at", "lease_until")
            await tx.update(OutboxEntry.__table__, "run_id", columns, [row])  # type: ignore[attr-defined]
            await tx.update(Run.__table__, "id", ("status",), [(lease.run_id, "waiting")])  # type: ignore[attr-defined]
            await admission.leave(tx, [lease.project_gate] if lease.project_gate else [])


async def entries(house: House) -> dict[str, OutboxEntry]:
    """What is owed, by run."""
    async with house.db.reading() as session:
        rows = await session.scalars(select(OutboxEntry).order_by(col(OutboxEntry.run_id)))
        return {row.run_id: row for row in rows}


async def parked(house: House) -> dict[str, str | None]:
    """Why each entry waits, by run."""
    return {run_id: entry.parked for run_id, entry in (await entries(house)).items()}


async def set_on(house: House, model: Any, where: Any, **values: Any) -> None:
    """Change rows behind everybody's back."""
    async with house.db.transaction() as session:
        await session.execute(update(model).where(where).values(**values))


async def make_due(house: House, *run_ids: str, ago: float = 1) -> None:
    """Time has passed for these: they became due so many seconds ago."""
    before = utc_now() - dt.timedelta(seconds=ago)
    where = col(OutboxEntry.run_id).in_(run_ids)
    await set_on(house, OutboxEntry, where, due_at=before, rank_at=before)


async def lose(house: House, *lost: Lease) -> None:
    """The worker that holds these died, and their leases have run out."""
    before = utc_now() - dt.timedelta(seconds=1)
    where = col(OutboxEntry.run_id).in_([lease.run_id for lease in lost])
    await set_on(house, OutboxEntry, where, lease_until=before)


async def zap_row(house: House, zap: ZapView) -> Zap:
    async with house.db.reading() as session:
        found: Zap = (await session.scalars(select(Zap).where(col(Zap.id) == zap.id))).one()
        return found
