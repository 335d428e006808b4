"""What fires zaps without a request to their URL: clocks, polls, apps, forms, failed runs.

Promise: what fires in a transaction is stored with it or not at all, in a handful of statements
whatever the number, and takes the same way as a request: limits, gates and dedupe keys hold.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from flowforge.infra import documents
from flowforge.infra.bulk import Bulk
from flowforge.infra.db import Database, new_id
from flowforge.infra.signals import Signals
from flowforge.services import accepting, leases
from flowforge.services.accepting import Case, Receipt
from flowforge.services.arrivals import ANY, Arrival, Examined, storable_key

__all__ = ["Fired", "Happening", "Receipt", "fire"]

# We ask for these ourselves, or make them: a repeat says nothing that a person would look for.
_QUIET = {"schedule", "poll", "error"}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that fires one zap. ``body`` becomes ``trigger.body``. Of equal ``dedupe_key`` of
    one zap only the first fires. ``planned_at``: its run begins no earlier; None: at once.

    ``filtered`` is why it is only noted. What came as a request has the ``scheme`` that proved it and
    the ``status`` that its sender is answered.
    """

    zap_id: str
    trigger: Literal["schedule", "poll", "app", "error", "form"]
    body: Any
    dedupe_key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    planned_at: dt.datetime | None = None
    priority: int = leases.USUAL
    filtered: str | None = None
    scheme: str | None = None
    status: int | None = None


class Fired(list[Receipt]):
    """A receipt for each happening, in their order."""

    def __init__(self, cases: Sequence[Case]) -> None:
        super().__init__(accepting.receipts_of(cases))
        self._cases = cases

    async def after(self, database: Database, signals: Signals) -> None:
        """Ring and tell; to be called once the transaction is committed."""
        await accepting.announce(database, signals, self._cases)


async def fire(tx: Bulk, happenings: Sequence[Happening]) -> Fired:
    """Store what happened, and the runs that it starts, in the caller's transaction.

    ``held``: the zap is switched off or was never published. ``unknown``: it is deleted, and
    nothing was stored. Of a schedule, a poll and an error a ``duplicate`` leaves no row.
    """
    cases = [_case(happening) for happening in happenings]
    await _find_zaps(tx, cases)
    await accepting.place(cases, None)
    await tx.insert_all(await accepting.store(tx, cases))
    return Fired(cases)


def _case(happening: Happening) -> Case:
    raw = documents.dump(happening.body).encode()
    key = happening.dedupe_key
    arrival = Arrival(
        hook_id=happening.zap_id,
        user_id=None,
        method="",
        source_ip="",
        content_type="application/json",
        headers=documents.dump(dict(happening.headers)),
        query="{}",
        raw=raw,
        size=len(raw),
        dedupe_key=None if key is None else storable_key(key),
        trigger=happening.trigger,
        status=happening.status,
        examined=_examined(happening),
        priority=happening.priority,
        due_at=happening.planned_at,
    )
    return Case(arrival, new_id(), keeps_repeats=happening.trigger not in _QUIET)


def _examined(happening: Happening) -> Examined | None:
    if happening.filtered is None and happening.scheme is None:
        return None
    verdict: Literal["filtered"] | None = None if happening.filtered is None else "filtered"
    return Examined(ANY, verdict, happening.filtered, happening.status, happening.scheme)


async def _find_zaps(tx: Bulk, cases: Sequence[Case]) -> None:
    rows = await tx.select(
        f"SELECT {accepting.ZAP_COLUMNS} FROM zap WHERE deleted_at IS NULL AND id IN :ids",  # noqa: S608 - our own names
        list({case.arrival.hook_id for case in cases}),
    )
    zaps = {row["id"]: row for row in rows}
    for case in cases:
        if (zap := zaps.get(case.arrival.hook_id)) is not None:
            case.zap = zap
            case.receipt = accepting.verdict(case)
