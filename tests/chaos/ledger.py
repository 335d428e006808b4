"""The proof after each disaster: what senders were told, what is stored, what took effect."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import httpx
from sqlalchemy import select
from sqlmodel import col

from flowforge.errors import Unavailable
from flowforge.models import Attempt, Event, OutboxEntry, Run
from tests.chaos.sink import Sink
from tests.house import House
from tests.zapping import ENDED


@dataclass
class Acks:
    """What senders heard: run id -> event id of every 2xx, and the count of everything else."""

    runs: dict[str, str] = field(default_factory=dict)
    other: Counter[str] = field(default_factory=Counter)

    async def send(self, client: httpx.AsyncClient, url: str, number: int) -> None:
        try:
            answer = await client.post(url, json={"n": number})
        except httpx.HTTPError as problem:
            self.other[type(problem).__name__] += 1
            return
        if answer.status_code == 200:
            self.runs[answer.json()["zapRunId"]] = answer.json()["eventId"]
        else:
            self.other[str(answer.status_code)] += 1


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


async def prove(house: House, acks: Acks, sink: Sink) -> dict[str, Run]:
    """All runs, once everything that was promised is shown to hold."""
    async with house.db.reading() as session:
        runs = {run.id: run for run in (await session.scalars(select(Run))).all()}
        events = {event.id for event in (await session.scalars(select(Event))).all()}
        tries = (await session.scalars(select(Attempt).order_by(col(Attempt.id)))).all()
        owed = (await session.scalars(select(col(OutboxEntry.run_id)))).all()
    attempts = list(tries)
    lost = {run_id for run_id, event_id in acks.runs.items() if event_id not in events}
    lost |= acks.runs.keys() - runs.keys()
    assert lost == set(), "acknowledged and not stored"
    assert all(runs[run_id].event_id == event_id for run_id, event_id in acks.runs.items())
    assert owed == [], "work is still owed"
    assert {run.status for run in runs.values()} <= ENDED, "a run has not ended"
    _prove_attempts(attempts)
    _prove_effects(runs, attempts, sink)
    return runs


def _prove_attempts(attempts: list[Attempt]) -> None:
    by_path: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_path[attempt.run_id, attempt.path].append(attempt)
    for where, tries in by_path.items():
        assert [one.number for one in tries] == list(range(1, len(tries) + 1)), where
        statuses = [one.status for one in tries]
        assert "running" not in statuses, where
        assert statuses.count("succeeded") <= 1, where
        assert "succeeded" not in statuses[:-1], f"attempted again after a success: {where}"


def _prove_effects(runs: dict[str, Run], attempts: list[Attempt], sink: Sink) -> None:
    """The receiver drops repeats by key: each key is one effect, and stands for one step."""
    known = {f"{attempt.run_id}:{attempt.path}" for attempt in attempts}
    assert set(sink.effects) <= known, "a call that no attempt accounts for"
    for key, bodies in sink.effects.items():
        assert len(set(bodies)) == 1, f"two different calls under one key: {key}"
    for attempt in attempts:
        if attempt.status == "succeeded" and attempt.action == "webhook":
            assert sink.effects[f"{attempt.run_id}:{attempt.path}"], "a success without effect"
