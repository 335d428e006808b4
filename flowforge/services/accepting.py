"""What becomes of what arrived: the rows of events, runs and outbox entries of a whole batch.

One way for everything that fires a zap, whether a request came for it or not. Promises: of any
number of equal dedupe keys exactly one is accepted; any number of rows takes a handful of
statements.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import Table

from flowforge.infra import telemetry
from flowforge.infra.blobs import Blobs
from flowforge.infra.bulk import Bulk, Rows
from flowforge.infra.db import Database, new_id, utc_now
from flowforge.infra.signals import Signals
from flowforge.models import Event, File, OutboxEntry, Run
from flowforge.services import leases, places
from flowforge.services.arrivals import ANY, Arrival
from flowforge.services.limits import NOWHERE, InLine, read_limits

Verdict = Literal["accepted", "duplicate", "rejected", "held", "filtered", "unknown", "changed"]

# What accepting asks of a row of the zap.
ZAP_COLUMNS = "id, project_id, enabled, live_version, limits, trigger"
NOT_FOUND = 404

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
    "scheme",
    "status_code",
    "took_ms",
    "received_at",
)
_RUN_COLUMNS = ("id", "project_id", "zap_id", "version", "event_id", "status", "created_at")
_HEAD_START = dt.timedelta(seconds=leases.HEAD_START_SECONDS[leases.USUAL])
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
# The priority is the usual one, which is the column's default.
_OUTBOX_COLUMNS = ("run_id", "project_id", "zap_id", "due_at", "rank_at", "fence")
_PLACED_COLUMNS = (*_OUTBOX_COLUMNS, "priority", "gate", "throttle", "debounce")


class Receipt(NamedTuple):
    """What became of an arrival. ``unknown``: no such zap; ``changed``: the zap's trigger is
    another than the one that it was examined by. Nothing was stored then. ``event_id`` of a
    duplicate is that of the first, and ``repeat_id`` its own.
    """

    verdict: Verdict
    event_id: str | None = None
    run_id: str | None = None
    reason: str | None = None
    repeat_id: str | None = None


@dataclass(slots=True)
class Case:
    """One arrival on its way through a batch; ``zap`` is the row of the zap that it is for."""

    arrival: Arrival
    event_id: str
    zap: Any = None
    receipt: Receipt | None = None
    place: InLine = NOWHERE
    # Whether a repeat is worth a row: what we ask for ourselves we may well get twice.
    keeps_repeats: bool = True


def verdict(case: Case) -> Receipt:
    """What the zap's own state says; a duplicate is only found when storing."""
    arrival, zap = case.arrival, case.zap
    examined = arrival.examined
    if examined is not None:
        if examined.by not in {ANY, zap["trigger"]}:
            return Receipt("changed")
        if examined.verdict is not None:
            return Receipt(examined.verdict, case.event_id, reason=examined.reason)
    if arrival.refusal is not None:
        return Receipt("rejected", case.event_id, reason=arrival.refusal)
    if zap["live_version"] is None:
        return Receipt("held", case.event_id, reason="The zap has never been published.")
    if not zap["enabled"]:
        return Receipt("held", case.event_id, reason="The zap is switched off.")
    note = None if examined is None else examined.reason
    return Receipt("accepted", case.event_id, run_id=new_id(), reason=note)


async def place(cases: Sequence[Case], blobs: Blobs | None) -> None:
    """Where the runs of limited zaps stand; the event tells where a key gave nothing."""
    for case in cases:
        receipt = case.receipt
        if receipt is None or receipt.verdict != "accepted" or case.zap["limits"] is None:
            continue
        limits = read_limits(case.zap["limits"])
        case.place = await places.of_arrival(blobs, case.zap["id"], limits, case.arrival)
        case.receipt = receipt._replace(reason=case.place.problem or receipt.reason)


async def store(tx: Bulk, cases: Sequence[Case]) -> list[Rows]:
    """Insert the events whose key decides; the rows of everything else, to be inserted at once."""
    events = await _store_keyed(tx, cases)
    return [(_EVENT, _EVENT_COLUMNS, events), *_run_rows(cases)]


def receipts_of(cases: Sequence[Case]) -> list[Receipt]:
    return [case.receipt or Receipt("unknown") for case in cases]


async def announce(database: Database, signals: Signals, cases: Sequence[Case]) -> None:
    """What is to be done once all is committed: replace what waits in vain, count, ring."""
    if newest := _debounced(cases):
        await places.take_over(database, newest)
    known = [case for case in cases if case.zap is not None]
    for name, number in Counter(one.verdict for one in receipts_of(cases)).items():
        if name != "changed":
            telemetry.count_event(name, number)
    zaps = {case.zap["id"]: case.zap["project_id"] for case in known}
    topics = {f"zap:{zap_id}" for zap_id in zaps} | {f"project:{one}" for one in zaps.values()}
    started = any(case.receipt and case.receipt.verdict == "accepted" for case in known)
    signals.send(topics, wake=started)


