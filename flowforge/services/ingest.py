"""Intake: one transaction turns a batch of requests into events, runs and outbox entries.

Promises: a receipt is given only after the commit; of any number of equal dedupe keys exactly one
is accepted; ownership is decided before anything about earlier events is looked up.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.errors import Conflict
from flowforge.infra import documents, telemetry
from flowforge.infra.bulk import Bulk, Rows, bulk
from flowforge.infra.db import Database, after_commit, new_id, utc_now
from flowforge.infra.group_commit import GroupCommit
from flowforge.infra.signals import Signals
from flowforge.models import Event, File, OutboxEntry, Run, Zap
from flowforge.services.access import Actor, Permission, own, require

Verdict = Literal["accepted", "duplicate", "rejected", "held", "unknown"]

LARGEST_BATCH = 128
LONGEST_DEDUPE_KEY = 255

_EVENT: Table = Event.__table__  # type: ignore[attr-defined]
_RUN: Table = Run.__table__  # type: ignore[attr-defined]
_FILE: Table = File.__table__  # type: ignore[attr-defined]
_OUTBOX: Table = OutboxEntry.__table__  # type: ignore[attr-defined]

_EVENT_COLUMNS = (
    "id",
    "project_id",
    "zap_id",
    "trigger",
    "verdict",
    "reason",
    "dedupe_key",
    "duplicate_of",
    "method",
    "source_ip",
    "content_type",
    "headers",
    "query",
    "body",
    "raw",
    "blob_key",
    "size",
    "received_at",
)
_RUN_COLUMNS = ("id", "project_id", "zap_id", "version", "event_id", "status", "created_at")
_FILE_COLUMNS = (
    "id",
    "project_id",
    "name",
    "content_type",
    "size",
    "sha256",
    "blob_key",
    "created_at",
)
_OUTBOX_COLUMNS = ("run_id", "due_at", "fence")


class Arrival(NamedTuple):
    """A request as it came. ``headers``, ``query`` and ``body`` are JSON text.

    ``user_id`` is None where the URL does not name the owner. ``refusal`` is why the request is
    rejected whatever the zap says; it is stored all the same. ``files`` are inserted with the
    event; ``blob_keys`` are all blobs written for it, to be removed if no row refers to them.
    """

    hook_id: str
    user_id: int | None
    method: str
    source_ip: str
    content_type: str
    headers: str
    query: str
    raw: bytes | None
    size: int
    dedupe_key: str | None = None
    body: str | None = None
    blob_key: str | None = None
    refusal: str | None = None
    files: tuple[File, ...] = ()
    blob_keys: tuple[str, ...] = ()


class Receipt(NamedTuple):
    """What became of an arrival. ``unknown``: no such zap, and nothing was stored."""

    verdict: Verdict
    event_id: str | None = None
    run_id: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class _Case:
    """One arrival on its way through a batch."""

    arrival: Arrival
    event_id: str
    zap: Any = None
    receipt: Receipt | None = None


class Intake:
    """The door for events of one process; concurrent arrivals share commits."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._database = database
        self._signals = signals
        self._group = GroupCommit(self._store, largest=LARGEST_BATCH)

    async def receive(self, arrival: Arrival) -> Receipt:
        """Store an arrival. Raises: Unavailable, and then nothing is stored."""
        return await self._group.add(arrival)

    async def _store(self, arrivals: list[Arrival]) -> Sequence[Receipt]:
        cases = [_Case(arrival, new_id()) for arrival in arrivals]
        has_keys = any(arrival.dedupe_key is not None for arrival in arrivals)
        async with bulk(self._database, writes_once=not has_keys) as tx:
            await _find_zaps(tx, cases)
            events = await _store_keyed(tx, cases)
            # The rest in one statement: without keys it is the whole transaction.
            await tx.insert_all([(_EVENT, _EVENT_COLUMNS, events), *_run_rows(cases)])
        receipts = [case.receipt or Receipt("unknown") for case in cases]
        for verdict, number in Counter(one.verdict for one in receipts).items():
            telemetry.count_event(verdict, number)
        zaps = {case.zap["id"]: case.zap["project_id"] for case in cases if case.zap is not None}
        topics = {f"zap:{zap_id}" for zap_id in zaps} | {f"project:{one}" for one in zaps.values()}
        self._signals.send(topics, wake=any(one.verdict == "accepted" for one in receipts))
        return receipts


async def _find_zaps(tx: Bulk, cases: list[_Case]) -> None:
    rows = await tx.select(
        "SELECT hook_id, id, project_id, owner_id, enabled, live_version FROM zap "
        "WHERE deleted_at IS NULL AND hook_id IN :ids",
        list({case.arrival.hook_id for case in cases}),
    )
    zaps = {row["hook_id"]: row for row in rows}
    for case in cases:
        zap = zaps.get(case.arrival.hook_id)
        if zap is not None and case.arrival.user_id in {None, zap["owner_id"]}:
            case.zap = zap
            case.receipt = _verdict(case)


