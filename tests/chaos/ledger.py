"""The proof after each disaster: what senders were told, what is stored, what took effect.

Each rule yields a sentence per violation; I1 to I10 are those of ``docs/reliability.md``.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import col

from flowforge.errors import Unavailable
from flowforge.models import Attempt, Event, OutboxEntry, Run
from tests.chaos.acks import Ack, Acks
from tests.chaos.sink import Sink
from tests.chaos.witness import transitions
from tests.house import House
from tests.zapping import ENDED

MOST_SHOWN = 20


@dataclass(frozen=True)
class Rows:
    """What is stored of the runs since a given one; documents are left where they are."""

    runs: dict[str, Any]
    attempts: Sequence[Any]
    events: dict[str, Any]
    owed: Sequence[str]


async def settled(house: House, *, within_seconds: float) -> None:
    """Wait until no run owes work."""
    left = -1
    try:
        async with asyncio.timeout(within_seconds):
            while left:
                try:
                    async with house.db.reading() as session:
                        left = len((await session.scalars(select(col(OutboxEntry.run_id)))).all())
                except Unavailable:
                    left = -1
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{left} runs still owe work after {within_seconds} s") from None


async def prove(house: House, acks: Acks, sink: Sink) -> dict[str, Any]:
    """All runs, once everything that was promised is shown to hold."""
    rows = await read(house)
    wrong = [*violations(rows, acks, sink), *await transitions(house)]
    assert wrong == [], "\n".join(wrong[:MOST_SHOWN])
    return rows.runs


async def read(house: House, since: str = "") -> Rows:
    """Everything of runs and events whose id is ``since`` or later."""
    run_columns = (
        "id", "event_id", "zap_id", "status", "retries", "replay_of", "parent_run_id",
        "created_at", "started_at", "finished_at",
    )  # fmt: skip
    attempt_columns = (
        "run_id", "path", "number", "status", "kind", "action", "seq", "started_at",
    )  # fmt: skip
    event_columns = ("id", "verdict", "zap_id", "dedupe_key")
    async with house.db.reading() as session:
        runs = await _all(session, Run, run_columns, col(Run.id) >= since)
        attempts = await _all(session, Attempt, attempt_columns, col(Attempt.run_id) >= since)
        events = await _all(session, Event, event_columns, col(Event.id) >= since)
        owed = await session.scalars(select(col(OutboxEntry.run_id)))
        return Rows(
            {run.id: run for run in runs},
            attempts,
            {event.id: event for event in events},
            list(owed.all()),
        )


async def _all(session: Any, model: Any, names: Iterable[str], where: Any) -> list[Row[Any]]:
    query = select(*(getattr(model, name) for name in names)).where(where).order_by(model.id)
    return list((await session.execute(query)).all())


def violations(rows: Rows, acks: Acks, sink: Sink) -> Iterator[str]:
    """Of everything that holds for any load."""
    yield from _acknowledged_is_stored(rows, acks)
    yield from _every_run_ended(rows)
    yield from _one_success_per_path(rows)
    yield from _one_effect_per_path(rows, sink)
    yield from _one_event_per_key(rows)


def _acknowledged_is_stored(rows: Rows, acks: Acks) -> Iterator[str]:
    for run_id, event_id in acks.runs.items():
        run = rows.runs.get(run_id)
        if run is None or event_id not in rows.events:
            yield f"I1: run {run_id} of event {event_id} was acknowledged and is not stored"
        elif run.event_id != event_id:
            yield f"I1: run {run_id} was acknowledged for {event_id} and is of {run.event_id}"


def _every_run_ended(rows: Rows) -> Iterator[str]:
    for run_id in rows.owed:
        yield f"I3: run {run_id} still owes work"
    for run in rows.runs.values():
        if run.status not in ENDED:
            yield f"I3: run {run.id} has not ended, it is {run.status}"
        elif run.finished_at is None:
            yield f"I3: run {run.id} is {run.status} and nobody knows since when"


def _one_success_per_path(rows: Rows) -> Iterator[str]:
    by_path: dict[tuple[str, str], list[Any]] = defaultdict(list)
    ends: dict[str, Counter[int]] = defaultdict(Counter)
    for attempt in rows.attempts:
        by_path[attempt.run_id, attempt.path].append(attempt)
        if attempt.seq is not None:
            ends[attempt.run_id][attempt.seq] += 1
    for (run_id, path), tries in by_path.items():
        tries.sort(key=lambda one: one.number)
        yield from _tries(rows.runs.get(run_id), f"{path} of run {run_id}", tries)
    for run_id, count in ends.items():
        twice = [seq for seq, number in count.items() if number > 1]
        if twice:
            yield f"I2: two attempts of run {run_id} are both the end number {twice[:3]}"


def _tries(run: Any, where: str, tries: list[Any]) -> Iterator[str]:
    statuses = [one.status for one in tries]
    if run is None:
        yield f"I2: attempts of {where}, which is no run"
    elif run.replay_of is None and [one.number for one in tries] != list(range(1, len(tries) + 1)):
        yield f"I2: the attempts of {where} are {[one.number for one in tries]}"
    if "running" in statuses:
        yield f"I3: {where} is still being attempted: {statuses}"
    if statuses.count("succeeded") > 1:
        yield f"I2: {where} succeeded more than once: {statuses}"
    if "succeeded" in statuses[:-1]:
        yield f"I2: {where} was attempted again after a success: {statuses}"


def _one_effect_per_path(rows: Rows, sink: Sink) -> Iterator[str]:
    """The receiver drops repeats by key: each key is one effect, and stands for one path."""
    known = {f"{attempt.run_id}:{attempt.path}" for attempt in rows.attempts}
    oldest = min(rows.runs, default="")
    digests: dict[str, set[str]] = defaultdict(set)
    for call in sink.book.calls:
        if call.key >= oldest:
            digests[call.key].add(call.digest)
    for key, found in digests.items():
        if key not in known:
            yield f"I2: a call with the key {key}, which no attempt accounts for"
        if len(found) > 1:
            yield f"I2: {len(found)} different calls under the key {key}"
    for attempt in rows.attempts:
        if attempt.status != "succeeded" or attempt.action != "webhook":
            continue
        run = rows.runs.get(attempt.run_id)
        # A run that begins in the middle has copies of what succeeded before, in another run.
        is_copy = run is not None and run.replay_of and attempt.started_at < run.created_at
        if not is_copy and f"{attempt.run_id}:{attempt.path}" not in sink.book.applied:
            yield f"I2: {attempt.path} of run {attempt.run_id} succeeded without an effect"


def _one_event_per_key(rows: Rows) -> Iterator[str]:
    accepted = Counter(
        (event.zap_id, event.dedupe_key)
        for event in rows.events.values()
        if event.dedupe_key is not None and event.verdict == "accepted"
    )
    for (zap_id, key), number in accepted.items():
        if number > 1:
            yield f"I2: {number} events of zap {zap_id} were accepted under the key {key}"
    firsts = Counter(event.id for event in rows.events.values() if event.verdict == "accepted")
    started = Counter(
        run.event_id
        for run in rows.runs.values()
        if run.replay_of is None and run.event_id in firsts
    )
    for event_id, number in started.items():
        if number > 1:
            yield f"I2: event {event_id} started {number} runs"


def order(rows: Rows, acks: Sequence[Ack], sink: Sink) -> Iterator[str]:
    """I5, of the events of one key in the order of their acknowledgement.

    Starts follow it, and no run begins before the one ahead has ended: by our own book, and by
    that of the receiver.
    """
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for key, call in sink.book.applied.items():
        run_id = key.partition(":")[0]
        first[run_id] = min(call.at, first.get(run_id, call.at))
        last[run_id] = max(call.at, last.get(run_id, call.at))
    ahead: Any = None
    for ack in acks:
        run = rows.runs.get(ack.run_id or "")
        if run is None or run.started_at is None:
            continue  # not stored: another rule says so; never begun: it was cancelled in time
        if ahead is not None:
            if run.started_at < ahead.finished_at:
                yield f"I5: run {run.id} began before {ahead.id}, ahead of it, had ended"
            if first.get(run.id, 0.0) and first[run.id] < last.get(ahead.id, 0.0):
                yield f"I5: calls of run {run.id} came before the last of {ahead.id}, ahead of it"
        ahead = run