def _debounced(cases: Sequence[Case]) -> Mapping[str, str]:
    return {
        case.place.debounce: case.receipt.run_id
        for case in cases
        if case.place.debounce is not None
        and case.receipt is not None
        and case.receipt.verdict == "accepted"
        and case.receipt.run_id is not None
    }


async def _store_keyed(tx: Bulk, cases: Sequence[Case]) -> list[tuple[Any, ...]]:
    """Insert the events whose key decides; the rows of all others, duplicates among them."""
    now = utc_now()
    keyed: list[Case] = []
    plain: list[tuple[Any, ...]] = []
    for case in cases:
        if case.receipt is None or case.receipt.verdict == "changed":
            continue
        if case.receipt.verdict == "accepted" and case.arrival.dedupe_key is not None:
            keyed.append(case)
        else:
            plain.append(_event_row(case, now))
    # One order for all: two batches that insert the same keys must not wait for each other.
    keyed.sort(key=lambda case: (case.zap["id"], case.arrival.dedupe_key))
    fresh = await tx.insert_new(
        _EVENT,
        _EVENT_COLUMNS,
        [_event_row(case, now) for case in keyed],
        "uq_event_dedupe_key",
    )
    repeated = [case for case in keyed if case.event_id not in fresh]
    if repeated:
        await _mark_duplicates(tx, repeated, keyed)
        plain += [_event_row(case, now) for case in repeated if case.keeps_repeats]
    return plain


async def _mark_duplicates(tx: Bulk, repeated: list[Case], keyed: list[Case]) -> None:
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
            repeat_id=case.event_id,
        )


def _event_row(case: Case, now: dt.datetime) -> tuple[Any, ...]:
    arrival, receipt = case.arrival, case.receipt
    assert receipt is not None  # noqa: S101 - unknown zaps have no row
    examined = arrival.examined
    return (
        case.event_id,
        case.zap["project_id"],
        case.zap["id"],
        arrival.trigger,
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
        None if examined is None else examined.scheme,
        _status(arrival, receipt),
        arrival.age_ms(),
        now,
    )


def _status(arrival: Arrival, receipt: Receipt) -> int | None:
    """What the sender is answered."""
    examined = arrival.examined
    if examined is not None and examined.verdict is not None:
        return examined.status
    if receipt.verdict == "rejected":
        return arrival.refusal_status
    # Held events look like unknown zaps from outside: a stranger learns nothing.
    return NOT_FOUND if receipt.verdict == "held" and arrival.status else arrival.status


def _run_rows(cases: Sequence[Case]) -> list[Rows]:
    """What accepted events start, and the files that came with events."""
    now = utc_now()
    runs, entries, placed, files = [], [], [], []
    for case in cases:
        receipt = case.receipt
        if receipt is not None and receipt.verdict in {"accepted", "held", "filtered"}:
            files += [
                tuple(getattr(file, name) for name in _FILE_COLUMNS) for file in case.arrival.files
            ]
        if receipt is None or receipt.verdict != "accepted":
            continue
        zap, run_id, arrival = case.zap, receipt.run_id, case.arrival
        project_id, zap_id = zap["project_id"], zap["id"]
        runs.append((run_id, project_id, zap_id, zap["live_version"], case.event_id, "queued", now))
        is_usual = arrival.priority == leases.USUAL and arrival.due_at is None
        if case.place is NOWHERE and is_usual:
            rank_at = now - _HEAD_START
            entries.append((run_id, project_id, zap_id, now, rank_at, 0))
        else:
            placed.append(_placed(case, now))
    return [
        (_FILE, _FILE_COLUMNS, files),
        (_RUN, _RUN_COLUMNS, runs),
        (_OUTBOX, _OUTBOX_COLUMNS, entries),
        (_OUTBOX, _PLACED_COLUMNS, placed),
    ]


def _placed(case: Case, now: dt.datetime) -> tuple[Any, ...]:
    assert case.receipt is not None  # noqa: S101 - only what was accepted has a place
    place, zap, arrival = case.place, case.zap, case.arrival
    due_at = (arrival.due_at or now) + dt.timedelta(seconds=place.wait_seconds)
    return (
        case.receipt.run_id,
        zap["project_id"],
        zap["id"],
        due_at,
        leases.rank(due_at, arrival.priority),
        0,
        arrival.priority,
        place.gate,
        place.throttle,
        place.debounce,
    )