def _verdict(case: _Case) -> Receipt:
    """What the zap's own state says; a duplicate is only found when storing."""
    if case.arrival.refusal is not None:
        return Receipt("rejected", case.event_id, reason=case.arrival.refusal)
    if case.zap["live_version"] is None:
        return Receipt("held", case.event_id, reason="The zap has never been published.")
    if not case.zap["enabled"]:
        return Receipt("held", case.event_id, reason="The zap is switched off.")
    return Receipt("accepted", case.event_id, run_id=new_id())


async def _store_keyed(tx: Bulk, cases: list[_Case]) -> list[tuple[Any, ...]]:
    """Insert the events whose key decides; the rows of all others, duplicates among them."""
    now = utc_now()
    keyed: list[_Case] = []
    plain: list[tuple[Any, ...]] = []
    for case in cases:
        if case.receipt is None:
            continue
        if case.receipt.verdict == "accepted" and case.arrival.dedupe_key is not None:
            keyed.append(case)
        else:
            plain.append(_event_row(case, now))
    # One order for all: two batches that insert the same keys must not wait for each other.
    keyed.sort(key=lambda case: (case.zap["id"], case.arrival.dedupe_key))
    fresh = await tx.insert_new(
        _EVENT, _EVENT_COLUMNS, [_event_row(case, now) for case in keyed], "uq_event_dedupe_key"
    )
    repeated = [case for case in keyed if case.event_id not in fresh]
    if repeated:
        await _mark_duplicates(tx, repeated, keyed)
        plain += [_event_row(case, now) for case in repeated]
    return plain


async def _mark_duplicates(tx: Bulk, repeated: list[_Case], keyed: list[_Case]) -> None:
    """Point each repeat at the event that was accepted: of this batch, or of an earlier one."""
    first = {}
    # One look each: the index begins with the zap, and by key alone all events would be read.
    for zap_id, key in {(case.zap["id"], case.arrival.dedupe_key) for case in repeated}:
        (row,) = await tx.fetch(
            "SELECT e.id AS event_id, r.id AS run_id "
            "FROM event e LEFT JOIN run r ON r.event_id = e.id AND r.replay_of IS NULL "
            "WHERE e.verdict = 'accepted' AND e.zap_id = :zap_id AND e.dedupe_key = :key",
            zap_id=zap_id,
            key=key,
        )
        first[zap_id, key] = (row["event_id"], row["run_id"])
    # Runs of this batch are not inserted yet, so the join cannot have found them.
    of_batch = {case.event_id: case.receipt.run_id for case in keyed if case.receipt}
    for case in repeated:
        event_id, run_id = first[case.zap["id"], case.arrival.dedupe_key]
        case.receipt = Receipt(
            "duplicate",
            event_id,
            run_id or of_batch.get(event_id),
            reason=f"Same idempotency key as event {event_id}.",
        )


def _event_row(case: _Case, now: dt.datetime) -> tuple[Any, ...]:
    arrival, receipt = case.arrival, case.receipt
    assert receipt is not None  # noqa: S101 - unknown zaps have no row
    return (
        case.event_id,
        case.zap["project_id"],
        case.zap["id"],
        "webhook",
        receipt.verdict,
        receipt.reason,
        arrival.dedupe_key,
        receipt.event_id if receipt.verdict == "duplicate" else None,
        arrival.method,
        arrival.source_ip,
        arrival.content_type,
        arrival.headers,
        arrival.query,
        arrival.body,
        arrival.raw,
        arrival.blob_key,
        arrival.size,
        now,
    )


def _run_rows(cases: list[_Case]) -> list[Rows]:
    """What accepted events start, and the files that came with events."""
    now = utc_now()
    runs, entries, files = [], [], []
    for case in cases:
        receipt = case.receipt
        if receipt is not None and receipt.verdict in {"accepted", "held"}:
            files += [
                tuple(getattr(file, name) for name in _FILE_COLUMNS) for file in case.arrival.files
            ]
        if receipt is None or receipt.verdict != "accepted":
            continue
        zap = case.zap
        runs.append(
            (
                receipt.run_id,
                zap["project_id"],
                zap["id"],
                zap["live_version"],
                case.event_id,
                "queued",
                now,
            )
        )
        entries.append((receipt.run_id, now, 0))
    return [
        (_FILE, _FILE_COLUMNS, files),
        (_RUN, _RUN_COLUMNS, runs),
        (_OUTBOX, _OUTBOX_COLUMNS, entries),
    ]


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
    session.add(OutboxEntry(run_id=run.id))

    async def ring() -> None:
        signals.send({f"zap:{zap.id}", f"project:{zap.project_id}"}, wake=True)

    after_commit(session, ring)
    return run.id
